/* Modes, owners, times, permissions, extended attributes, statfs. Run as root it also acts as an ordinary user, in a child. */
#include "check.h"

#include <grp.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <utime.h>

static void modes(void) {
	struct stat st;
	check_put("f", "x");
	OK(chmod("f", 04751) == 0 && stat("f", &st) == 0 && (st.st_mode & 07777) == 04751);
	int fd = open("f", O_RDONLY);
	OK(fchmod(fd, 0640) == 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0640);
	OK(fchmodat(AT_FDCWD, "f", 0600, 0) == 0);
	close(fd);
	FAILS(chmod("absent", 0), ENOENT);
	umask(077);
	OK(mkdir("private", 0777) == 0 && stat("private", &st) == 0 && (st.st_mode & 0777) == 0700);
	OK(umask(0) == 077);
	fd = open("open-to-all", O_CREAT | O_WRONLY, 0666);
	OK(fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0666);
	close(fd);
	umask(022);
	OK(access("f", R_OK | W_OK) == 0 && access("f", F_OK) == 0);
	FAILS(access("absent", F_OK), ENOENT);
	FAILS(access("f", 8), EINVAL);
	FAILS(access("f", X_OK), EACCES);
	OK(access("private", X_OK) == 0);
	OK(symlink("f", "l") == 0 && chmod("l", 0644) == 0 && stat("f", &st) == 0 && (st.st_mode & 0777) == 0644);
}

static void times(void) {
	struct stat st, before;
	struct timespec set[2] = { { 1000000000, 123456789 }, { 2000000000, 987654321 } };
	OK(utimensat(AT_FDCWD, "f", set, 0) == 0 && stat("f", &st) == 0);
	OK(st.st_atim.tv_sec == 1000000000 && st.st_atim.tv_nsec == 123456789 && st.st_mtim.tv_sec == 2000000000 && st.st_mtim.tv_nsec == 987654321);
	before = st;
	set[0].tv_nsec = UTIME_OMIT;
	set[1].tv_nsec = UTIME_NOW;
	OK(utimensat(AT_FDCWD, "f", set, 0) == 0 && stat("f", &st) == 0 && st.st_atim.tv_nsec == before.st_atim.tv_nsec && st.st_mtim.tv_sec != 2000000000);
	set[1].tv_nsec = 1000000000;
	FAILS(utimensat(AT_FDCWD, "f", set, 0), EINVAL);
	set[0].tv_nsec = set[1].tv_nsec = UTIME_OMIT;
	OK(syscall(SYS_utimensat, AT_FDCWD, "absent", set, 0) == 0 || errno == ENOENT);
	struct timeval tv[2] = { { 5, 6 }, { 7, 8 } };
	OK(utimes("f", tv) == 0 && stat("f", &st) == 0 && st.st_mtim.tv_sec == 7 && st.st_mtim.tv_nsec == 8000);
	struct utimbuf ut = { 11, 12 };
	OK(utime("f", &ut) == 0 && stat("f", &st) == 0 && st.st_atim.tv_sec == 11 && st.st_mtim.tv_sec == 12);
	int fd = open("f", O_RDONLY);
	OK(futimens(fd, NULL) == 0 && fstat(fd, &st) == 0 && st.st_mtim.tv_sec > 1000000000);
	close(fd);
	struct timespec link_times[2] = { { 3, 0 }, { 4, 0 } };
	OK(utimensat(AT_FDCWD, "l", link_times, AT_SYMLINK_NOFOLLOW) == 0 && lstat("l", &st) == 0 && st.st_mtim.tv_sec == 4);
	/* changes move the clock forward */
	OK(utime("f", &ut) == 0);
	OK(check_put("f", "yy") == 0 && stat("f", &st) == 0 && st.st_mtim.tv_sec > 12);
	OK(utime(".", &ut) == 0 && check_put("fresh", "") == 0 && stat(".", &st) == 0 && st.st_mtim.tv_sec > 12);
}

static void layouts(void) {
	struct stat st;
	struct statx stx;
	struct statfs fs;
	OK(stat("f", &st) == 0 && statx(AT_FDCWD, "f", 0, STATX_ALL, &stx) == 0);
	OK((stx.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS && stx.stx_ino == st.st_ino && stx.stx_size == (uint64_t)st.st_size && stx.stx_mode == st.st_mode);
	OK(makedev(stx.stx_dev_major, stx.stx_dev_minor) == st.st_dev && stx.stx_mtime.tv_nsec == (uint32_t)st.st_mtim.tv_nsec);
	OK(statx(AT_FDCWD, "l", AT_SYMLINK_NOFOLLOW, STATX_ALL, &stx) == 0 && S_ISLNK(stx.stx_mode));
	int fd = open("f", O_RDONLY);
	OK(statx(fd, "", AT_EMPTY_PATH, STATX_ALL, &stx) == 0 && stx.stx_ino == st.st_ino);
	OK(fstatat(fd, "", &st, AT_EMPTY_PATH) == 0 && st.st_ino == stx.stx_ino);
	FAILS(fstatat(fd, "", &st, 0), ENOENT);
	OK(fstatfs(fd, &fs) == 0 && fs.f_bsize > 0 && fs.f_namelen == 255);
	close(fd);
	int ends[2];
	OK(pipe(ends) == 0 && fstatat(ends[0], "", &st, AT_EMPTY_PATH) == 0 && S_ISFIFO(st.st_mode));
	close(ends[0]);
	close(ends[1]);
	FAILS(statx(AT_FDCWD, "f", 0x10000, STATX_ALL, &stx), EINVAL);
	FAILS(statfs("absent", &fs), ENOENT);
	FAILS(fstat(999, &st), EBADF);
}

static void xattrs(void) {
	char value[16], list[256];
	if (setxattr("f", "user.one", "1", 1, 0) != 0 && errno == EOPNOTSUPP) {
		printf("  no user xattrs on this file system: skipped\n");
		return;
	}
	OK(getxattr("f", "user.one", value, sizeof value) == 1 && value[0] == '1' && getxattr("f", "user.one", NULL, 0) == 1);
	FAILS(setxattr("f", "user.one", "2", 1, XATTR_CREATE), EEXIST);
	FAILS(setxattr("f", "user.two", "2", 1, XATTR_REPLACE), ENODATA);
	FAILS(setxattr("f", "user.two", "2", 1, 8), EINVAL);
	FAILS(setxattr("f", "bogus", "2", 1, 0), EOPNOTSUPP);
	OK(setxattr("f", "user.two", "", 0, XATTR_CREATE) == 0);
	OK(listxattr("f", list, sizeof list) >= 18 && listxattr("f", NULL, 0) >= 18);
	FAILS(listxattr("f", list, 3), ERANGE);
	OK(setxattr("f", "user.two", "long value", 10, 0) == 0);
	FAILS(getxattr("f", "user.two", value, 3), ERANGE);
	OK(removexattr("f", "user.two") == 0);
	FAILS(removexattr("f", "user.two"), ENODATA);
	FAILS(getxattr("f", "user.two", value, sizeof value), ENODATA);
	int fd = open("f", O_RDONLY);
	OK(fgetxattr(fd, "user.one", value, sizeof value) == 1);
	close(fd);
	FAILS(lsetxattr("l", "user.one", "1", 1, 0), EPERM);
}

static int as_user(void) {
	struct stat st;
	if (setgroups(0, NULL) != 0 || setresgid(1234, 1234, 1234) != 0 || setresuid(1234, 1234, 1234) != 0) return 1;
	if (open("secret", O_RDONLY) != -1 || errno != EACCES) return 2;
	if (chmod("readable", 0777) != -1 || errno != EPERM) return 3;
	if (unlink("sticky/victim") != -1 || errno != EPERM) return 4;
	if (rename("sticky/victim", "sticky/other") != -1 || errno != EPERM) return 5;
	if (check_put("sticky/mine", "m") != 0 || stat("sticky/mine", &st) != 0 || st.st_uid != 1234 || st.st_gid != 1234) return 6;
	if (chown("sticky/mine", 0, -1) != -1 || errno != EPERM) return 7;
	if (mkdir("closed/x", 0700) != -1 || errno != EACCES || stat("closed/f", &st) != -1 || errno != EACCES) return 8;
	if (utimensat(AT_FDCWD, "readable", NULL, 0) != -1 || errno != EACCES) return 9;
	struct timespec set[2] = { { 1, 0 }, { 1, 0 } };
	if (utimensat(AT_FDCWD, "readable", set, 0) != -1 || errno != EPERM) return 10;
	int fd = open("setuid", O_WRONLY);
	if (fd < 0 || write(fd, "x", 1) != 1 || fstat(fd, &st) != 0 || (st.st_mode & S_ISUID) != 0) return 11;
	if (access("secret", R_OK) != -1 || errno != EACCES || access("readable", R_OK) != 0) return 12;
	if (mknod("sticky/dev", S_IFCHR | 0600, makedev(1, 3)) != -1 || errno != EPERM) return 13;
	if (unlink("sticky/mine") != 0) return 14;
	return 0;
}

static void owners(void) {
	struct stat st;
	if (geteuid() != 0) return;
	OK(chown("f", 5, 6) == 0 && stat("f", &st) == 0 && st.st_uid == 5 && st.st_gid == 6);
	OK(chown("f", -1, 7) == 0 && stat("f", &st) == 0 && st.st_uid == 5 && st.st_gid == 7);
	OK(lchown("l", 8, 9) == 0 && lstat("l", &st) == 0 && st.st_uid == 8 && stat("f", &st) == 0 && st.st_uid == 5);
	OK(chmod("f", 06755) == 0 && chown("f", 0, 0) == 0 && stat("f", &st) == 0 && (st.st_mode & 07777) == 0755);
	OK(check_put("secret", "s") == 0 && chmod("secret", 0600) == 0 && check_put("readable", "r") == 0);
	OK(mkdir("sticky", 0777) == 0 && chmod("sticky", 01777) == 0 && check_put("sticky/victim", "v") == 0);
	OK(mkdir("closed", 0700) == 0 && check_put("closed/f", "f") == 0);
	OK(check_put("setuid", "s") == 0 && chmod("setuid", 04777) == 0);
	OK(chmod(".", 0755) == 0);
	OK(check_child(as_user));
	OK(mknod("fifo", S_IFIFO | 0600, 0) == 0 && lstat("fifo", &st) == 0 && S_ISFIFO(st.st_mode));
}

/* A null pointer is a bad address like any other, also where much is to be written. */
static void null_pointers(void) {
	check_put("null", "some text that is longer than eight bytes");
	int fd = open("null", O_RDONLY), dir = open(".", O_RDONLY);
	OK(symlink("a-target-longer-than-eight", "null-link") == 0);
	FAILS(syscall(SYS_stat, "null", 0), EFAULT);
	FAILS(syscall(SYS_lstat, "null", 0), EFAULT);
	FAILS(syscall(SYS_fstat, fd, 0), EFAULT);
	FAILS(syscall(SYS_newfstatat, AT_FDCWD, "null", 0, 0), EFAULT);
	FAILS(syscall(SYS_statx, AT_FDCWD, "null", 0, STATX_BASIC_STATS, 0), EFAULT);
	FAILS(syscall(SYS_statfs, ".", 0), EFAULT);
	FAILS(syscall(SYS_fstatfs, fd, 0), EFAULT);
	FAILS(syscall(SYS_getdents64, dir, 0, 4096), EFAULT);
	FAILS(syscall(SYS_getcwd, 0, 4096), EFAULT);
	FAILS(syscall(SYS_readlink, "null-link", 0, 64), EFAULT);
	FAILS(syscall(SYS_read, fd, 0, 40), EFAULT);
	FAILS(syscall(SYS_pread64, fd, 0, 40, 0), EFAULT);
	FAILS(syscall(SYS_write, fd, 0, 40), EBADF);
	struct iovec vec = { NULL, 40 };
	FAILS(syscall(SYS_readv, fd, &vec, 1), EFAULT);
	FAILS(syscall(SYS_fcntl, fd, F_GETLK, 0), EFAULT);
	FAILS(syscall(SYS_open, 0, O_RDONLY), EFAULT);
	FAILS(syscall(SYS_rename, 0, "null"), EFAULT);
	close(fd);
	close(dir);
}

int main(int argc, char **argv) {
	check_begin(argc, argv);
	modes();
	times();
	layouts();
	xattrs();
	owners();
	null_pointers();
	return check_end();
}
