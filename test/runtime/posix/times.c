/* Which times a call sets, and which it leaves: access, modification and change time of the file and of the directories that it takes part in.
 * Access and modification times are put far into the past before each call; for change times the kernel's coarse clock is waited for until it has moved on. */
#include "../ops/check.h"

#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <time.h>
#include <utime.h>

enum { A = 1, M = 2, C = 4 };
enum { OLD = 1000000000 };

static struct timespec changed_before;

static int later(struct timespec a, struct timespec b) { return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec; }

/* Puts PATH's times into the past and waits until a change would be seen. */
static void reset(const char *path) {
	static const struct timespec old[2] = { { OLD, 1 }, { OLD, 2 } };
	struct stat st;
	struct timespec now;
	OK(utimensat(AT_FDCWD, path, old, AT_SYMLINK_NOFOLLOW) == 0 && lstat(path, &st) == 0);
	changed_before = st.st_ctim;
	do clock_gettime(CLOCK_REALTIME_COARSE, &now);
	while (!later(now, changed_before));
}

static int touched(const struct stat *st) {
	return (later(st->st_atim, (struct timespec){ OLD, 1 }) ? A : 0) | (later(st->st_mtim, (struct timespec){ OLD, 2 }) ? M : 0) |
	       (later(st->st_ctim, changed_before) ? C : 0);
}

static void report(int got, int want, const char *what, const char *path, int line) {
	char message[160];
	snprintf(message, sizeof message, "%s: times of %s: got %s%s%s, want %s%s%s", what, path, got & A ? "a" : "", got & M ? "m" : "", got & C ? "c" : "",
		want & A ? "a" : "", want & M ? "m" : "", want & C ? "c" : "");
	check_report(got == want, message, __FILE__, line);
}

/* CALL succeeds and sets just the times WANT of PATH. */
#define SETS(path, call, want)                                                                                                                                 \
	do {                                                                                                                                                   \
		struct stat st_;                                                                                                                               \
		reset(path);                                                                                                                                   \
		OK(call);                                                                                                                                      \
		OK(lstat(path, &st_) == 0);                                                                                                                    \
		report(touched(&st_), want, #call, path, __LINE__);                                                                                            \
	} while (0)

static int list(const char *path) {
	DIR *dir = opendir(path);
	int any = dir != NULL && readdir(dir) != NULL;
	if (dir != NULL) closedir(dir);
	return any;
}

static void directories(void) {
	int fd;
	SETS(".", (fd = open("new", O_RDWR | O_CREAT | O_EXCL, 0600)) >= 0, M | C);
	SETS(".", close(open("new", O_RDWR | O_CREAT, 0600)) == 0, 0);
	close(fd);
	SETS(".", mkdir("d", 0700) == 0, M | C);
	SETS(".", symlink("d", "l") == 0, M | C);
	SETS(".", mkfifo("p", 0600) == 0, M | C);
	SETS(".", link("new", "newer") == 0, M | C);
	SETS("new", link("new", "newest") == 0, C);
	SETS("new", unlink("newest") == 0, C);
	SETS(".", unlink("newer") == 0, M | C);
	SETS(".", rename("new", "renamed") == 0, M | C);
	SETS("renamed", link("renamed", "spare") == 0 && unlink("spare") == 0, C);
	SETS("d", rename("renamed", "d/renamed") == 0, M | C);
	SETS(".", rename("d/renamed", "renamed") == 0, M | C);
	SETS("d", rename("renamed", "renamed2") == 0 && rename("renamed2", "renamed") == 0, 0);
	SETS("d", mkdir("d/e", 0700) == 0, M | C);
	SETS("d", check_put("d/e/f", "") == 0, 0);
	SETS("d/e", unlink("d/e/f") == 0, M | C);
	SETS("d", rmdir("d/e") == 0, M | C);
	SETS(".", rmdir("d") == 0, M | C);
	SETS(".", list("."), A);
	SETS("l", readlink("l", (char[8]){ 0 }, 8) == 1, A);
	SETS("l", rename("l", "l2") == 0 && rename("l2", "l") == 0 ? 1 : 0, C);
	SETS(".", chmod(".", 0755) == 0, C);
	/* failures set nothing */
	SETS(".", mkdir("renamed", 0700) == -1 && unlink("absent") == -1 && rename("absent", "x") == -1 && link("renamed", "renamed") == -1, 0);
	SETS("renamed", truncate("renamed/", 0) == -1, 0);
}

static void contents(void) {
	char text[16];
	int fd = open("f", O_RDWR | O_CREAT, 0600);
	OK(write(fd, "0123456789", 10) == 10);
	SETS("f", lseek(fd, 0, SEEK_SET) == 0 && read(fd, text, 1) == 1, A);
	SETS("f", pread(fd, text, 4, 0) == 4, A);
	SETS("f", pwrite(fd, "x", 1, 0) == 1, M | C);
	SETS("f", pwrite(fd, "", 0, 0) == 0, 0);
	SETS("f", ftruncate(fd, 5) == 0, M | C);
	SETS("f", ftruncate(fd, 5) == 0, M | C);
	SETS("f", truncate("f", 100) == 0, M | C);
	SETS("f", truncate("f", 100) == 0, M | C);
	SETS("f", close(open("f", O_RDWR | O_TRUNC)) == 0, M | C);
	SETS("f", close(open("f", O_RDWR | O_TRUNC)) == 0, M | C);
	SETS("f", close(open("f", O_RDWR)) == 0, 0);
	SETS("f", fchmod(fd, 0644) == 0, C);
	SETS("f", fchmod(fd, 0644) == 0, C);
	SETS("f", fchown(fd, geteuid(), getegid()) == 0, C);
	SETS("f", fchown(fd, -1, -1) == 0, C);
	SETS("f", lseek(fd, 0, SEEK_END) == 0 && fsync(fd) == 0 && access("f", R_OK) == 0, 0);
	SETS("f", setxattr("f", "user.x", "y", 1, 0) == 0 || errno == EOPNOTSUPP, setxattr("f", "user.x", "y", 1, 0) == 0 ? C : 0);
	SETS("f", pwrite(fd, "0123456789", 10, 0) == 10, M | C);
	int other = open("g", O_RDWR | O_CREAT | O_APPEND, 0600);
	int noatime = open("f", O_RDONLY | O_NOATIME);
	SETS("f", pread(noatime, text, 4, 0) == 4, 0);
	close(noatime);
	SETS("g", write(other, "appended", 8) == 8, M | C);
	close(other);
	other = open("h", O_RDWR | O_CREAT, 0600);
	loff_t from = 0;
	SETS("h", sendfile(other, fd, &from, 4) == 4, M | C);
	from = 0;
	SETS("f", sendfile(other, fd, &from, 4) == 4, A);
	from = 0;
	SETS("h", copy_file_range(fd, &from, other, NULL, 4, 0) == 4, M | C);
	close(other);
	SETS("f", fallocate(fd, 0, 0, 50) == 0, M | C);
	char *map = mmap(NULL, 50, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	OK(map != MAP_FAILED);
	munmap(map, 50);
	close(fd);
}

static void exact(void) {
	struct stat st;
	struct timespec set[2] = { { -5, 999999999 }, { 4000000000, 1 } };
	OK(utimensat(AT_FDCWD, "f", set, 0) == 0 && stat("f", &st) == 0 && st.st_mtim.tv_sec == 4000000000 && st.st_mtim.tv_nsec == 1);
	OK(st.st_atim.tv_sec == -5 && st.st_atim.tv_nsec == 999999999);
	static const struct timespec omit_both[2] = { { 0, UTIME_OMIT }, { 0, UTIME_OMIT } }, now_a[2] = { { 0, UTIME_NOW }, { 0, UTIME_OMIT } },
				     now_m[2] = { { 0, UTIME_OMIT }, { 0, UTIME_NOW } };
	SETS("f", utimensat(AT_FDCWD, "f", omit_both, 0) == 0, 0);
	SETS("f", utimensat(AT_FDCWD, "f", now_a, 0) == 0, A | C);
	SETS("f", utimensat(AT_FDCWD, "f", now_m, 0) == 0, M | C);
	SETS("f", utimensat(AT_FDCWD, "f", NULL, 0) == 0, A | M | C);
	SETS("f", utime("f", NULL) == 0, A | M | C);
	set[0].tv_nsec = -1;
	FAILS(utimensat(AT_FDCWD, "f", set, 0), EINVAL);
	FAILS(syscall(SYS_utimensat, AT_FDCWD, "f", 8L, 0), EFAULT);
	FAILS(utimensat(AT_FDCWD, "f", NULL, 0x40000), EINVAL);
	/* all times of what is new agree, and lie between clocks */
	struct timespec before, after;
	clock_gettime(CLOCK_REALTIME_COARSE, &before);
	OK(mkdir("fresh", 0700) == 0 && stat("fresh", &st) == 0);
	clock_gettime(CLOCK_REALTIME, &after);
	OK(!later(before, st.st_mtim) && !later(st.st_mtim, after) && !later(st.st_atim, st.st_mtim) && !later(st.st_mtim, st.st_ctim) && !later(st.st_ctim, st.st_atim));
}

int main(int argc, char **argv) {
	check_begin(argc, argv);
	directories();
	contents();
	exact();
	return check_end();
}
