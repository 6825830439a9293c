#!/usr/bin/env bash
# The Linux Test Project's tests of file and process calls, natively on a tmpfs and in the overlay at the same time, as root (where the tests are) and as an ordinary user: exit status and the
# numbers of passed, failed and broken checks are the same, but for ltp/differences.txt. The suite is no part of this repository:
#
#   git clone https://github.com/linux-test-project/ltp && cd ltp && make autotools && ./configure --prefix=/opt/ltp
#   make -C lib && make -C libs && make -C testcases/lib && make -C testcases/kernel/syscalls -k && make -k install
#   BINARYFS_LTP=/opt/ltp bash test/runtime/ltp.sh [WORD…]      only tests whose names start with a WORD
. "$(dirname "$0")/support/lib.sh"

ltp=${BINARYFS_LTP:-}
if [ -z "$ltp" ]; then
	skip "the Linux Test Project: BINARYFS_LTP names no built tree (see the head of this script)"
	finish
fi
bin=$ltp/testcases/bin
[ -x "$bin/open01" ] && [ -r "$ltp/runtest/syscalls" ] || {
	fail "$ltp has no testcases/bin/open01 and runtest/syscalls"
	finish
}

# Families whose tests concern files, processes, signals and sockets. Those that measure time, fill memory, change the whole machine or make a signal stack unwritable are left out.
families='abort accept access alarm bind chdir chmod chown chroot clone close connect copy_file_range creat dup epoll eventfd exec exit faccessat fallocate fchdir fchmod fchown fcntl fdatasync
fgetxattr file_attr flistxattr flock fork fpathconf fremovexattr fsetxattr fstat fsync ftruncate futimesat getcwd getdents getpeername getpgid getpid getsid getsockname getsockopt getxattr
inotify ioctl_f kill lchown lgetxattr link listen listxattr llistxattr llseek lremovexattr lseek lstat madvise memfd_create mincore mkdir mknod mmap mprotect mremap msync munmap name_to_handle
nftw open pathconf pidfd pipe poll01 ppoll posix_fadvise prctl pread process_vm ptrace pwrite read realpath recv remap_file_pages removexattr rename rmdir rt_sig sbrk send setfsgid setfsuid
setpgid setresuid setreuid setsid setuid setxattr sig socket splice stat symlink sync tee tgkill tkill truncate umask unlink utime vfork vmsplice wait write'
left_out='^(fork1[34]|fcntl3[3-6]|epoll_wait02|epoll_pwait03|inotify09|prctl09|setsockopt1|signal06|sigtimedwait|waitid_)'

tests=$scratch/tests
pattern="^($(tr -s ' \n' '||' <<<"${*:-$families}" | sed 's/|$//'))"
while read -r tag command; do
	[ -x "$bin/${command%% *}" ] && printf '%s %s\n' "$tag" "$command"
done < <(grep -E "$pattern" "$ltp/runtest/syscalls" | grep -Ev "$left_out") >"$tests"

includes=(--include "$ltp/testcases" --include /etc/passwd --include /etc/group --include /etc/nsswitch.conf)
[ -L /bin ] && includes+=(--include /bin/sh)
closure "$(realpath /bin/sh)"
for program in cat chmod cp ln ls mkdir mv rm sleep touch true; do closure "$(type -P "$program")"; done
while read -r library; do includes+=(--include "$library"); done < <(find "$bin" -type f -exec ldd {} + 2>/dev/null | grep -oE '/[^ :]+\.so[^ :]*' | sort -u)
printf '%s\n' "${includes[@]}" | grep -v '^--include$' | sort -u | sed 's/^/-i /' >"$scratch/selection"
binaryfs build / -o "$scratch/ltp.so" --no-state --selection "$scratch/selection" >"$scratch/log" 2>&1 || fail "build: $(cat "$scratch/log")"

native=$(mktemp -d /dev/shm/binaryfs-ltp.XXXXXX 2>/dev/null) || native=$(mktemp -d "$scratch/native.XXXXXX")
cleanup_commands+=("remove '$native'")
chmod 1777 "$native"
# No block device is offered: what wants one is out, natively too. The 20,000 descriptors that some machines allow are opened by a dozen tests.
environment=(-i PATH="$bin:/usr/bin:/bin" LTPROOT="$ltp" LC_ALL=C HOME=/tmp LTP_COLORIZE_OUTPUT=n LTP_DEV=/dev/null KCONFIG_SKIP_CHECK=1 LTP_TIMEOUT_MUL=2 LTP_RUNTIME_MUL=0.3)
ulimit -n 1024

# result STATUS FILE: what is compared.
result() {
	local kind
	printf 'status %s' "$1"
	for kind in TPASS TFAIL TBROK; do printf ' %s %s' "$kind" "$(grep -cw "$kind" "$2")"; done
}

# both COMMAND: sets `outside` and `inside`.
both() {
	local status_outside status_inside
	remove "$native"/*
	(cd "$native" && exec timeout -k 5 60 "${as[@]}" env "${environment[@]}" TMPDIR="$native" /bin/sh -c "$1") >"$scratch/outside" 2>&1 </dev/null &
	timeout -k 5 60 "${as[@]}" env "${environment[@]}" TMPDIR=/tmp "$scratch/ltp.so" /bin/sh -c "cd /tmp; $1" >"$scratch/inside" 2>&1 </dev/null
	status_inside=$?
	wait $!
	status_outside=$?
	outside=$(result "$status_outside" "$scratch/outside") inside=$(result "$status_inside" "$scratch/inside")
}

# differs TAG: is it known to?
differs() { grep -q "^$1 " "$here/ltp/differences.txt"; }

# suite WHO: every test of which something passes natively.
suite() {
	local tag command out=0 same=0 known=0
	while read -r tag command <&3; do
		both "$command"
		[ "$outside" = "$inside" ] || differs "$tag" || both "$command" # once more: the machine may be busy
		if [[ "$outside" != "status 0 "* ]]; then
			out=$((out + 1))
		elif [ "$outside" = "$inside" ]; then
			same=$((same + 1))
			pass
		elif differs "$tag"; then
			known=$((known + 1))
		else
			fail "$1, $tag: natively $outside, in the image $inside: $(grep -E 'TFAIL|TBROK|TCONF' "$scratch/inside" | head -n 3)"
		fi
	done 3<"$tests"
	printf '%s: %d the same, %d differ as documented, %d do not pass natively\n' "$1" "$same" "$known" "$out"
}

if [ "$(id -u)" -eq 0 ]; then
	as=()
	suite root
fi
as=("${unprivileged[@]}")
suite user
finish
