/* Very many at once and one after another: 1,000 threads that open files together, 10,000 children by fork, vfork and posix_spawn that work with files.
 * Passes natively too. Usage: many DIR IMAGE-FILE. Prints "N passed, N failed". */
#define _GNU_SOURCE
#include "../ops/check.h"

#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>

extern char **environ;
static const char *image_file; /* holds "image\n" */
static char *self;
static atomic_int wrong;

static int holds(const char *path, const char *text) {
	char buffer[64];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buffer, sizeof buffer);
	if (fd >= 0 && close(fd) != 0) return 0;
	return n == (ssize_t)strlen(text) && memcmp(buffer, text, (size_t)n) == 0;
}

enum { THREADS = 1000, ROUNDS = 10 };
static pthread_barrier_t barrier;

static void *reader(void *number) {
	char path[64], text[64], own[80];
	snprintf(path, sizeof path, "thread-%ld", (long)number % 50);
	snprintf(own, sizeof own, "own-%ld", (long)number);
	snprintf(text, sizeof text, "text of %ld", (long)number % 50);
	pthread_barrier_wait(&barrier); /* all of them are there now */
	for (int i = 0; i < ROUNDS; i++) {
		if (!holds(image_file, "image\n") || !holds(path, text)) wrong++;
		int fd = open(own, O_RDWR | O_CREAT | O_EXCL, 0600);
		if (fd < 0 || write(fd, own, strlen(own)) != (ssize_t)strlen(own) || unlink(own) != 0 || close(fd) != 0) wrong++;
	}
	return NULL;
}

static void threads(void) {
	static pthread_t all[THREADS];
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	pthread_barrier_init(&barrier, NULL, THREADS);
	for (int i = 0; i < 50; i++) {
		char path[64], text[64];
		snprintf(path, sizeof path, "thread-%d", i);
		snprintf(text, sizeof text, "text of %d", i);
		OK(check_put(path, text) == 0);
	}
	long started = 0;
	while (started < THREADS && pthread_create(&all[started], &attr, reader, (void *)started) == 0) started++;
	OK(started == THREADS);
	if (started < THREADS) _exit(1); /* the others wait for ever */
	for (int i = 0; i < THREADS; i++) pthread_join(all[i], NULL);
	OK(wrong == 0);
}

/* What a child does with files; the exit status says what went wrong. */
static int child_work(long number) {
	char own[64];
	snprintf(own, sizeof own, "child-%ld-%d", number, (int)getpid());
	if (!holds(image_file, "image\n")) return 1;
	if (check_put(own, "mine") != 0 || !holds(own, "mine")) return 2;
	return unlink(own) == 0 ? 0 : 3;
}

static pid_t by_fork(long number) {
	pid_t child = fork();
	if (child == 0) _exit(child_work(number));
	return child;
}

/* A vfork child shares its parent's memory: what it opens must not be its parent's. */
static pid_t by_vfork(long number) {
	(void)number;
	pid_t child = vfork();
	if (child == 0) {
		int fd = open(image_file, O_RDONLY);
		struct stat st;
		_exit(fd >= 0 && fstat(fd, &st) == 0 && st.st_size == 6 && fcntl(fd, F_GETFD) == 0 ? 0 : 4);
	}
	return child;
}

static pid_t by_spawn(long number) {
	char text[32], *args[] = { self, "child", (char *)image_file, text, NULL };
	pid_t child;
	snprintf(text, sizeof text, "%ld", number);
	return posix_spawn(&child, self, NULL, NULL, args, environ) == 0 ? child : -1;
}

enum { FORKS = 10000, FORKERS = 4 };
static void *forker(void *part) {
	for (long i = (long)part; i < FORKS; i += FORKERS) {
		int status;
		pid_t child = i / FORKERS % 10 == 0 ? by_spawn(i) : i / FORKERS % 3 == 0 ? by_vfork(i) : by_fork(i);
		if (child < 0 || waitpid(child, &status, 0) != child || status != 0) wrong++;
	}
	return NULL;
}

static void forks(void) {
	pthread_t all[FORKERS];
	for (long i = 0; i < FORKERS; i++) pthread_create(&all[i], NULL, forker, (void *)i);
	for (int i = 0; i < FORKERS; i++) pthread_join(all[i], NULL);
	OK(wrong == 0);
	int fd = open(image_file, O_RDONLY);
	OK(fd == 3); /* nothing stayed open */
	close(fd);
}

int main(int argc, char **argv) {
	static char program[PATH_MAX];
	if (argc == 4 && strcmp(argv[1], "child") == 0) {
		image_file = argv[2];
		return child_work(atol(argv[3]));
	}
	if (argc != 3 || readlink("/proc/self/exe", program, sizeof program - 1) <= 0) return 2;
	self = program;
	image_file = argv[2];
	check_begin(2, argv);
	threads();
	forks();
	return check_end();
}
