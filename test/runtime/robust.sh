#!/usr/bin/env bash
# Under load and at the limits: 1,000 threads, 10,000 children, little stack, no memory, no descriptors, storms of signals, a million opens without a leak. Each program passes natively too.
. "$(dirname "$0")/support/lib.sh"

root=$scratch/root
mkdir -p "$root/bin" "$root/tmp" "$root/image"
chmod 1777 "$root/tmp"
printf 'image\n' >"$root/image/file"
mkdir "$root/image/files"
for i in {0..63}; do echo "$i" >"$root/image/files/$i"; done
python3 - "$root/image/deep" <<'PY' || fail "deep tree"
import os, sys
os.mkdir(sys.argv[1])
os.chdir(sys.argv[1])
for _ in range(1200):
    os.mkdir("d")
    os.chdir("d")
with open("bottom", "w") as f:
    f.write("bottom\n")
PY
for source in "$here"/robust/*.c; do gcc -O1 -static -pthread -Wno-unused-result -o "$root/bin/$(basename "$source" .c)" "$source" || fail "compile $source"; done
library=$scratch/robust.so
binaryfs build "$root" -o "$library" >/dev/null || fail "build"
chmod -R a+rX "$root"
chmod 666 "$root/image/file" # natively the user who runs it must be able to change it; in the image that user owns what nobody changed
chmod -R a+rwX "$root/image/files"
find "$root/image/deep" -name bottom -exec chmod 666 {} +

native=/dev/shm
[ -w "$native" ] || native=$scratch
native=$(mktemp -d "$native/binaryfs-robust.XXXXXX")
cleanup_commands+=("rm -rf '$native'")
chmod 1777 "$native"

# judge NAME COMMAND…: a program that prints its own count.
judge() {
	local name=$1 output started=$SECONDS
	shift
	output=$("$@" 2>&1 </dev/null)
	if [ $? -eq 0 ] && grep -Eq '^[0-9]+ passed, 0 failed$' <<<"$output"; then pass; else fail "$name: $(tail -n 8 <<<"$output")"; fi
	printf '%s: %s, %d s\n' "$name" "$(tail -n 1 <<<"$output")" $((SECONDS - started))
}
declare -A suffix=([deep]="") # the directory itself
for program in deep limits storms many; do
	judge "native $program" as_user timeout 1200 "$root/bin/$program" "$native" "$root/image${suffix[$program]-/file}"
	judge "$program" as_user timeout 1200 "$library" "/bin/$program" /tmp "/image${suffix[$program]-/file}"
done
# Descriptions of one file are on one inode of the kernel's, files are spread over as many inodes as the limit of descriptors affords: one where there are 64.
judge "native one_file" as_user timeout 1200 "$root/bin/one_file" "$native" "$root/image/files"
judge "one_file" as_user timeout 1200 "$library" /bin/one_file /tmp /image/files
judge "one_file, 64 descriptors" as_user bash -c 'ulimit -n 64; exec "$@"' - timeout 1200 "$library" /bin/one_file /tmp /image/files
judge "one_file, 300 descriptors" as_user bash -c 'ulimit -n 300; exec "$@"' - timeout 1200 "$library" /bin/one_file /tmp /image/files
judge "native held" as_user timeout 1200 "$root/bin/held" "$native" "$root/image/file"
judge "held" as_user timeout 1200 "$library" /bin/held /tmp /image/file
# A small limit of address space makes a table that one process can fill.
full_table=(bash -c 'ulimit -n 4096 && ulimit -v 160000 && exec "$@"' - env BINARYFS_OVERLAY_SIZE=1M timeout 1200 "$library" /bin/held /tmp /image/file table)
if [ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 4096 ]; then
	judge "a full table" as_user "${full_table[@]}"
else
	skip "a full table: it takes 4,096 descriptors, the limit is $(ulimit -Hn)"
fi
if [ "$(id -u)" -eq 0 ]; then
	judge "one_file as root" timeout 1200 "$library" /bin/one_file /tmp /image/files
	judge "one_file as root, 64 descriptors" bash -c 'ulimit -n 64; exec "$@"' - timeout 1200 "$library" /bin/one_file /tmp /image/files
	judge "a full table as root" "${full_table[@]}"
else
	skip "descriptions as root: root is needed"
fi
judge "a full overlay" as_user env BINARYFS_OVERLAY_SIZE=24M timeout 1200 "$library" /bin/limits /tmp /image/file full
judge "native leaks" timeout 1200 python3 "$here/robust/observe.py" native "$root/bin/leaks" "$native" "$root/image/file"
judge "leaks" timeout 1200 python3 "$here/robust/observe.py" image "$library" /bin/leaks /tmp /image/file
finish
