# Job control on a terminal: run by `script`, whose pty this is.
tty | sed 's|[0-9]\+$|N|'; [ -t 0 ] && [ -t 1 ] && echo terminal
stty rows 33 cols 77; stty size; stty -a | grep -o 'intr = ^C'
set -m
bash -c 'kill -STOP $$; echo continued; exit 5'; echo "stopped $?"
jobs | sed 's/ \+/ /g'
fg %1 >/dev/null; echo "after fg $?"
bash -c 'kill -STOP $$; echo in the background' & until [[ $(jobs -s) ]]; do :; done; bg %1 >/dev/null; wait; echo "after bg $?"
# A background process that reads its terminal stops.
bash -c 'read -r x </dev/tty' & until [[ $(jobs -s) ]]; do :; done; jobs | sed 's/ \+/ /g'; job=$(jobs -p)
exec 3>&2 2>/dev/null # whether bash says so, and whether its next list has the job, depends on when it hears of the end; and until then `wait` takes it for stopped
kill -KILL %1; while [[ $(jobs -s) ]]; do :; done; wait "$job"; echo "killed $?"; jobs >/dev/null; jobs
exec 2>&3 3>&-
# What is typed, by the terminal's own line discipline: the interrupt character ends the foreground job.
bash -c 'stty tostop; echo quiet; stty -tostop'
(trap 'echo interrupted; exit 3' INT; kill -INT 0); echo "status $?"
echo to the terminal >/dev/tty
