#!/usr/bin/env bash
# CPython's own test suite, as Debian ships it, natively and from an image at the same time: the same result for every test, but for the lines of cpython/differences.txt.
. "$(dirname "$0")/../runtime/support/lib.sh"
parts=$project/test/applications/cpython
# The longest first. test_sqlite3 is not in Debian's package: the one in cpython/ stands in.
modules=(test_multiprocessing_spawn test_asyncio test_multiprocessing_fork test_signal test_socket test_io test_subprocess test_threading test_zipfile test_os test_posix test_fileio test_shutil
	test_tempfile test_pathlib test_glob test_mmap test_fcntl test_import test_importlib test_zipimport test_sqlite3 test_pty)
if [ ! -x /usr/bin/python3.11 ] || [ ! -d /usr/lib/python3.11/test/libregrtest ]; then
	skip "CPython's suite: Debian's python3.11 with libpython3.11-testsuite is not installed"
	finish
fi

# --- what the native run has ---------------------------------------------------------------------------------------------------------------------
mkdir "$scratch/own" "$scratch/native" "$scratch/results"
cp "$parts/test_sqlite3.py" "$scratch/own"
chmod -R a+rX "$scratch/own"
chmod 1777 "$scratch/native" "$scratch/results"
includes=(--include "$scratch/own" --include /usr/lib/python3.11 --include /usr/bin/python3)
closure /usr/bin/python3.11 /lib/x86_64-linux-gnu/libgcc_s.so.1
for module in /usr/lib/python3.11/lib-dynload/*.so; do closure "$module"; done
# Programs that tests start, or look for and skip without.
for program in bash sh true cat sleep ls id stty tar zip unzip gzip bzip2 xz; do
	[ -e "/bin/$program" ] && closure "/bin/$program" "/usr/bin/$program"
done
for path in /etc/passwd /etc/group /etc/nsswitch.conf /etc/hosts /etc/host.conf /etc/gai.conf /etc/services /etc/protocols /etc/resolv.conf /etc/localtime /etc/ld.so.cache /etc/mime.types /etc/inputrc \
	/etc/ssl/openssl.cnf /usr/lib/ssl /usr/share/zoneinfo /usr/lib/locale /usr/share/locale/locale.alias /usr/lib/x86_64-linux-gnu/gconv /lib/terminfo /etc/terminfo /usr/share/terminfo /usr/lib/x86_64-linux-gnu/libnss_systemd.so.2; do
	[ -e "$path" ] && includes+=(--include "$path")
done
lib=$scratch/cpython.so
binaryfs build / -o "$lib" --no-state --volume "$scratch/results=$scratch/results" "${includes[@]}" >"$scratch/log" 2>&1 || {
	fail "build: $(tail -n 3 "$scratch/log")"
	finish
}

# --- both sides: the same user, the same environment but for the place of temporary files ----------------------------------------------------------
side() {
	local name=$1
	shift
	{
		echo '#!/usr/bin/env bash'
		printf 'cd %q && exec' "$scratch/native"
		printf ' %q' "${unprivileged[@]}"
		printf ' env -i PATH=/usr/bin:/bin LANG=C.UTF-8 %s "$@"\n' "$*"
	} >"$scratch/$name"
	chmod 755 "$scratch/$name"
}
side on-host "HOME=$scratch/native TMPDIR=$scratch/native"
side in-image "HOME=/tmp BINARYFS_HERMETIC=1 BINARYFS_VOLUMES=$scratch/results=$scratch/results $lib"

python3 "$parts/suite.py" "$scratch/on-host" "$scratch/in-image" "$scratch/results" "$parts/differences.txt" "$scratch/own" "${modules[@]}"
exit
