/* Every call that takes a path, against every way a path can fail: its prefix, its length, its links, its memory, its directories' permissions. One table of calls, one of paths. */
#include "../ops/check.h"

#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "unprivileged.h"

enum { MAKES = 1, KEEPS_LINK = 2 }; /* the last component is made; a symlink there is not followed */

static struct stat st;
static struct statx stx;
static struct statfs fs;
static char text[16];
static const struct timespec now_twice[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };

static long closed(long fd) {
	if (fd >= 0) close((int)fd);
	return fd;
}

static long call_open(const char *p) { return closed(open(p, O_RDONLY)); }
static long call_open_directory(const char *p) { return closed(open(p, O_RDONLY | O_DIRECTORY)); }
static long call_open_path(const char *p) { return closed(open(p, O_PATH)); }
static long call_create(const char *p) { return closed(open(p, O_WRONLY | O_CREAT | O_EXCL, 0600)); }
static long call_stat(const char *p) { return stat(p, &st); }
static long call_lstat(const char *p) { return lstat(p, &st); }
static long call_statx(const char *p) { return statx(AT_FDCWD, p, 0, STATX_BASIC_STATS, &stx); }
static long call_statfs(const char *p) { return statfs(p, &fs); }
static long call_access(const char *p) { return access(p, F_OK); }
static long call_chmod(const char *p) { return chmod(p, 0644); }
static long call_chown(const char *p) { return syscall(SYS_chown, p, -1, -1); }
static long call_lchown(const char *p) { return syscall(SYS_lchown, p, -1, -1); }
static long call_utimensat(const char *p) { return syscall(SYS_utimensat, AT_FDCWD, p, now_twice, 0); }
static long call_truncate(const char *p) { return truncate(p, 0); }
static long call_chdir(const char *p) { return chdir(p); }
static long call_readlink(const char *p) { return readlink(p, text, sizeof text); }
static long call_getxattr(const char *p) { return getxattr(p, "user.absent", text, sizeof text); }
static long call_setxattr(const char *p) { return setxattr(p, "user.x", "x", 1, 0); }
static long call_listxattr(const char *p) { return listxattr(p, NULL, 0); }
static long call_removexattr(const char *p) { return removexattr(p, "user.absent"); }
static long call_mkdir(const char *p) { return mkdir(p, 0700); }
static long call_rmdir(const char *p) { return rmdir(p); }
static long call_unlink(const char *p) { return unlink(p); }
static long call_mknod(const char *p) { return mknod(p, S_IFREG | 0600, 0); }
static long call_mkfifo(const char *p) { return mknod(p, S_IFIFO | 0600, 0); }
static long call_symlink(const char *p) { return symlink("target", p); }
static long call_link_from(const char *p) { return link(p, "linked"); }
static long call_link_to(const char *p) { return link("plain", p); }
static long call_rename_from(const char *p) { return rename(p, "renamed"); }
static long call_rename_to(const char *p) { return rename("spare", p); }
static long call_execve(const char *p) {
	char *const none[] = { NULL };
	return execve(p, none, none);
}

static const struct path_call {
	const char *name;
	long (*run)(const char *path);
	int how;
} calls[] = {
	{ "open", call_open, 0 },
	{ "open O_DIRECTORY", call_open_directory, 0 },
	{ "open O_PATH", call_open_path, 0 },
	{ "open O_CREAT|O_EXCL", call_create, MAKES | KEEPS_LINK },
	{ "stat", call_stat, 0 },
	{ "lstat", call_lstat, KEEPS_LINK },
	{ "statx", call_statx, 0 },
	{ "statfs", call_statfs, 0 },
	{ "access", call_access, 0 },
	{ "chmod", call_chmod, 0 },
	{ "chown", call_chown, 0 },
	{ "lchown", call_lchown, KEEPS_LINK },
	{ "utimensat", call_utimensat, 0 },
	{ "truncate", call_truncate, 0 },
	{ "chdir", call_chdir, 0 },
	{ "readlink", call_readlink, KEEPS_LINK },
	{ "getxattr", call_getxattr, 0 },
	{ "setxattr", call_setxattr, 0 },
	{ "listxattr", call_listxattr, 0 },
	{ "removexattr", call_removexattr, 0 },
	{ "mkdir", call_mkdir, MAKES | KEEPS_LINK },
	{ "rmdir", call_rmdir, KEEPS_LINK },
	{ "unlink", call_unlink, KEEPS_LINK },
	{ "mknod", call_mknod, MAKES | KEEPS_LINK },
	{ "mkfifo", call_mkfifo, MAKES | KEEPS_LINK },
	{ "symlink", call_symlink, MAKES | KEEPS_LINK },
	{ "link from", call_link_from, KEEPS_LINK },
	{ "link to", call_link_to, MAKES | KEEPS_LINK },
	{ "rename from", call_rename_from, KEEPS_LINK },
	{ "rename to", call_rename_to, MAKES | KEEPS_LINK },
	{ "execve", call_execve, 0 },
};

static void expect(const struct path_call *call, const char *what, const char *path, int error) {
	char message[128];
	errno = 0;
	long r = call->run(path);
	int got = r < 0 ? errno : 0;
	if (got != error) printf("  got %s\n", got == 0 ? "success" : strerror(got));
	snprintf(message, sizeof message, "%s, %s: %s", call->name, what, error == 0 ? "success" : strerror(error));
	check_report(got == error, message, __FILE__, __LINE__);
}

static char long_name[300], long_path[PATH_MAX + 100], full_path[PATH_MAX + 2];

static void make_paths(void) {
	memset(long_name, 'n', 256);
	memset(long_path, '/', sizeof long_path - 1);
	memcpy(long_path, "plain", 5); /* too long before anything is looked at */
	memset(full_path, 'd', PATH_MAX - 1);
	for (int i = 2; i < PATH_MAX - 1; i += 2) full_path[i - 1] = '/', full_path[i] = '.';
}

static void every_call(void) {
	char component[400], below[400];
	snprintf(component, sizeof component, "dir/%s", long_name);
	snprintf(below, sizeof below, "%s/x", long_name);
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		const struct path_call *call = &calls[i];
		bool keeps = (call->how & KEEPS_LINK) != 0, makes = (call->how & MAKES) != 0;
		expect(call, "below a file", "plain/x", ENOTDIR);
		expect(call, "below a file's dot", "plain/.", ENOTDIR);
		expect(call, "below a FIFO", "fifo/x", ENOTDIR);
		expect(call, "below a link to a file", "to-plain/x", ENOTDIR);
		expect(call, "a prefix that is absent", "absent/x", ENOENT);
		expect(call, "a prefix that dangles", "dangling/x", ENOENT);
		expect(call, "the empty path", "", ENOENT);
		expect(call, "a long component", component, ENAMETOOLONG);
		expect(call, "a long component above", below, ENAMETOOLONG);
		expect(call, "a long path", long_path, ENAMETOOLONG);
		expect(call, "a prefix that loops", "loop/x", ELOOP);
		expect(call, "a prefix that loops by way of others", "ring-a/x", ELOOP);
		expect(call, "no memory", (const char *)8, EFAULT);
		expect(call, "kernel's memory", (const char *)-4096, EFAULT);
		if (!makes) expect(call, "absent", "absent", ENOENT);
		if (!keeps) expect(call, "dangling", "dangling", ENOENT);
		if (!keeps) expect(call, "a loop", "loop", ELOOP);
		if (makes && call->run != call_rename_to) expect(call, "there already", "plain", EEXIST);
		if (makes && call->run != call_rename_to) expect(call, "a dangling link is there", "dangling", EEXIST);
	}
}

/* Paths of exactly the greatest length. */
static void limits(void) {
	char name[256];
	memset(name, 'x', 255);
	name[255] = '\0';
	OK(check_put(name, "") == 0 && stat(name, &st) == 0 && unlink(name) == 0);
	OK(mkdir(name, 0700) == 0 && rmdir(name) == 0);
	OK(symlink(name, name) == 0 && unlink(name) == 0);
	OK(strlen(full_path) == PATH_MAX - 1 && mkdir("d", 0700) == 0 && stat(full_path, &st) == 0 && S_ISDIR(st.st_mode));
	full_path[PATH_MAX - 1] = '/';
	FAILS(stat(full_path, &st), ENAMETOOLONG);
	OK(rmdir("d") == 0);
}

static int without_search(void) {
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		expect(&calls[i], "below a directory that may not be searched", "closed/f", EACCES);
		expect(&calls[i], "below one by a link", "to-closed/f", EACCES);
	}
	return check_failed;
}

static int without_write(void) {
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
		if ((calls[i].how & MAKES) != 0) expect(&calls[i], "in a directory that may not be written", "read-only/new", EACCES);
	FAILS(unlink("read-only/f"), EACCES);
	FAILS(rmdir("read-only/d"), EACCES);
	FAILS(rename("read-only/f", "elsewhere"), EACCES);
	FAILS(rename("read-only/f", "read-only/g"), EACCES);
	FAILS(open("read-only/none", O_WRONLY), EACCES);
	FAILS(open("read-only/none", O_RDONLY), EACCES);
	FAILS(truncate("read-only/none", 0), EACCES);
	FAILS(open("read-only/d", O_TMPFILE | O_RDWR, 0600), EACCES);
	FAILS(access("read-only/none", R_OK), EACCES);
	FAILS(access("read-only", W_OK), EACCES);
	OK(stat("read-only/none", &st) == 0 && access("read-only/none", F_OK) == 0);
	/* what is there is found before the permission to make it */
	FAILS(mkdir("read-only/d", 0700), EEXIST);
	FAILS(symlink("x", "read-only/f"), EEXIST);
	FAILS(mknod("read-only/f", S_IFREG | 0600, 0), EEXIST);
	FAILS(open("unlisted", O_RDONLY | O_DIRECTORY), EACCES);
	OK(stat("unlisted/f", &st) == 0);
	return check_failed;
}

int main(int argc, char **argv) {
	check_begin(argc, argv);
	make_paths();
	OK(chmod(".", 0777) == 0 && check_put("plain", "plain") == 0 && chmod("plain", 0666) == 0 && check_put("spare", "") == 0 && mkdir("dir", 0755) == 0 &&
		mkfifo("fifo", 0600) == 0);
	OK(symlink("plain", "to-plain") == 0 && symlink("nowhere", "dangling") == 0 && symlink("loop", "loop") == 0);
	OK(symlink("ring-b", "ring-a") == 0 && symlink("ring-a", "ring-b") == 0);
	every_call();
	limits();
	OK(mkdir("closed", 0700) == 0 && check_put("closed/f", "") == 0 && symlink("closed", "to-closed") == 0 && chmod("closed", 0600) == 0);
	OK(mkdir("read-only", 0755) == 0 && check_put("read-only/f", "") == 0 && check_put("read-only/none", "") == 0 && mkdir("read-only/d", 0555) == 0);
	OK(chmod("read-only/none", 0) == 0 && chmod("read-only", 0555) == 0);
	OK(mkdir("unlisted", 0755) == 0 && check_put("unlisted/f", "") == 0 && chmod("unlisted", 0311) == 0);
	OK(run_unprivileged(without_search));
	OK(run_unprivileged(without_write));
	return check_end();
}
