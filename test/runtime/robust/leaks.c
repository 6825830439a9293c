/* The same over and over, in phases that somebody outside (observe.py) starts and measures: what a round leaves behind adds up.
 * Passes natively too. Usage: leaks DIR IMAGE-FILE. Reads "PHASE COUNT" lines on descriptor 0, answers each with "done FREE-BLOCKS FREE-FILES DESCRIPTOR" on descriptor 1. */
#define _GNU_SOURCE
#include "../ops/check.h"

#include <sys/mman.h>
#include <sys/statvfs.h>

static const char *image_file; /* holds "image\n" */
static char *self;

static int opens(long count) {
	for (long i = 0; i < count; i++) {
		int fd = open(i % 4 == 3 ? "file" : image_file, O_RDONLY);
		if (fd < 0 || close(fd) != 0) return 1;
	}
	return 0;
}
static int creates(long count) {
	char name[32];
	for (long i = 0; i < count; i++) {
		snprintf(name, sizeof name, "made-%ld", i % 7);
		int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
		if (fd < 0 || (i % 2 == 0 && write(fd, name, 8) != 8)) return 1;
		if (i % 3 == 0 && close(fd) != 0) return 2;
		if (unlink(name) != 0) return 3;
		if (i % 3 != 0 && close(fd) != 0) return 4; /* unlinked while open */
	}
	return 0;
}
static int maps(long count) {
	int image = open(image_file, O_RDONLY), file = open("file", O_RDWR);
	for (long i = 0; i < count; i++) {
		int shared = i % 3 == 0;
		char *at = mmap(NULL, 4096, shared ? PROT_READ | PROT_WRITE : PROT_READ, shared ? MAP_SHARED : MAP_PRIVATE, i % 3 == 2 ? image : file, 0);
		if (at == MAP_FAILED || at[0] == 0 || munmap(at, 4096) != 0) return 1;
	}
	return close(image) != 0 || close(file) != 0;
}
/* Directories, links, attributes, changes of image files that are taken back, texts of /proc, locks. */
static int others(long count) {
	char buffer[4096];
	struct flock lock = { .l_type = F_WRLCK, .l_len = 1 }, unlock = { .l_type = F_UNLCK, .l_len = 1 };
	for (long i = 0; i < count; i++) {
		if (mkdir("dir", 0700) != 0 || symlink("file", "dir/link") != 0 || link("file", "dir/hard") != 0 || rename("dir/hard", "dir/moved") != 0)
			return 1;
		DIR *dir = opendir("dir");
		if (dir == NULL || readdir(dir) == NULL || closedir(dir) != 0) return 2;
		if (unlink("dir/link") != 0 || unlink("dir/moved") != 0 || rmdir("dir") != 0) return 3;
		int fd = open("/proc/self/maps", O_RDONLY);
		if (fd < 0 || read(fd, buffer, sizeof buffer) <= 0 || close(fd) != 0) return 4;
		fd = open("file", O_RDWR);
		if (fd < 0 || fcntl(fd, F_SETLK, &lock) != 0 || fcntl(fd, F_SETLK, &unlock) != 0 || ftruncate(fd, 30000) != 0 || ftruncate(fd, 4) != 0)
			return 5;
		if (close(fd) != 0) return 6;
		fd = open(".", O_TMPFILE | O_RDWR, 0600);
		if (fd >= 0 && (write(fd, "x", 1) != 1 || close(fd) != 0)) return 7;
	}
	return 0;
}

/* A chain of exec: the state travels in the arguments. */
static int execs(long count) {
	char text[32], *args[] = { self, "chain", (char *)image_file, text, NULL };
	int fd = open(image_file, O_RDONLY | O_CLOEXEC);
	snprintf(text, sizeof text, "%ld", count);
	if (fd < 0) return 1;
	execv(self, args);
	return 2;
}

static void answer(int bad) {
	struct statvfs fs;
	int fd = open(image_file, O_RDONLY);
	if (bad != 0) printf("failed %d (errno %d)\n", bad, errno);
	if (statvfs(".", &fs) != 0 || fd < 0 || close(fd) != 0) printf("failed: statvfs\n");
	printf("done %lu %lu %d\n", (unsigned long)fs.f_bfree, (unsigned long)fs.f_ffree, fd);
	fflush(stdout);
}

static int serve(void) {
	char line[64], phase[32];
	long count;
	for (;;) {
		/* Byte by byte: what is read ahead would be lost in an exec. */
		size_t n = 0;
		while (n < sizeof line - 1 && read(0, line + n, 1) == 1 && line[n] != '\n') n++;
		line[n] = 0;
		if (sscanf(line, "%31s %ld", phase, &count) != 2) return 0;
		if (strcmp(phase, "opens") == 0) answer(opens(count));
		if (strcmp(phase, "creates") == 0) answer(creates(count));
		if (strcmp(phase, "maps") == 0) answer(maps(count));
		if (strcmp(phase, "others") == 0) answer(others(count));
		if (strcmp(phase, "execs") == 0) answer(execs(count));
	}
}

int main(int argc, char **argv) {
	static char program[PATH_MAX];
	if (argc < 3 || readlink("/proc/self/exe", program, sizeof program - 1) <= 0) return 2;
	self = program;
	image_file = argv[2];
	if (strcmp(argv[1], "chain") == 0) {
		long left = atol(argv[3]);
		if (left > 1) return execs(left - 1);
		answer(0);
		return serve();
	}
	check_begin(2, argv);
	if (check_put("file", "text") != 0) return 1;
	return serve();
}
