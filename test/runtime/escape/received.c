/* In an image: descriptors of host directories that an outsider sent lead nowhere. Usage: received DIR, with send_descriptors' socket as descriptor 3. Prints "N passed, N failed". */
#define _GNU_SOURCE
#include "../ops/check.h"

#include <sched.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

static int receive(void) {
	char byte, space[CMSG_SPACE(sizeof(int))];
	struct iovec io = { &byte, 1 };
	struct msghdr message = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space };
	int fd = -1;
	if (recvmsg(3, &message, 0) == 1 && CMSG_FIRSTHDR(&message) != NULL) memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
	return fd;
}

static char text[4096];
static const char *in(int fd, const char *name) {
	snprintf(text, sizeof text, "/proc/self/fd/%d%s", fd, name);
	return text;
}

static void directory(int d) {
	struct stat st;
	char buffer[1024];
	char *args[] = { "program", NULL };
	OK(d > 3);
	FAILS(openat(d, "file", O_RDONLY), ENOTDIR);
	FAILS(openat(d, ".", O_RDONLY), ENOTDIR);
	FAILS(openat(d, "..", O_PATH), ENOTDIR);
	FAILS(openat(d, "new", O_RDWR | O_CREAT, 0600), ENOTDIR);
	FAILS(openat(d, ".", O_TMPFILE | O_RDWR, 0600), ENOTDIR);
	struct {
		uint64_t flags, mode, resolve;
	} how = { O_RDONLY, 0, 0 };
	FAILS(syscall(SYS_openat2, d, "file", &how, sizeof how), ENOTDIR);
	FAILS(fstatat(d, "file", &st, 0), ENOTDIR);
	FAILS(syscall(SYS_statx, d, "file", 0, 0x7ff, buffer), ENOTDIR);
	FAILS(faccessat(d, "file", R_OK, 0), ENOTDIR);
	FAILS(readlinkat(d, "link", buffer, sizeof buffer), ENOTDIR);
	FAILS(mkdirat(d, "made", 0700), ENOTDIR);
	FAILS(unlinkat(d, "file", 0), ENOTDIR);
	FAILS(renameat(d, "file", AT_FDCWD, "/tmp/got"), ENOTDIR);
	FAILS(renameat(AT_FDCWD, "/tmp/mine", d, "file"), ENOTDIR);
	FAILS(linkat(d, "file", AT_FDCWD, "/tmp/got", 0), ENOTDIR);
	FAILS(linkat(AT_FDCWD, "/tmp/mine", d, "link2", 0), ENOTDIR);
	FAILS(symlinkat("x", d, "link3"), ENOTDIR);
	FAILS(mknodat(d, "fifo2", S_IFIFO | 0600, 0), ENOTDIR);
	FAILS(fchmodat(d, "file", 0600, 0), ENOTDIR);
	FAILS(fchownat(d, "file", 0, 0, 0), ENOTDIR);
	FAILS(utimensat(d, "file", NULL, 0), ENOTDIR);
	FAILS(syscall(SYS_execveat, d, "program", args, args + 1, 0), ENOTDIR);
	FAILS(fchdir(d), ENOTDIR);
	OK(syscall(SYS_getdents64, d, buffer, sizeof buffer) < 0 && (errno == ENOTDIR || errno == EBADF));
	OK(syscall(SYS_getdents, d, buffer, sizeof buffer) < 0 && (errno == ENOTDIR || errno == EBADF));
	const char *names[] = { "", "/", "/.", "/file", "/dir", "/.." };
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		FAILS(open(in(d, names[i]), O_RDONLY), EACCES);
		FAILS(open(in(d, names[i]), O_PATH), EACCES);
		FAILS(stat(in(d, names[i]), &st), EACCES);
		FAILS(chdir(in(d, names[i])), EACCES);
		FAILS(truncate(in(d, names[i]), 0), EACCES);
		FAILS(chmod(in(d, names[i]), 0), EACCES);
		FAILS(execv(in(d, names[i]), args), EACCES);
		OK(rename(in(d, names[i]), "/tmp/got") == -1);
	}
	snprintf(text, sizeof text, "/dev/fd/%d/file", d);
	FAILS(open(text, O_RDONLY), EACCES);
	snprintf(text, sizeof text, "/proc/thread-self/fd/%d/file", d);
	FAILS(open(text, O_RDONLY), EACCES);
	snprintf(text, sizeof text, "/proc/%d/task/%d/fd/%d/file", getpid(), getpid(), d);
	FAILS(open(text, O_RDONLY), EACCES);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/socket", d);
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	OK(connect(s, (struct sockaddr *)&address, sizeof address) == -1);
	snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/bound", d);
	OK(bind(s, (struct sockaddr *)&address, sizeof address) == -1);
	close(s);
	/* A child that is forked or executed has it no better. */
	pid_t child = fork();
	if (child == 0) _exit(openat(d, "file", O_RDONLY) >= 0);
	int status = -1;
	waitpid(child, &status, 0);
	OK(status == 0);
}

int main(int argc, char **argv) {
	if (argc != 2) return 2;
	OK(mkdir("/tmp", 0777) == 0 || errno == EEXIST);
	OK(check_put("/tmp/mine", "mine") == 0);
	directory(receive());
	directory(receive());
	int path_file = receive(), path_link = receive(), mounts = receive();
	struct stat st;
	char buffer[64];
	OK(path_file > 0 && path_link > 0 && mounts > 0);
	FAILS(read(path_file, buffer, sizeof buffer), EBADF);
	FAILS(openat(path_file, "x", O_RDONLY), ENOTDIR);
	FAILS(openat(path_link, "x", O_RDONLY), ENOTDIR);
	FAILS(open(in(path_file, ""), O_RDONLY), EACCES);
	FAILS(open(in(path_file, ""), O_RDWR), EACCES);
	FAILS(truncate(in(path_file, ""), 0), EACCES);
	OK(open(in(path_link, ""), O_RDONLY) == -1);
	OK(open(in(path_link, "/x"), O_RDONLY) == -1);
	FAILS(setns(mounts, CLONE_NEWNS), EPERM);
	FAILS(unshare(CLONE_NEWPID), EPERM);
	FAILS(stat(argv[1], &st), ENOENT);
	return check_end();
}
