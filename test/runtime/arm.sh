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

# A forged continuation has no filter behind it and is refused too.
expect "forged exec state" 125 'not-armed' as_user bash -c "exec -a $'\\177binaryfs-exec/1' $scratch/lib.so '3e8 0' /bin/hello /bin/hello /bin/hello"
# A launcher inside a launcher.
cp "$scratch/lib.so" "$scratch/root/bin/lib.so"
binaryfs build "$scratch/root" -o "$scratch/outer.so" >/dev/null || fail "build outer"
expect "a launcher inside the tree" 125 'binaryfs: ' as_user "$scratch/outer.so" /bin/lib.so /bin/hello
finish
