/* Directories: making, listing, removing, the current one. */
#include "check.h"

#include <sys/syscall.h>

static int names(const char *path) {
	DIR *dir = opendir(path);
	int count = 0;
	while (dir != NULL && readdir(dir) != NULL) count++;
	if (dir != NULL) closedir(dir);
	return count;
}

static void making(void) {
	struct stat st;
	OK(mkdir("d", 0777) == 0 && stat("d", &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 07777) == 0755);
	FAILS(mkdir("d", 0777), EEXIST);
	FAILS(mkdir("d/", 0777), EEXIST);
	FAILS(mkdir(".", 0777), EEXIST);
	FAILS(mkdir("/", 0777), EEXIST);
	FAILS(mkdir("absent/d", 0777), ENOENT);
	FAILS(mkdir("", 0777), ENOENT);
	OK(check_put("plain", "x") == 0);
	FAILS(mkdir("plain", 0777), EEXIST);
	FAILS(mkdir("plain/d", 0777), ENOTDIR);
	OK(mkdir("d/sub/", 0700) == 0 && stat("d/sub", &st) == 0 && (st.st_mode & 0777) == 0700);
	char name[300];
	memset(name, 'n', sizeof name);
	name[255] = '\0';
	OK(mkdir(name, 0700) == 0 && rmdir(name) == 0);
	name[255] = 'n';
	name[256] = '\0';
	FAILS(mkdir(name, 0700), ENAMETOOLONG);
	OK(mkdir("gid", 0777) == 0 && chmod("gid", 02777) == 0 && mkdir("gid/below", 0700) == 0);
	OK(stat("gid/below", &st) == 0 && (st.st_mode & S_ISGID) != 0);
}

static void removing(void) {
	FAILS(rmdir("d"), ENOTEMPTY);
	FAILS(rmdir("d/."), EINVAL);
	FAILS(rmdir("d/sub/.."), ENOTEMPTY);
	FAILS(rmdir("/"), EBUSY);
	FAILS(rmdir("absent"), ENOENT);
	FAILS(rmdir("plain"), ENOTDIR);
	FAILS(unlink("d"), EISDIR);
	FAILS(unlink("."), EISDIR);
	FAILS(unlink("plain/"), ENOTDIR);
	OK(symlink("d", "to-d") == 0);
	FAILS(rmdir("to-d"), ENOTDIR);
	FAILS(rmdir("to-d/"), ENOTDIR);
	OK(unlink("to-d") == 0);
	OK(rmdir("d/sub/") == 0 && rmdir("d") == 0 && !check_exists("d"));
}

static void listing(void) {
	struct stat st;
	char name[300];
	OK(mkdir("many", 0700) == 0 && names("many") == 2);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof name, "many/f%d", i);
		check_put(name, "");
	}
	OK(names("many") == 302);
	DIR *dir = opendir("many");
	struct dirent *entry;
	int seen = 0, dots = 0;
	long place = -1;
	char after[256] = "";
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.') {
			dots++;
			OK(entry->d_type == DT_DIR);
			continue;
		}
		if (seen == 150) snprintf(after, sizeof after, "%s", entry->d_name);
		snprintf(name, sizeof name, "many/%s", entry->d_name);
		if (entry->d_type != DT_REG || lstat(name, &st) != 0 || st.st_ino != entry->d_ino) OK(!"entry agrees with lstat");
		if (++seen == 150) place = telldir(dir);
	}
	OK(seen == 300 && dots == 2);
	seekdir(dir, place);
	entry = readdir(dir);
	OK(entry != NULL && strcmp(entry->d_name, after) == 0);
	rewinddir(dir);
	seen = 0;
	while ((entry = readdir(dir)) != NULL) /* removing what was seen must hide nothing */
		if (entry->d_name[0] == 'f') {
			seen++;
			unlinkat(dirfd(dir), entry->d_name, 0);
		}
	OK(seen == 300);
	closedir(dir);
	OK(names("many") == 2);
	int fd = open("plain", O_RDONLY);
	char buffer[16];
	FAILS(syscall(SYS_getdents64, fd, buffer, sizeof buffer), ENOTDIR);
	close(fd);
	fd = open("many", O_RDONLY);
	FAILS(syscall(SYS_getdents64, fd, buffer, sizeof buffer), EINVAL);
	FAILS(read(fd, buffer, 1), EISDIR);
	FAILS(write(fd, buffer, 1), EBADF);
	OK(rmdir("many") == 0 && fstat(fd, &st) == 0 && st.st_nlink == 0);
	FAILS(openat(fd, "new", O_WRONLY | O_CREAT, 0600), ENOENT);
	close(fd);
}

static int in_child(void) { return chdir("/") != 0; }

static void current(void) {
	char top[PATH_MAX], path[PATH_MAX], below[PATH_MAX + 8];
	OK(getcwd(top, sizeof top) != NULL);
	OK(mkdir("cwd", 0700) == 0 && chdir("cwd") == 0);
	snprintf(below, sizeof below, "%s/cwd", top);
	OK(getcwd(path, sizeof path) != NULL && strcmp(path, below) == 0);
	FAILS(getcwd(path, 2) == NULL ? -1 : 0, ERANGE);
	OK(check_child(in_child) && getcwd(path, sizeof path) != NULL && strcmp(path, below) == 0);
	int fd = open("..", O_RDONLY | O_DIRECTORY);
	OK(fchdir(fd) == 0 && getcwd(path, sizeof path) != NULL && strcmp(path, top) == 0);
	close(fd);
	FAILS(chdir("plain"), ENOTDIR);
	FAILS(chdir("absent"), ENOENT);
	fd = open("plain", O_RDONLY);
	FAILS(fchdir(fd), ENOTDIR);
	close(fd);
	FAILS(fchdir(fd), EBADF);
	OK(symlink("cwd", "cwd-link") == 0 && chdir("cwd-link") == 0 && getcwd(path, sizeof path) != NULL && strcmp(path, below) == 0);
	OK(rmdir("../cwd") == 0);
	FAILS(syscall(SYS_getcwd, path, sizeof path), ENOENT);
	FAILS(mkdir("x", 0700), ENOENT);
	OK(chdir(top) == 0);
}

static void deep(void) {
	char top[PATH_MAX];
	OK(getcwd(top, sizeof top) != NULL);
	for (int i = 0; i < 100; i++)
		if (mkdir("deep", 0700) != 0 || chdir("deep") != 0) OK(!"go down");
	OK(check_put("bottom", "b") == 0);
	for (int i = 0; i < 100; i++) {
		if (i == 0) OK(unlink("bottom") == 0);
		if (chdir("..") != 0 || rmdir("deep") != 0) OK(!"come up");
	}
	char path[PATH_MAX];
	OK(getcwd(path, sizeof path) != NULL && strcmp(path, top) == 0);
}

int main(int argc, char **argv) {
	check_begin(argc, argv);
	making();
	removing();
	listing();
	current();
	deep();
	return check_end();
}
