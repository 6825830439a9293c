/* Very many descriptions at once: 1,000 threads that hold 100 open files each, and a table that is full.
 * Passes natively too. Usage: held DIR IMAGE-FILE [table]. TABLE: what runs out in fill() is the table of descriptions (ENFILE), not the process's descriptors. Prints "N passed, N failed". */
#define _GNU_SOURCE
#include "../ops/check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { THREADS = 1000, EACH = 100, FILES = 2000, MAX_FILL = 30000 };
static const char *image_file; /* holds "image\n" */
static int table_ends;

/* Between processes. */
static struct shared {
	pthread_barrier_t barrier;
	atomic_int wrong;
} * shared;

/* Opens files of its own choice, holds all of them until everybody has theirs, and finds each to be the right one. */
static void *holder(void *number) {
	int fd[EACH];
	char path[32], text[32];
	for (int i = 0; i < EACH; i++) {
		snprintf(path, sizeof path, "%ld", ((long)number * EACH + i) % FILES);
		if ((fd[i] = open(path, O_RDONLY)) < 0) shared->wrong++;
	}
	pthread_barrier_wait(&shared->barrier);
	for (int i = 0; i < EACH; i++) {
		snprintf(path, sizeof path, "%ld", ((long)number * EACH + i) % FILES);
		ssize_t n = read(fd[i], text, sizeof text);
		if (n != (ssize_t)strlen(path) || memcmp(text, path, (size_t)n) != 0 || close(fd[i]) != 0) shared->wrong++;
	}
	return NULL;
}

static int holders(long first, long count) {
	pthread_t all[THREADS];
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	for (long i = 0; i < count; i++)
		if (pthread_create(&all[i], &attr, holder, (void *)(first + i)) != 0) return 1;
	for (long i = 0; i < count; i++) pthread_join(all[i], NULL);
	int fd = open("0", O_RDONLY);
	return fd < 0 || fd > 10; /* nothing stayed open */
}

/* In as many processes as their limit asks for. */
static void threads(void) {
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	OK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	long in_one = ((long)limit.rlim_max - 100) / EACH, processes = 0;
	in_one = in_one < 1 ? 1 : in_one < THREADS ? in_one : THREADS;
	char path[32];
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof path, "%d", i);
		if (check_put(path, path) != 0) shared->wrong++;
	}
	OK(shared->wrong == 0);
	pthread_barrierattr_t attr;
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&shared->barrier, &attr, THREADS);
	fflush(stdout);
	for (long first = 0; first < THREADS; first += in_one, processes++) {
		long count = in_one < THREADS - first ? in_one : THREADS - first;
		if (fork() == 0) _exit(holders(first, count));
	}
	int status, wrong = 0;
	for (; processes > 0; processes--) wrong += wait(&status) < 0 || status != 0;
	OK(wrong == 0 && shared->wrong == 0);
}

static int works(void) { return check_holds(image_file, "image\n") && check_put("again", "text") == 0 && check_holds("again", "text") && unlink("again") == 0; }
static int is_full(int fd) { return fd < 0 && errno == (table_ends ? ENFILE : EMFILE); }

/* Opens one file until that is refused; how often. */
static int filled[MAX_FILL];
static int fill(void) {
	int count = 0;
	while (count < MAX_FILL && (filled[count] = open(image_file, O_RDONLY)) >= 0) count++;
	return is_full(count < MAX_FILL ? filled[count] : 0) ? count : 0;
}
static int fill_in_child(void) { return fill() == 0; } /* and ends without closing */

static int full(void) {
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max = limit.rlim_max < 5000 ? limit.rlim_max : 5000;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
	for (int round = 0; round < 2; round++) {
		int count = fill(), other;
		if (count < 1000) return 2;
		for (int i = 0; i < 100; i++)
			if (!is_full(open(image_file, O_RDONLY))) return 3;
		/* What one closes another gets, at once, whichever it is. */
		for (int i = 1; i < count; i += count / 10) {
			if (close(filled[i]) != 0 || open(image_file, O_RDONLY) != filled[i]) return 4;
			if (!is_full(open(image_file, O_RDONLY))) return 5;
		}
		/* Half of it goes with the process that held it. */
		for (int i = count / 2; i < count; i++) close(filled[i]);
		if (table_ends && !check_child(fill_in_child)) return 6;
		if (table_ends && ((other = open(image_file, O_RDONLY)) < 0 || close(other) != 0)) return 7;
		for (int i = 0; i < count / 2; i++) close(filled[i]);
		if (!works()) return 8;
		if (table_ends && round == 0 && !check_child(fill_in_child)) return 9; /* all of it */
	}
	return 0;
}

int main(int argc, char **argv) {
	if (argc < 3) return 2;
	image_file = argv[2];
	table_ends = argc > 3;
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check_begin(2, argv);
	OK(works());
	if (!table_ends) threads();
	OK(check_child(full));
	OK(works());
	return check_end();
}
