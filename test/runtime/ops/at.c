/* The *at calls: relative to descriptors, with empty paths, and openat2's restrictions. */
#include "check.h"

#include <linux/openat2.h>
#include <sys/syscall.h>

static int open2(int dir, const char *path, uint64_t flags, uint64_t resolve) {
	struct open_how how = { .flags = flags, .resolve = resolve };
	return (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
}

static void restrictions(int dir) {
	struct open_how how = { .flags = O_RDONLY, .mode = 1 };
	int fd = open2(dir, "f", O_RDONLY, 0);
	if (fd < 0 && errno == ENOSYS) return;
	OK(fd >= 0);
	close(fd);
	FAILS(syscall(SYS_openat2, dir, "f", &how, sizeof how), EINVAL);
	how.mode = 0;
	FAILS(syscall(SYS_openat2, dir, "f", &how, 8), EINVAL);
	FAILS(open2(dir, "f", 1ull << 40, 0), EINVAL);
	FAILS(open2(dir, "f", O_RDONLY, 1ull << 40), EINVAL);
	FAILS(open2(dir, "../top", O_RDONLY, RESOLVE_BENEATH), EXDEV);
	FAILS(open2(dir, "/", O_RDONLY, RESOLVE_BENEATH), EXDEV);
	fd = open2(dir, "sub/../f", O_RDONLY, RESOLVE_BENEATH);
	OK(fd >= 0);
	close(fd);
	fd = open2(dir, "/f", O_RDONLY, RESOLVE_IN_ROOT);
	OK(fd >= 0);
	close(fd);
	fd = open2(dir, "../../../f", O_RDONLY, RESOLVE_IN_ROOT);
	OK(fd >= 0);
	close(fd);
	OK(symlinkat("f", dir, "link") == 0);
	FAILS(open2(dir, "link", O_RDONLY, RESOLVE_NO_SYMLINKS), ELOOP);
	FAILS(open2(AT_FDCWD, "/proc/self/fd/1", O_RDONLY, RESOLVE_NO_MAGICLINKS), ELOOP);
	OK(symlinkat("../top", dir, "out") == 0);
	FAILS(open2(dir, "out", O_RDONLY, RESOLVE_BENEATH), EXDEV);
}

int main(int argc, char **argv) {
	struct stat st, by_path;
	char body[8];
	check_begin(argc, argv);
	OK(mkdir("dir", 0700) == 0 && check_put("top", "top") == 0);
	int dir = open("dir", O_RDONLY | O_DIRECTORY), path = open("dir", O_PATH);
	OK(dir >= 0 && path >= 0);
	int fd = openat(dir, "f", O_RDWR | O_CREAT, 0644);
	OK(fd >= 0 && write(fd, "f", 1) == 1);
	OK(fstatat(path, "f", &st, 0) == 0 && stat("dir/f", &by_path) == 0 && st.st_ino == by_path.st_ino);
	OK(fstatat(dir, "../top", &st, 0) == 0 && S_ISREG(st.st_mode));
	OK(mkdirat(dir, "sub", 0700) == 0 && symlinkat("../f", dir, "sub/l") == 0);
	OK(readlinkat(dir, "sub/l", body, sizeof body) == 4 && fstatat(dir, "sub/l", &st, 0) == 0 && st.st_ino == by_path.st_ino);
	OK(linkat(dir, "f", path, "g", 0) == 0 && renameat(dir, "g", dir, "h") == 0 && unlinkat(dir, "h", 0) == 0);
	FAILS(unlinkat(dir, "sub", 0), EISDIR);
	FAILS(unlinkat(dir, "f", AT_REMOVEDIR), ENOTDIR);
	FAILS(unlinkat(dir, "f", 0x8000), EINVAL);
	OK(faccessat(dir, "f", R_OK, 0) == 0 && faccessat(dir, "f", R_OK, AT_EACCESS) == 0);
	OK(fchmodat(dir, "f", 0600, 0) == 0 && fchownat(dir, "f", -1, -1, 0) == 0 && utimensat(dir, "f", NULL, 0) == 0);
	OK(mknodat(dir, "fifo", S_IFIFO | 0600, 0) == 0);
	/* descriptors that are no directories */
	FAILS(openat(fd, "x", O_RDONLY), ENOTDIR);
	FAILS(openat(999, "x", O_RDONLY), EBADF);
	FAILS(fstatat(999, "", &st, AT_EMPTY_PATH), EBADF);
	OK(fstatat(999, "/", &st, 0) == 0); /* not looked at */
	int ends[2];
	OK(pipe(ends) == 0);
	FAILS(openat(ends[0], "x", O_RDONLY), ENOTDIR);
	FAILS(mkdirat(ends[0], "x", 0700), ENOTDIR);
	/* empty paths */
	OK(fstatat(fd, "", &st, AT_EMPTY_PATH) == 0 && st.st_ino == by_path.st_ino);
	OK(fstatat(AT_FDCWD, "", &st, AT_EMPTY_PATH) == 0 && S_ISDIR(st.st_mode));
	FAILS(fstatat(dir, "", &st, 0), ENOENT);
	OK(fchownat(fd, "", -1, -1, AT_EMPTY_PATH) == 0);
	if (geteuid() == 0) OK(linkat(fd, "", dir, "by-fd", AT_EMPTY_PATH) == 0 && fstatat(dir, "by-fd", &st, 0) == 0 && st.st_ino == by_path.st_ino);
	FAILS(openat(dir, "", O_RDONLY), ENOENT);
	/* a moved directory is still the one that was opened */
	OK(rename("dir", "elsewhere") == 0 && faccessat(dir, "f", F_OK, 0) == 0 && fstatat(dir, "../top", &st, 0) == 0);
	OK(fchdir(path) == 0 && stat("f", &st) == 0 && chdir("..") == 0 && stat("top", &st) == 0);
	FAILS(syscall(SYS_newfstatat, dir, (char *)8, &st, 0), EFAULT);
	FAILS(stat("f", (struct stat *)8) == 0 ? 0 : -1, ENOENT);
	FAILS(syscall(SYS_stat, "top", (struct stat *)8), EFAULT);
	restrictions(dir);
	return check_end();
}
