/* inotify: which events, in which order, to whom; across processes; how a reader waits. */
#include "check.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/xattr.h>

static int in;
static char seen[65536];

static void describe(const char *buffer, ssize_t n) {
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {
		{ IN_ACCESS, "access" },
		{ IN_MODIFY, "modify" },
		{ IN_ATTRIB, "attrib" },
		{ IN_CLOSE_WRITE, "close_write" },
		{ IN_CLOSE_NOWRITE, "close" },
		{ IN_OPEN, "open" },
		{ IN_MOVED_FROM, "from" },
		{ IN_MOVED_TO, "to" },
		{ IN_CREATE, "create" },
		{ IN_DELETE, "delete" },
		{ IN_DELETE_SELF, "delete_self" },
		{ IN_MOVE_SELF, "move_self" },
		{ IN_Q_OVERFLOW, "overflow" },
		{ IN_IGNORED, "ignored" },
		{ IN_ISDIR, "dir" },
	};
	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *e = (const void *)(buffer + at);
		size_t len = strlen(seen);
		len += (size_t)snprintf(seen + len, sizeof seen - len, "%s%d", len > 0 ? " " : "", e->wd);
		for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
			if ((e->mask & names[i].bit) != 0) len += (size_t)snprintf(seen + len, sizeof seen - len, ":%s", names[i].name);
		if (e->len > 0) snprintf(seen + len, sizeof seen - len, "=%s", e->name);
		at += (ssize_t)(sizeof *e + e->len);
	}
}

/* All that is there now. */
static const char *events_of(int fd) {
	char buffer[16384] __attribute__((aligned(8)));
	seen[0] = 0;
	for (int pending = 0; ioctl(fd, FIONREAD, &pending) == 0 && pending > 0;) {
		ssize_t n = read(fd, buffer, sizeof buffer);
		if (n != pending && n < (ssize_t)sizeof buffer - 300) {
			snprintf(seen, sizeof seen, "FIONREAD said %d, read %zd", pending, n);
			break;
		}
		if (n <= 0) break;
		describe(buffer, n);
	}
	return seen;
}

static void expect_events(const char *expected, int line) {
	const char *got = events_of(in);
	int same = strcmp(got, expected) == 0;
	if (!same) printf("  expected: %s\n  got:      %s\n", expected, got);
	check_report(same, expected, __FILE__, line);
}
#define EVENTS(expected) expect_events(expected, __LINE__)

static void touch(const char *path) { close(open(path, O_WRONLY | O_CREAT, 0644)); }

static void entries(void) {
	int d = inotify_add_watch(in, "d", IN_ALL_EVENTS);
	OK(d == 1);
	EVENTS("");
	touch("d/f");
	EVENTS("1:create=f 1:open=f 1:close_write=f");
	int fd = open("d/f", O_RDWR);
	OK(write(fd, "12", 2) == 2 && write(fd, "3", 1) == 1);
	EVENTS("1:open=f 1:modify=f");
	char text[8];
	OK(pread(fd, text, 3, 0) == 3 && ftruncate(fd, 1) == 0 && fchmod(fd, 0600) == 0 && close(fd) == 0);
	EVENTS("1:access=f 1:modify=f 1:attrib=f 1:close_write=f");
	fd = open("d/f", O_RDONLY);
	OK(read(fd, text, sizeof text) == 1 && read(fd, text, sizeof text) == 0 && close(fd) == 0);
	EVENTS("1:open=f 1:access=f 1:close=f");
	fd = open("d/f", O_WRONLY | O_TRUNC);
	OK(close(fd) == 0);
	const char *got = events_of(in); /* the first two changed places in the course of Linux 6 */
	OK(strcmp(got, "1:open=f 1:modify=f 1:close_write=f") == 0 || strcmp(got, "1:modify=f 1:open=f 1:close_write=f") == 0);
	OK(close(open("d/f", O_PATH)) == 0 && access("d/f", R_OK) == 0);
	EVENTS("");
	OK(mkdir("d/sub", 0755) == 0 && symlink("f", "d/link") == 0 && link("d/f", "d/hard") == 0 && mkfifo("d/fifo", 0600) == 0);
	EVENTS("1:create:dir=sub 1:create=link 1:create=hard 1:create=fifo");
	OK(chmod("d/sub", 0700) == 0 && truncate("d/f", 10) == 0);
	EVENTS("1:attrib:dir=sub 1:modify=f");
	const struct timespec both[2] = { { 1, 0 }, { 1, 0 } }, access_only[2] = { { 1, 0 }, { 0, UTIME_OMIT } }, modify_only[2] = { { 0, UTIME_OMIT }, { 1, 0 } };
	OK(utimensat(AT_FDCWD, "d/f", both, 0) == 0 && utimensat(AT_FDCWD, "d/f", access_only, 0) == 0 && utimensat(AT_FDCWD, "d/f", modify_only, 0) == 0);
	EVENTS("1:attrib=f 1:access=f 1:modify=f");
	if (setxattr("d/f", "user.a", "1", 1, 0) == 0) EVENTS("1:attrib=f");
	OK(unlink("d/hard") == 0 && unlink("d/link") == 0 && unlink("d/fifo") == 0 && rmdir("d/sub") == 0);
	EVENTS("1:delete=hard 1:delete=link 1:delete=fifo 1:delete:dir=sub");
	DIR *dir = opendir("d");
	while (readdir(dir) != NULL) {}
	closedir(dir);
	EVENTS("1:open:dir 1:access:dir 1:close:dir");
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un_ {
		sa_family_t family;
		char path[108];
	} name = { AF_UNIX, "d/sock" };
	OK(bind(fd, (const struct sockaddr *)&name, sizeof name) == 0);
	EVENTS("1:create=sock");
	OK(close(fd) == 0 && unlink("d/sock") == 0);
	EVENTS("1:delete=sock");
	OK(chmod("d", 0755) == 0);
	EVENTS("1:attrib:dir");
}

/* The cookies of the two events of a rename are one; of different renames, different. */
static void cookies(void) {
	char buffer[1024] __attribute__((aligned(8)));
	uint32_t cookie[4] = { 0 };
	OK(rename("d/f", "d/g") == 0 && rename("d/g", "d/f") == 0);
	ssize_t n = read(in, buffer, sizeof buffer);
	int count = 0;
	for (ssize_t at = 0; at < n && count < 4; count++) {
		const struct inotify_event *e = (const void *)(buffer + at);
		cookie[count] = e->cookie;
		at += (ssize_t)(sizeof *e + e->len);
	}
	OK(count == 4 && cookie[0] != 0 && cookie[0] == cookie[1] && cookie[2] == cookie[3] && cookie[0] != cookie[2]);
}

static void moves(void) {
	int e = inotify_add_watch(in, "e", IN_ALL_EVENTS), f = inotify_add_watch(in, "d/f", IN_ALL_EVENTS);
	OK(e == 2 && f == 3);
	OK(rename("d/f", "e/g") == 0);
	EVENTS("1:from=f 2:to=g 3:move_self");
	touch("d/x");
	EVENTS("1:create=x 1:open=x 1:close_write=x");
	OK(rename("d/x", "e/g") == 0);
	EVENTS("1:from=x 2:to=g 3:attrib 3:delete_self 3:ignored");
	touch("d/a");
	int a = inotify_add_watch(in, "d/a", IN_ALL_EVENTS);
	OK(a == 4 && mkdir("e/dir", 0755) == 0);
	EVENTS("1:create=a 1:open=a 1:close_write=a 2:create:dir=dir");
#ifdef SYS_renameat2
	OK(renameat2(AT_FDCWD, "d/a", AT_FDCWD, "e/dir", RENAME_EXCHANGE) == 0);
	EVENTS("1:from=a 2:to=dir 4:move_self 2:from:dir=dir 1:to:dir=a");
	OK(renameat2(AT_FDCWD, "d/a", AT_FDCWD, "e/dir", RENAME_EXCHANGE) == 0);
	events_of(in);
#endif
	/* of a file that is watched twice, by its directory and by itself */
	touch("d/a");
	EVENTS("1:open=a 4:open 1:close_write=a 4:close_write");
	OK(chmod("d/a", 0600) == 0 && link("d/a", "d/b") == 0);
	EVENTS("1:attrib=a 4:attrib 1:create=b"); /* two alike in a row are one */
	OK(unlink("d/b") == 0);
	EVENTS("4:attrib 1:delete=b");
	int fd = open("d/a", O_RDONLY);
	OK(unlink("d/a") == 0);
	EVENTS("1:open=a 4:open 4:attrib 1:delete=a");
	OK(close(fd) == 0);
	EVENTS("1:close=a 4:close 4:delete_self 4:ignored");
	int sub = inotify_add_watch(in, "e/dir", IN_ALL_EVENTS);
	OK(sub == 5 && rmdir("e/dir") == 0);
	EVENTS("5:delete_self 5:ignored 2:delete:dir=dir");
	OK(inotify_rm_watch(in, e) == 0);
	EVENTS("2:ignored");
	FAILS(inotify_rm_watch(in, e), EINVAL);
	FAILS(inotify_rm_watch(in, 77), EINVAL);
}

static void masks(void) {
	int m = inotify_add_watch(in, "e", IN_CREATE);
	OK(m == 6 && inotify_add_watch(in, "e", IN_DELETE) == 6);
	touch("e/one");
	EVENTS("");
	OK(inotify_add_watch(in, "e", IN_CREATE | IN_MASK_ADD) == 6 && unlink("e/one") == 0);
	touch("e/two");
	EVENTS("6:delete=one 6:create=two");
#ifdef IN_MASK_CREATE
	FAILS(inotify_add_watch(in, "e", IN_CREATE | IN_MASK_CREATE), EEXIST);
	FAILS(inotify_add_watch(in, "e", IN_CREATE | IN_MASK_CREATE | IN_MASK_ADD), EINVAL);
#endif
	OK(inotify_add_watch(in, "e", IN_CREATE | IN_ONESHOT) == 6);
	touch("e/three");
	touch("e/four");
	EVENTS("6:create=three 6:ignored");
	FAILS(inotify_add_watch(in, "e/two", IN_CREATE | IN_ONLYDIR), ENOTDIR);
	FAILS(inotify_add_watch(in, "nowhere", IN_CREATE), ENOENT);
	FAILS(inotify_add_watch(in, "e", 0), EINVAL);
	FAILS(inotify_add_watch(-1, "e", IN_CREATE), EBADF);
	FAILS(inotify_add_watch(0, "e", IN_CREATE), EINVAL);
	FAILS(inotify_add_watch(open("e/two", O_RDONLY), "e", IN_CREATE), EINVAL);
	FAILS(inotify_init1(12345), EINVAL);
	OK(symlink("two", "e/l") == 0);
	int l = inotify_add_watch(in, "e/l", IN_DELETE_SELF | IN_DONT_FOLLOW), t = inotify_add_watch(in, "e/l", IN_MODIFY);
	OK(l == 7 && t == 8 && truncate("e/two", 3) == 0 && unlink("e/l") == 0);
	EVENTS("8:modify 7:delete_self 7:ignored");
	OK(inotify_rm_watch(in, t) == 0);
	EVENTS("8:ignored");
	if (geteuid() != 0) {
		touch("e/secret");
		OK(chmod("e/secret", 0200) == 0);
		FAILS(inotify_add_watch(in, "e/secret", IN_MODIFY), EACCES);
	}
}

static void child_touches(const char *path) {
	pid_t pid = fork();
	if (pid == 0) {
		touch(path);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void on_alarm(int sig) { (void)sig; }

static volatile int alarms;
static void on_restart(int sig) {
	(void)sig;
	alarms++;
	touch("w/from-handler");
}

static void waiting(void) {
	char buffer[512] __attribute__((aligned(8)));
	OK(mkdir("w", 0755) == 0);
	int fd = inotify_init1(IN_CLOEXEC), w = inotify_add_watch(fd, "w", IN_CREATE);
	struct pollfd p = { fd, POLLIN, 0 };
	OK(w == 1 && poll(&p, 1, 0) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		usleep(30000);
		touch("w/late");
		_exit(0);
	}
	ssize_t n = read(fd, buffer, sizeof buffer);
	seen[0] = 0;
	describe(buffer, n);
	OK(strcmp(seen, "1:create=late") == 0 && waitpid(pid, NULL, 0) == pid);
	/* poll and epoll in one process, the change in another */
	int ep = epoll_create1(0);
	struct epoll_event ev = { .events = EPOLLIN };
	OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == 0 && epoll_wait(ep, &ev, 1, 0) == 0);
	child_touches("w/a");
	OK(epoll_wait(ep, &ev, 1, 5000) == 1 && poll(&p, 1, 5000) == 1);
	child_touches("w/b");
	/* a small buffer takes one event, and the rest stays ready */
	OK(read(fd, buffer, 4) == -1 && errno == EINVAL);
	OK(read(fd, buffer, sizeof(struct inotify_event)) == -1 && errno == EINVAL);
	OK(read(fd, buffer, sizeof(struct inotify_event) + 16) == 32 && poll(&p, 1, 0) == 1);
	struct iovec vec[2] = { { buffer, 64 }, { buffer + 64, 64 } };
	OK(readv(fd, vec, 2) == 32 && poll(&p, 1, 0) == 0 && epoll_wait(ep, &ev, 1, 0) == 0);
	/* interruption */
	struct sigaction action = { .sa_handler = on_alarm };
	sigaction(SIGALRM, &action, NULL);
	/* again and again: the first may come before the wait */
	struct itimerval often = { { 0, 20000 }, { 0, 20000 } }, never = { 0 };
	setitimer(ITIMER_REAL, &often, NULL);
	FAILS(read(fd, buffer, sizeof buffer), EINTR);
	setitimer(ITIMER_REAL, &never, NULL);
	action.sa_handler = on_restart;
	action.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &action, NULL);
	ualarm(20000, 0);
	n = read(fd, buffer, sizeof buffer);
	seen[0] = 0;
	describe(buffer, n);
	OK(alarms == 1 && strcmp(seen, "1:create=from-handler") == 0);
	OK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	FAILS(read(fd, buffer, sizeof buffer), EAGAIN);
	/* the descriptor goes to another process and works there; the instance lives as long as any descriptor of it */
	int pair[2];
	OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	pid = fork();
	if (pid == 0) {
		char byte;
		int copy = dup(fd);
		close(fd);
		if (read(pair[1], &byte, 1) != 1) _exit(1);
		touch("w/after");
		n = read(copy, buffer, sizeof buffer);
		seen[0] = 0;
		describe(buffer, n);
		_exit(strcmp(seen, "1:create=after") != 0);
	}
	int status;
	OK(close(fd) == 0 && write(pair[0], "x", 1) == 1 && waitpid(pid, &status, 0) == pid && status == 0);
	close(ep);
	close(pair[0]);
	close(pair[1]);
}

static void overflow(void) {
	int fd = inotify_init1(IN_NONBLOCK), limit = 16384;
	FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
	if (f != NULL) {
		if (fscanf(f, "%d", &limit) != 1) limit = 16384;
		fclose(f);
	}
	OK(mkdir("o", 0755) == 0 && inotify_add_watch(fd, "o", IN_CREATE | IN_DELETE) == 1);
	if (limit > 20000) limit = 20000;
	for (int i = 0; i < limit / 2 + 100; i++) {
		touch("o/x");
		unlink("o/x");
	}
	char buffer[65536] __attribute__((aligned(8)));
	int events = 0, overflows = 0, after = 0;
	for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;) {
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const void *)(buffer + at);
			events++;
			after += overflows;
			overflows += (e->mask & IN_Q_OVERFLOW) != 0 && e->wd == -1;
			at += (ssize_t)(sizeof *e + e->len);
		}
	}
	OK(overflows == 1 && after == 0 && events > 1000 && events <= 16385);
	touch("o/again");
	OK(strcmp(events_of(fd), "1:create=again") == 0);
	OK(close(fd) == 0);
}

/* More instances in a row than there may be at once; those of killed processes do not stay. */
static void many(void) {
	for (int i = 0; i < 300; i++) {
		int fd = inotify_init1(0);
		if (fd < 0 || inotify_add_watch(fd, ".", IN_CREATE) != 1) {
			OK(fd >= 0 && !"an instance and its first watch");
			return;
		}
		if (i % 3 == 0) {
			pid_t pid = fork();
			if (pid == 0) {
				inotify_init1(0);
				kill(getpid(), SIGKILL);
			}
			waitpid(pid, NULL, 0);
		}
		if (i % 2 == 0)
			close(fd);
		else
			dup2(0, fd), close(fd);
	}
	OK(1);
	int fds[200], n = 0;
	while (n < 200 && (fds[n] = inotify_init1(0)) >= 0) n++;
	OK(n > 20 && (n == 200 || errno == EMFILE));
	while (n > 0) close(fds[--n]);
	int fd = inotify_init1(IN_NONBLOCK), wrong = 0;
	OK(fd >= 0);
	for (int i = 0; i < 1000; i++) {
		char name[32];
		snprintf(name, sizeof name, "m%d", i);
		touch(name);
		wrong += inotify_add_watch(fd, name, IN_DELETE_SELF) != i + 1;
	}
	for (int i = 0; i < 1000; i += 2) wrong += inotify_rm_watch(fd, i + 1) != 0;
	events_of(fd);
	for (int i = 0; i < 1000; i++) {
		char name[32], expected[64];
		snprintf(name, sizeof name, "m%d", i);
		wrong += unlink(name) != 0;
		snprintf(expected, sizeof expected, "%d:delete_self %d:ignored", i + 1, i + 1);
		wrong += strcmp(events_of(fd), i % 2 == 0 ? "" : expected) != 0;
	}
	OK(wrong == 0);
	close(fd);
}

/* Two that watch the same; a file renamed while open; what happens to a directory that is watched itself. */
static void several(void) {
	int one = inotify_init1(IN_NONBLOCK), two = inotify_init1(IN_NONBLOCK);
	OK(mkdir("s", 0755) == 0 && inotify_add_watch(one, "s", IN_CREATE | IN_DELETE) == 1 && inotify_add_watch(two, "s", IN_DELETE) == 1);
	touch("s/x");
	struct pollfd p[2] = { { one, POLLIN, 0 }, { two, POLLIN, 0 } };
	OK(poll(p, 2, 0) == 1 && p[0].revents == POLLIN && p[1].revents == 0);
	OK(unlink("s/x") == 0 && poll(p, 2, 0) == 2);
	OK(strcmp(events_of(one), "1:create=x 1:delete=x") == 0 && strcmp(events_of(two), "1:delete=x") == 0);
	OK(rmdir("s") == 0);
	OK(strcmp(events_of(one), "1:ignored") == 0 && strcmp(events_of(two), "1:ignored") == 0);
	OK(close(one) == 0 && close(two) == 0);
}

/* Events through a descriptor go by the name that the file has now. */
static void renamed_open(void) {
	int w = inotify_init1(IN_NONBLOCK);
	OK(mkdir("r", 0755) == 0 && mkdir("r2", 0755) == 0 && inotify_add_watch(w, "r", IN_ALL_EVENTS) == 1);
	int fd = open("r/b", O_RDWR | O_CREAT, 0644);
	OK(rename("r/b", "r/a") == 0 && strcmp(events_of(w), "1:create=b 1:open=b 1:from=b 1:to=a") == 0);
	OK(fchmod(fd, 0600) == 0 && write(fd, "x", 1) == 1 && strcmp(events_of(w), "1:attrib=a 1:modify=a") == 0);
	OK(rename("r/a", "r2/a") == 0 && strcmp(events_of(w), "1:from=a") == 0);
	OK(write(fd, "x", 1) == 1 && close(fd) == 0 && strcmp(events_of(w), "") == 0);
	close(w);
}

int main(int argc, char **argv) {
	check_begin(argc, argv);
	OK(mkdir("d", 0755) == 0 && mkdir("e", 0755) == 0);
	in = inotify_init1(IN_CLOEXEC);
	OK(in >= 0);
	entries();
	cookies();
	moves();
	masks();
	waiting();
	overflow();
	many();
	several();
	renamed_open();
	return check_end();
}
