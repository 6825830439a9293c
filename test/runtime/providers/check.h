/* Counting checks of the provider programs: each runs inside an image, prints what fails, and ends with "N passed, N failed". */
#ifndef BINARYFS_TEST_PROVIDERS_CHECK_H
#define BINARYFS_TEST_PROVIDERS_CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int check_passed, check_failed;

#define CHECK(condition)                                                                                                                                       \
	do {                                                                                                                                                   \
		errno = 0;                                                                                                                                     \
		if (condition)                                                                                                                                 \
			check_passed++;                                                                                                                        \
		else {                                                                                                                                         \
			check_failed++;                                                                                                                        \
			printf("%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno);                                                               \
		}                                                                                                                                              \
	} while (0)

/* CALL fails with ERROR. */
#define CHECK_ERRNO(call, error)                                                                                                                               \
	do {                                                                                                                                                   \
		errno = 0;                                                                                                                                     \
		long check_result = (long)(call);                                                                                                              \
		if (check_result == -1 && errno == (error))                                                                                                    \
			check_passed++;                                                                                                                        \
		else {                                                                                                                                         \
			check_failed++;                                                                                                                        \
			printf("%s:%d: %s gave %ld, errno %d, not %s\n", __FILE__, __LINE__, #call, check_result, errno, #error);                              \
		}                                                                                                                                              \
	} while (0)

static inline int check_done(void) {
	printf("%d passed, %d failed\n", check_passed, check_failed);
	return check_failed != 0;
}

/* The text of PATH, up to SIZE − 1 bytes; its length or −1. */
static inline ssize_t check_read(const char *path, char *dst, size_t size) {
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) return -1;
	size_t len = 0;
	ssize_t n;
	while (len + 1 < size && (n = read(fd, dst + len, size - 1 - len)) > 0) len += (size_t)n;
	close(fd);
	dst[len] = 0;
	return (ssize_t)len;
}

static inline bool check_write(const char *path, const char *text) {
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0) return false;
	bool ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	return close(fd) == 0 && ok;
}

/* Ends a program that does not run inside an image, before it tries anything: much of what the programs try must fail inside and would do damage outside. */
static inline void check_inside_or_exit(void) {
	char text[64];
	if (check_read("/proc/self/mounts", text, sizeof text) <= 0 || strncmp(text, "binaryfs / ", 11) != 0) {
		fputs("this program runs inside an image alone\n", stderr);
		exit(2);
	}
	if (geteuid() == 0) {
		fputs("this program does not run as root\n", stderr);
		exit(2);
	}
}

/* Whether directory PATH lists NAME. */
static inline bool check_lists(const char *path, const char *name) {
	bool found = false;
	DIR *dir = opendir(path);
	if (dir == NULL) return false;
	for (struct dirent *entry; !found && (entry = readdir(dir)) != NULL;) found = strcmp(entry->d_name, name) == 0;
	closedir(dir);
	return found;
}

#endif
