/* rename: every type onto every type, with every flag; places where it may not be; who may in sticky directories. */
#include "../ops/check.h"

#include <sys/sysmacros.h>

#include "unprivileged.h"

enum type { ABSENT, REGULAR, EMPTY, FULL, LINK, FIFO, TYPES };
static const char *const type_names[TYPES] = { "absent", "a file", "an empty directory", "a full directory", "a symlink", "a FIFO" };

static int make(const char *name, enum type type) {
	char inner[64];
	switch (type) {
	case REGULAR: return check_put(name, name);
	case EMPTY: return mkdir(name, 0755);
	case FULL: snprintf(inner, sizeof inner, "%s/in", name); return mkdir(name, 0755) == 0 ? check_put(inner, "") : -1;
	case LINK: return symlink("nowhere", name);
	case FIFO: return mkfifo(name, 0644);
	default: return 0;
	}
}

static void unmake(const char *name) {
	char inner[64];
	snprintf(inner, sizeof inner, "%s/in", name);
	unlink(inner);
	if (unlink(name) != 0) rmdir(name);
}

static int is_directory(enum type type) { return type == EMPTY || type == FULL; }

/* What renameat2 says of a FROM onto a TO. */
static int expected(enum type from, enum type to, unsigned flags) {
	if (from == ABSENT) return ENOENT;
	if ((flags & RENAME_NOREPLACE) != 0 && to != ABSENT) return EEXIST;
	if ((flags & RENAME_EXCHANGE) != 0) return to == ABSENT ? ENOENT : 0;
	if (to == ABSENT) return 0;
	if (is_directory(from) != is_directory(to)) return is_directory(from) ? ENOTDIR : EISDIR;
	return to == FULL ? ENOTEMPTY : 0;
}

static ino_t number(const char *path) {
	struct stat st;
	return lstat(path, &st) == 0 ? st.st_ino : 0;
}

static nlink_t links(const char *path) {
	struct stat st;
	return lstat(path, &st) == 0 ? st.st_nlink : 0;
}

static void one(const char *a, enum type from, const char *b, enum type to, unsigned flags) {
	char message[160];
	OK(make(a, from) == 0 && make(b, to) == 0);
	ino_t ino_a = number(a), ino_b = number(b);
	errno = 0;
	int r = renameat2(AT_FDCWD, a, AT_FDCWD, b, flags), error = r == 0 ? 0 : errno, want = expected(from, to, flags);
	snprintf(message, sizeof message, "%s (%s) to %s (%s), flags %u: %s, not %s", a, type_names[from], b, type_names[to], flags, strerror(want), strerror(error));
	check_report(error == want, message, __FILE__, __LINE__);
	if (error != 0)
		check_report(number(a) == ino_a && number(b) == ino_b, "a rename that failed changed nothing", __FILE__, __LINE__);
	else
		check_report(number(b) == ino_a && number(a) == ((flags & RENAME_EXCHANGE) != 0 ? ino_b : 0), "a rename moved what it should", __FILE__, __LINE__);
	unmake(a);
	unmake(b);
}

static void all_types(void) {
	static const unsigned flags[] = { 0, RENAME_NOREPLACE, RENAME_EXCHANGE };
	OK(mkdir("there", 0755) == 0);
	nlink_t here = links("."), there = links("there");
	for (int f = 0; f < 3; f++)
		for (int from = 0; from < TYPES; from++)
			for (int to = 0; to < TYPES; to++) {
				one("a", (enum type)from, "b", (enum type)to, flags[f]);
				one("a", (enum type)from, "there/b", (enum type)to, flags[f]);
			}
	OK(links(".") == here && links("there") == there);
}

static void link_counts(void) {
	nlink_t here = links("."), there = links("there");
	OK(mkdir("d", 0755) == 0 && links(".") == here + 1);
	OK(rename("d", "there/d") == 0 && links(".") == here && links("there") == there + 1);
	OK(check_put("f", "") == 0 && renameat2(AT_FDCWD, "f", AT_FDCWD, "there/d", RENAME_EXCHANGE) == 0);
	OK(links(".") == here + 1 && links("there") == there);
	OK(rmdir("f") == 0 && unlink("there/d") == 0);
	/* ".." follows */
	OK(mkdir("d", 0755) == 0 && rename("d", "there/d") == 0 && number("there/d/..") == number("there") && rmdir("there/d") == 0);
	/* the inode that gives way loses its name */
	int fd = open("old", O_RDWR | O_CREAT, 0600);
	struct stat st;
	OK(link("old", "older") == 0 && check_put("new", "") == 0 && rename("new", "old") == 0 && fstat(fd, &st) == 0 && st.st_nlink == 1);
	close(fd);
	OK(unlink("old") == 0 && unlink("older") == 0);
}

static void places(void) {
	OK(mkdir("p", 0755) == 0 && mkdir("p/q", 0755) == 0 && mkdir("p/q/r", 0755) == 0);
	FAILS(rename("p", "p/q/new"), EINVAL);
	FAILS(rename("p", "p/q/r"), EINVAL);
	FAILS(renameat2(AT_FDCWD, "p", AT_FDCWD, "p/q/r", RENAME_EXCHANGE), EINVAL);
	FAILS(renameat2(AT_FDCWD, "p/q/r", AT_FDCWD, "p", RENAME_EXCHANGE), EINVAL);
	FAILS(rename("p/q/r", "p"), ENOTEMPTY);
	FAILS(rename("p/.", "x"), EBUSY);
	FAILS(rename("p/..", "x"), EBUSY);
	FAILS(rename("p", "p/q/."), EBUSY);
	OK(rename("/", "x") == -1 && (errno == EBUSY || errno == EXDEV)); /* as the directory lies on the root file system or on another */
	FAILS(renameat2(AT_FDCWD, "p", AT_FDCWD, ".", RENAME_NOREPLACE), EEXIST);
	OK(rename("p", "p2/") == 0 && rename("p2/", "p") == 0);
	OK(symlink("p", "to-p") == 0);
	FAILS(rename("to-p/", "x"), ENOTDIR);
	FAILS(rename("p", "to-p"), ENOTDIR);
	OK(rename("to-p/q", "to-p/s") == 0 && check_exists("p/s/r"));
	/* a directory that was removed while it is open takes nothing */
	OK(mkdir("gone", 0755) == 0 && check_put("f", "") == 0);
	int gone = open("gone", O_RDONLY | O_DIRECTORY);
	OK(rmdir("gone") == 0);
	FAILS(renameat(AT_FDCWD, "f", gone, "f"), ENOENT);
	FAILS(linkat(AT_FDCWD, "f", gone, "f", 0), ENOENT);
	FAILS(mkdirat(gone, "d", 0700), ENOENT);
	FAILS(symlinkat("x", gone, "l"), ENOENT);
	close(gone);
}

/* A whiteout is a character device 0/0 that stays where the file was. */
static void whiteouts(void) {
	struct stat st;
	OK(check_put("w", "w") == 0 && check_put("w-over", "") == 0);
	if (renameat2(AT_FDCWD, "w", AT_FDCWD, "w2", RENAME_WHITEOUT) != 0) {
		OK(errno == EINVAL || errno == EPERM);
		printf("  no whiteouts on this file system: skipped\n");
		return;
	}
	OK(check_holds("w2", "w") && lstat("w", &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0) && (st.st_mode & 07777) == 0 && st.st_nlink == 1);
	OK(unlink("w") == 0 && renameat2(AT_FDCWD, "w2", AT_FDCWD, "w-over", RENAME_WHITEOUT) == 0 && check_holds("w-over", "w") && lstat("w2", &st) == 0 &&
		S_ISCHR(st.st_mode));
	FAILS(renameat2(AT_FDCWD, "w-over", AT_FDCWD, "w2", RENAME_WHITEOUT | RENAME_NOREPLACE), EEXIST);
	FAILS(renameat2(AT_FDCWD, "w-over", AT_FDCWD, "w2", RENAME_WHITEOUT | RENAME_EXCHANGE), EINVAL);
	OK(unlink("w2") == 0 && renameat2(AT_FDCWD, "w-over", AT_FDCWD, "w2", RENAME_WHITEOUT | RENAME_NOREPLACE) == 0 && unlink("w-over") == 0);
	nlink_t here = links(".");
	OK(mkdir("wd", 0755) == 0 && renameat2(AT_FDCWD, "wd", AT_FDCWD, "there/wd", RENAME_WHITEOUT) == 0 && lstat("wd", &st) == 0 && S_ISCHR(st.st_mode) &&
		links(".") == here);
	OK(unlink("wd") == 0 && rmdir("there/wd") == 0 && unlink("w2") == 0);
}

static int in_sticky(void) {
	FAILS(rename("sticky/theirs", "free/x"), EPERM);
	FAILS(rename("sticky/theirs", "sticky/x"), EPERM);
	FAILS(unlink("sticky/theirs"), EPERM);
	FAILS(rmdir("sticky/their-dir"), EPERM);
	FAILS(rename("free/mine", "sticky/theirs"), EPERM);
	FAILS(renameat2(AT_FDCWD, "free/mine", AT_FDCWD, "sticky/theirs", RENAME_EXCHANGE), EPERM);
	FAILS(renameat2(AT_FDCWD, "sticky/theirs", AT_FDCWD, "free/mine", RENAME_EXCHANGE), EPERM);
	OK(rename("free/mine", "sticky/mine") == 0 && rename("sticky/mine", "sticky/mine2") == 0 && rename("sticky/mine2", "free/mine") == 0);
	OK(rename("free/theirs", "free/x") == 0 && rename("free/x", "sticky/x") == 0); /* a file of theirs moves in, and is stuck */
	FAILS(rename("sticky/x", "free/x"), EPERM);
	OK(mkdir("sticky/my-dir", 0700) == 0 && rmdir("sticky/my-dir") == 0);
	/* a directory's ".." changes: it must be writable */
	FAILS(rename("free/their-dir", "sticky/d"), EACCES);
	OK(rename("free/their-dir", "free/renamed-dir") == 0);
	OK(rename("own-sticky/theirs", "own-sticky/x") == 0 && unlink("own-sticky/x") == 0); /* the directory's owner may */
	return check_failed;
}

static void sticky(void) {
	if (geteuid() != 0) return;
	OK(chmod(".", 0755) == 0 && mkdir("sticky", 0777) == 0 && chmod("sticky", 01777) == 0 && mkdir("free", 0777) == 0 && chmod("free", 0777) == 0);
	OK(mkdir("own-sticky", 01777) == 0 && chmod("own-sticky", 01777) == 0 && chown("own-sticky", STRANGER, STRANGER) == 0 && check_put("own-sticky/theirs", "") == 0);
	OK(check_put("sticky/theirs", "") == 0 && mkdir("sticky/their-dir", 0755) == 0 && check_put("free/theirs", "") == 0 && mkdir("free/their-dir", 0755) == 0);
	OK(check_put("free/mine", "") == 0 && chown("free/mine", STRANGER, STRANGER) == 0);
	OK(run_unprivileged(in_sticky));
}

int main(int argc, char **argv) {
	check_begin(argc, argv);
	all_types();
	link_counts();
	places();
	whiteouts();
	sticky();
	return check_end();
}
