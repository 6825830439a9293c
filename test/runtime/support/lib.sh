# What the runtime's tests share: counts, a scratch directory, the command line, an unprivileged user. Sourced, never run.
set -u
# Whoever runs them, wherever: nothing of the caller's settings shows.
umask 022
export LANG=C.UTF-8
unset CDPATH LANGUAGE ${!LC_*} SCONE_EXTENSIONS_PATH BINARYFS_VOLUMES BINARYFS_HOST_PATHS BINARYFS_HERMETIC BINARYFS_OVERLAY_SIZE BINARYFS_EXPORT_OVERLAY BINARYFS_HOST_LOG BINARYFS_MISSES
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
project=$(cd "$here/../.." && pwd)
passed=0 failed=0 skipped=0
scratch=$(mktemp -d "${TMPDIR:-/tmp}/binaryfs-test.XXXXXX")
chmod 755 "$scratch"
cleanup_commands=()
cleanup() {
	local command
	for command in "${cleanup_commands[@]:-}"; do [ -n "$command" ] && eval "$command"; done
	remove "$scratch"
}
# Programs leave directories that only root can look into.
remove() { rm -rf "$@" 2>/dev/null || { chmod -R u+rwx "$@" && rm -rf "$@"; }; }
trap cleanup EXIT

pass() { passed=$((passed + 1)); }
fail() {
	failed=$((failed + 1))
	printf 'FAIL %s\n' "$*"
}
skip() {
	skipped=$((skipped + 1))
	printf 'skipped: %s\n' "$*"
}
finish() {
	if [ "$skipped" -gt 0 ]; then
		printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
	else
		printf '%d passed, %d failed\n' "$passed" "$failed"
	fi
	[ "$failed" -eq 0 ]
	exit
}

# What a build keeps for the next one goes with the scratch directory.
binaryfs() { XDG_CACHE_HOME=$scratch/cache node "$project/dist/bin/main.js" "$@"; }
# A copy, since a checkout may lie where only its owner may go.
runner=$scratch/binaryfs-run
install -m 755 "$project/dist/runtime/binaryfs-run" "$runner"

# as_user COMMAND…: without privileges, as users run it. Root changes to the "nobody" ids. `unprivileged` is the same as words, for what is no function.
# Signals are the default ones: what is started in the background of a script, or by nohup, inherits ignored ones, which no shell can take back.
unprivileged=(env --default-signal)
if [ "$(id -u)" -eq 0 ]; then
	unprivileged=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all -- env --default-signal HOME=/tmp)
fi
as_user() { "${unprivileged[@]}" "$@"; }

# expect NAME STATUS PATTERN COMMAND…: the command's status, and an extended regular expression in its output (both streams).
expect() {
	local name=$1 status=$2 pattern=$3 output actual
	shift 3
	output=$("$@" 2>&1 </dev/null)
	actual=$?
	if [ "$actual" -ne "$status" ]; then
		fail "$name: status $actual, expected $status: $(printf '%s' "$output" | tail -n 5)"
	elif ! printf '%s\n' "$output" | grep -Eq -- "$pattern"; then
		fail "$name: no /$pattern/ in: $(printf '%s' "$output" | tail -n 5)"
	else
		pass
	fi
}

# judge NAME KEY OUTPUT: of a program that counts its checks (ops/check.h): every line that reports a failed one must be in $known_differences, as "KEY: the check's text".
judge() {
	local name=$1 key=$2 output=$3 line text unknown=0
	if ! grep -Eq '^[0-9]+ passed, [0-9]+ failed$' <<<"$output"; then
		fail "$name ended early: $(tail -n 3 <<<"$output")"
		return
	fi
	while IFS= read -r line; do
		text=${line#*: }
		text=${text% (errno *}
		grep -Fxq -- "$key: $text" <<<"$known_differences" && continue
		printf '%s\n' "$line"
		unknown=1
	done < <(grep -E '^[^ ]+\.c:[0-9]+: ' <<<"$output")
	if [ "$unknown" -eq 0 ]; then pass; else fail "$name"; fi
}

# closure FILE…: the files, the programs' and libraries' own libraries and loader, as include options in the array `includes`.
closure() {
	local file library
	for file in "$@"; do
		includes+=(--include "$file")
		while read -r library; do includes+=(--include "$library"); done < <(ldd "$file" 2>/dev/null | grep -oE '/[^ ]+' | sort -u)
	done
}
