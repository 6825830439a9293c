/* inotify over a door and the overlay in one instance: changes that an outsider makes, changes of the program's own, names and numbers of watches.
 * Usage: notify DIRECTORY: a host directory; when "ready" appears there, the caller outside writes "from-outside" into it. */
#include "check.h"

#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>

static char text[4096];

static char buffer[4096] __attribute__((aligned(8)));

static int holds(ssize_t n, int wd, uint32_t mask, const char *name) {
	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *e = (const void *)(buffer + at);
		if (e->wd == wd && (e->mask & mask) != 0 && strcmp(e->len > 0 ? e->name : "", name) == 0) return 1;
		at += (ssize_t)(sizeof *e + e->len);
	}
	return 0;
}

/* Reads until event NAME of watch WD has come; false after a long time. */
static int await(int fd, int wd, uint32_t mask, const char *name) {
	struct pollfd p = { fd, POLLIN, 0 };
	while (poll(&p, 1, 600000) == 1)
		if (holds(read(fd, buffer, sizeof buffer), wd, mask, name)) return 1;
	return 0;
}

int main(int argc, char **argv) {
	char path[PATH_MAX];
	const char *dir = argv[1];
	int fd = inotify_init1(IN_CLOEXEC), pending;
	if (argc != 2) return 2;
	CHECK(mkdir("/tmp/watched", 0755) == 0);
	CHECK(inotify_add_watch(fd, "/tmp/watched", IN_ALL_EVENTS) == 1);
	CHECK(inotify_add_watch(fd, dir, IN_CREATE | IN_CLOSE_WRITE | IN_DELETE) == 2);
	CHECK(inotify_add_watch(fd, dir, IN_CREATE | IN_CLOSE_WRITE | IN_DELETE) == 2);
	snprintf(path, sizeof path, "%s/ready", dir);
	CHECK(check_write(path, "x"));
	CHECK(await(fd, 2, IN_CREATE, "ready"));
	CHECK(await(fd, 2, IN_CLOSE_WRITE, "from-outside"));
	/* both kinds at once */
	CHECK(check_write("/tmp/watched/a", "x") && unlink(path) == 0 && check_write("/tmp/watched/b", "x"));
	CHECK(ioctl(fd, FIONREAD, &pending) == 0 && pending == 9 * 32); /* created, opened, modified and closed twice; deleted */
	ssize_t n = read(fd, buffer, sizeof buffer);
	CHECK(n == pending && holds(n, 2, IN_DELETE, "ready") && holds(n, 1, IN_CREATE, "a") && holds(n, 1, IN_CLOSE_WRITE, "b"));
	CHECK(ioctl(fd, FIONREAD, &pending) == 0 && pending == 0);
	/* a file of the door, watched itself, and gone */
	snprintf(path, sizeof path, "%s/from-outside", dir);
	CHECK(inotify_add_watch(fd, path, IN_DELETE_SELF | IN_MODIFY) == 3 && check_read(path, text, sizeof text) > 0);
	CHECK(unlink(path) == 0 && await(fd, 3, IN_IGNORED, ""));
	CHECK_ERRNO(inotify_rm_watch(fd, 3), EINVAL);
	CHECK(inotify_rm_watch(fd, 2) == 0 && await(fd, 2, IN_IGNORED, ""));
	CHECK_ERRNO(inotify_rm_watch(fd, 2), EINVAL);
	CHECK(inotify_add_watch(fd, "/proc/self/status", IN_MODIFY) == 4 && inotify_rm_watch(fd, 4) == 0 && await(fd, 4, IN_IGNORED, ""));
	CHECK_ERRNO(inotify_add_watch(fd, "/proc/self/none", IN_MODIFY), ENOENT);
	/* more events of the door than the kernel keeps: afterwards the overlay's still wake */
	struct pollfd p = { fd, POLLIN, 0 };
	CHECK(inotify_add_watch(fd, dir, IN_CREATE | IN_DELETE) == 5);
	snprintf(path, sizeof path, "%s/many", dir);
	for (int i = 0; i < 9000; i++) {
		close(open(path, O_CREAT | O_WRONLY, 0600));
		unlink(path);
	}
	CHECK(check_write("/tmp/watched/c", "x"));
	while (poll(&p, 1, 0) == 1 && read(fd, buffer, sizeof buffer) > 0) {}
	CHECK(check_write("/tmp/watched/d", "x") && poll(&p, 1, 0) == 1 && holds(read(fd, buffer, sizeof buffer), 1, IN_CREATE, "d"));
	return check_done();
}
