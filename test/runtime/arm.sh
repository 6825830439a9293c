#!/usr/bin/env bash
# A program never runs on the host's file system: where the mechanism cannot be armed it does not start (status 125), and says why.
. "$(dirname "$0")/support/lib.sh"

mkdir -p "$scratch/root/bin"
gcc -O1 -static -o "$scratch/root/bin/hello" -x c - <<'EOF'
#include <stdio.h>
#include <unistd.h>
#include <fcntl.h>
int main(int argc, char **argv) { (void)argc; puts("ran"); return open("/etc/passwd", O_RDONLY) >= 0 ? 9 : argv[1] ? 3 : 0; }
EOF
gcc -O1 -o "$scratch/deny" "$here/arm/deny_seccomp.c" || fail "compile deny_seccomp"
binaryfs build "$scratch/root" -o "$scratch/lib.so" >/dev/null || fail "build"
chmod 755 "$scratch/deny"

expect "runs" 0 '^ran$' as_user "$scratch/lib.so" /bin/hello
expect "status passes" 3 '^ran$' as_user "$scratch/lib.so" /bin/hello x
expect "seccomp(2) refused with EPERM" 125 'not-armed' as_user "$scratch/deny" EPERM "$scratch/lib.so" /bin/hello
expect "an old kernel: ENOSYS" 125 'no seccomp filters' as_user "$scratch/deny" ENOSYS "$scratch/lib.so" /bin/hello
for why in EPERM ENOSYS; do
	if as_user "$scratch/deny" "$why" "$scratch/lib.so" /bin/hello 2>/dev/null | grep -q ran; then fail "ran although $why"; else pass; fi
done
expect "address space limit" 125 'binaryfs: ' as_user bash -c "ulimit -v 40000; exec $scratch/lib.so /bin/hello"
expect "not found" 127 'not-found' as_user "$scratch/lib.so" /bin/absent
expect "not executable" 126 'not-executable' as_user "$scratch/lib.so" /bin
expect "no library named" 125 'no-library' as_user env -u SCONE_EXTENSIONS_PATH "$runner" /bin/hello
expect "a missing library" 125 'library-missing.*absent.so' as_user env SCONE_EXTENSIONS_PATH=/absent.so "$runner" /bin/hello
expect "no library at all" 125 'not-a-library' as_user env SCONE_EXTENSIONS_PATH=/bin/true "$runner" /bin/hello
expect "usage" 2 'usage:' as_user "$scratch/lib.so"

# Truncated and damaged libraries are refused.
size=$(stat -c %s "$scratch/lib.so")
cp "$scratch/lib.so" "$scratch/short.so"
truncate -s $((size - 4096)) "$scratch/short.so"
expect "truncated" 125 'truncated' as_user env SCONE_EXTENSIONS_PATH="$scratch/short.so" "$runner" /bin/hello
cp "$scratch/lib.so" "$scratch/damaged.so"
printf 'XXXXXXXX' | dd of="$scratch/damaged.so" bs=1 seek=$((2097152)) conv=notrunc status=none
expect "damaged header" 125 'binaryfs: ' as_user env SCONE_EXTENSIONS_PATH="$scratch/damaged.so" "$runner" /bin/hello

# Each byte of what is read before the program runs flipped, each size and offset wrong, the file cut anywhere: the program runs as ever, or status 125 and a reason. Never a crash, never another status.
binaryfs build "$scratch/root" -o "$scratch/declares.so" --host-path /etc/hostname --volume /data=/tmp >/dev/null || fail "build declares"
python3 "$here/arm/damage.py" "$runner" "$scratch/declares.so" "$scratch/damaged.so" /bin/hello >"$scratch/damages" 2>&1
if [ $? -eq 0 ]; then pass; else fail "damaged libraries: $(tail -n 8 "$scratch/damages")"; fi
tail -n 1 "$scratch/damages"

# What the variables say must make sense.
run_with() { as_user env "$@" "$scratch/lib.so" /bin/hello; }
for size in 0 -1 1X 99999999999999999999 1.5G 16777216T; do expect "overlay size $size" 125 'binaryfs: bad-size: ' run_with BINARYFS_OVERLAY_SIZE="$size"; done
for size in 16M 16MiB 1GB 67108864 ''; do expect "overlay size $size" 0 '^ran$' run_with BINARYFS_OVERLAY_SIZE="$size"; done
mkdir -p "$scratch/a:b"
chmod 755 "$scratch/a:b"
expect "a volume without =" 125 'binaryfs: bad-volume: .*data' run_with BINARYFS_VOLUMES=/data
expect "a volume without a host directory" 125 'GUEST=HOST' run_with BINARYFS_VOLUMES=/data=
expect "a relative guest" 125 'absolute' run_with BINARYFS_VOLUMES=data=/tmp
expect "a relative host" 125 'absolute' run_with BINARYFS_VOLUMES=/data=tmp
expect "a host directory that is absent" 125 'does not exist.*absent' run_with BINARYFS_VOLUMES="/data=$scratch/absent"
expect "a remedy" 125 'make the directory' run_with BINARYFS_VOLUMES="/data=$scratch/absent"
expect "a colon" 0 '^ran$' run_with BINARYFS_VOLUMES="/data=${scratch//:/\\:}/a\:b:/more=/tmp/"
expect "the same guest twice" 0 '^ran$' run_with BINARYFS_VOLUMES="/data=/tmp:/data=$scratch"
expect "empty items" 0 '^ran$' run_with BINARYFS_VOLUMES="::/data=/tmp::" BINARYFS_HOST_PATHS=":::"
expect "the root as a guest" 125 'whole file system' run_with BINARYFS_VOLUMES=/./=/tmp
expect "a guest through .." 125 'absolute' run_with BINARYFS_VOLUMES=/a/../b=/tmp
expect "too many doors" 125 'too-many-doors' run_with BINARYFS_HOST_PATHS="$(seq -s : -f '/h%.0f' 130)"
expect "a list without end" 125 'list-too-long' run_with BINARYFS_HOST_PATHS="/$(printf '%070000d' 1)"
expect "a path that is too long" 125 'absolute|long' run_with BINARYFS_HOST_PATHS="/$(printf '%05000d' 1)"
for limit in "-f 0" "-f 1" "-f 100" "-d 1000" "-d 10000" "-v 200000"; do
	expect "ulimit $limit" 125 "binaryfs: not-armed: .*ulimit ${limit% *}|binaryfs: .*(stacks|first directories)" as_user bash -c "ulimit $limit; exec $scratch/lib.so /bin/hello"
done
expect "few descriptors" 125 'ulimit -n' as_user bash -c "ulimit -n 16; exec $scratch/lib.so /bin/hello"
expect "few descriptors are enough" 0 '^ran$' as_user bash -c "ulimit -n 64; exec $scratch/lib.so /bin/hello"
expect "a closed standard input and error" 0 '^ran$' as_user bash -c "exec $scratch/lib.so /bin/hello <&- 2>&-"

# The library that runs is the one that was started, whatever its name stands for by the time it is opened; a library that is no regular file is none.
mkfifo "$scratch/fifo"
for odd in "$scratch/fifo" /dev/null /dev/zero "$scratch"; do expect "$odd as a library" 125 'not-a-library|library-missing' as_user env SCONE_EXTENSIONS_PATH="$odd" "$runner" /bin/hello; done
if unshare -m true 2>/dev/null; then
	expect "/proc not mounted" 125 '/proc is not mounted' unshare -m bash -c 'umount -l /proc; exec "$0" /bin/hello' "$scratch/lib.so"
else
	skip "/proc not mounted: no mount namespace here"
fi

# A forged continuation has no filter behind it and is refused too.
expect "forged exec state" 125 'not-armed' as_user bash -c "exec -a $'\\177binaryfs-exec/1' $scratch/lib.so '3e8 0' /bin/hello /bin/hello /bin/hello"
# A launcher inside a launcher.
cp "$scratch/lib.so" "$scratch/root/bin/lib.so"
binaryfs build "$scratch/root" -o "$scratch/outer.so" >/dev/null || fail "build outer"
expect "a launcher inside the tree" 125 'binaryfs: ' as_user "$scratch/outer.so" /bin/lib.so /bin/hello
finish
