/* Descriptions of one file know each other, however they came about: before and after the file was changed, by a second name, after a rename, in another process. Locks of the three kinds
 * tell. As many files as take every place that the runtime may choose for one by its number.
 * Passes natively too. Usage: one_file DIR IMAGE-DIR, where IMAGE-DIR holds files 0 … 63 that may be written, and may be written itself. Prints "N passed, N failed". */
#define _GNU_SOURCE
#include "../ops/check.h"

#include <sys/file.h>
#include <sys/mman.h>

enum { FILES = 64, OPEN = 24, FIRST = 10 };
static char path[64], second[64], third[64]; /* one file: its name, another link, and what it is renamed to */

static struct flock whole(short type) { return (struct flock){ .l_type = type, .l_whence = SEEK_SET }; }
static int set(int fd, int command, short type) {
	struct flock lock = whole(type);
	return fcntl(fd, command, &lock);
}
/* The type of the lock that keeps a write lock of the same kind away. */
static short asked(int fd, int command) {
	struct flock lock = whole(F_WRLCK);
	return fcntl(fd, command, &lock) == 0 ? lock.l_type : -1;
}
static int is_refused(long result) { return result == -1 && (errno == EAGAIN || errno == EACCES); }

/* Nobody gets through FD what another description has locked: exclusively by flock, its first byte by an OFD lock. */
static int knows(int fd) {
	return is_refused(flock(fd, LOCK_EX | LOCK_NB)) && is_refused(flock(fd, LOCK_SH | LOCK_NB)) && is_refused(set(fd, F_OFD_SETLK, F_RDLCK)) &&
	       asked(fd, F_OFD_GETLK) == F_WRLCK && asked(fd, F_GETLK) == F_WRLCK && is_refused(set(fd, F_SETLK, F_RDLCK));
}
static int knows_by_name(const char *name, int flags) {
	int fd = open(name, flags);
	int result = fd >= 0 && knows(fd);
	return fd >= 0 && close(fd) == 0 && result;
}
/* And once it is unlocked. */
static int is_free(const char *name) {
	int fd = open(name, O_RDWR);
	int result = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && set(fd, F_OFD_SETLK, F_WRLCK) == 0 && flock(fd, LOCK_UN) == 0 &&
		     set(fd, F_OFD_SETLK, F_UNLCK) == 0 && asked(fd, F_GETLK) == F_UNLCK && set(fd, F_SETLK, F_WRLCK) == 0 && set(fd, F_SETLK, F_UNLCK) == 0;
	return fd >= 0 && close(fd) == 0 && result;
}
static int child_knows(void) { return !(knows_by_name(path, O_RDWR) && knows_by_name(second, O_RDONLY)); }

/* 0, or the number of the step that went wrong. */
static int one_file(void) {
	char text[8];
	int held = open(path, O_RDWR), early = open(path, O_RDONLY);
	if (held < 0 || early < 0 || flock(held, LOCK_EX | LOCK_NB) != 0 || set(held, F_OFD_SETLK, F_WRLCK) != 0) return 1;
	if (!knows(early) || !knows_by_name(path, O_RDONLY)) return 2;
	if (pwrite(held, "changed", 7, 0) != 7) return 3; /* an image file gets an inode of its own */
	if (!knows(early) || !knows_by_name(path, O_RDWR)) return 4;
	if (pread(early, text, 7, 0) != 7 || memcmp(text, "changed", 7) != 0) return 5;
	if (link(path, second) != 0 || !knows_by_name(second, O_RDWR) || !knows_by_name(path, O_RDONLY)) return 6;
	if (!check_child(child_knows)) return 7;
	if (rename(path, third) != 0 || !knows_by_name(third, O_RDWR) || !knows(early)) return 8;
	if (unlink(third) != 0 || !knows_by_name(second, O_RDONLY)) return 9;
	if (rename(second, path) != 0 || !knows_by_name(path, O_RDWR)) return 10;
	if (flock(held, LOCK_UN) != 0 || set(held, F_OFD_SETLK, F_UNLCK) != 0 || !is_free(path)) return 11;
	/* A lock of the process keeps descriptions away, and ends when the process closes any of them. */
	if (set(held, F_SETLK, F_WRLCK) != 0 || asked(early, F_OFD_GETLK) != F_WRLCK || !is_refused(set(early, F_OFD_SETLK, F_RDLCK))) return 12;
	if (close(early) != 0 || !is_free(path)) return 13;
	return close(held) == 0 && is_free(path) ? 0 : 14;
}

/* The link of each descriptor of another process says which file it is. */
static void others_descriptors(const char *dir) {
	int ready[2], go[2], wrong = 0;
	char byte = 0, name[128], target[PATH_MAX], expected[PATH_MAX + 8];
	OK(pipe(ready) == 0 && pipe(go) == 0);
	pid_t child = fork();
	if (child == 0) {
		for (int i = 0; i < OPEN; i++) {
			snprintf(name, sizeof name, "%s/%d", dir, i);
			int fd = open(name, O_RDONLY);
			if (fd < 0 || dup2(fd, FIRST + i) < 0 || (fd < FIRST && close(fd) != 0)) _exit(1);
		}
		_exit(write(ready[1], &byte, 1) != 1 || read(go[0], &byte, 1) != 1);
	}
	close(ready[1]);
	OK(read(ready[0], &byte, 1) == 1);
	for (int i = 0; i < OPEN; i++) {
		snprintf(name, sizeof name, "/proc/%d/fd/%d", (int)child, FIRST + i);
		snprintf(expected, sizeof expected, "%s/%d", dir, i);
		ssize_t n = readlink(name, target, sizeof target - 1);
		wrong += n < 0 || (size_t)n != strlen(expected) || memcmp(target, expected, (size_t)n) != 0;
	}
	int status;
	OK(wrong == 0 && write(go[1], &byte, 1) == 1 && waitpid(child, &status, 0) == child && status == 0);
	close(ready[0]);
	close(go[0]);
	close(go[1]);
}

static void each_file(const char *dir) {
	int failed = 0;
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof path, "%s/%d", dir, i);
		snprintf(second, sizeof second, "%s/second-%d", dir, i);
		snprintf(third, sizeof third, "%s/third-%d", dir, i);
		int step = one_file();
		if (step != 0 && failed++ == 0) printf("%s: step %d, errno %d\n", path, step, errno);
	}
	OK(failed == 0);
}

int main(int argc, char **argv) {
	if (argc != 3) return 2;
	check_begin(2, argv);
	others_descriptors(argv[2]);
	each_file(argv[2]);
	char name[16], made[] = ".";
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof name, "%d", i);
		OK(check_put(name, "made") == 0);
	}
	each_file(made);
	/* A directory is locked by flock alone, also by two paths. */
	int dir = open(argv[2], O_RDONLY), again = open(argv[2], O_RDONLY | O_DIRECTORY);
	OK(flock(dir, LOCK_EX | LOCK_NB) == 0 && is_refused(flock(again, LOCK_EX | LOCK_NB)));
	OK(close(dir) == 0 && flock(again, LOCK_EX | LOCK_NB) == 0 && close(again) == 0);
	return check_end();
}
