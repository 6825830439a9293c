# Servers that tests start: each in a process group of its own, none left at the end. Sourced after lib.sh.

declare -A server_group=()
cleanup_commands+=('kill_servers')

# free_port: a port of 127.0.0.1 that nobody listens on; below those that the kernel gives out, which anybody's connection may get before the server is there.
free_port() {
	node -e '
		const first = 10000, end = Number(require("node:fs").readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s+/)[0]);
		const attempt = () => {
			const port = end > first ? first + Math.floor(Math.random() * (end - first)) : 0;
			const server = require("node:net").createServer().on("error", attempt);
			server.listen(port, "127.0.0.1", () => { console.log(server.address().port); server.close(); });
		};
		attempt();'
}

# start_server NAME COMMAND…: without privileges, in the background, its output in $scratch/NAME.log. In a directory that the user may enter, as a checkout may not be one: Python's spawned
# processes go to where their parent started.
start_server() {
	local name=$1
	shift
	(cd "$scratch" && exec setsid "${unprivileged[@]}" "$@") >"$scratch/$name.log" 2>&1 </dev/null &
	server_group[$name]=$!
}

# until_ready NAME COMMAND…: again and again until the command succeeds; false where the server ends before, or after ten minutes.
until_ready() {
	local name=$1 deadline=$((SECONDS + 600))
	shift
	until "$@" >"$scratch/$name.ready" 2>&1; do
		if ! kill -0 "${server_group[$name]}" 2>/dev/null || [ "$SECONDS" -gt "$deadline" ]; then
			tail -n 5 "$scratch/$name.ready" "$scratch/$name.log"
			return 1
		fi
		sleep 0.02
	done
}

# stop_server NAME: SIGTERM as an init system sends it, to the process that was started; waits until that has ended.
stop_server() {
	kill -TERM "${server_group[$1]}"
	wait "${server_group[$1]}"
}

# group_goes NAME: no process of the server's group is left (zombies that nobody has waited for do not count), now or soon; false where one stays for ten minutes.
group_goes() {
	local deadline=$((SECONDS + 600))
	while ps -o stat= -g "${server_group[$1]}" | grep -q '^[^Z]'; do
		[ "$SECONDS" -le "$deadline" ] || return 1
		sleep 0.02
	done
}

kill_servers() {
	local name
	for name in "${!server_group[@]}"; do kill -KILL -- "-${server_group[$name]}" 2>/dev/null; done
	wait
}

# seconds_since START: with two decimals, START being an EPOCHREALTIME.
seconds_since() { awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.2f", to - from }'; }
