# Debuggers at work where this runs. Numbers of processes and threads, and addresses of libraries, are left out.
debuggee=${0%/*}/debuggee
plain() { sed -E 's/0x[0-9a-f]{6,}/ADDRESS/g; s/(process|LWP) [0-9]+/\1 N/g; s/Thread ADDRESS/Thread/g' | grep -v 'process N is executing new program\|^$'; }
gdb() { command gdb -nx -batch -ex 'set print thread-events off' "$@" 2>&1 </dev/null | plain; }

echo "== run to the end"
gdb -ex run "$debuggee"
echo "== breakpoints"
gdb -ex 'break square' -ex run -ex bt -ex 'p x' -ex finish -ex 'p x' -ex 'set var x = 1' -ex 'delete' -ex 'p square(9)' -ex 'p x' -ex next -ex continue "$debuggee"
echo "== breakpoints of threads"
thread=(-ex 'printf "thread %d, count %ld\n", $_thread, *(long *)arg' -ex next -ex next -ex continue)
gdb -ex 'break reads' -ex run "${thread[@]}" "${thread[@]}" "${thread[@]}" "$debuggee"
echo "== watchpoint"
gdb -ex 'break depth if n == 1' -ex run -ex 'watch x' -ex continue -ex bt -ex 'delete' -ex continue "$debuggee"
echo "== crash"
gdb -ex run -ex bt -ex 'p $_siginfo.si_signo' -ex kill --args "$debuggee" crashes
echo "== without a shell"
gdb -ex 'set startup-with-shell off' -ex 'break main' -ex run -ex 'info source' -ex continue "$debuggee" | grep -v '^Current source\|^Compilation\|^Located\|^Producer\|^Compiled'
echo "== started twice"
gdb -ex 'break depth' -ex run -ex run -ex 'delete' -ex continue "$debuggee"
echo "== follows a child"
gdb -ex 'set follow-fork-mode child' -ex 'break square' -ex run -ex bt -ex continue "$debuggee" | grep -v '^thread\|^child' # what the parent says meanwhile
echo "== one that runs"
mkfifo ready
"$debuggee" waits 3>ready &
pid=$!
read -r word <ready
echo "$word"
gdb -p "$pid" -ex 'p x' -ex 'set var x = 99' -ex 'break depth' -ex 'set var go_on = 1' -ex continue -ex bt -ex 'delete' -ex detach | grep -A 100 '^\$1'
wait "$pid"
echo "ended with $?"
echo "== calls"
gdb -ex 'break depth if n == 1' -ex run -ex 'catch syscall openat' -ex 'catch syscall read' -ex continue -ex 'p $rax' -ex continue -ex 'p (long)$rax > 0' -ex continue -ex continue -ex 'p $rax' -ex delete -ex continue "$debuggee" | sed -E 's/ in .*//'

# What strace says, without what differs from run to run.
told() { sed -E 's/^[0-9]+ +//; s/0x[0-9a-f]+|"\\[^"]*"/ADDRESS/g; s/^(set_tid_address.*|clone.*|wait4.*) = [0-9]+/\1 = N/; s/ +=/ =/; s/^(brk.*) = .*/\1/; s/[0-9]+ vars/N vars/; s/, SYS//; s/wait4\([0-9]+/wait4(N/; s/(st_ino|st_dev)=[^,}]*/\1/g' "$1"; }
echo "== strace of a static program"
strace -v -e 'trace=!execve' -o calls "${0%/*}/calls"
echo "ended with $?"
told calls
echo "== strace that writes beside those it traces"
for round in 1 2 3; do
	strace -f -o calls bash -c 'for i in 1 2 3 4 5; do (for j in 1 2 3; do echo a >"many-$i"; echo b >>"many-$i"; mv "many-$i" "more-$i"; rm "more-$i"; done) & done; wait; echo *' 2>&1
	echo "ended with $?"
	grep -c 'SIGSYS\|SIGSTOP' calls
	grep -o '+++ .*' calls | sort | uniq -c
	grep -c 'write(.*, "b.n"' calls
done
echo "== strace of those that run already"
"$debuggee" busy >one &
one=$!
"$debuggee" busy >two &
two=$!
for round in 1 2 3 4; do
	strace -f -o "calls-$round" -p "$one" -p "$two" 2>/dev/null &
	tracer=$!
	until grep -q "^$one.*unlink" "calls-$round" && grep -q "^$two.*unlink" "calls-$round" || ! kill -0 "$tracer"; do sleep 0.01; done 2>/dev/null
	kill "$tracer"
	wait "$tracer" 2>/dev/null
	grep -c 'SIGSYS\|SIGSTOP\|(errno' "calls-$round"
done
kill "$one" "$two"
wait "$one"
echo "ended with $?"
wait "$two"
echo "ended with $?"
cat one two
echo "== strace"
strace -f -o calls -e trace=exit_group,wait4,execve,getppid bash -c '(exit 3); echo $?; cat /etc/group | grep -c root'
echo "ended with $?"
grep -c SIGSYS calls
grep -o '+++ .*' calls | sort | uniq -c
