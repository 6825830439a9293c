#!/usr/bin/env bash
# POSIX semantics, compared with the kernel's: each program of posix/ passes natively, in the overlay, in a directory of the image and on a volume, as root (where the tests are) and as an
# ordinary user. What a directory starts with is the same everywhere: packed in the image, copied elsewhere.
. "$(dirname "$0")/support/lib.sh"

seed=$scratch/seed
mkdir -p "$seed/dir/sub" "$seed/empty" "$scratch/root/bin" "$scratch/root/tmp"
head -c 4194304 /dev/urandom >"$seed/large"
printf 'contents of a small file\n' >"$seed/small"
: >"$seed/nothing"
printf 'entry\n' >"$seed/dir/entry"
printf 'deep\n' >"$seed/dir/sub/deep"
ln -s small "$seed/link"
ln "$seed/small" "$seed/twin"
mkdir "$seed/many"
(cd "$seed/many" && touch entry-{000..299})

# What differs by design, as "PLACE PROGRAM: the check's text": docs/runtime.md says why.
known_differences='volume names: stat(".", &st) == 0 && st.st_nlink == 0
volume names: dir != NULL && readdir(dir) == NULL
volume dirs: rmdir("many") == 0 && fstat(fd, &st) == 0 && st.st_nlink == 0
volume peers: s >= 0 && close(s) == 0 && unlink(longest) == 0
volume ownership: open("device", O_RDONLY) fails with ENXIO
volume notify: 1:open:dir 1:access:dir 1:close:dir'

programs=()
for source in "$here"/posix/*.c "$here"/ops/*.c; do
	name=$(basename "$source" .c)
	gcc -O1 -Wall -Wextra -Wno-nonnull -Wno-stringop-overread -Wno-unused-parameter -Wno-unused-result -static -o "$scratch/root/bin/$name" "$source" -lpthread 2>"$scratch/log" || fail "compile $name: $(cat "$scratch/log")"
done
for source in "$here"/posix/*.c; do
	name=$(basename "$source" .c)
	[ "$name" = full ] || [ "$name" = remains ] || programs+=("$name")
done
# Natively and in the overlay ops.sh runs these. The kernel does not know of a volume's file that it is a program that runs: it runs the carrier.
mapfile -t ops < <(cd "$here/ops" && ls ./*.c | sed 's,^\./,,; s,\.c$,,' | grep -vx busy)
[ "${#programs[@]}" -gt 0 ] && [ "${#ops[@]}" -gt 0 ] || fail "no programs found"

native=$(mktemp -d /dev/shm/binaryfs-posix.XXXXXX 2>/dev/null) || native=$(mktemp -d "$scratch/native.XXXXXX")
cleanup_commands+=("remove '$native'")

# place USER: the native directory and the volume with the seed in them, and the image with its own, each belonging to USER.
place() {
	rm -rf "${native:?}"/* "$scratch/volume" "$scratch/root/packed"
	cp -a "$seed" "$native/seed"
	cp -a "$seed" "$scratch/volume"
	cp -a "$seed" "$scratch/root/packed"
	chmod 1777 "$scratch/root/tmp" "$native" "$native/seed" "$scratch/volume" "$scratch/root/packed"
	[ "$(id -u)" -ne 0 ] || chown -R "$1:$1" "$native" "$scratch/volume" "$scratch/root/packed"
	binaryfs build "$scratch/root" -o "$scratch/posix.so" --volume /volume >/dev/null || fail "build"
}

# run WHO PLACE PROGRAM COMMAND…
run() { judge "$1 $2 $3" "$2 $3" "$("${@:4}" 2>&1 </dev/null)"; }

# everywhere WHO PREFIX…: all programs in all places.
everywhere() {
	local who=$1 name
	shift
	for name in "${programs[@]}"; do
		run "$who" native "$name" "$@" timeout 600 "$scratch/root/bin/$name" "$native/seed"
		[ "$name" = existing ] || run "$who" overlay "$name" "$@" timeout 600 "$scratch/posix.so" "/bin/$name" /tmp
		run "$who" image "$name" "$@" timeout 600 "$scratch/posix.so" "/bin/$name" /packed
	done
	for name in "${programs[@]}" "${ops[@]}"; do
		run "$who" volume "$name" "$@" timeout 600 env BINARYFS_VOLUMES="/volume=$scratch/volume" "$scratch/posix.so" "/bin/$name" /volume
	done
}

if [ "$(id -u)" -eq 0 ]; then
	place 0
	everywhere root
fi
place 65534
everywhere user as_user

# A small overlay, filled by every call that can.
for size in 1M 8M; do
	[ "$(id -u)" -ne 0 ] || run root "$size" full timeout 600 env BINARYFS_OVERLAY_SIZE="$size" "$scratch/posix.so" /bin/full /tmp
	run user "$size" full as_user timeout 600 env BINARYFS_OVERLAY_SIZE="$size" "$scratch/posix.so" /bin/full /tmp
done
finish
