/* What strace is compared by: a static program's calls, natively and in an image. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
	char text[16];
	struct stat st;
	int ends[2], bad, status;
	struct iovec parts[2] = { { "one", 3 }, { "two", 3 } };
	int fd = open("called", O_RDWR | O_CREAT | O_TRUNC, 0640);
	bad = writev(fd, parts, 2) != 6 || lseek(fd, 1, SEEK_SET) != 1 || read(fd, text, sizeof text) != 5 || pread(fd, text, 2, 9) != 0;
	bad |= stat("nowhere", &st) == 0 || mkdir("called", 0700) == 0 || open("called/below", O_RDONLY) >= 0 || rename("called", "renamed") != 0;
	bad |= symlink("renamed", "link") != 0 || readlink("link", text, sizeof text) != 7 || chmod("link", 0600) != 0 || truncate("link", 3) != 0;
	bad |= fcntl(fd, F_GETFL) < 0 || fcntl(fd, F_DUPFD, 30) != 30 || dup2(fd, SYS_dup2) != SYS_dup2 || close(fd) != 0 || close(fd) == 0 || read(fd, text, 1) >= 0;
	bad |= unlink("link") != 0 || unlink("renamed") != 0 || access("renamed", F_OK) == 0 || signal(SIGUSR1, SIG_IGN) == SIG_ERR;
	bad |= pipe(ends) != 0 || write(ends[1], "pipe", 4) != 4 || read(ends[0], text, sizeof text) != 4;
	pid_t pid = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0); /* its end sends no signal, which would come sooner or later */
	if (pid == 0) _exit(7);
	bad |= waitpid(pid, &status, __WALL) != pid || WEXITSTATUS(status) != 7;
	return bad;
}
