#!/usr/bin/env bash
# Nothing is left on the host: trees of processes that use everything are killed, one process after another or all at once, at moments that a seed decides. Afterwards no process, no file in
# the directories where one could be made, no abstract socket of theirs is there.
. "$(dirname "$0")/support/lib.sh"

seed=${BINARYFS_TEST_SEED:-$((RANDOM << 15 | RANDOM))}
printf 'seed %s (BINARYFS_TEST_SEED=%s repeats it)\n' "$seed" "$seed"
RANDOM=$seed
rounds=${BINARYFS_TEST_ROUNDS:-12}

mkdir -p "$scratch/root/bin" "$scratch/root/tmp"
chmod 1777 "$scratch/root/tmp"
gcc -O1 -Wall -Wextra -static -o "$scratch/root/bin/remains" "$here/posix/remains.c" -lpthread || fail "compile"
binaryfs build "$scratch/root" -o "$scratch/remains.so" >/dev/null || fail "build"
mark=bfs$$mark$seed

# members SESSION: processes of it that are not dead.
members() {
	local session=$1 stat line fields
	for stat in /proc/[0-9]*/stat; do
		{ read -r line <"$stat"; } 2>/dev/null || continue
		read -ra fields <<<"${line##*) }" # state, parent, process group, session
		[ "${fields[3]}" = "$session" ] && [[ ${fields[0]} != [ZX] ]] && echo "${line%% *}"
	done
}

# look SESSION: what the living hold. Sets `sockets` to what the abstract names of this tree begin with (others may be running, too), and `is_named` where its FIFOs had a name for a moment.
look() {
	local pid fd held
	held=$(for pid in $(members "$1"); do for fd in "/proc/$pid/fd"/*; do readlink "$fd"; done; done 2>/dev/null)
	sockets=$(sed -n 's/^socket:\[\([0-9]*\)\]$/\1/p' <<<"$held" | awk 'NR == FNR { mine[$1]; next } $7 in mine { print $8 }' - /proc/net/unix | grep -aom 1 '^@binaryfs/[0-9a-f]*/')
	if grep -q '\.binaryfs-fifo-' <<<"$held"; then is_named=true; else is_named=false; fi
}

# FIFOs of the runtime that have a name, and still have it a moment later: the name that one has before it is unlinked is there for microseconds.
fifos() {
	local list=(find /tmp /dev/shm /var/tmp /run -maxdepth 1 -xdev -name '.binaryfs-fifo-*') first
	first=$("${list[@]}" 2>/dev/null)
	[ -z "$first" ] || "${list[@]}" 2>/dev/null | grep -xF -- "$first"
}

# Names that carry the mark, wherever anybody may write; sockets by the kernel's list. Other programs' files come and go meanwhile.
leftovers() {
	local named
	find /tmp /dev/shm /var/tmp /run -maxdepth 2 -xdev -name "*$mark*" 2>/dev/null
	grep -a "$mark" /proc/net/unix
	grep -aoF "$sockets" /proc/net/unix
	members "$1"
	fifos | grep -vxF -f "$scratch/fifos-before" | while read -r named; do
		# The exception that docs/runtime.md names: where the kernel makes none without a name, a process that is killed between making and unlinking one leaves it, empty.
		if $is_named && [ -p "$named" ]; then
			rm -f "$named"
			echo "$named" >>"$scratch/excepted"
		else
			echo "$named"
		fi
	done
}

# The tree ends when the last of its processes has closed the pipe that it holds open.
round() {
	local number=$1 way=$2 line session pid waited sockets is_named
	exec 8<>"$scratch/pipe"
	if [ "$way" = user ]; then
		as_user "$scratch/remains.so" /bin/remains /tmp "$mark" >"$scratch/pipe" 8<&- &
	else
		"$scratch/remains.so" /bin/remains /tmp "$mark" >"$scratch/pipe" 8<&- &
	fi
	pid=$!
	if ! read -r -t 600 line <&8; then
		fail "round $number: no answer"
		kill -9 "$pid" 2>/dev/null
		return
	fi
	[[ $line == ready* ]] || fail "round $number: $line"
	session=${line##* }
	look "$session"
	[ -n "$sockets" ] || fail "round $number: no sockets found"
	# a moment that the seed decides, by doing something in the meantime
	for ((waited = RANDOM % 300; waited > 0; waited--)); do :; done
	mapfile -t tree < <(members "$session")
	[ "${#tree[@]}" -ge 5 ] || fail "round $number: only ${#tree[@]} processes"
	if [ $((RANDOM % 2)) -eq 0 ]; then
		kill -9 -- "-$session"
	else # one by one, in any order
		while [ "${#tree[@]}" -gt 0 ]; do
			local at=$((RANDOM % ${#tree[@]}))
			kill -9 "${tree[$at]}" 2>/dev/null
			unset "tree[$at]"
			tree=("${tree[@]}")
		done
	fi
	wait "$pid" 2>/dev/null # the shell's own notice of the kill goes nowhere
	kill -9 -- "-$session" 2>/dev/null # whatever it was
	# Those whose parent was killed are init's to wait for: the pipe's end says that they are going, their state that they are gone with all that they had open.
	exec 9<"$scratch/pipe" 8<&-
	timeout 600 cat <&9 >/dev/null
	exec 9<&-
	local left until=$((SECONDS + 600))
	while [ -n "$(members "$session")" ] && [ "$SECONDS" -lt "$until" ]; do :; done
	left=$(leftovers "$session")
	if [ -z "$left" ]; then pass; else fail "round $number ($way): left behind: $left"; fi
}

mkfifo "$scratch/pipe"
: >"$scratch/excepted"
{
	echo none
	fifos
} >"$scratch/fifos-before"
for ((i = 1; i <= rounds; i++)); do
	if [ "$(id -u)" -eq 0 ] && [ $((i % 2)) -eq 0 ]; then round "$i" root; else round "$i" user; fi
done
[ ! -s "$scratch/excepted" ] || echo "left and removed, where FIFOs have a name: $(wc -l <"$scratch/excepted")"
finish
