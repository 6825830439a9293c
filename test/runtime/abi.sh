#!/usr/bin/env bash
# The C ABI: a program that links or dlopens the library uses the file system without any trap, under glibc and musl, with libraries of both linkers.
. "$(dirname "$0")/support/lib.sh"

mkdir -p "$scratch/root/etc" "$scratch/volume"
printf 'hello\n' >"$scratch/root/etc/greeting"
chmod 777 "$scratch/volume"
binaryfs build "$scratch/root" -o "$scratch/native.so" >/dev/null || fail "build native"
binaryfs build "$scratch/root" -o "$scratch/gcc.so" --linker gcc >/dev/null || fail "build gcc"
gcc -O1 -pthread -I"$project/dist/runtime" -o "$scratch/client" "$here/abi/client.c" || fail "compile"
for library in native gcc; do
	expect "dlopen, glibc, $library" 0 ' 0 failed' as_user "$scratch/client" "$scratch/$library.so" "$scratch/volume"
	if [ "$(cat "$scratch/volume/kept" 2>/dev/null)" = kept ]; then pass; else fail "the volume was not written ($library)"; fi
	rm -f "$scratch/volume/kept"
	gcc -O1 -pthread -DLINKED -I"$project/dist/runtime" -o "$scratch/linked-$library" "$here/abi/client.c" "$scratch/$library.so" || fail "link with $library"
	expect "linked, glibc, $library" 0 ' 0 failed' as_user "$scratch/linked-$library" - "$scratch/volume"
	if [ -e "$scratch/root/etc/new" ] || [ -e /etc/new ]; then fail "an overlay file reached the host"; else pass; fi
done
if command -v musl-gcc >/dev/null; then
	musl-gcc -O1 -pthread -I"$project/dist/runtime" -o "$scratch/client-musl" "$here/abi/client.c" || fail "compile with musl"
	expect "dlopen, musl, native" 0 ' 0 failed' as_user "$scratch/client-musl" "$scratch/native.so" "$scratch/volume"
else
	skip "dlopen under musl: musl-gcc is not installed"
fi
finish
