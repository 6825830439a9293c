#!/usr/bin/env bash
# Real programs from the image, as an unprivileged user: Python (PIE and not), numpy, Java, static, dynamic and musl programs; the ways to start them; host paths and volumes.
. "$(dirname "$0")/support/lib.sh"

host_file=$scratch/host-file
echo undeclared >"$host_file"
chmod 644 "$host_file"

# --- small programs, both linkers -------------------------------------------------------------------------------------------------------------
root=$scratch/root
mkdir -p "$root/bin" "$root/etc" "$root/lib"
printf 'hello\n' >"$root/etc/greeting"
gcc -O1 -static -o "$root/bin/static" "$here/programs/small.c" || fail "compile static"
gcc -O1 -static-pie -o "$root/bin/static-pie" "$here/programs/small.c" || fail "compile static-pie"
gcc -O1 -o "$root/bin/dynamic" "$here/programs/small.c" || fail "compile"
gcc -O1 -no-pie -o "$root/bin/non-pie" "$here/programs/small.c" || fail "compile non-PIE"
kinds="static static-pie dynamic non-pie"
if command -v musl-gcc >/dev/null; then
	musl-gcc -O1 -o "$root/bin/musl" "$here/programs/small.c" || fail "compile musl"
	musl-gcc -O1 -static -o "$root/bin/musl-static" "$here/programs/small.c" || fail "compile musl-static"
	kinds="$kinds musl musl-static"
else
	skip "musl programs: musl-gcc is not installed"
fi
printf '#!/bin/static x\n' >"$root/bin/script"
chmod 755 "$root/bin/script"
binaryfs build "$root" -o "$scratch/native.so" >/dev/null || fail "build native"
binaryfs build "$root" -o "$scratch/gcc.so" --linker gcc >/dev/null || fail "build gcc"
(mkdir "$scratch/scone" && cd "$scratch/scone" && binaryfs "$root" . >/dev/null && gcc ./binary_fs_blob.s ./libbinary_fs_template.a -shared -o "$scratch/scone.so") || fail "the documented SCONE lines"
(cd "$scratch" && binaryfs "$root" form.c >/dev/null && gcc -shared -fPIC form.c -o form.so) || fail "the .c form"
for library in native gcc scone form; do
	for kind in $kinds; do
		expect "$kind from $library" 0 'small: ok' as_user "$scratch/$library.so" "/bin/$kind" "$host_file"
	done
	expect "a script from $library" 0 'small: ok' as_user "$scratch/$library.so" /bin/script
done
if command -v musl-gcc >/dev/null; then
	(cd "$scratch/scone" && musl-gcc ./binary_fs_blob.s ./libbinary_fs_template.a -shared -o "$scratch/muslcc.so") || fail "musl-gcc as linker"
	expect "a library linked by musl-gcc" 0 'small: ok' as_user "$scratch/muslcc.so" /bin/static
fi

# --- ways to start -----------------------------------------------------------------------------------------------------------------------------
lib=$scratch/native.so
expect "binaryfs-run" 0 'small: ok' as_user env SCONE_EXTENSIONS_PATH="$lib" "$runner" /bin/static "$host_file"
expect "binaryfs run" 0 'small: ok' binaryfs run "$lib" -- /bin/static "$host_file"
expect "LD_PRELOAD" 0 'small: ok' as_user env LD_PRELOAD="$lib" "$root/bin/dynamic" "$host_file"
ln -sf "$lib" "$scratch/linked.so"
gcc -O1 -shared -fPIC -o "$scratch/other.so" -x c - <<'EOP' || fail "compile other"
#include <stdio.h>
__attribute__((constructor)) static void other(void) { puts("other loaded"); }
EOP
chmod 755 "$scratch/other.so"
expect "LD_PRELOAD with another library" 0 'other loaded' as_user env LD_PRELOAD="$scratch/other.so:$scratch/linked.so" "$root/bin/dynamic" "$host_file"
expect "a relative directory of PATH" 0 'small: ok' as_user env -C "$root" PATH=nowhere:bin "$lib" static
expect "PATH" 0 'small: ok' as_user env PATH=/nowhere:/bin "$lib" static
expect "status of run" 1 'a host file is there' binaryfs run "$lib" -- /bin/static /etc/greeting
expect "hermetic needs the loader" 127 'not-found|loader' as_user env BINARYFS_HERMETIC=1 "$lib" /bin/dynamic
expect "hermetic static" 0 'small: ok' as_user env BINARYFS_HERMETIC=1 "$lib" /bin/static
expect "a host program as the first" 0 'small: ok|greeting' as_user "$lib" "$root/bin/static"

# --- several libraries: the first listed wins, directories merge -------------------------------------------------------------------------------
mkdir -p "$scratch/second/etc" "$scratch/second/only"
printf 'second\n' >"$scratch/second/etc/greeting"
printf 'other\n' >"$scratch/second/etc/other"
binaryfs build "$scratch/second" -o "$scratch/second.so" >/dev/null || fail "build second"
cat >"$scratch/cat.c" <<'EOF'
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
	for (int i = 1; i < argc; i++) {
		DIR *d = opendir(argv[i]);
		if (d) { struct dirent *e; while ((e = readdir(d))) if (e->d_name[0] != '.') printf("%s ", e->d_name); puts(""); closedir(d); continue; }
		char b[4096]; int f = open(argv[i], O_RDONLY); if (f < 0) { perror(argv[i]); return 1; }
		ssize_t n; while ((n = read(f, b, sizeof b)) > 0) fwrite(b, 1, (size_t)n, stdout);
	}
	return 0;
}
EOF
gcc -O1 -static -o "$scratch/second/bin-cat" "$scratch/cat.c" && mkdir -p "$root/bin" && cp "$scratch/second/bin-cat" "$root/bin/cat" || fail "compile cat"
binaryfs build "$root" -o "$lib" >/dev/null || fail "rebuild"
expect "first wins" 0 '^hello$' as_user env SCONE_EXTENSIONS_PATH="$lib:$scratch/second.so" "$runner" /bin/cat /etc/greeting
expect "first wins, other order" 0 '^second$' as_user env SCONE_EXTENSIONS_PATH="$scratch/second.so:$lib" "$runner" /bin/cat /etc/greeting
expect "directories merge" 0 '^other$' as_user env SCONE_EXTENSIONS_PATH="$lib:$scratch/second.so" "$runner" /bin/cat /etc/other
expect "merged listing" 0 'greeting.*other|other.*greeting' as_user env SCONE_EXTENSIONS_PATH="$lib:$scratch/second.so" "$runner" /bin/cat /etc

# --- host paths and volumes --------------------------------------------------------------------------------------------------------------------
mkdir -p "$scratch/volume" "$scratch/outside"
chmod 777 "$scratch/volume"
echo secret >"$scratch/outside/secret"
ln -s ../outside/secret "$scratch/volume/escape"
ln -s "$scratch/outside/secret" "$scratch/volume/absolute"
echo kept >"$scratch/volume/file"
binaryfs build "$root" -o "$scratch/doors.so" --host-path "$host_file" --host-path "$scratch/late" --volume /data >/dev/null || fail "build doors"
expect "a declared host path" 0 '^undeclared$' as_user "$scratch/doors.so" /bin/cat "$host_file"
expect "a volume" 0 '^kept$' as_user env BINARYFS_VOLUMES="/data=$scratch/volume" "$scratch/doors.so" /bin/cat /data/file
expect "a link that leaves the volume" 1 'No such file' as_user env BINARYFS_VOLUMES="/data=$scratch/volume" "$scratch/doors.so" /bin/cat /data/escape
expect "an absolute link in the volume" 1 'No such file' as_user env BINARYFS_VOLUMES="/data=$scratch/volume" "$scratch/doors.so" /bin/cat /data/absolute
expect "a host path of run" 0 '^secret$' as_user env BINARYFS_HOST_PATHS="$scratch/outside" "$lib" /bin/cat "$scratch/outside/secret"
binaryfs build "$root" -o "$scratch/sealed.so" --sealed >/dev/null || fail "build sealed"
expect "sealed" 125 'sealed' as_user env BINARYFS_HOST_PATHS="$scratch/outside" "$scratch/sealed.so" /bin/cat /etc/greeting

# --- hard cases -----------------------------------------------------------------------------------------------------------------------------------
mkdir -p "$scratch/hard/bin" "$scratch/hard/tmp"
chmod 1777 "$scratch/hard/tmp"
for name in signals processes; do
	gcc -O1 -static -o "$scratch/hard/bin/$name" "$here/programs/$name.c" -lpthread || fail "compile $name"
done
binaryfs build "$scratch/hard" -o "$scratch/hard.so" >/dev/null || fail "build hard"
for name in signals processes; do
	expect "$name" 0 '^[0-9]+ passed, 0 failed$' as_user bash -c "ulimit -n 1024; exec timeout 600 $scratch/hard.so /bin/$name /tmp"
	[ "$(id -u)" -ne 0 ] || expect "$name as root" 0 '^[0-9]+ passed, 0 failed$' timeout 600 "$scratch/hard.so" "/bin/$name" /tmp
done

# --- vector registers -------------------------------------------------------------------------------------------------------------------------
if grep -qw avx /proc/cpuinfo; then
	gcc -O1 -static -mavx -o "$scratch/hard/bin/vector" "$here/programs/vector.c" || fail "compile vector"
	binaryfs build "$scratch/hard" -o "$scratch/vector.so" >/dev/null || fail "build vector"
	expect "vector registers across calls" 0 'vector: ok' as_user env BINARYFS_HOST_PATHS="$host_file" "$scratch/vector.so" /bin/vector "$host_file"
else
	skip "vector registers: this processor has no AVX"
fi

# --- Python ------------------------------------------------------------------------------------------------------------------------------------
modules='import json, asyncio, ssl, sqlite3, ctypes, multiprocessing, decimal'
python_files=()
if [ -x /usr/bin/python3.11 ] && [ -d /usr/lib/python3.11/lib-dynload ]; then
	includes=(--include /usr/lib/python3.11 --include /etc/ssl/openssl.cnf --include /usr/lib/ssl)
	closure /usr/bin/python3.11
	for module in /usr/lib/python3.11/lib-dynload/*.so; do closure "$module"; done
	python_files=("${includes[@]}" --include /usr/bin/python3)
	binaryfs build / -o "$scratch/python.so" "${python_files[@]}" --exclude '*/__pycache__/*' >"$scratch/log" 2>&1 || fail "build python: $(cat "$scratch/log")"
	expect "non-PIE python: imports" 0 '^ok$' as_user "$scratch/python.so" /usr/bin/python3 -c "$modules; print('ok')"
	expect "non-PIE python, hermetic" 0 '^ok$' as_user env BINARYFS_HERMETIC=1 "$scratch/python.so" /usr/bin/python3 -c "$modules; print('ok')"
	expect "/ is the image" 0 "^\\['.*'usr'" as_user "$scratch/python.so" /usr/bin/python3 -c 'import os; print(sorted(os.listdir("/")))'
	expect "a host file is absent" 0 '^False$' as_user "$scratch/python.so" /usr/bin/python3 -c "import os; print(os.path.exists('$host_file'))"
	expect "a written file" 0 '^there$' as_user "$scratch/python.so" /usr/bin/python3 -c "open('/note','w').write('there'); print(open('/note').read())"
	expect "and gone at the next start" 0 '^False$' as_user "$scratch/python.so" /usr/bin/python3 -c "import os; print(os.path.exists('/note'))"
	expect "threads and processes" 0 '^\[0, 1, 4, 9\] 45$' as_user "$scratch/python.so" /usr/bin/python3 -c "
import multiprocessing, threading
def square(x): return x * x
total = []
threads = [threading.Thread(target=lambda i=i: total.append(i)) for i in range(10)]
[t.start() for t in threads]; [t.join() for t in threads]
with multiprocessing.get_context('fork').Pool(2) as pool: print(pool.map(square, range(4)), sum(total))"
	expect "subprocess of an image program" 0 "b'sub" as_user "$scratch/python.so" /usr/bin/python3 -c "
import subprocess, sys; print(subprocess.run([sys.executable, '-c', 'print(\"sub\")'], capture_output=True, check=True).stdout)"
	if python3-config --embed --libs >/dev/null 2>&1 || [ -f /usr/include/python3.11/Python.h ]; then
		if gcc -O1 -fPIE -pie -I/usr/include/python3.11 -o "$scratch/embed" "$here/programs/embed.c" -lpython3.11 2>"$scratch/log"; then
			mkdir -p "$scratch/pie/opt"
			cp "$scratch/embed" "$scratch/pie/opt/python-pie"
			binaryfs build "$scratch/pie" -o "$scratch/pie.so" >/dev/null || fail "build pie"
			includes=("${python_files[@]}")
			closure "$scratch/embed"
			binaryfs build / -o "$scratch/python-embed.so" "${includes[@]}" --exclude "$scratch/*" --exclude '*/__pycache__/*' >"$scratch/log" 2>&1 || fail "build embed: $(cat "$scratch/log")"
			expect "PIE python: imports" 0 '^ok$' as_user env SCONE_EXTENSIONS_PATH="$scratch/pie.so:$scratch/python-embed.so" "$runner" /opt/python-pie -c "$modules; print('ok')"
		else
			fail "compile embed.c: $(cat "$scratch/log")"
		fi
	else
		skip "PIE python: libpython3.11-dev is not installed"
	fi
	if [ -d /usr/lib/python3/dist-packages/numpy ]; then
		includes=("${python_files[@]}" --include /usr/lib/python3/dist-packages/numpy --include '/usr/lib/python3/dist-packages/numpy-*')
		while read -r module; do closure "$module"; done < <(find /usr/lib/python3/dist-packages/numpy -name '*.so')
		binaryfs build / -o "$scratch/numpy.so" "${includes[@]}" --include /etc/alternatives --exclude '*/__pycache__/*' >"$scratch/log" 2>&1 || fail "build numpy: $(cat "$scratch/log")"
		expect "numpy" 0 '^\[0 2 4\]$' as_user "$scratch/numpy.so" /usr/bin/python3 -c 'import numpy; print(numpy.arange(3) * 2)'
	else
		skip "numpy: python3-numpy is not installed"
	fi
else
	skip "Debian's python3.11 is not installed"
fi

# --- Java --------------------------------------------------------------------------------------------------------------------------------------
jdk=$(dirname "$(dirname "$(readlink -f "$(command -v javac || echo /nowhere/bin/javac)")")")
if [ -x "$jdk/bin/javac" ] && as_user test -r "$jdk/bin/java"; then
	mkdir -p "$scratch/classes"
	printf 'from the jar\n' >"$scratch/classes/message.txt"
	"$jdk/bin/javac" -d "$scratch/classes" "$here/programs/Many.java" && "$jdk/bin/jar" --create --file "$scratch/many.jar" --main-class Many -C "$scratch/classes" . || fail "build the jar"
	includes=(--include "$jdk" --include "$scratch/many.jar" --include '/etc/java-*')
	closure "$jdk/bin/java"
	while read -r library; do closure "$library"; done < <(find "$jdk/lib" -name '*.so')
	binaryfs build / -o "$scratch/java.so" "${includes[@]}" --exclude "$jdk/lib/src.zip" --exclude "$jdk/jmods" >"$scratch/log" 2>&1 || fail "build java: $(cat "$scratch/log")"
	expect "java -version" 0 'version "' as_user "$scratch/java.so" "$jdk/bin/java" -version
	expect "a jar with resources and 50 threads" 0 'resource: from the jar' as_user "$scratch/java.so" "$jdk/bin/java" -jar "$scratch/many.jar" "$host_file"
	expect "its files" 0 'files: 50' as_user "$scratch/java.so" "$jdk/bin/java" -jar "$scratch/many.jar" "$host_file"
	expect "no host file" 0 'host file: false' as_user "$scratch/java.so" "$jdk/bin/java" -jar "$scratch/many.jar" "$host_file"
	expect "its child process" 0 'child: 0' as_user "$scratch/java.so" "$jdk/bin/java" -jar "$scratch/many.jar" "$host_file"
else
	skip "Java: no JDK that an unprivileged user may read"
fi
finish
