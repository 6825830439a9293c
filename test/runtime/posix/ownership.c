/* Owners, groups and modes: who may change them, what they become in set-group-ID directories, when the set-ID bits go. Most of it needs root, to act as others in turn. */
#include "../ops/check.h"

#include <sys/fsuid.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "unprivileged.h"

static mode_t mode(const char *path) {
	struct stat st;
	return lstat(path, &st) == 0 ? st.st_mode & 07777 : 0177777;
}

static int owned(const char *path, uid_t uid, gid_t gid) {
	struct stat st;
	return lstat(path, &st) == 0 && st.st_uid == uid && st.st_gid == gid;
}

static void masks(void) {
	static const mode_t umasks[] = { 0, 022, 077, 027, 0777 };
	struct stat st;
	for (size_t i = 0; i < sizeof umasks / sizeof umasks[0]; i++) {
		umask(umasks[i]);
		int fd = open("m-file", O_RDWR | O_CREAT, 06777);
		OK(fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == (06777 & ~umasks[i]));
		OK(mkdir("m-dir", 01777) == 0 && (mode("m-dir") & 05777) == (01777 & ~umasks[i]));
		OK(mkfifo("m-fifo", 0666) == 0 && mode("m-fifo") == (0666 & ~umasks[i]));
		OK(mknod("m-node", S_IFREG | 0666, 0) == 0 && mode("m-node") == (0666 & ~umasks[i]));
		OK(symlink("x", "m-link") == 0 && mode("m-link") == 0777);
		OK(fchmod(fd, 0777) == 0 && mode("m-file") == 0777); /* chmod knows no umask */
		close(fd);
		OK(unlink("m-file") == 0 && rmdir("m-dir") == 0 && unlink("m-fifo") == 0 && unlink("m-node") == 0 && unlink("m-link") == 0);
	}
	umask(022);
	FAILS(mknod("x", S_IFDIR | 0700, 0), EPERM);
	FAILS(mknod("x", S_IFLNK | 0700, 0), EINVAL);
	FAILS(mknod("x", 0170000 | 0700, 0), EINVAL);
	OK(mknod("zero-type", 0600, 0) == 0 && lstat("zero-type", &st) == 0 && S_ISREG(st.st_mode));
	OK(mknod("socket", S_IFSOCK | 0600, 0) == 0 && lstat("socket", &st) == 0 && S_ISSOCK(st.st_mode));
}

static int stranger(void) {
	static const struct timespec set[2] = { { 1, 0 }, { 2, 0 } }, now[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } }, omit[2] = { { 0, UTIME_OMIT }, { 0, UTIME_OMIT } };
	static const struct timespec mixed[2] = { { 0, UTIME_NOW }, { 0, UTIME_OMIT } };
	FAILS(chmod("roots", 0777), EPERM);
	FAILS(chmod("rootsdir", 0777), EPERM);
	FAILS(chown("roots", STRANGER, -1), EPERM);
	FAILS(chown("roots", -1, STRANGER), EPERM);
	FAILS(lchown("rootslink", STRANGER, -1), EPERM);
	FAILS(utimensat(AT_FDCWD, "roots", set, 0), EPERM);
	FAILS(utimensat(AT_FDCWD, "writable", set, 0), EPERM);
	FAILS(utimensat(AT_FDCWD, "writable", mixed, 0), EPERM);
	FAILS(utimensat(AT_FDCWD, "roots", now, 0), EACCES);
	OK(utimensat(AT_FDCWD, "writable", now, 0) == 0 && utimensat(AT_FDCWD, "writable", NULL, 0) == 0 && utimensat(AT_FDCWD, "roots", omit, 0) == 0);
	FAILS(truncate("roots", 0), EACCES);
	FAILS(open("roots", O_WRONLY), EACCES);
	FAILS(open("roots", O_RDONLY | O_TRUNC), EACCES);
	FAILS(open("roots", O_RDONLY | O_NOATIME), EPERM);
	FAILS(setxattr("roots", "user.x", "x", 1, 0), EACCES);
	FAILS(setxattr("mine", "trusted.x", "x", 1, 0), EPERM);
	FAILS(getxattr("mine", "trusted.x", NULL, 0), ENODATA);
	FAILS(mknod("open/device", S_IFCHR | 0600, makedev(1, 3)), EPERM);
	FAILS(mknod("open/device", S_IFBLK | 0600, makedev(1, 3)), EPERM);
	/* one's own */
	OK(chmod("mine", 0600) == 0 && chown("mine", -1, -1) == 0 && chown("mine", STRANGER, STRANGER) == 0);
	OK(chown("mine", -1, OTHER_GROUP) == 0 && owned("mine", STRANGER, OTHER_GROUP) && chown("mine", -1, STRANGER) == 0);
	FAILS(chown("mine", 1, -1), EPERM);
	FAILS(chown("mine", -1, 1), EPERM);
	FAILS(chown("mine", 0, STRANGER), EPERM);
	/* set-ID bits */
	OK(chmod("mine", 06755) == 0 && mode("mine") == 06755 && chown("mine", -1, OTHER_GROUP) == 0 && mode("mine") == 0755);
	OK(chmod("mine", 06755) == 0 && chown("mine", -1, -1) == 0 && mode("mine") == 0755);
	OK(chmod("mine", 02644) == 0 && chown("mine", -1, STRANGER) == 0 && mode("mine") == 02644); /* without the group's x bit it meant mandatory locks */
	OK(chown("mine", -1, STRANGER) == 0 && chmod("mine", 02755) == 0 && mode("mine") == 02755);
	OK(chmod("foreign-group", 02755) == 0 && mode("foreign-group") == 0755); /* not a member of that group */
	OK(chmod("foreign-dir", 02755) == 0 && mode("foreign-dir") == 0755);
	OK(chmod("mine", 01755) == 0 && mode("mine") == 01755);
	int fd = open("setid", O_RDWR);
	OK(fd >= 0 && write(fd, "x", 1) == 1 && mode("setid") == 0777);
	close(fd);
	fd = open("setid2", O_RDWR);
	OK(fd >= 0 && ftruncate(fd, 1) == 0 && mode("setid2") == 0777);
	close(fd);
	OK(truncate("setid3", 1) == 0 && mode("setid3") == 0777);
	fd = open("setid4", O_RDWR | O_TRUNC);
	OK(fd >= 0 && mode("setid4") == 0777);
	close(fd);
	fd = open("setid5", O_RDWR);
	OK(fd >= 0 && fallocate(fd, 0, 0, 100) == 0 && mode("setid5") == 0777);
	OK(write(fd, "", 0) == 0);
	close(fd);
	/* new files in directories that hand on their group */
	OK(mkdir("gid/d", 0755) == 0 && owned("gid/d", STRANGER, 777) && mode("gid/d") == 02755);
	OK(check_put("gid/f", "") == 0 && owned("gid/f", STRANGER, 777) && mode("gid/f") == 0644);
	OK(mkfifo("gid/p", 0644) == 0 && owned("gid/p", STRANGER, 777) && symlink("x", "gid/l") == 0 && owned("gid/l", STRANGER, 777));
	OK(mknod("gid/e", S_IFREG | 02755, 0) == 0 && mode("gid/e") == 0755); /* not a member of that group */
	OK(mknod("gid/n", S_IFREG | 02644, 0) == 0 && owned("gid/n", STRANGER, 777));
	fd = open("gid", O_TMPFILE | O_RDWR, 0644);
	struct stat st;
	OK(fd < 0 ? errno == EOPNOTSUPP : fstat(fd, &st) == 0 && st.st_gid == 777);
	close(fd);
	OK(mkdir("open/d", 0755) == 0 && owned("open/d", STRANGER, STRANGER) && mode("open/d") == 0755);
	return check_failed;
}

static void as_root(void) {
	OK(chmod(".", 0755) == 0 && check_put("roots", "r") == 0 && mkdir("rootsdir", 0755) == 0 && symlink("roots", "rootslink") == 0);
	OK(check_put("writable", "") == 0 && chmod("writable", 0666) == 0 && mkdir("open", 0777) == 0 && chmod("open", 0777) == 0);
	OK(check_put("mine", "m") == 0 && chown("mine", STRANGER, STRANGER) == 0);
	OK(check_put("foreign-group", "") == 0 && chown("foreign-group", STRANGER, 777) == 0 && mkdir("foreign-dir", 0755) == 0 && chown("foreign-dir", STRANGER, 777) == 0);
	static const char *const setid[] = { "setid", "setid2", "setid3", "setid4", "setid5" };
	for (int i = 0; i < 5; i++) OK(check_put(setid[i], "text") == 0 && chmod(setid[i], 06777) == 0);
	OK(mkdir("gid", 0777) == 0 && chown("gid", 0, 777) == 0 && chmod("gid", 02777) == 0);
	OK(run_with_ids(STRANGER, STRANGER, OTHER_GROUP, stranger));
	/* root keeps what others lose */
	OK(chmod("roots", 06755) == 0);
	int fd = open("roots", O_RDWR);
	OK(write(fd, "x", 1) == 1 && mode("roots") == 06755 && ftruncate(fd, 5) == 0 && mode("roots") == 06755);
	OK(fchown(fd, 0, 0) == 0 && mode("roots") == 0755);
	close(fd);
	OK(chmod("rootsdir", 06755) == 0 && chown("rootsdir", 5, 5) == 0 && mode("rootsdir") == 06755);
	OK(chmod("mine", 06600) == 0 && chown("mine", 5, 6) == 0 && owned("mine", 5, 6) && mode("mine") == 02600);
	OK(lchown("rootslink", 5, 6) == 0 && owned("rootslink", 5, 6) && owned("roots", 0, 0));
	OK(chown("rootslink", 7, 8) == 0 && owned("roots", 7, 8));
	OK(setxattr("mine", "trusted.x", "x", 1, 0) == 0 || errno == EOPNOTSUPP);
	OK(mknod("device", S_IFCHR | 0640, makedev(0xabc, 0x12345)) == 0);
	struct stat st;
	OK(lstat("device", &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(0xabc, 0x12345) && (st.st_mode & 07777) == 0640);
	FAILS(open("device", O_RDONLY), ENXIO);
}

/* setfsuid and setfsgid change nobody but who uses files. */
static void file_ids(void) {
	OK(check_put("fs-private", "text") == 0 && chmod("fs-private", 0600) == 0 && mkdir("fs-open", 0777) == 0 && chmod("fs-open", 0777) == 0);
	setfsgid(OTHER_GROUP);
	setfsuid(STRANGER);
	FAILS(open("fs-private", O_RDONLY), EACCES);
	FAILS(chmod("fs-private", 0644), EPERM);
	FAILS(mkdir("fs-not", 0755), EACCES);
	OK(access("fs-private", R_OK) == 0); /* of the real ids */
	OK(mkdir("fs-open/d", 0755) == 0 && owned("fs-open/d", STRANGER, OTHER_GROUP));
	OK(check_put("fs-open/f", "") == 0 && owned("fs-open/f", STRANGER, OTHER_GROUP));
	setfsuid(0);
	setfsgid(0);
	OK(check_holds("fs-private", "text") && mkdir("fs-open/root", 0755) == 0 && owned("fs-open/root", 0, 0));
}

int main(int argc, char **argv) {
	check_begin(argc, argv);
	masks();
	if (geteuid() == 0) {
		as_root();
		file_ids();
	}
	return check_end();
}
