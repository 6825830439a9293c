#!/bin/sh
# Tests the file system's core (images, overlay, paths, descriptions) in a hosted build with sanitizers. Needs gcc, python3 and mkfs.erofs.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
runtime=$here/../../src/runtime
for tool in gcc python3 mkfs.erofs; do
	command -v "$tool" >/dev/null || { echo "vfs-core: $tool is missing"; exit 1; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 - "$work" <<'PY'
import os, sys
work = sys.argv[1]
def put(path, data):
    path = os.path.join(work, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
pattern = lambda n: bytes((i * 7 + (i >> 8)) & 255 for i in range(n))
put("a/etc/hello", b"hello world\n")
put("a/etc/other", b"other\n")
put("a/etc/other2", b"other\n")
try:
    os.setxattr(os.path.join(work, "a/etc/hello"), "user.color", b"blue")
except OSError:
    pass
for name, target in (("link", "hello"), ("loop", "loop"), ("dangling", "nowhere")):
    os.symlink(target, os.path.join(work, "a/etc", name))
put("a/h1", b"linked")
os.link(os.path.join(work, "a/h1"), os.path.join(work, "a/h2"))
for i in range(700):
    put("a/many/file-%04d" % i, b"%d" % i)
put("a/big", pattern(300000))
put("a/data", pattern(90001))
put("a/data2", pattern(90001))
put("a/merge/x", b"first"); put("a/merge/sub/a", b"a"); put("a/merge/sub/deep/p", b"p")
put("b/merge/x", b"second"); put("b/merge/y", b"second"); put("b/merge/sub/b", b"b"); put("b/merge/sub/deep/q", b"q")
put("b/onlyb/f", b"only b")
try:
    os.mknod(os.path.join(work, "a/merge/gone"), 0o020000, 0)
    put("b/merge/gone", b"hidden")
except OSError:
    pass
for top in ("a", "b"):
    for base, dirs, files in os.walk(os.path.join(work, top)):
        for n in dirs + files:
            os.utime(os.path.join(base, n), (10**9, 10**9), follow_symlinks=False)
        for n in files:
            if not os.path.islink(os.path.join(base, n)):
                os.chmod(os.path.join(base, n), 0o644)
PY

image() { # DIRECTORY OUTPUT [OPTIONS]
	dir=$1 out=$2
	shift 2
	mkfs.erofs -E force-inode-extended "$@" "$out" "$dir" >"$work/mkfs.log" 2>&1 || { cat "$work/mkfs.log"; exit 1; }
	python3 - "$out" <<'PY'
import os, struct, sys
with open(sys.argv[1], "r+b") as f:
    size = (os.fstat(f.fileno()).st_size + 4095) // 4096 * 4096
    f.truncate(size)
    f.seek(1040)
    inodes = f.read(8)
    f.seek(0)
    f.write(struct.pack("<8sIIQQIIII", b"BINARYFS", 1, 128, size, 0, 0, 32, 1048576, 1) + inodes)
PY
}
image "$work/a" "$work/a.img"
image "$work/b" "$work/b.img" --chunksize=4096
image "$work/a" "$work/a-chunked.img" --chunksize=4096

. "$here/support/core.sh"
compile() { # SOURCE OPTIONS
	source=$1
	shift
	gcc -g -O1 -Wall -Wextra -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -I"$runtime/include" "$@" \
		-c "$source" -o "$work/$(basename "$source").o"
}
for name in $core; do compile "$runtime/src/$name.c" -std=c11 -ffreestanding; done
for name in core_host pool_check core_main core_tree core_data core_processes; do compile "$here/harness/$name.c" -std=gnu11 -I"$here/harness"; done
gcc -fsanitize=address,undefined "$work"/*.o -o "$work/core"

status=0
passed=0 failed=0
run() {
	echo "vfs-core: $*"
	ASAN_OPTIONS=detect_leaks=0 CRASH_ROUNDS=${CRASH_ROUNDS:-100} "$@" >"$work/out" || status=1
	tail -1 "$work/out"
	result=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$work/out")
	if [ -z "$result" ]; then failed=$((failed + 1)); status=1; return; fi
	passed=$((passed + ${result% *}))
	failed=$((failed + ${result#* }))
}
run "$work/core" "$work/a.img"
run "$work/core" "$work/a.img" "$work/b.img"
run "$work/core" "$work/a-chunked.img" "$work/b.img"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] || status=1
exit $status
