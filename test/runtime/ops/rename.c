/* rename and renameat2. */
#include "check.h"

static ino_t number(const char *path) {
	struct stat st;
	return lstat(path, &st) == 0 ? st.st_ino : 0;
}

int main(int argc, char **argv) {
	check_begin(argc, argv);
	OK(check_put("a", "a") == 0 && check_put("b", "b") == 0);
	ino_t ino = number("a");
	OK(rename("a", "c") == 0 && number("c") == ino && !check_exists("a"));
	OK(rename("c", "b") == 0 && check_holds("b", "a") && number("b") == ino);
	OK(rename("b", "b") == 0 && check_exists("b"));
	FAILS(rename("absent", "x"), ENOENT);
	FAILS(rename("b", "absent/x"), ENOENT);
	FAILS(rename("b", "x/"), ENOTDIR);
	FAILS(rename("b/", "x"), ENOTDIR);
	FAILS(rename(".", "x"), EBUSY);
	FAILS(rename("b", "."), EBUSY);
	OK(mkdir("d1", 0700) == 0 && mkdir("d2", 0700) == 0 && mkdir("d2/in", 0700) == 0);
	FAILS(rename("b", "d1"), EISDIR);
	FAILS(rename("d1", "b"), ENOTDIR);
	FAILS(rename("d1", "d2"), ENOTEMPTY);
	FAILS(rename("d2", "d2/in/self"), EINVAL);
	FAILS(rename("d2/in", "d2"), ENOTEMPTY);
	OK(rename("d2", "d1") == 0 && check_exists("d1/in"));
	OK(rename("d1/in", "up") == 0 && rename("up", "d1/down/") == 0 && check_exists("d1/down"));
	struct stat st;
	OK(stat("d1", &st) == 0 && st.st_nlink == 3);
	int fd = open("b", O_RDONLY);
	OK(check_put("over", "over") == 0 && rename("over", "b") == 0);
	char byte;
	OK(read(fd, &byte, 1) == 1 && byte == 'a' && fstat(fd, &st) == 0 && st.st_nlink == 0);
	close(fd);
	/* two names of one file: nothing happens */
	OK(link("b", "b2") == 0 && rename("b", "b2") == 0 && check_exists("b") && check_exists("b2"));
	/* symlinks move themselves */
	OK(symlink("nowhere", "sym") == 0 && rename("sym", "sym2") == 0 && readlink("sym2", &byte, 1) == 1);
	/* renameat2 */
	OK(check_put("p", "p") == 0 && check_put("q", "q") == 0);
	FAILS(renameat2(AT_FDCWD, "p", AT_FDCWD, "q", RENAME_NOREPLACE), EEXIST);
	OK(renameat2(AT_FDCWD, "p", AT_FDCWD, "p1", RENAME_NOREPLACE) == 0);
	OK(renameat2(AT_FDCWD, "p1", AT_FDCWD, "q", RENAME_EXCHANGE) == 0 && check_holds("q", "p") && check_holds("p1", "q"));
	FAILS(renameat2(AT_FDCWD, "q", AT_FDCWD, "absent", RENAME_EXCHANGE), ENOENT);
	FAILS(renameat2(AT_FDCWD, "p1", AT_FDCWD, "q", RENAME_EXCHANGE | RENAME_NOREPLACE), EINVAL);
	FAILS(renameat2(AT_FDCWD, "p1", AT_FDCWD, "q", 64), EINVAL);
	OK(renameat2(AT_FDCWD, "q", AT_FDCWD, "d1", RENAME_EXCHANGE) == 0 && check_exists("q/down") && check_holds("d1", "p"));
	/* an open directory follows its rename */
	int dir = open("q", O_RDONLY | O_DIRECTORY);
	OK(rename("q", "moved") == 0 && faccessat(dir, "down", F_OK, 0) == 0);
	close(dir);
	return check_end();
}
