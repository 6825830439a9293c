# What the tests of whole applications share: the same command natively and in an image, at the same paths, side by side. Sourced, never run.
. "$(dirname "${BASH_SOURCE[0]}")/../../runtime/support/lib.sh"
beside=$(cd "$(dirname "$0")" && pwd)/$(basename "$0" .sh) # the script's own files
cases=$scratch/cases                                      # copies of them, in the image too
work=$scratch/work                                        # where commands work: a directory of the host natively, of the overlay in the image
mkdir "$cases" "$work"
chmod 777 "$work"
environment=(-i PATH=/usr/bin:/bin LC_ALL=C TZ=UTC)
includes=(--include "$cases" --include /etc/passwd --include /etc/group)
[ -L /bin ] && includes+=(--include /bin/sh --include /bin/bash) # the link on the way is packed

# programs NAME…: adds programs with what they link to and the links on their way to `includes`; false where one is absent.
programs() {
	local name path
	for name in "$@"; do
		path=$(PATH=/usr/bin:/bin:/usr/sbin:/sbin type -P "$name") || return 1
		while includes+=(--include "$path") && [ -L "$path" ]; do
			path=$(realpath -s "$(dirname "$path")/$(readlink "$path" | sed 's|^/|../../../../../../&|')")
		done
		closure "$path"
	done
}

# library OPTION…: packs `includes` of the host, each once: many rules make packing slow.
library() {
	lib=$scratch/image.so
	printf '%s\n' "${includes[@]}" | grep -v '^--include$' | sort -u | sed 's/^/-i /' >"$scratch/selection"
	binaryfs build / -o "$lib" --no-state --selection "$scratch/selection" "$@" >"$scratch/log" 2>&1 || fail "build: $(cat "$scratch/log")"
}

natively() { as_user env "${environment[@]}" HOME="$work" TMPDIR="$work" "$@"; }
in_image() { as_user env "${environment[@]}" HOME="$work" TMPDIR="$work" BINARYFS_HERMETIC=1 "$lib" "$@"; }

# The part of a file that stands under the heading "== NAME".
section() { awk -v name="== $2" '/^== /{on = $0 == name} on' "$1"; }

# compare NAME NATIVE IMAGE: two outputs, heading by heading; a heading of which there is only one is a difference.
compare() {
	local name=$1 native=$2 image=$3 heading
	if ! cmp -s <(sed '/^== /,$d' "$native") <(sed '/^== /,$d' "$image"); then
		fail "$name: $(diff <(sed '/^== /,$d' "$native") <(sed '/^== /,$d' "$image") | head -n 10)"
		return
	elif ! grep -q '^== ' "$native"; then
		pass
	fi
	while read -r heading; do
		if cmp -s <(section "$native" "$heading") <(section "$image" "$heading"); then
			pass
		else
			fail "$name, $heading: $(diff <(section "$native" "$heading") <(section "$image" "$heading") | head -n 10)"
		fi
	done < <(sed -n 's/^== //p' "$native" "$image" | sort -u)
}

# both NAME COMMAND…: runs the command natively and in the image at once, in a new directory each, and compares status and both streams.
both() {
	local name=$1 native image status=0 place=$work/${1//[^a-zA-Z0-9]/-}
	shift
	image=$scratch/${place##*/}.image native=$scratch/${place##*/}.native
	in_image /bin/sh -c 'mkdir -p "$0" && cd "$0" && exec "$@"' "$place" "$@" >"$image" 2>&1 </dev/null &
	natively /bin/sh -c 'mkdir -p "$0" && cd "$0" && exec "$@"' "$place" "$@" >"$native" 2>&1 </dev/null
	echo "status $?" >>"$native"
	wait $! || status=$?
	echo "status $status" >>"$image"
	sed -i -E 's/: line ([0-9]+): +[0-9]+ /: line \1: PID /' "$native" "$image" # bash tells of jobs that a signal ended
	compare "$name" "$native" "$image"
	grep -qx 'status 0' "$native" || fail "$name natively: $(tail -n 5 "$native")"
}
