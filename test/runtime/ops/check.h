/* Assertions for programs that run natively and in an image alike: the same source states what Linux does, and both runs must agree. */
#ifndef BINARYFS_TEST_CHECK_H
#define BINARYFS_TEST_CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static int check_passed, check_failed;

#define OK(condition) check_report((condition) != 0, #condition, __FILE__, __LINE__)
/* CALL must fail with ERROR. */
#define FAILS(call, error)                                                                                                                                     \
	do {                                                                                                                                                   \
		errno = 0;                                                                                                                                     \
		long check_r = (long)(call);                                                                                                                   \
		int check_e = errno;                                                                                                                           \
		if (check_r != -1 || check_e != (error)) printf("  got %ld, %s\n", check_r, strerror(check_e));                                                \
		check_report(check_r == -1 && check_e == (error), #call " fails with " #error, __FILE__, __LINE__);                                            \
	} while (0)

static inline void check_report(int ok, const char *what, const char *file, int line) {
	if (ok) {
		check_passed++;
		return;
	}
	check_failed++;
	printf("%s:%d: %s (errno %d)\n", file, line, what, errno);
}

/* A fresh directory below the first argument (or the current directory), made the current one. */
static inline void check_begin(int argc, char **argv) {
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/ops.XXXXXX", argc > 1 ? argv[1] : ".");
	if (mkdtemp(path) == NULL || chdir(path) != 0) {
		perror(path);
		exit(1);
	}
	umask(022);
}

static inline int check_end(void) {
	printf("%d passed, %d failed\n", check_passed, check_failed);
	return check_failed != 0;
}

static inline int check_put(const char *path, const char *text) {
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0) return -1;
	ssize_t n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

/* Does the file hold exactly TEXT? */
static inline int check_holds(const char *path, const char *text) {
	char buffer[4096];
	int fd = open(path, O_RDONLY);
	if (fd < 0) return 0;
	ssize_t n = read(fd, buffer, sizeof buffer);
	close(fd);
	return n == (ssize_t)strlen(text) && memcmp(buffer, text, (size_t)n) == 0;
}

static inline int check_exists(const char *path) {
	struct stat st;
	return lstat(path, &st) == 0;
}

/* Runs BODY in a child; true when it returned 0. */
static inline int check_child(int (*body)(void)) {
	pid_t pid = fork();
	if (pid == 0) _exit(body());
	int status = -1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

#endif
