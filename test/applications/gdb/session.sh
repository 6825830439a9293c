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
echo "== strace"
# By way of a pipe: in the image a tracer that changes files may wait for a tracee that it has stopped (docs/runtime.md).
strace -f -o '|cat >calls' -e trace=exit_group,wait4,execve,getppid bash -c '(exit 3); echo $?; cat /etc/group | grep -c root'
echo "ended with $?"
grep -c SIGSYS calls
grep -o '+++ .*' calls | sort | uniq -c
