/* Tries every system call of x86-64 that takes a path, or reaches a file in another way, against planted host files that the image does not declare. Usage: every_path_call DIR TOKEN
 *
 * DIR (a host directory) holds: file (its content is TOKEN), dir/, program (executable), link -> file, fifo, socket (a listening AF_UNIX socket). Each call is made through four entries:
 * libc's syscall(), a bare `syscall` instruction, the x32 numbers, and int 0x80 with the i386 numbers. None may succeed, none may kill the program, and each errno must be one that a
 * program can expect. The caller checks afterwards that nothing on the host has changed. Prints "N passed, N failed". */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static unsigned passed, failed;
static char *low; /* a page below 4 GiB, for int 0x80 and x32 */
static char *file_path, *dir_path, *program_path, *link_path, *fifo_path, *socket_path, *new_path, *new_path2;
static char *buffer, *token;
static uint64_t *vector; /* argv-like */

static const int sane[] = { ENOENT, EPERM, ENOSYS, EACCES, EOPNOTSUPP, EINVAL, ECONNREFUSED, ENOTDIR, EBADF, ENXIO, ENODEV, ENOTBLK, EXDEV, EFAULT, ENOTSOCK, EAFNOSUPPORT };

static void verdict(const char *entry, const char *name, long result, bool deny_all) {
	(void)deny_all;
	if (result >= 0) {
		printf("FAIL %s %s succeeded (%ld)\n", entry, name, result);
		failed++;
		return;
	}
	for (unsigned i = 0; i < sizeof sane / sizeof *sane; i++) {
		if (-result == sane[i]) {
			passed++;
			return;
		}
	}
	printf("FAIL %s %s: errno %ld (%s) is not to be expected\n", entry, name, -result, strerror((int)-result));
	failed++;
}

static long bare(long nr, const uint64_t *a) {
	long r;
	register uint64_t r10 __asm__("r10") = a[3], r8 __asm__("r8") = a[4], r9 __asm__("r9") = a[5];
	__asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return r;
}

static long via_libc(long nr, const uint64_t *a) {
	long r = syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	return r == -1 ? -errno : r;
}

static long int80(long nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3) {
	long r;
	__asm__ volatile("push %%rbx; mov %[b], %%rbx; int $0x80; pop %%rbx"
			 : "=a"(r)
			 : "a"(nr), [b] "r"(a0), "c"(a1), "d"(a2), "S"(a3), "D"(0ul)
			 : "memory", "r8", "r9", "r10", "r11", "cc");
	return (int)r;
}

struct attempt {
	long nr;
	const char *name;
	uint64_t a[6];
};

#define P(x) ((uint64_t)(x))
#define CWD ((uint64_t)AT_FDCWD)

/* Numbers that the headers of an older libc may lack. */
enum {
	NR_open_tree = 428,
	NR_move_mount = 429,
	NR_fsopen = 430,
	NR_fspick = 433,
	NR_clone3 = 435,
	NR_openat2 = 437,
	NR_faccessat2 = 439,
	NR_mount_setattr = 442,
	NR_fchmodat2 = 452,
	NR_statmount = 457,
	NR_listmount = 458,
	NR_setxattrat = 463,
	NR_getxattrat = 464,
	NR_listxattrat = 465,
	NR_removexattrat = 466,
	NR_open_tree_attr = 467,
	NR_file_getattr = 468,
	NR_file_setattr = 469,
};

static struct attempt attempts[160];
static unsigned attempt_count;
static void add(long nr, const char *name, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5) {
	attempts[attempt_count++] = (struct attempt){ nr, name, { a0, a1, a2, a3, a4, a5 } };
}
#define ADD1(n, a) add(SYS_##n, #n, P(a), 0, 0, 0, 0, 0)
#define ADD2(n, a, b) add(SYS_##n, #n, P(a), P(b), 0, 0, 0, 0)
#define ADD3(n, a, b, c) add(SYS_##n, #n, P(a), P(b), P(c), 0, 0, 0)
#define ADD4(n, a, b, c, d) add(SYS_##n, #n, P(a), P(b), P(c), P(d), 0, 0)
#define ADD5(n, a, b, c, d, e) add(SYS_##n, #n, P(a), P(b), P(c), P(d), P(e), 0)

static void collect(void) {
	uint64_t *how = (uint64_t *)(buffer + 2048); /* struct open_how */
	memset(how, 0, 24);
	ADD3(open, file_path, O_RDONLY, 0);
	ADD3(open, file_path, O_WRONLY, 0);
	ADD3(open, file_path, O_PATH, 0);
	ADD3(open, new_path, O_CREAT | O_RDWR, 0600);
	ADD3(open, dir_path, O_DIRECTORY, 0);
	ADD3(open, dir_path, O_TMPFILE | O_RDWR, 0600);
	ADD3(open, link_path, O_RDONLY, 0);
	ADD3(open, fifo_path, O_RDONLY | O_NONBLOCK, 0);
	ADD4(openat, CWD, file_path, O_RDONLY, 0);
	ADD4(openat, -1, file_path, O_RDONLY, 0);
	ADD4(openat, CWD, file_path, O_RDWR | O_TRUNC, 0);
	add(NR_openat2, "openat2", CWD, P(file_path), P(how), 24, 0, 0);
	ADD2(creat, new_path, 0600);
	ADD2(stat, file_path, buffer);
	ADD2(lstat, file_path, buffer);
	ADD4(newfstatat, CWD, file_path, buffer, 0);
	ADD4(newfstatat, CWD, file_path, buffer, AT_SYMLINK_NOFOLLOW);
	ADD5(statx, CWD, file_path, 0, 0x7ff, buffer);
	ADD2(access, file_path, R_OK);
	ADD3(faccessat, CWD, file_path, F_OK);
	add(NR_faccessat2, "faccessat2", CWD, P(file_path), F_OK, 0, 0, 0);
	ADD3(readlink, link_path, buffer, 100);
	ADD4(readlinkat, CWD, link_path, buffer, 100);
	ADD2(truncate, file_path, 0);
	ADD2(mkdir, new_path, 0700);
	ADD3(mkdirat, CWD, new_path, 0700);
	ADD1(rmdir, dir_path);
	ADD1(unlink, file_path);
	ADD3(unlinkat, CWD, file_path, 0);
	ADD3(unlinkat, CWD, dir_path, AT_REMOVEDIR);
	ADD2(rename, file_path, new_path);
	ADD4(renameat, CWD, file_path, CWD, new_path);
	ADD5(renameat2, CWD, file_path, CWD, new_path, 0);
	ADD5(renameat2, CWD, file_path, CWD, dir_path, 2 /* RENAME_EXCHANGE */);
	ADD2(link, file_path, "/stolen");
	ADD2(link, file_path, new_path);
	ADD5(linkat, CWD, file_path, CWD, "/stolen", 0);
	ADD2(symlink, "x", new_path);
	ADD3(symlinkat, "x", CWD, new_path);
	ADD3(mknod, new_path, S_IFIFO | 0600, 0);
	ADD4(mknodat, CWD, new_path, S_IFREG | 0600, 0);
	ADD2(chmod, file_path, 0777);
	ADD3(fchmodat, CWD, file_path, 0777);
	add(NR_fchmodat2, "fchmodat2", CWD, P(file_path), 0777, 0, 0, 0);
	ADD3(chown, file_path, 1, 1);
	ADD3(lchown, file_path, 1, 1);
	ADD5(fchownat, CWD, file_path, 1, 1, 0);
	ADD2(utime, file_path, 0);
	ADD2(utimes, file_path, 0);
	ADD3(futimesat, CWD, file_path, 0);
	ADD4(utimensat, CWD, file_path, 0, 0);
	ADD2(statfs, file_path, buffer);
	ADD1(chdir, dir_path);
	ADD1(chroot, dir_path);
	ADD2(pivot_root, dir_path, dir_path);
	ADD5(mount, dir_path, "/", "", 4096 /* MS_BIND */, 0);
	ADD2(umount2, dir_path, 0);
	ADD2(swapon, file_path, 0);
	ADD1(swapoff, file_path);
	ADD1(acct, file_path);
	ADD1(uselib, file_path);
	ADD4(quotactl, 0x80000700, file_path, 0, buffer);
	ADD5(setxattr, file_path, "user.a", "b", 1, 0);
	ADD5(lsetxattr, file_path, "user.a", "b", 1, 0);
	ADD4(getxattr, file_path, "user.a", buffer, 100);
	ADD4(lgetxattr, file_path, "user.a", buffer, 100);
	ADD3(listxattr, file_path, buffer, 100);
	ADD3(llistxattr, file_path, buffer, 100);
	ADD2(removexattr, file_path, "user.a");
	ADD2(lremovexattr, file_path, "user.a");
	add(NR_setxattrat, "setxattrat", CWD, P(file_path), 0, P("user.a"), P(buffer), 16);
	add(NR_getxattrat, "getxattrat", CWD, P(file_path), 0, P("user.a"), P(buffer), 16);
	add(NR_listxattrat, "listxattrat", CWD, P(file_path), 0, P(buffer), 100, 0);
	add(NR_removexattrat, "removexattrat", CWD, P(file_path), 0, P("user.a"), 0, 0);
	ADD3(inotify_add_watch, 0, file_path, 1);
	ADD5(fanotify_mark, 0, 1, 1, CWD, file_path);
	ADD5(name_to_handle_at, CWD, file_path, buffer, buffer + 512, 0);
	ADD3(open_by_handle_at, CWD, buffer, 0);
	add(NR_open_tree, "open_tree", CWD, P(dir_path), 0, 0, 0, 0);
	add(NR_open_tree_attr, "open_tree_attr", CWD, P(dir_path), 0, 0, 0, 0);
	add(NR_move_mount, "move_mount", CWD, P(dir_path), CWD, P("/"), 0, 0);
	add(NR_fspick, "fspick", CWD, P(dir_path), 0, 0, 0, 0);
	add(NR_fsopen, "fsopen", P("tmpfs"), 0, 0, 0, 0, 0);
	add(NR_mount_setattr, "mount_setattr", CWD, P(dir_path), 0, P(buffer), 32, 0);
	add(NR_statmount, "statmount", P(buffer), P(buffer), 512, 0, 0, 0);
	add(NR_listmount, "listmount", P(buffer), P(buffer), 8, 0, 0, 0);
	add(NR_file_getattr, "file_getattr", CWD, P(file_path), P(buffer), 24, 0, 0);
	add(NR_file_setattr, "file_setattr", CWD, P(file_path), P(buffer), 24, 0, 0);
	vector[0] = P(program_path);
	vector[1] = 0;
	ADD3(execve, program_path, vector, 0);
	ADD5(execveat, CWD, program_path, vector, 0, 0);
	ADD2(setns, 0, 0);
	ADD3(finit_module, 0, "", 0);
	ADD5(kexec_file_load, 0, 0, 0, 0, 0);
	ADD3(bpf, 7 /* BPF_OBJ_GET */, buffer, 64);
	ADD5(perf_event_open, buffer, 0, -1, -1, 0);
	add(438 /* pidfd_getfd */, "pidfd_getfd", 0, 0, 0, 0, 0, 0);
	ADD2(io_uring_setup, 4, buffer);
	ADD5(io_uring_enter, 0, 1, 0, 0, 0);
	ADD4(io_uring_register, 0, 0, 0, 0);
	ADD2(io_setup, 4, buffer);
	add(NR_clone3, "clone3", P(buffer), 64, 0, 0, 0, 0);
}

/* i386 numbers of the path calls (arch/x86/entry/syscalls/syscall_32.tbl). */
static const struct {
	int nr;
	const char *name;
} i386_calls[] = {
	{ 5, "open" },
	{ 8, "creat" },
	{ 10, "unlink" },
	{ 11, "execve" },
	{ 12, "chdir" },
	{ 14, "mknod" },
	{ 15, "chmod" },
	{ 16, "lchown16" },
	{ 18, "oldstat" },
	{ 30, "utime" },
	{ 33, "access" },
	{ 39, "mkdir" },
	{ 40, "rmdir" },
	{ 61, "chroot" },
	{ 84, "oldlstat" },
	{ 85, "readlink" },
	{ 92, "truncate" },
	{ 99, "statfs" },
	{ 106, "stat" },
	{ 107, "lstat" },
	{ 195, "stat64" },
	{ 196, "lstat64" },
	{ 198, "lchown" },
	{ 212, "chown" },
	{ 226, "setxattr" },
	{ 229, "getxattr" },
	{ 268, "statfs64" },
	{ 271, "utimes" },
};
static const struct {
	int nr;
	const char *name;
} i386_at_calls[] = { { 295, "openat" }, { 296, "mkdirat" }, { 300, "fstatat64" }, { 301, "unlinkat" }, { 305, "readlinkat" }, { 306, "fchmodat" },
	{ 307, "faccessat" }, { 383, "statx" }, { 437, "openat2" } };

/* AF_UNIX by path: connect, sendto, sendmsg, bind, each from its own socket. */
static void sockets(void) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t length = sizeof address;
	strncpy(address.sun_path, socket_path, sizeof address.sun_path - 1);
	int stream = socket(AF_UNIX, SOCK_STREAM, 0), datagram = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (stream < 0 || datagram < 0) {
		puts("FAIL socket() itself");
		failed++;
		return;
	}
	verdict("libc", "connect(AF_UNIX)", connect(stream, (struct sockaddr *)&address, length) < 0 ? -errno : 0, false);
	verdict("libc", "connect(AF_UNIX, datagram)", connect(datagram, (struct sockaddr *)&address, length) < 0 ? -errno : 0, false);
	verdict("libc", "sendto(AF_UNIX)", sendto(datagram, "x", 1, 0, (struct sockaddr *)&address, length) < 0 ? -errno : 0, false);
	struct iovec iov = { "x", 1 };
	struct msghdr message = { .msg_name = &address, .msg_namelen = length, .msg_iov = &iov, .msg_iovlen = 1 };
	verdict("libc", "sendmsg(AF_UNIX)", sendmsg(datagram, &message, 0) < 0 ? -errno : 0, false);
	struct mmsghdr many = { .msg_hdr = message };
	verdict("libc", "sendmmsg(AF_UNIX)", sendmmsg(datagram, &many, 1, 0) < 0 ? -errno : 0, false);
	strncpy(address.sun_path, new_path, sizeof address.sun_path - 1);
	verdict("libc", "bind(AF_UNIX)", bind(stream, (struct sockaddr *)&address, length) < 0 ? -errno : 0, false);
	close(stream);
	close(datagram);
}

/* What the descriptors that a program starts with could lead to. */
static void doors(void) {
	char path[64];
	static const char *const links[] = { "/proc/self/root", "/proc/self/cwd", "/proc/1/root", "/proc/1/cwd", "/proc/thread-self/root", "/proc/self/task/self/root" };
	for (unsigned i = 0; i < sizeof links / sizeof *links; i++) {
		char *p = low + 3072;
		snprintf(p, 900, "%s%s", links[i], file_path);
		int fd = open(p, O_RDONLY);
		verdict("libc", p, fd < 0 ? -errno : fd, false);
	}
	for (int fd = 0; fd < 1100; fd++) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		struct stat st;
		if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
			int inner = openat(fd, file_path + 1, O_RDONLY);
			verdict("libc", "openat(inherited directory)", inner < 0 ? -errno : inner, false);
		}
	}
}

static void put(char **field, const char *dir, const char *name, size_t *at) {
	*field = low + *at;
	*at += (size_t)snprintf(*field, 256, "%s%s%s", dir, *name ? "/" : "", name) + 1;
}

int main(int argc, char **argv) {
	if (argc != 3) return 2;
	low = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED) return 2;
	size_t at = 0;
	put(&file_path, argv[1], "file", &at);
	put(&dir_path, argv[1], "dir", &at);
	put(&program_path, argv[1], "program", &at);
	put(&link_path, argv[1], "link", &at);
	put(&fifo_path, argv[1], "fifo", &at);
	put(&socket_path, argv[1], "socket", &at);
	put(&new_path, argv[1], "new", &at);
	put(&new_path2, argv[1], "new2", &at);
	token = argv[2];
	buffer = low + 4096;
	vector = (uint64_t *)(low + 12288);

	collect();
	unsigned numbers = 0;
	static unsigned char seen[512];
	for (unsigned i = 0; i < attempt_count; i++) {
		const struct attempt *t = &attempts[i];
		if (!seen[t->nr]++) numbers++;
		verdict("libc", t->name, via_libc(t->nr, t->a), false);
		verdict("bare", t->name, bare(t->nr, t->a), false);
		verdict("x32", t->name, bare(t->nr | 0x40000000, t->a), false);
		if (memmem(buffer, 8192, token, strlen(token)) != NULL) {
			printf("FAIL %s brought the planted file's content\n", t->name);
			failed++;
			memset(buffer, 0, 8192);
		}
	}
	for (unsigned i = 0; i < sizeof i386_calls / sizeof *i386_calls; i++) {
		verdict("int80", i386_calls[i].name, int80(i386_calls[i].nr, P(file_path), 0, P(buffer), 0), true);
	}
	for (unsigned i = 0; i < sizeof i386_at_calls / sizeof *i386_at_calls; i++)
		verdict("int80", i386_at_calls[i].name, int80(i386_at_calls[i].nr, CWD, P(file_path), P(buffer), P(buffer)), true);
	sockets();
	doors();
	printf("%u numbers, four entries\n%u passed, %u failed\n", numbers, passed, failed);
	return failed != 0;
}
