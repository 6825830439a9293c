/* A volume: everything that is written goes to the host, and nothing in it leads anywhere but the image's own tree.
 * Usage: volume GUEST PLANTED — GUEST is an empty, writable volume, PLANTED a host file outside it that the image was not given. */
#include "check.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>

static char root[PATH_MAX];

static const char *in(const char *name) {
	static char path[4][PATH_MAX + 64];
	static int next;
	char *p = path[next++ % 4];
	snprintf(p, sizeof path[0], "%s/%s", root, name);
	return p;
}

static void files(void) {
	char text[64];
	struct stat by_path, by_fd;
	CHECK(check_write(in("file"), "hello"));
	CHECK(check_read(in("file"), text, sizeof text) == 5 && strcmp(text, "hello") == 0);
	int fd = open(in("file"), O_RDWR | O_APPEND);
	CHECK(fd >= 0);
	CHECK(fstat(fd, &by_fd) == 0 && stat(in("file"), &by_path) == 0);
	CHECK(by_fd.st_ino == by_path.st_ino && by_fd.st_dev == by_path.st_dev);
	CHECK(write(fd, " there", 6) == 6 && lseek(fd, 0, SEEK_CUR) == 11);
	int low = dup(0);
	close(low);
	int again = open(in("file"), O_RDONLY);
	CHECK(again == low); /* the lowest free number */
	close(again);
	close(fd);
	CHECK(truncate(in("file"), 3) == 0 && check_read(in("file"), text, sizeof text) == 3);
	CHECK(chmod(in("file"), 0600) == 0 && stat(in("file"), &by_path) == 0 && (by_path.st_mode & 07777) == 0600);
	struct timespec times[2] = { { 1000, 5000 }, { 2000, 7000 } };
	CHECK(utimensat(AT_FDCWD, in("file"), times, 0) == 0 && stat(in("file"), &by_path) == 0 && by_path.st_mtim.tv_sec == 2000);
	CHECK(access(in("file"), R_OK | W_OK) == 0);
	CHECK_ERRNO(open(in("file"), O_WRONLY | O_CREAT | O_EXCL, 0600), EEXIST);
	CHECK_ERRNO(open(in("none"), O_RDONLY), ENOENT);
	CHECK_ERRNO(open(in("file/x"), O_RDONLY), ENOTDIR);
	CHECK(link(in("file"), in("hard")) == 0 && stat(in("hard"), &by_path) == 0 && by_path.st_nlink == 2);
	CHECK(rename(in("hard"), in("renamed")) == 0 && access(in("hard"), F_OK) == -1);
	CHECK_ERRNO(rename(in("renamed"), "/tmp/elsewhere"), EXDEV);
	CHECK_ERRNO(link(in("renamed"), "/tmp/elsewhere"), EXDEV);
	CHECK(unlink(in("renamed")) == 0);
	fd = open(root, O_TMPFILE | O_RDWR, 0600);
	if (fd >= 0) {
		char magic[64];
		snprintf(magic, sizeof magic, "/proc/self/fd/%d", fd);
		CHECK(write(fd, "tmp", 3) == 3);
		CHECK(linkat(AT_FDCWD, magic, AT_FDCWD, in("named"), AT_SYMLINK_FOLLOW) == 0);
		CHECK(check_read(in("named"), text, sizeof text) == 3);
		CHECK(unlink(in("named")) == 0);
		close(fd);
	} else
		CHECK(errno == EOPNOTSUPP);
}

static struct sockaddr_un address(const char *path) {
	struct sockaddr_un result = { .sun_family = AF_UNIX };
	snprintf(result.sun_path, sizeof result.sun_path, "%s", path);
	return result;
}

/* Sockets: names are the image's own, and what accept and recvfrom report can be answered. */
static void sockets(void) {
	struct sockaddr_un at = address(in("stream")), name;
	struct stat st;
	char text[8];
	int s = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(bind(s, (struct sockaddr *)&at, sizeof at) == 0 && listen(s, 1) == 0);
	CHECK(stat(at.sun_path, &st) == 0 && S_ISSOCK(st.st_mode));
	socklen_t len = sizeof name;
	CHECK(getsockname(s, (struct sockaddr *)&name, &len) == 0 && strcmp(name.sun_path, at.sun_path) == 0);
	CHECK(len == offsetof(struct sockaddr_un, sun_path) + strlen(at.sun_path) + 1);
	CHECK(connect(c, (struct sockaddr *)&name, len) == 0);
	len = sizeof name;
	CHECK(getpeername(c, (struct sockaddr *)&name, &len) == 0 && strcmp(name.sun_path, at.sun_path) == 0);
	close(c);
	close(s);
	CHECK(unlink(at.sun_path) == 0);

	struct sockaddr_un client = address(in("client"));
	at = address(in("server"));
	s = socket(AF_UNIX, SOCK_DGRAM, 0);
	c = socket(AF_UNIX, SOCK_DGRAM, 0);
	CHECK(bind(s, (struct sockaddr *)&at, sizeof at) == 0 && bind(c, (struct sockaddr *)&client, sizeof client) == 0);
	CHECK(sendto(c, "one", 3, 0, (struct sockaddr *)&at, sizeof at) == 3);
	len = sizeof name;
	CHECK(recvfrom(s, text, sizeof text, 0, (struct sockaddr *)&name, &len) == 3);
	CHECK(sendto(s, "back", 4, 0, (struct sockaddr *)&name, len) == 4 && recv(c, text, sizeof text, MSG_DONTWAIT) == 4);
	close(c);
	close(s);
	CHECK(unlink(at.sun_path) == 0 && unlink(client.sun_path) == 0);
}

static void directories(void) {
	struct statvfs fs;
	char name[32], cwd[PATH_MAX];
	CHECK(mkdir(in("dir"), 0755) == 0);
	CHECK_ERRNO(mkdir(in("dir"), 0755), EEXIST);
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof name, "dir/entry-%03d", i);
		if (!check_write(in(name), "x")) CHECK(false);
	}
	int seen = 0;
	DIR *dir = opendir(in("dir"));
	CHECK(dir != NULL);
	for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) seen += strncmp(entry->d_name, "entry-", 6) == 0;
	CHECK(seen == 500);
	long where = 0;
	if (dir != NULL) {
		rewinddir(dir);
		struct dirent *entry = NULL;
		for (int i = 0; i < 100; i++) entry = readdir(dir);
		CHECK(entry != NULL);
		where = telldir(dir);
		entry = readdir(dir);
		char after[256];
		snprintf(after, sizeof after, "%s", entry != NULL ? entry->d_name : "");
		seekdir(dir, where);
		entry = readdir(dir);
		CHECK(entry != NULL && strcmp(entry->d_name, after) == 0);
		CHECK(fstatat(dirfd(dir), "entry-007", &(struct stat){ 0 }, 0) == 0);
		int fd = openat(dirfd(dir), "entry-007", O_RDONLY);
		CHECK(fd >= 0);
		close(fd);
		closedir(dir);
	}
	CHECK_ERRNO(open(in("dir"), O_WRONLY), EISDIR);
	CHECK_ERRNO(rmdir(in("dir")), ENOTEMPTY);
	CHECK_ERRNO(unlink(in("dir")), EISDIR);
	CHECK(chdir(in("dir")) == 0 && getcwd(cwd, sizeof cwd) != NULL && strcmp(cwd, in("dir")) == 0);
	CHECK(access("entry-000", F_OK) == 0);
	CHECK(access("../dir/entry-000", F_OK) == 0);
	CHECK(chdir("/") == 0);
	CHECK(statvfs(in("dir"), &fs) == 0 && fs.f_blocks != 0);
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof name, "dir/entry-%03d", i);
		unlink(in(name));
	}
	CHECK(rmdir(in("dir")) == 0);
	CHECK_ERRNO(rmdir(root), EBUSY);
	CHECK_ERRNO(rename(root, "/elsewhere"), EBUSY);
}

/* Every way out of the volume that a link could offer ends in the image. */
static void no_way_out(const char *planted) {
	char text[64], up[PATH_MAX + 128], target[PATH_MAX];
	CHECK_ERRNO(open(planted, O_RDONLY), ENOENT);
	CHECK(symlink(planted, in("absolute")) == 0);
	ssize_t n = readlink(in("absolute"), target, sizeof target - 1);
	CHECK(n == (ssize_t)strlen(planted) && memcmp(target, planted, (size_t)n) == 0);
	CHECK_ERRNO(open(in("absolute"), O_RDONLY), ENOENT);
	CHECK_ERRNO(open(in("absolute"), O_RDONLY | O_NOFOLLOW), ELOOP);
	CHECK_ERRNO(access(in("absolute"), F_OK), ENOENT);
	CHECK_ERRNO(truncate(in("absolute"), 0), ENOENT);
	CHECK_ERRNO(chmod(in("absolute"), 0600), ENOENT);
	snprintf(up, sizeof up, "../../../../../../../../..%s", planted);
	CHECK(symlink(up, in("relative")) == 0);
	CHECK_ERRNO(open(in("relative"), O_RDONLY), ENOENT);
	CHECK(symlink("..", in("parent")) == 0);
	snprintf(up, sizeof up, "%s/parent/../../..%s", root, planted);
	CHECK_ERRNO(open(up, O_RDONLY), ENOENT);
	snprintf(up, sizeof up, "%s/../../../..%s", root, planted);
	CHECK_ERRNO(open(up, O_RDONLY), ENOENT);
	CHECK(symlink("/proc/self/root", in("proc-root")) == 0);
	snprintf(up, sizeof up, "%s/proc-root%s", root, planted);
	CHECK_ERRNO(open(up, O_RDONLY), ENOENT);
	/* The same links lead to what the image has. */
	CHECK(check_write("/tmp/inside", "inside"));
	CHECK(symlink("/tmp/inside", in("inside")) == 0);
	CHECK(check_read(in("inside"), text, sizeof text) == 6);
	CHECK(symlink("loop", in("loop")) == 0);
	CHECK_ERRNO(open(in("loop"), O_RDONLY), ELOOP);
	int dir = open(root, O_RDONLY | O_DIRECTORY);
	CHECK(dir >= 0);
	snprintf(up, sizeof up, "../../../..%s", planted);
	CHECK_ERRNO(openat(dir, up, O_RDONLY), ENOENT);
	CHECK_ERRNO(openat(dir, "absolute", O_RDONLY), ENOENT);
	struct stat st;
	CHECK(fstatat(dir, "absolute", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode));
	close(dir);
	const char *links[] = { "absolute", "relative", "parent", "proc-root", "inside", "loop" };
	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) CHECK(unlink(in(links[i])) == 0);
}

/* Sockets whose host path has no room in an address: they are bound and reached all the same. */
static void long_sockets(void) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char deep[64];
	memset(deep, 'd', 60);
	deep[60] = '\0';
	CHECK(chdir(root) == 0 && mkdir(deep, 0700) == 0 && chdir(deep) == 0 && mkdir(deep, 0700) == 0);
	snprintf(address.sun_path, sizeof address.sun_path, "%.60s/s", deep);
	int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(bind(server, (struct sockaddr *)&address, sizeof address) == 0 && listen(server, 1) == 0);
	struct stat st;
	CHECK(lstat(address.sun_path, &st) == 0 && S_ISSOCK(st.st_mode));
	CHECK(connect(client, (struct sockaddr *)&address, sizeof address) == 0);
	CHECK(unlink(address.sun_path) == 0 && rmdir(deep) == 0 && chdir(root) == 0 && rmdir(deep) == 0 && chdir("/") == 0);
	close(server);
	close(client);
}

int main(int argc, char **argv) {
	if (argc != 3) return 2;
	check_inside_or_exit();
	snprintf(root, sizeof root, "%s", argv[1]);
	files();
	sockets();
	directories();
	no_way_out(argv[2]);
	long_sockets();
	CHECK(unlink(in("file")) == 0);
	return check_done();
}
