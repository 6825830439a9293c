/* FIFOs: who waits for whom, between processes. */
#include "check.h"

#include <poll.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <time.h>

static int writes_late(void) {
	usleep(50000);
	int fd = open("f", O_WRONLY);
	return fd < 0 || write(fd, "late", 4) != 4;
}

static int reads_late(void) {
	char text[8];
	usleep(50000);
	int fd = open("f", O_RDONLY);
	return fd < 0 || read(fd, text, sizeof text) != 5 || memcmp(text, "early", 5) != 0;
}

static double seconds(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void on_alarm(int sig) { (void)sig; }

static pid_t start(int (*child)(void)) {
	pid_t pid = fork();
	if (pid == 0) _exit(child());
	return pid;
}

static int ends_well(pid_t pid) {
	int status;
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* What a debugger is told of while FIFOs are opened: signals, but no processes that the program did not make. */
static void debugged(void) {
	int status = 0, events = 0;
	pid_t pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(mkfifo("traced", 0600) != 0 || open("traced", O_RDWR) < 0);
	}
	OK(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
	OK(ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEVFORKDONE) == 0);
	for (int pass = 0; ptrace(PTRACE_CONT, pid, NULL, pass) == 0 && waitpid(-1, &status, __WALL) == pid && WIFSTOPPED(status);) {
		events += status >> 16 != 0;
		pass = status >> 16 == 0 ? WSTOPSIG(status) : 0;
		if (pass == SIGSTOP) pass = 0;
	}
	OK(WIFEXITED(status) && WEXITSTATUS(status) == 0 && events == 0);
}

/* FD is open on "f": what it tells of itself, and what is changed through it, is the file's. */
static void described(int fd) {
	struct stat st, by_path, by_link;
	struct statx extended;
	char link[40];
	struct timespec times[2] = { { 1000, 1 }, { 2000, 2 } };
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	OK(stat("f", &by_path) == 0 && fstat(fd, &st) == 0 && st.st_dev == by_path.st_dev && st.st_ino == by_path.st_ino && st.st_mode == by_path.st_mode);
	OK(st.st_uid == by_path.st_uid && st.st_gid == by_path.st_gid && st.st_nlink == by_path.st_nlink && st.st_size == 0);
	OK(stat(link, &by_link) == 0 && by_link.st_ino == by_path.st_ino && by_link.st_dev == by_path.st_dev);
	OK(fstatat(fd, "", &st, AT_EMPTY_PATH) == 0 && st.st_ino == by_path.st_ino && st.st_dev == by_path.st_dev);
	OK(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &extended) == 0 && extended.stx_ino == by_path.st_ino);
	OK(fchmod(fd, 0640) == 0 && stat("f", &st) == 0 && (st.st_mode & 07777) == 0640 && fchmod(fd, by_path.st_mode & 07777) == 0);
	OK(fchown(fd, geteuid(), getegid()) == 0);
	OK(futimens(fd, times) == 0 && stat("f", &st) == 0 && st.st_atime == 1000 && st.st_mtime == 2000 && st.st_mtim.tv_nsec == 2);
	int other[2];
	OK(pipe(other) == 0 && fstat(other[0], &st) == 0 && S_ISFIFO(st.st_mode) && st.st_ino != by_path.st_ino);
	close(other[0]), close(other[1]);
	int again = open(link, O_WRONLY | O_NONBLOCK);
	OK(again >= 0 && fstat(again, &st) == 0 && st.st_ino == by_path.st_ino && close(again) == 0);
}

int main(int argc, char **argv) {
	char text[16];
	struct stat st;
	check_begin(argc, argv);
	OK(mkfifo("f", 0640) == 0 && stat("f", &st) == 0 && S_ISFIFO(st.st_mode) && (st.st_mode & 0777) == 0640);
	FAILS(open("f", O_WRONLY | O_NONBLOCK), ENXIO);
	FAILS(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
	FAILS(open("f", O_RDONLY | O_CREAT | O_EXCL, 0600), EEXIST);

	/* the first to come waits */
	double began = seconds();
	pid_t pid = start(writes_late);
	int fd = open("f", O_RDONLY);
	OK(fd >= 0 && seconds() - began > 0.04);
	OK(read(fd, text, sizeof text) == 4 && memcmp(text, "late", 4) == 0 && read(fd, text, sizeof text) == 0);
	OK(ends_well(pid) && close(fd) == 0);
	pid = start(reads_late);
	fd = open("f", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	OK(fd >= 0 && write(fd, "early", 5) == 5 && ends_well(pid));
	signal(SIGPIPE, SIG_IGN);
	FAILS(write(fd, "x", 1), EPIPE);
	close(fd);

	/* without waiting */
	int reader = open("f", O_RDONLY | O_NONBLOCK), writer = open("f", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	OK(reader >= 0 && writer >= 0 && (fcntl(writer, F_GETFD) & FD_CLOEXEC) != 0 && (fcntl(writer, F_GETFL) & O_ACCMODE) == O_WRONLY);
	FAILS(read(reader, text, 1), EAGAIN);
	OK(write(writer, "abc", 3) == 3);
	struct pollfd poll_reader = { .fd = reader, .events = POLLIN };
	OK(poll(&poll_reader, 1, 0) == 1 && read(reader, text, sizeof text) == 3);
	OK(fstat(reader, &st) == 0 && S_ISFIFO(st.st_mode));
	described(reader);
	FAILS(lseek(reader, 0, SEEK_SET), ESPIPE);
	/* another name, and none, is the same FIFO */
	OK(link("f", "g") == 0 && rename("f", "h") == 0);
	int again = open("g", O_WRONLY | O_NONBLOCK);
	OK(again >= 0 && unlink("g") == 0 && unlink("h") == 0 && write(again, "d", 1) == 1 && read(reader, text, 1) == 1 && text[0] == 'd');
	close(again), close(reader), close(writer);
	OK(mkfifo("f", 0600) == 0 && (fd = open("f", O_RDWR)) >= 0 && write(fd, "both", 4) == 4 && read(fd, text, 4) == 4);
	close(fd);

	/* what was not read is gone with the last descriptor; a signal ends the wait */
	fd = open("f", O_RDWR);
	OK(write(fd, "lost", 4) == 4 && close(fd) == 0);
	fd = open("f", O_RDONLY | O_NONBLOCK);
	OK(read(fd, text, sizeof text) == 0 && close(fd) == 0);
	struct sigaction act = { .sa_handler = on_alarm };
	sigaction(SIGALRM, &act, NULL);
	/* again and again: the first may come before the wait */
	struct itimerval often = { { 0, 50000 }, { 0, 50000 } }, never = { 0 };
	setitimer(ITIMER_REAL, &often, NULL);
	FAILS(open("f", O_RDONLY), EINTR);
	setitimer(ITIMER_REAL, &never, NULL);
	/* many */
	for (int i = 0; i < 20; i++) {
		char name[16], c;
		snprintf(name, sizeof name, "many%d", i);
		int r = mkfifo(name, 0600) == 0 ? open(name, O_RDONLY | O_NONBLOCK) : -1, w = open(name, O_WRONLY);
		OK(r >= 0 && w >= 0 && write(w, &name[4], 1) == 1 && read(r, &c, 1) == 1 && c == name[4]);
		close(r), close(w);
	}
	debugged();
	OK(mkfifo("closed", 0) == 0);
	if (geteuid() != 0) FAILS(open("closed", O_RDONLY | O_NONBLOCK), EACCES);
	return check_end();
}
