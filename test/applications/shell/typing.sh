# The other side of typed.sh: says "ready" when a foreground program waits for what is typed.
stty -echo; ulimit -c 0; trap : INT QUIT
sh -c 'echo ready; exec sleep 1000'; echo "after the interrupt character $?"
sh -c 'echo ready; exec sleep 1000'; echo "after the stop character $?"; job=$(jobs -p)
{ kill -KILL %1; while [ "$(jobs -s)" ]; do :; done; wait "$job"; jobs; } >/dev/null 2>&1 # whether bash tells of it depends on when it hears of it
sh -c 'echo ready; exec cat'; echo "after the end of file $?"
sh -c 'echo ready; exec sleep 1000' 2>/dev/null; echo "after the quit character $?"
