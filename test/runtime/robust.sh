#!/usr/bin/env bash
# Under load and at the limits: 1,000 threads, 10,000 children, little stack, no memory, no descriptors, storms of signals, a million opens without a leak. Each program passes natively too.
. "$(dirname "$0")/support/lib.sh"

root=$scratch/root
mkdir -p "$root/bin" "$root/tmp" "$root/image"
chmod 1777 "$root/tmp"
printf 'image\n' >"$root/image/file"
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
	judge "native $program" as_user timeout 300 "$root/bin/$program" "$native" "$root/image${suffix[$program]-/file}"
	judge "$program" as_user timeout 300 "$library" "/bin/$program" /tmp "/image${suffix[$program]-/file}"
done
judge "a full overlay" as_user env BINARYFS_OVERLAY_SIZE=24M timeout 300 "$library" /bin/limits /tmp /image/file full
judge "native leaks" timeout 300 python3 "$here/robust/observe.py" native "$root/bin/leaks" "$native" "$root/image/file"
judge "leaks" timeout 300 python3 "$here/robust/observe.py" image "$library" /bin/leaks /tmp /image/file
finish
