/* What the attackers share: the planted directory of the host, and what counts as having reached it. Usage of every program: NAME DIR TOKEN OUTSIDER ADDRESS VOLUME.
 * DIR/file holds TOKEN; OUTSIDER is a process of the host, of the same user, outside the tree, with TOKEN at ADDRESS (hexadecimal) in its memory; VOLUME is a volume in the image. The caller compares DIR before and after. */
#ifndef BINARYFS_TEST_WAYS_H
#define BINARYFS_TEST_WAYS_H

#include "../ops/check.h"

#include <stdbool.h>
#include <sys/syscall.h>

static char planted_dir[1024], planted_file[1100], planted_token[128];
static pid_t outsider;
static unsigned long outsider_address;
static const char *volume;

static inline void ways_begin(int argc, char **argv) {
	if (argc != 6) exit(2);
	snprintf(planted_dir, sizeof planted_dir, "%s", argv[1]);
	snprintf(planted_file, sizeof planted_file, "%s/file", argv[1]);
	snprintf(planted_token, sizeof planted_token, "%s", argv[2]);
	outsider = atoi(argv[3]);
	outsider_address = strtoul(argv[4], NULL, 16);
	volume = argv[5];
}

/* Does descriptor FD give the planted file's content? */
static inline int holds_token(int fd) {
	char text[256];
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	return n > 0 && memmem(text, (size_t)n, planted_token, strlen(planted_token)) != NULL;
}

/* No call finds PATH, a spelling of something planted. One report for each path that is reached, so that the counts stay readable. */
static inline void unreachable(const char *path) {
	struct stat st;
	struct {
		uint64_t flags, mode, resolve;
	} how = { O_RDONLY, 0, 0 };
	char what[64] = "", buffer[64];
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	if (fd >= 0) strcat(what, holds_token(fd) ? " content" : " open"), close(fd);
	fd = open(path, O_PATH | O_NOFOLLOW);
	if (fd >= 0) strcat(what, " O_PATH"), close(fd);
	fd = (int)syscall(437 /* openat2 */, AT_FDCWD, path, &how, sizeof how);
	if (fd >= 0) strcat(what, " openat2"), close(fd);
	if (stat(path, &st) == 0) strcat(what, " stat");
	if (lstat(path, &st) == 0) strcat(what, " lstat");
	if (access(path, F_OK) == 0) strcat(what, " access");
	if (readlink(path, buffer, sizeof buffer) >= 0) strcat(what, " link");
	if (what[0] != '\0') printf("reached %s:%s\n", path, what);
	check_report(what[0] == '\0', path, __FILE__, __LINE__);
}

/* A child that runs BODY and must neither report a reach (status 9) nor hang; how else it ends is its own affair, a crash included. */
static inline void in_child(const char *what, int (*body)(void)) {
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		alarm(600);
		_exit(body());
	}
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	int bad = (WIFEXITED(status) && WEXITSTATUS(status) == 9) || (WIFSIGNALED(status) && WTERMSIG(status) == 14 /* SIGALRM */);
	if (bad || getenv("WAYS_VERBOSE") != NULL) printf("%s: status %x\n", what, (unsigned)status);
	check_report(!bad, what, __FILE__, __LINE__);
}

#endif
