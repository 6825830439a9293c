# What bash adds, on files and descriptors.
ending() { echo "ended with $?"; }
shopt -s extglob

echo "== here-strings"
cat <<<"one line"
read -r a b <<<"first second third"; echo "$a/$b"
big=$(seq 1 40000); cksum <<<"$big"
cat <<<"$(cat <<'END'
a document in a string
END
)"

echo "== process substitution"
cat <(echo one) <(echo two)
diff <(printf '1\n2\n3\n') <(printf '1\n3\n'); ending
paste <(seq 1 5) <(seq 1 5 | tac)
seq 1 100 | tee >(wc -l >lines) >(tail -n 1 >last) >/dev/null; wait
until [ -s lines ] && [ -s last ]; do :; done; cat lines last
while read -r line; do total=$((total + line)); done < <(seq 1 100); echo "$total"
names=(<(:) <(:)); [[ ${names[0]} == /dev/fd/+([0-9]) ]] && echo "a name in /dev/fd"
exec 5< <(echo kept); read -r line <&5; exec 5<&-; echo "$line"
cat <(cat <(cat <(echo nested)))
comm -12 <(seq 1 10 | sort) <(seq 5 15 | sort)

echo "== redirections"
echo 12345 >digits
{ read -r -n 2 start; echo -n XX >&0; } 0<>digits; echo "$start"; cat digits
exec {fd}>named; echo "to a number of bash's" >&"$fd"; [ "$fd" -ge 10 ] && echo high; exec {fd}>&-; cat named
{ echo out; echo err >&2; } &>both; sort both
{ echo out; echo err >&2; } &>>both; sort both
{ echo out; echo err >&2; } |& sort
exec 6>moved; exec 8>&6-; echo moved >&8; exec 8>&-; cat moved; { echo closed >&6; } 2>/dev/null; ending
set -o noclobber; echo x >moved; ending; set +o noclobber
echo "$(<digits)"
cat <&0 <digits; exec 9<digits; cat /dev/fd/9; cat /proc/self/fd/9 9<digits; exec 9<&-
: >appended; for n in {1..200}; do echo "$n" >>appended & done; wait; sort -n appended | cksum
exec 7>>together 8>>together; echo a >&7; echo b >&8; echo c >&7; exec 7>&- 8>&-; cat together

echo "== coprocesses"
coproc bc_like { while read -r x y; do echo $((x * y)); done; }
echo 6 7 >&"${bc_like[1]}"; read -r product <&"${bc_like[0]}"; echo "$product"
echo 8 9 >&"${bc_like[1]}"; read -r product <&"${bc_like[0]}"; echo "$product"
pid=$bc_like_PID; eval "exec ${bc_like[1]}>&-"; wait "$pid"; ending

echo "== read"
mkfifo fifo; exec 4<>fifo
read -r -t 0.01 never <&4; [ $? -gt 128 ] && echo "a timeout"
read -t 0 <&4; ending; echo waiting >&4; read -t 0 <&4; ending; read -r -t 60 line <&4; echo "$line"
printf 'a:b:c' | { read -r -d : x; read -r -N 1 y; echo "$x $y"; }
mapfile -t lines < <(seq 1 1000); echo "${#lines[@]} ${lines[999]}"
mapfile -t -n 2 -s 1 some <<<$'1\n2\n3\n4'; echo "${some[*]}"
printf '%s\0' a 'b c' | while IFS= read -r -d '' word; do echo "<$word>"; done
exec 4<&-; read -r -u 4 never 2>/dev/null; ending

echo "== jobs without a terminal"
wait
(exit 3) & (exit 3) & wait -n; ending; wait -n; ending; wait -n; ending
sleep 1000 & job=$!; kill %1; wait $job; ending
set -m
sleep 1000 & job=$!; kill -STOP %1; until [[ $(jobs -s) ]]; do :; done; jobs %1 | sed 's/ \+/ /g'
kill -CONT %1; until [[ $(jobs -r) ]]; do :; done; kill -KILL %1; wait $job 2>/dev/null; ending
(: & wait; exit 4) | cat; echo "${PIPESTATUS[*]}"
sh -c 'read -r pid name state parent group rest </proc/self/stat; [ "$pid" = "$group" ] && echo "a group of its own"' & wait
set +m
disown -a; ending

echo "== traps"
trap 'echo "error $? in line"' ERR; false; trap - ERR
trap 'echo exit of a function' RETURN; f() { :; }; f; trap - RETURN
trap 'echo child' CHLD; /bin/true; trap - CHLD
(trap 'echo "got $(kill -l 10)"' USR1; kill -USR1 $BASHPID; kill -USR1 $BASHPID)
for signal in HUP INT QUIT PIPE ALRM TERM USR2 VTALRM RTMIN+3; do bash -c "ulimit -c 0; kill -$signal \$\$"; echo "$signal $?"; done 2>/dev/null
bash -c 'trap "echo bye" EXIT; kill -TERM $$'; ending
for n in {1..50}; do bash -c 'trap "exit 1" USR1; kill -USR1 $$; exit 2' || echo -n $?; done; echo

echo "== globs"
mkdir -p tree/{a,b/{c,d}}; touch tree/a/{1,2}.txt tree/b/c/{3.txt,4.dat} tree/.dot
shopt -s globstar nullglob; echo tree/**/*.txt; echo tree/**/; echo none/*; shopt -u globstar nullglob
echo tree/*/!(1).txt; echo tree/@(a|b)/; shopt -s dotglob; echo tree/*; shopt -u dotglob
compgen -G 'tree/a/*' | sort; compgen -f tree/a/ | sort; shopt -s nocaseglob; echo TREE/A/*; shopt -u nocaseglob
shopt -s failglob; (echo nowhere/* 2>/dev/null); ending; shopt -u failglob

echo "== files"
file=$(mktemp); [[ -O $file && -G $file && ! -s $file ]] && stat -c %a "$file"; rm "$file"
file=$(mktemp -d); (cd "$file" && echo x >y && ls); rm -r "$file"
file=$(mktemp -p . name.XXXX.txt); [[ $file == ./name.????.txt ]] && rm "$file" && echo removed
pushd tree >/dev/null; dirs | sed 's/ .*//;s/.*tree/tree/'; popd >/dev/null; cd - >/dev/null 2>&1; ending
[[ -N digits ]]; printf -v now '%(%Y)T' 0; echo "$now"
mkdir -p gone/now; cd gone/now && rm -r ../../gone; ls; /bin/pwd 2>&1; { echo x >file; } 2>/dev/null; ending; cd ..; ending; cd "$HOME"; ending

echo "== many"
for n in {1..300}; do /bin/true || echo "no $n"; done; ending
f() { [ "$1" -eq 0 ] || (f $(($1 - 1))); }; f 60; ending
x=$(for n in {1..100}; do echo $n | cat | cat; done | cksum); echo "$x"
for n in {1..100}; do (exit "$n") & pids[n]=$!; done; for n in {1..100}; do wait "${pids[n]}"; sum=$((sum + $?)); done; echo $sum
