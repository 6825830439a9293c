/* Nothing left: address space, data segment, descriptors, room in the overlay. Every call answers with a result or an errno, and all is well again when there is room again.
 * Passes natively too. Usage: limits DIR IMAGE-FILE [full]. Prints "N passed, N failed". */
#define _GNU_SOURCE
#include "../ops/check.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/statvfs.h>

static const char *image_file; /* holds "image\n" */

static int works(void) { return check_holds(image_file, "image\n") && check_put("again", "text") == 0 && check_holds("again", "text") && unlink("again") == 0; }
/* Succeeds, or there is no memory. */
static int or_no_memory(long result) { return result >= 0 || errno == ENOMEM || errno == ENFILE; }

/* Every file call there is room for in a test, with no address space left at all. */
static int no_address_space(void) {
	static char buffer[70000];
	static void *held[4096];
	int fd = open("file", O_RDWR), image = open(image_file, O_RDONLY), count = 0, wrong = 0;
	struct rlimit limit = { 1, 1 };
	if (fd < 0 || image < 0 || setrlimit(RLIMIT_AS, &limit) != 0) return 1;
	for (size_t size = 1 << 20; size >= 4096 && count < 4096; size /= 2)
		while (count < 4096 && (held[count] = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED) count++;
	struct stat st;
	for (int round = 0; round < 50; round++) {
		int other = open(image_file, O_RDONLY);
		wrong += !or_no_memory(other);
		if (other >= 0) wrong += read(other, buffer, 10) != 6 || close(other) != 0;
		wrong += pwrite(fd, buffer, sizeof buffer, round * 1000) != sizeof buffer && errno != ENOMEM;
		wrong += pread(fd, buffer, sizeof buffer, 0) < 0;
		wrong += stat(image_file, &st) != 0 || fstat(fd, &st) != 0 || access("absent", F_OK) == 0;
		wrong += !or_no_memory(mkdir("made", 0700)) || (rmdir("made") != 0 && errno != ENOENT);
		wrong += mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED || errno != ENOMEM;
		wrong += mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, image, 0) != MAP_FAILED || errno != ENOMEM;
		other = open("/proc/self/maps", O_RDONLY);
		wrong += !or_no_memory(other);
		if (other >= 0) wrong += !or_no_memory(read(other, buffer, sizeof buffer)) || close(other) != 0;
		other = open("/proc/self/status", O_RDONLY);
		wrong += !or_no_memory(other);
		if (other >= 0) wrong += !or_no_memory(read(other, buffer, sizeof buffer)) || close(other) != 0;
		wrong += !or_no_memory(ftruncate(fd, 100000 + round)) || !or_no_memory(fallocate(fd, 0, 0, 200000));
		off_t from = 0;
		wrong += !or_no_memory(sendfile(fd, image, &from, 6));
		wrong += !or_no_memory(copy_file_range(image, &from, fd, NULL, 6, 0)) && errno != EXDEV;
		wrong += !or_no_memory(rename("file", "other")) || rename("other", "file") != 0;
	}
	return wrong > 100 ? 100 : wrong;
}

static int no_data_segment(void) {
	struct rlimit limit = { 0, 0 };
	return setrlimit(RLIMIT_DATA, &limit) == 0 && works() ? 0 : 1;
}

/* EMFILE, from each call that makes a descriptor; what is closed can be had again. */
static int no_descriptors(void) {
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 256;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
	int fd, last = -1, pair[2], count = 0;
	while ((fd = open(count++ % 2 == 0 ? image_file : "file", O_RDONLY)) >= 0) last = fd;
	if (errno != EMFILE || last < 200) return 2;
	for (int i = 0; i < 1000; i++) {
		if (open(image_file, O_RDONLY) >= 0 || errno != EMFILE) return 3;
		if (open("new", O_RDWR | O_CREAT, 0600) >= 0 || errno != EMFILE) return 4;
		if (open(".", O_RDONLY | O_DIRECTORY) >= 0 || errno != EMFILE) return 5;
		if (open("/proc/self/maps", O_RDONLY) >= 0 || errno != EMFILE) return 6;
		if (open("/dev/null", O_RDONLY) >= 0 || errno != EMFILE) return 7;
		if (dup(last) >= 0 || errno != EMFILE || pipe(pair) == 0 || errno != EMFILE) return 8;
		struct stat st;
		char byte;
		if (stat(image_file, &st) != 0 || pread(last, &byte, 1, 0) != 1 || chdir(".") != 0 || access("absent", F_OK) == 0) return 9;
		if (mkdir("made", 0700) != 0 || rename("made", "moved") != 0 || rmdir("moved") != 0 || symlink("file", "link") != 0 || unlink("link") != 0)
			return 10;
	}
	close(last);
	if ((fd = open(image_file, O_RDONLY)) != last) return 11;
	close(last);
	return works() ? 0 : 12;
}

/* The limit falls below descriptors that are open: those go on, new ones are refused; and it rises again. */
static int lowered_in_a_run(void) {
	struct rlimit limit, low;
	getrlimit(RLIMIT_NOFILE, &limit);
	low = limit;
	int high = fcntl(open("file", O_RDWR), F_DUPFD, 150);
	for (int round = 0; round < 200; round++) {
		low.rlim_cur = (rlim_t)(20 + round % 100);
		if (high != 150 || setrlimit(RLIMIT_NOFILE, &low) != 0) return 1;
		char byte;
		struct stat st;
		if (pwrite(high, "x", 1, 0) != 1 || pread(high, &byte, 1, 0) != 1 || fstat(high, &st) != 0 || !works()) return 2;
		if (fcntl(high, F_DUPFD, 150) >= 0 || errno != EINVAL) return 3;
		if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return 4;
		int fd = fcntl(high, F_DUPFD, 151);
		if (fd != 151 || close(fd) != 0) return 5;
	}
	return 0;
}

/* Many processes and threads at the end of the overlay's room at once: ENOSPC, and all of it back afterwards. */
static void *fill(void *name) {
	static const char block[65536];
	int fd = open(name, O_RDWR | O_CREAT, 0600);
	for (int i = 0; i < 400 && fd >= 0; i++) {
		ssize_t n = pwrite(fd, block, sizeof block, (off_t)i * 65536);
		if (n < 0 && errno != ENOSPC) _exit(3);
	}
	if (fd >= 0) close(fd);
	return NULL;
}
static int filler(void) {
	char names[4][32];
	pthread_t threads[4];
	for (int i = 0; i < 4; i++) {
		snprintf(names[i], sizeof names[i], "fill-%d-%d", (int)getpid(), i);
		pthread_create(&threads[i], NULL, fill, names[i]);
	}
	for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
	int fd = open("file", O_RDWR);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0 || !check_holds(image_file, "image\n")) return 1;
	close(fd);
	for (int i = 0; i < 4; i++)
		if (unlink(names[i]) != 0 && errno != ENOENT) return 2;
	return 0;
}
static void overlay_full(void) {
	struct statvfs before, after;
	OK(statvfs(".", &before) == 0);
	pid_t children[4];
	for (int i = 0; i < 4; i++)
		if ((children[i] = fork()) == 0) _exit(filler());
	for (int i = 0; i < 4; i++) {
		int status = -1;
		OK(waitpid(children[i], &status, 0) == children[i] && status == 0);
	}
	/* In one process to the very end: the shared mapping and the new file are refused, what is there can be read and removed. */
	int fd = open("full", O_RDWR | O_CREAT, 0600);
	static const char block[65536];
	off_t size = 0;
	for (ssize_t n; (n = pwrite(fd, block, sizeof block, size)) > 0;) size += n;
	OK(errno == ENOSPC);
	FAILS(pwrite(fd, block, sizeof block, size), ENOSPC);
	FAILS(fallocate(fd, 0, size, 1 << 20), ENOSPC);
	OK(check_holds(image_file, "image\n"));
	int image = open(image_file, O_RDWR);
	OK(image >= 0); /* copied up only when something is written */
	FAILS(pwrite(image, "x", 1, 0), ENOSPC);
	close(image);
	OK(check_holds(image_file, "image\n"));
	OK(ftruncate(fd, 0) == 0 && close(fd) == 0 && unlink("full") == 0 && works());
	/* One inode: that of the image's file, which a change was tried on. */
	OK(statvfs(".", &after) == 0 && after.f_bfree >= before.f_bfree - 4 && after.f_ffree >= before.f_ffree - 1);
}

int main(int argc, char **argv) {
	if (argc < 3) return 2;
	image_file = argv[2];
	check_begin(2, argv);
	OK(check_put("file", "text") == 0 && works());
	OK(check_child(no_address_space));
	OK(check_child(no_data_segment));
	OK(check_child(no_descriptors));
	OK(check_child(lowered_in_a_run));
	if (argc > 3) overlay_full();
	OK(works());
	return check_end();
}
