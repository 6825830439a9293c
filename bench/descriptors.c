/* What descriptors cost while many are held open: processor time of the calls, run natively and in an image (docs/adr/0018).
 * gcc -O1 -static -pthread bench/descriptors.c, packed together with a directory of files 0, 1, 2 … Usage: descriptors FILES-DIR FILES MODE NUMBER [HELD]
 *   held N        opens N descriptions of as many of FILES different files as there are, then closes them: µs a call, of the last thousand opens and the first thousand closes too
 *   pairs N HELD  N times open and close, with HELD descriptors open
 *   forks N HELD  N children that end at once
 *   execs N HELD  N children that execute this program, which ends at once
 *   threads N HELD  N threads that open HELD files each and hold them until all have, then close them: wall time too
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *dir;
static int files;

static double now(clockid_t clock) {
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}
static double cpu(void) { return now(CLOCK_PROCESS_CPUTIME_ID); }
/* Of children that were waited for. */
static double cpu_children(void) {
	struct rusage u;
	getrusage(RUSAGE_CHILDREN, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static int open_one(long i) {
	char path[256];
	snprintf(path, sizeof path, "%s/%ld", dir, i % files);
	int fd = open(path, O_RDONLY);
	if (fd >= 0) return fd;
	fprintf(stderr, "open %s, number %ld: %s\n", path, i, strerror(errno));
	exit(1);
}
static void hold(long n) {
	for (long i = 0; i < n; i++) open_one(i);
}

static void held(long n) {
	int *fd = malloc((size_t)n * sizeof *fd);
	double start = cpu(), last = start, first;
	for (long i = 0; i < n; i++) {
		if (i == n - 1000) last = cpu();
		fd[i] = open_one(i);
	}
	double opened = cpu();
	printf("open %.1f, the last %.1f; ", (opened - start) / (double)n, (opened - last) / 1000);
	start = first = cpu();
	for (long i = 0; i < n; i++) {
		if (i == 1000) first = cpu();
		close(fd[i]);
	}
	printf("close %.1f, the first %.1f µs\n", (cpu() - start) / (double)n, (first - start) / 1000);
	free(fd);
}

static void pairs(long n, long count) {
	hold(count);
	double start = cpu();
	for (long i = 0; i < n; i++) close(open_one(i));
	printf("open and close %.2f µs\n", (cpu() - start) / (double)n);
}

static void forks(long n, long count) {
	hold(count);
	double start = cpu() + cpu_children(), wall = now(CLOCK_MONOTONIC);
	for (long i = 0; i < n; i++) {
		pid_t child = fork();
		if (child == 0) _exit(0);
		waitpid(child, NULL, 0);
	}
	printf("fork, exit and wait %.0f µs, wall %.0f\n", (cpu() + cpu_children() - start) / (double)n, (now(CLOCK_MONOTONIC) - wall) / (double)n);
}

static void execs(long n, long count, char *self) {
	char *args[] = { self, NULL }, *env[] = { NULL };
	hold(count);
	double start = cpu() + cpu_children(), wall = now(CLOCK_MONOTONIC);
	for (long i = 0; i < n; i++) {
		pid_t child;
		if (posix_spawn(&child, self, NULL, NULL, args, env) != 0) exit(1);
		waitpid(child, NULL, 0);
	}
	printf("spawn and wait %.0f µs, wall %.0f\n", (cpu() + cpu_children() - start) / (double)n, (now(CLOCK_MONOTONIC) - wall) / (double)n);
}

static pthread_barrier_t barrier;
static long each;
static void *holder(void *number) {
	int *fd = malloc((size_t)each * sizeof *fd);
	for (long i = 0; i < each; i++) fd[i] = open_one((long)number * each + i);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	for (long i = 0; i < each; i++) close(fd[i]);
	free(fd);
	return NULL;
}
static void threads(long n, long count) {
	pthread_t *all = malloc((size_t)n * sizeof *all);
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	pthread_barrier_init(&barrier, NULL, (unsigned)n + 1);
	each = count;
	double start = cpu(), wall = now(CLOCK_MONOTONIC);
	for (long i = 0; i < n; i++)
		if (pthread_create(&all[i], &attr, holder, (void *)i) != 0) exit(1);
	pthread_barrier_wait(&barrier);
	double opened = cpu(), wall_opened = now(CLOCK_MONOTONIC);
	pthread_barrier_wait(&barrier);
	for (long i = 0; i < n; i++) pthread_join(all[i], NULL);
	double calls = (double)(n * count);
	printf("open %.1f µs, all in %.2f s; close %.1f µs, all in %.2f s\n", (opened - start) / calls, (wall_opened - wall) / 1e6, (cpu() - opened) / calls,
		(now(CLOCK_MONOTONIC) - wall_opened) / 1e6);
	free(all);
}

int main(int argc, char **argv) {
	if (argc == 1) return 0;
	if (argc < 5) return 2;
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	dir = argv[1];
	files = (int)strtol(argv[2], NULL, 10);
	long n = strtol(argv[4], NULL, 10), count = argc > 5 ? strtol(argv[5], NULL, 10) : 0;
	printf("%s %ld %ld: ", argv[3], n, count);
	if (strcmp(argv[3], "held") == 0) held(n);
	if (strcmp(argv[3], "pairs") == 0) pairs(n, count);
	if (strcmp(argv[3], "forks") == 0) forks(n, count);
	if (strcmp(argv[3], "execs") == 0) execs(n, count, argv[0]);
	if (strcmp(argv[3], "threads") == 0) threads(n, count);
	return 0;
}
