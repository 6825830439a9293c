#!/usr/bin/env bash
# The programs of ops/ and posix/ on other kernels than this machine's: each kernel starts in an emulator with a file system in memory, and there each program runs natively and in an image,
# as an ordinary user. A check that fails in the image alone is a failure. Kernels are no part of this repository, and no modules are needed:
#
#   apt-get download linux-image-6.1.0-50-amd64-unsigned && dpkg-deb -x linux-image-*.deb kernel
#   BINARYFS_KERNELS="kernel/boot/vmlinuz-6.1.0-50-amd64 …" bash test/runtime/kernels.sh      needs qemu-system-x86, busybox-static and cpio
. "$(dirname "$0")/support/lib.sh"

if [ -z "${BINARYFS_KERNELS:-}" ]; then
	skip "other kernels: BINARYFS_KERNELS names none (see the head of this script)"
	finish
fi
for tool in qemu-system-x86_64 busybox cpio; do
	type -P "$tool" >/dev/null || fail "$tool is not installed"
done
busybox=$(type -P busybox)
ldd "$busybox" >/dev/null 2>&1 && fail "$busybox is not a static one (busybox-static)"
[ "$failed" -eq 0 ] || finish

# Programs that run by themselves; the others take part in tests of more than one step.
left_out='^(existing|full|remains)$'
programs=()
mkdir -p "$scratch/root"/{bin,tmp,volume} "$scratch/system"/{bin,dev,etc,proc,sys,tmp,programs}
chmod 1777 "$scratch/root/tmp" "$scratch/system/tmp"
for source in "$here"/ops/*.c "$here"/posix/*.c; do
	name=$(basename "$source" .c)
	gcc -O1 -w -static -o "$scratch/root/bin/$name" "$source" -lpthread || fail "compile $name"
	[[ "$name" =~ $left_out ]] || programs+=("$name")
done
binaryfs build "$scratch/root" -o "$scratch/system/image.so" >/dev/null || fail "build"

cp "$busybox" "$scratch/system/bin/busybox"
for name in "${programs[@]}"; do cp "$scratch/root/bin/$name" "$scratch/system/programs/"; done
echo 'user:x:65534:65534::/tmp:/bin/sh' >"$scratch/system/etc/passwd"
cat >"$scratch/system/init" <<INIT
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm /dev/pts
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
ip link set lo up
echo 1 2>/dev/null >/proc/sys/kernel/unprivileged_userns_clone
run() {
	printf '\n@ %s %s\n' "\$1" "\$2"
	su -s /bin/sh user -c "timeout 900 \$3 2>&1 </dev/null"
	printf '\n@ end\n'
}
for name in ${programs[*]}; do
	mkdir -m 1777 /dev/shm/place
	run native \$name "/programs/\$name /dev/shm/place"
	rm -rf /dev/shm/place
	run image \$name "/image.so /bin/\$name /tmp"
done
printf '\n@ done\n'
poweroff -f
INIT
chmod 755 "$scratch/system/init"
(cd "$scratch/system" && find . | cpio -o -H newc --quiet --owner=0:0 | gzip -1) >"$scratch/initrd"

# part KIND NAME: what the emulated program printed.
part() { sed -n "/^@ $1 $2\$/,/^@ end\$/p" "$scratch/console" | grep -v '^@'; }

for kernel in $BINARYFS_KERNELS; do
	timeout 7200 qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 4096 -nographic -nic none -no-reboot -kernel "$kernel" -initrd "$scratch/initrd" \
		-append 'console=ttyS0 quiet panic=-1 edd=off' </dev/null 2>&1 | tr -d '\r' >"$scratch/console"
	if ! grep -q '^@ done$' "$scratch/console"; then
		fail "$kernel did not come to the end: $(tail -n 5 "$scratch/console")"
		continue
	fi
	for name in "${programs[@]}"; do
		known_differences=$(part native "$name" | grep -E '^[^ ]+\.c:[0-9]+: ' | sed -E 's/^[^ ]+: //; s/ \(errno [0-9]+\)$//; s/^/'"$name"': /')
		[ -z "$known_differences" ] || printf '%s, natively too: %s\n' "$(basename "$kernel")" "$known_differences"
		judge "$(basename "$kernel") $name" "$name" "$(part image "$name")"
	done
done
finish
