/* What every call that takes a path answers to every spelling of names of every kind: a line "CALL SPELLING: ERROR" each. Usage: table DIRECTORY */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *top, *names[] = { "file", "empty", "full", "to-nothing", "to-file", "to-empty", "to-full", "loop", "to-missing", "to-below-file", "to-link",
	"fifo", "new", "missing/x", "file/x", "empty/x", "to-empty/x", "to-nothing/x", "." };
static const char *suffixes[] = { "", "/", "//", "/.", "/..", "/./", "/../" };

static void put(const char *path) { close(open(path, O_CREAT | O_WRONLY, 0644)); }

/* A fresh directory with a name of each kind, made the current one. */
static void place(void) {
	chdir(top);
	mkdir("place", 0755);
	chdir("place");
	put("file");
	mkdir("empty", 0755);
	mkdir("full", 0755);
	put("full/entry");
	symlink("nothing", "to-nothing");
	symlink("file", "to-file");
	symlink("empty", "to-empty");
	symlink("full", "to-full");
	symlink("loop", "loop");
	symlink("missing/x", "to-missing");
	symlink("file/x", "to-below-file");
	symlink("to-nothing", "to-link");
	mkfifo("fifo", 0644);
}

static void clear(const char *path) {
	DIR *dir = opendir(path);
	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		char name[600];
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
		snprintf(name, sizeof name, "%s/%s", path, e->d_name);
		if (unlink(name) != 0) clear(name);
	}
	if (dir != NULL) closedir(dir);
	rmdir(path);
}

static int opened(int fd) { return fd < 0 ? -1 : close(fd); }

static int bound(const char *path) {
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(name.sun_path, path);
	int r = bind(s, (struct sockaddr *)&name, sizeof name), error = errno;
	close(s);
	errno = error;
	return r;
}

static int watched(const char *path, uint32_t mask) {
	int fd = inotify_init1(0), r = inotify_add_watch(fd, path, mask), error = errno;
	close(fd);
	errno = error;
	return r < 0 ? -1 : 0;
}

#define CALLS(CALL)                                                                                                                                            \
	CALL("mkdir", mkdir(path, 0700))                                                                                                                       \
	CALL("mknod", mknod(path, S_IFREG | 0600, 0))                                                                                                          \
	CALL("mkfifo", mkfifo(path, 0600))                                                                                                                     \
	CALL("symlink", symlink("target", path))                                                                                                               \
	CALL("link to", link("file", path))                                                                                                                    \
	CALL("link from", link(path, "target"))                                                                                                                \
	CALL("link from, followed", linkat(AT_FDCWD, path, AT_FDCWD, "target", AT_SYMLINK_FOLLOW))                                                             \
	CALL("bind", bound(path))                                                                                                                              \
	CALL("open", opened(open(path, O_RDONLY | O_NONBLOCK)))                                                                                                \
	CALL("open to write", opened(open(path, O_RDWR | O_NONBLOCK)))                                                                                         \
	CALL("open NOFOLLOW", opened(open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW)))                                                                          \
	CALL("open PATH", opened(open(path, O_PATH)))                                                                                                          \
	CALL("open PATH NOFOLLOW", opened(open(path, O_PATH | O_NOFOLLOW)))                                                                                    \
	CALL("open DIRECTORY", opened(open(path, O_RDONLY | O_DIRECTORY)))                                                                                     \
	CALL("open DIRECTORY NOFOLLOW", opened(open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)))                                                               \
	CALL("open TRUNC", opened(open(path, O_RDWR | O_NONBLOCK | O_TRUNC)))                                                                                  \
	CALL("open CREAT", opened(open(path, O_RDWR | O_NONBLOCK | O_CREAT, 0600)))                                                                            \
	CALL("open CREAT NOFOLLOW", opened(open(path, O_RDWR | O_NONBLOCK | O_CREAT | O_NOFOLLOW, 0600)))                                                      \
	CALL("open CREAT EXCL", opened(open(path, O_RDWR | O_NONBLOCK | O_CREAT | O_EXCL, 0600)))                                                              \
	CALL("open TMPFILE", opened(open(path, O_RDWR | O_TMPFILE, 0600)))                                                                                     \
	CALL("unlink", unlink(path))                                                                                                                           \
	CALL("rmdir", rmdir(path))                                                                                                                             \
	CALL("stat", stat(path, &st))                                                                                                                          \
	CALL("lstat", lstat(path, &st))                                                                                                                        \
	CALL("readlink", readlink(path, text, sizeof text) < 0 ? -1 : 0)                                                                                       \
	CALL("chdir", chdir(path))                                                                                                                             \
	CALL("access", access(path, F_OK))                                                                                                                     \
	CALL("access NOFOLLOW", faccessat(AT_FDCWD, path, R_OK, AT_SYMLINK_NOFOLLOW))                                                                          \
	CALL("truncate", truncate(path, 0))                                                                                                                    \
	CALL("chmod", chmod(path, 0755))                                                                                                                       \
	CALL("chown", chown(path, -1, -1))                                                                                                                     \
	CALL("lchown", lchown(path, -1, -1))                                                                                                                   \
	CALL("utimensat", utimensat(AT_FDCWD, path, NULL, 0))                                                                                                  \
	CALL("utimensat NOFOLLOW", utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW))                                                                       \
	CALL("statvfs", statvfs(path, &fs))                                                                                                                    \
	CALL("listxattr", listxattr(path, NULL, 0) < 0 ? -1 : 0)                                                                                               \
	CALL("llistxattr", llistxattr(path, NULL, 0) < 0 ? -1 : 0)                                                                                             \
	CALL("inotify", watched(path, IN_ATTRIB))                                                                                                              \
	CALL("inotify ONLYDIR DONT_FOLLOW", watched(path, IN_ATTRIB | IN_ONLYDIR | IN_DONT_FOLLOW))                                                            \
	CALL("rename file to", rename("file", path))                                                                                                           \
	CALL("rename empty to", rename("empty", path))                                                                                                         \
	CALL("rename link to", rename("to-empty", path))                                                                                                       \
	CALL("rename from", rename(path, "target"))                                                                                                            \
	CALL("rename from, to a directory", rename(path, "target/"))                                                                                           \
	CALL("rename NOREPLACE file to", renameat2(AT_FDCWD, "file", AT_FDCWD, path, RENAME_NOREPLACE))                                                        \
	CALL("rename EXCHANGE file with", renameat2(AT_FDCWD, "file", AT_FDCWD, path, RENAME_EXCHANGE))                                                        \
	CALL("rename EXCHANGE full with", renameat2(AT_FDCWD, "full", AT_FDCWD, path, RENAME_EXCHANGE))

#define CALL(name, call)                                                                                                                                       \
	place();                                                                                                                                               \
	errno = 0;                                                                                                                                             \
	printf("%s %s: %s\n", name, path, (call) == 0 ? "succeeds" : strerrorname_np(errno));                                                                  \
	chdir(top);                                                                                                                                            \
	clear("place");

static void spelled(const char *path) {
	struct stat st;
	struct statvfs fs;
	char text[100];
	CALLS(CALL)
}

int main(int argc, char **argv) {
	static char own[4096];
	snprintf(own, sizeof own, "%s/table.XXXXXX", argc == 2 ? argv[1] : ".");
	top = mkdtemp(own); /* "./.." is changed, too */
	if (top == NULL) return 2;
	umask(022);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		for (size_t k = 0; k < sizeof suffixes / sizeof *suffixes; k++) {
			char path[100];
			snprintf(path, sizeof path, "%s%s", names[i], suffixes[k]);
			spelled(path);
		}
	spelled("");
	chdir("/");
	return rmdir(top) != 0;
}
