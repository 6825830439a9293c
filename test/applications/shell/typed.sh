# What is typed at a terminal, by its line discipline: interrupt, stop, end of file, erase, and a hangup.
until_ready() { while read -r -u "${terminal[0]}" line && echo "$line" && [[ $line != ready$'\r' ]]; do :; done; }
{ coproc terminal { script -qec "bash -m $1" /dev/null; }; } 2>/dev/null
pid=$terminal_PID
until_ready; printf '\003' >&"${terminal[1]}"
until_ready; printf '\032' >&"${terminal[1]}"
until_ready; printf 'one\ntwx\177o\n\004' >&"${terminal[1]}"
until_ready; printf '\034' >&"${terminal[1]}"
cat <&"${terminal[0]}"; wait "$pid"; echo "ended with $?"
