/* A full overlay: every call that needs room says ENOSPC (a shared mapping of holes: ENOMEM, or SIGBUS at its stores), what was there stays whole, and what is freed can be used again.
 * Usage: full DIR, in an image whose overlay is small (BINARYFS_OVERLAY_SIZE). */
#include "../ops/check.h"

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <sys/xattr.h>

enum { PAGE = 4096 };

static sigjmp_buf store_failed;
static void on_sigbus(int signal) {
	(void)signal;
	siglongjmp(store_failed, 1);
}

static struct statfs usage(void) {
	struct statfs fs = { 0 };
	statfs(".", &fs);
	return fs;
}

/* Writes until there is no room, in pieces that get smaller. How many bytes went in. */
static off_t fill(const char *name) {
	static char block[65536];
	off_t total = 0;
	int fd = open(name, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd < 0) return -1;
	for (size_t piece = sizeof block; piece > 0; piece /= 2)
		for (;;) {
			ssize_t n = write(fd, block, piece);
			if (n <= 0) {
				if (n == 0 || errno != ENOSPC) total = -1;
				break;
			}
			total += n;
			if (total < 0) return -1;
		}
	struct stat st;
	if (fstat(fd, &st) != 0 || st.st_size != total) total = -1;
	close(fd);
	return total;
}

/* Takes what is left of room for names and attributes too. */
static void exhaust(void) {
	char name[300];
	memset(name, 'z', sizeof name);
	for (int round = 0; round < 100000; round++) {
		snprintf(name + 200, 40, "%d", round);
		if (symlink(name, name) != 0) break;
	}
	OK(errno == ENOSPC);
	for (int round = 0; round < 100000; round++) {
		snprintf(name, 40, "z%d", round);
		if (mknod(name, S_IFREG | 0600, 0) != 0) break;
	}
	OK(errno == ENOSPC);
	OK(fill("rest") >= 0 || errno == ENOSPC);
}

/* The call may succeed where a little room is left, but fails with nothing but ENOSPC; and in the end it must have failed. */
#define RUNS_OUT(call)                                                                                                                                         \
	do {                                                                                                                                                   \
		int tries = 0;                                                                                                                                 \
		long r_ = 0;                                                                                                                                   \
		errno = 0;                                                                                                                                     \
		while (tries++ < 100000 && (r_ = (long)(call)) >= 0)                                                                                           \
			;                                                                                                                                      \
		if (errno != ENOSPC) printf("  %ld, %s after %d\n", r_, strerror(errno), tries);                                                               \
		check_report(r_ < 0 && errno == ENOSPC, #call " runs out of room", __FILE__, __LINE__);                                                        \
	} while (0)

static char *numbered(const char *prefix) {
	static char name[64];
	static int number;
	snprintf(name, sizeof name, "%s%d", prefix, number++);
	return name;
}

static int made(const char *name) {
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	return fd < 0 ? -1 : close(fd);
}

static off_t at;
static char page[PAGE];

static bool store_runs_out(int fd) {
	char *map = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) return errno == ENOSPC || errno == ENOMEM;
	if (sigsetjmp(store_failed, 1) == 0) {
		for (size_t i = 0; i < 64 << 20; i += PAGE) map[i] = 's';
		munmap(map, 64 << 20);
		return false;
	}
	munmap(map, 64 << 20);
	return true;
}

static void every_call(void) {
	struct iovec vec = { page, PAGE };
	int data = open("data", O_RDWR), source = open("kept", O_RDONLY), sparse = open("sparse", O_RDWR), pipes[2];
	OK(data >= 0 && source >= 0 && sparse >= 0 && pipe(pipes) == 0);
	RUNS_OUT(write(data, page, PAGE));
	RUNS_OUT(pwrite(data, page, PAGE, at += PAGE));
	RUNS_OUT(writev(data, &vec, 1));
	RUNS_OUT(pwritev2(data, &vec, 1, at += PAGE, 0));
	RUNS_OUT(sendfile(data, source, &(off_t){ 0 }, PAGE));
	RUNS_OUT(copy_file_range(source, &(loff_t){ 0 }, data, NULL, PAGE, 0));
	RUNS_OUT(fallocate(data, 0, at += PAGE, 64 * PAGE));
	for (int i = 0; i < 20; i++) OK(write(pipes[1], page, 16) == 16);
	OK(splice(pipes[0], NULL, data, NULL, 16, SPLICE_F_NONBLOCK) == 16 || errno == ENOSPC);
	OK(ftruncate(sparse, 64 << 20) == 0); /* takes no room */
	OK(store_runs_out(sparse));
	RUNS_OUT(mkdir(numbered("dir"), 0700));
	RUNS_OUT(mknod(numbered("node"), S_IFREG | 0600, 0));
	RUNS_OUT(mkfifo(numbered("fifo"), 0600));
	RUNS_OUT(symlink("a body that takes a place of its own, which is why it is long", numbered("link")));
	RUNS_OUT(link("kept", numbered("hard")));
	RUNS_OUT(made(numbered("file")));
	RUNS_OUT(setxattr("kept", numbered("user."), page, 64, 0));
	close(data), close(source), close(sparse), close(pipes[0]), close(pipes[1]);
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);
	OK(fd >= 0 || errno == ENOSPC);
	close(fd);
	OK(rename("renamed", "a longer name that may need a new place") == 0 || errno == ENOSPC);
	OK(check_exists("renamed") != check_exists("a longer name that may need a new place"));
}

static void still_works(void) {
	char text[16];
	OK(check_holds("kept", "this stays as it is"));
	int fd = open("kept", O_RDWR);
	OK(fd >= 0 && pwrite(fd, "THIS", 4, 0) == 4 && check_holds("kept", "THIS stays as it is") && pwrite(fd, "this", 4, 0) == 4); /* in place */
	OK(pread(fd, text, 4, 0) == 4 && fchmod(fd, 0600) == 0 && utimensat(AT_FDCWD, "kept", NULL, 0) == 0 && access("kept", R_OK) == 0);
	close(fd);
	struct statfs fs = usage();
	OK(fs.f_bavail <= fs.f_blocks && fs.f_bfree * 20 < fs.f_blocks);
}

static void clear(void) {
	DIR *dir = opendir(".");
	struct dirent *entry;
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, "kept") != 0 && entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, entry->d_type == DT_DIR ? AT_REMOVEDIR : 0);
	closedir(dir);
}

int main(int argc, char **argv) {
	struct sigaction act = { .sa_handler = on_sigbus };
	check_begin(argc, argv);
	setlinebuf(stdout);
	sigaction(SIGBUS, &act, NULL);
	struct statfs empty = usage();
	OK(empty.f_bavail > 0 && empty.f_ffree > 0);
	OK(check_put("kept", "this stays as it is") == 0 && check_put("data", "") == 0 && check_put("sparse", "") == 0 && check_put("renamed", "") == 0);
	off_t first = fill("big");
	struct statfs full = usage();
	OK(first > 0 && (fsblkcnt_t)first / PAGE <= empty.f_bavail && full.f_bavail * 20 < full.f_blocks);
	printf("  %ld of %ld KiB were written\n", (long)first / 1024, (long)empty.f_bavail * 4);
	OK(first / PAGE * 10 >= (off_t)empty.f_bavail * 9); /* the limit is for data */
	for (int round = 0; round < 3; round++) {
		exhaust();
		every_call();
		still_works();
		clear();
		OK(check_put("data", "") == 0 && check_put("sparse", "") == 0 && check_put("renamed", "") == 0);
		struct statfs fs = usage();
		OK(fs.f_bavail * 10 >= empty.f_bavail * 8);
		off_t again = fill("again");
		OK(again * 10 >= first * 8);
		OK(unlink("again") == 0);
	}
	return check_end();
}
