#!/usr/bin/env bash
# What the file calls do, compared with the kernel: each program of ops/ passes natively on a tmpfs, then in an image, as root (where the tests are) and as an ordinary user.
. "$(dirname "$0")/support/lib.sh"

# What differs by design or is known: "PROGRAM: the check's text", one a line.
known_differences=''

root=$scratch/root
mkdir -p "$root/bin" "$root/tmp"
chmod 1777 "$root/tmp"
names=()
for source in "$here"/ops/*.c; do
	name=$(basename "$source" .c)
	names+=("$name")
	gcc -O1 -Wno-nonnull -static -o "$root/bin/$name" "$source" || fail "compile $name"
done
[ "${#names[@]}" -gt 0 ] || fail "no programs found"
lines=$root/bin/$'two\nlines'
cp "$root/bin/maps" "$lines" || fail "copy"
binaryfs build "$root" -o "$scratch/ops.so" >/dev/null || fail "build"

native=/dev/shm
[ -w "$native" ] || native=$scratch
native=$(mktemp -d "$native/binaryfs-ops.XXXXXX")
cleanup_commands+=("remove '$native'")
chmod 1777 "$native"

for name in "${names[@]}"; do
	judge "native $name" "$name" "$(timeout 600 "$root/bin/$name" "$native" 2>&1)"
	judge "image $name" "$name" "$(timeout 600 "$scratch/ops.so" "/bin/$name" /tmp 2>&1)"
	judge "user native $name" "$name" "$(as_user timeout 600 "$root/bin/$name" "$native" 2>&1)"
	judge "user image $name" "$name" "$(as_user timeout 600 "$scratch/ops.so" "/bin/$name" /tmp 2>&1)"
done
judge "native maps of two lines" maps "$("$lines" "$native" 2>&1)"
judge "image maps of two lines" maps "$("$scratch/ops.so" "/bin/${lines##*/}" /tmp 2>&1)"
# Sockets below a volume are the host's own.
mkdir "$scratch/volume"
chmod 1777 "$scratch/volume"
judge "volume queues" queues "$(as_user env BINARYFS_VOLUMES="/volume=$scratch/volume" timeout 600 "$scratch/ops.so" /bin/queues /volume 2>&1)"
# FIFOs where the kernel makes none without a name: no user namespace is to be had.
if unshare -Ur true 2>/dev/null; then
	judge "FIFOs with names" fifo "$(unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' - timeout 600 "$scratch/ops.so" /bin/fifo /tmp 2>&1)"
else
	skip "FIFOs with names: no user namespaces here"
fi
finish
