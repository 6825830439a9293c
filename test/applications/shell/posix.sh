# What POSIX says of shells, on files: run by dash and by bash.
ending() { echo "ended with $?"; }

echo "== pipes"
printf '%s\n' c a b | sort | tr a-z A-Z | cat -n
seq 1 20000 | sed 's/^/line /' | grep 7 | wc -l
yes | head -n 3
{ echo out; echo err >&2; } 2>&1 | sort
(exit 3) | true; ending
echo last | { read -r word; echo "read $word"; }

echo "== here-documents"
name=value
cat <<END
expanded $name $(echo command) $((6 * 7))
END
cat <<'END'
kept $name $(echo command)
END
cat <<-END
	tabs are gone
	END
# Larger than a pipe holds.
big=$(seq 1 30000)
cat <<END | cksum
$big
END
while read -r one two; do echo "$two $one"; done <<END
first second
third fourth
END
cat <<A 3<<B
of A
A
of B, unread
B
cat 3<<A <&3
through another number
A

echo "== command substitution"
echo "$(echo "$(echo "$(echo deep)")")" $(printf 'a\n\n\n')
text=$(cat <<END
in a substitution
END
)
echo "$text"
status=$(false) || echo "status of a substitution $?"

echo "== redirections"
echo one >file; echo two >>file; cat <file
echo three 1<>file; cat file
exec 3<>file; read -r line <&3; echo "then $line"; echo four >&3; exec 3>&-; cat file
{ echo to-out; echo to-err >&2; } >out 2>err; cat err out
{ echo both; echo both >&2; } >log 2>&1; cat log
{ echo crossed-out; echo crossed-err >&2; } 3>&1 1>&2 2>&3 3>&- | sed 's/^/piped /'
: >empty; wc -c <empty | tr -d ' '
>made; test -f made && echo made
cat <absent; ending
echo no >absent/file; ending
exec 4>four 5>five; echo 4 >&4; echo 5 >&5; echo 44 >&4; exec 4>&- 5>&-; cat four five
echo closed >&4; ending
(exec >inner; echo inside); cat inner
while read -r line; do echo "[$line]"; done <file >looped; cat looped
cat /dev/fd/3 3<file | head -n 1
cat <file /dev/stdin - | wc -l | tr -d ' '

echo "== noclobber"
set -C
echo first >kept; echo second >kept; ending; echo third >|kept; cat kept; echo fourth >>kept; cat kept
echo null >/dev/null; ending
set +C

echo "== background"
(exit 4) & wait $!; ending
for n in 1 2 3; do (exit $n) & eval "pid$n=\$!"; done
for n in 3 1 2; do eval "wait \$pid$n"; ending; done
{ echo from the background >late; } & wait; cat late
wait 99999; ending

echo "== signals"
trap 'echo got USR1' USR1; kill -USR1 $$; trap - USR1
{ sh -c 'kill -TERM $$'; ending; sh -c 'kill -KILL $$'; ending; } 2>/dev/null
sh -c 'trap "echo cleaning; exit 7" TERM; kill -TERM $$; echo never'; ending
sh -c 'trap "" TERM; kill -TERM $$; echo ignored'; ending
sh -c 'trap "echo at exit" EXIT; exit 5'; ending
mkfifo ready # a signal just before a call that waits would be lost, natively too: so nothing here waits for long
sh -c 'trap "echo handled; exit 8" TERM; echo up >ready; while :; do sleep 0.02; done' 2>/dev/null &
read -r up <ready; kill -TERM $!; wait $!; ending
(trap 'echo subshell exits' EXIT; exit 6); ending

echo "== subshells"
here=$PWD; (cd / && pwd); test "$PWD" = "$here" && echo "still there"
variable=outer; (variable=inner; echo $variable); echo $variable
(umask 077; : >private); : >public; stat -c '%a %n' private public
mkdir -p deep/er; (cd deep/er && echo x >y && cd ../.. && cat deep/er/y)
ln -s deep link; (cd link/er; pwd | sed "s|$here|HERE|"; pwd -P | sed "s|$here|HERE|"; cd ..; pwd | sed "s|$here|HERE|")

echo "== globs"
mkdir globs; cd globs
touch a.c b.c .hidden 'with space' '[x]' new\
line; mkdir dir; touch dir/a.h dir/b.h
echo *; echo *.c ?.c [!a].c; echo .[!.]*; echo */; echo dir/*.h; echo none*; echo \[x\] '['*; echo */../*.c
for file in *; do printf '<%s>' "$file"; done; echo
case with\ space in *sp*) echo matched ;; esac
cd ..

echo "== tests"
: >older; : >newer; touch -d 2001-01-01 older; touch -d 2002-01-01 newer
ln -s nowhere dangling; ln older hard; mkfifo fifo; printf x >full; chmod 000 full
for expression in "older -nt newer" "newer -nt older" "older -ot newer" "older -ef hard" "older -ef newer" "-e dangling" "-L dangling" "-h link" "-p fifo" "-s older" \
	"-s full" "-r full" "-d deep" "-f older" "-c /dev/null" "-b /dev/null" "-w /dev/null" "-x deep" "-S fifo" "-t 0" "-e ''"; do
	if eval "test $expression"; then echo "$expression"; else echo "not $expression"; fi
done

echo "== programs"
printf '#!/bin/sh -u\necho "script $1 of $#: $-" | tr -d hBis\n' >script; chmod +x script; ./script a b; ending
printf 'echo "no first line: $1"\n' >plain; chmod +x plain; ./plain c; ending
printf 'value=sourced\nreturn 3\n' >source; . ./source; ending; echo $value
printf '#!/no/such/interpreter\n' >lost; chmod +x lost; ./lost 2>/dev/null; ending
: >noexec; ./noexec 2>/dev/null; ending
./globs 2>/dev/null; ending; no-such-command 2>/dev/null; ending
PATH=.:$PATH script d; command -v ls; type cd
env -i /bin/sh -c 'echo "${HOME-unset}"'; exec_status=$(sh -c 'exec ./script e'); echo "$exec_status"
cp /bin/echo own; ./own a copied program; rm own
sh -c 'echo $0 $#' name 1 2 3
set -- -a -b value rest; while getopts ab: option; do echo "$option ${OPTARG-}"; done
(set -e; false; echo never); ending
ulimit -n >/dev/null; times >/dev/null; ending
IFS=:; set -- x:y:z; echo $1; unset IFS

echo "== named pipes"
mkfifo pipe
seq 1 5000 >pipe & cksum <pipe; wait
for n in 1 2 3; do echo "writer $n" >pipe & read -r line <pipe; wait; echo "$line"; done
exec 7<>pipe; echo kept open >&7; read -r line <&7; exec 7>&-; echo "$line"
sort <pipe & { echo b; echo a; } >pipe; wait

echo "== tree"
find . -mindepth 1 \( -type d -printf '%M %P\n' -o -printf '%M %n %s %l %P\n' \) | sort
find . -type f -perm -400 -exec cksum {} + | sort
