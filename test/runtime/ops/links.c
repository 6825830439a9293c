/* Hard links and symlinks. */
#include "check.h"

int main(int argc, char **argv) {
	struct stat a, b;
	char body[PATH_MAX + 16];
	check_begin(argc, argv);
	OK(check_put("a", "text") == 0 && link("a", "b") == 0);
	OK(stat("a", &a) == 0 && stat("b", &b) == 0 && a.st_ino == b.st_ino && a.st_nlink == 2);
	OK(check_put("b", "other") == 0 && check_holds("a", "other"));
	OK(unlink("a") == 0 && stat("b", &b) == 0 && b.st_nlink == 1);
	FAILS(link("absent", "x"), ENOENT);
	FAILS(link("b", "b"), EEXIST);
	FAILS(link("b", "absent/x"), ENOENT);
	FAILS(link("b", "x/"), ENOENT);
	OK(mkdir("dir", 0700) == 0);
	FAILS(link("dir", "x"), EPERM);
	FAILS(linkat(AT_FDCWD, "b", AT_FDCWD, "x", 0x4000), EINVAL);
	/* symlinks */
	OK(symlink("b", "s") == 0 && lstat("s", &a) == 0 && S_ISLNK(a.st_mode) && a.st_size == 1 && (a.st_mode & 0777) == 0777);
	OK(stat("s", &a) == 0 && a.st_ino == b.st_ino);
	OK(readlink("s", body, sizeof body) == 1 && body[0] == 'b');
	FAILS(readlink("b", body, sizeof body), EINVAL);
	FAILS(readlink("absent", body, sizeof body), ENOENT);
	FAILS(symlink("x", "s"), EEXIST);
	FAILS(symlink("", "empty"), ENOENT);
	FAILS(symlink("x", "new/"), ENOENT);
	OK(link("s", "s2") == 0 && lstat("s2", &a) == 0 && S_ISLNK(a.st_mode) && a.st_nlink == 2);
	OK(linkat(AT_FDCWD, "s", AT_FDCWD, "b2", AT_SYMLINK_FOLLOW) == 0 && lstat("b2", &a) == 0 && S_ISREG(a.st_mode));
	memset(body, 'l', sizeof body);
	body[4000] = '\0';
	char back[PATH_MAX];
	OK(symlink(body, "long") == 0 && readlink("long", back, sizeof back) == 4000);
	body[4000] = 'l';
	body[4096] = '\0';
	FAILS(symlink(body, "longer"), ENAMETOOLONG);
	/* through symlinks to directories, with dots and slashes */
	OK(symlink("dir", "sd") == 0 && check_put("dir/f", "f") == 0 && check_holds("sd/f", "f") && check_holds("sd//.//f", "f") && check_holds("sd/../b", "other"));
	OK(lstat("sd/", &a) == 0 && S_ISDIR(a.st_mode) && lstat("sd", &a) == 0 && S_ISLNK(a.st_mode));
	FAILS(stat("s/", &a), ENOTDIR);
	char name[16] = "b", previous[16];
	for (int i = 0; i < 41; i++) {
		strcpy(previous, name);
		snprintf(name, sizeof name, "c%d", i);
		if (symlink(previous, name) != 0) OK(!"chain");
	}
	OK(stat("c39", &a) == 0);
	FAILS(stat("c40", &a), ELOOP);
	int fd = open("s", O_PATH | O_NOFOLLOW);
	OK(fd >= 0 && readlinkat(fd, "", body, sizeof body) == 1 && fstatat(fd, "", &a, AT_EMPTY_PATH) == 0 && S_ISLNK(a.st_mode));
	close(fd);
	fd = open("b", O_PATH);
	FAILS(readlinkat(fd, "", body, sizeof body), ENOENT);
	close(fd);
	return check_end();
}
