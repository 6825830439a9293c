/* Many directories, shared out among threads; the result is in the order asked. */
#define _GNU_SOURCE
#include "addon.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#ifdef __GLIBC__
/* The versions that every C library has that Node itself runs with: newer default ones would keep a prebuilt addon from loading there. */
__asm__(".symver pthread_create, pthread_create@GLIBC_2.2.5");
__asm__(".symver pthread_join, pthread_join@GLIBC_2.2.5");
__asm__(".symver pthread_sigmask, pthread_sigmask@GLIBC_2.2.5");
#endif

enum { THREADS_MAX = 64, DIRECTORIES_PER_THREAD = 16 };

/* Where a directory's block is: in the output of one thread. */
struct place {
	size_t offset, size;
	uint32_t thread;
};

struct job {
	const char **paths;
	struct place *places;
	size_t count;
	size_t next;
	bool failed;
};

struct worker {
	struct job *job;
	struct bfs_scanner scanner;
	uint32_t number;
	pthread_t thread;
};

static void *work(void *argument) {
	struct worker *worker = argument;
	struct job *job = worker->job;
	struct bfs_buffer *out = &worker->scanner.out;
	while (!__atomic_load_n(&job->failed, __ATOMIC_RELAXED)) {
		size_t k = __atomic_fetch_add(&job->next, 1, __ATOMIC_RELAXED);
		if (k >= job->count) break;
		size_t start = out->size;
		if (!bfs_scan_directory(&worker->scanner, job->paths[k])) __atomic_store_n(&job->failed, true, __ATOMIC_RELAXED);
		job->places[k] = (struct place){ start, out->size - start, worker->number };
	}
	bfs_free(&worker->scanner.records);
	bfs_free(&worker->scanner.entries);
	return NULL;
}

/* The calling thread works too. Where no more threads can be had, fewer do it all. */
static void run(struct worker *workers, size_t threads) {
	sigset_t all, before;
	size_t started = 1;
	sigfillset(&all);
	/* Signals go to the threads that know of them. */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (; started < threads; started++)
		if (pthread_create(&workers[started].thread, NULL, work, &workers[started]) != 0) break;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	work(&workers[0]);
	for (size_t k = 1; k < started; k++) pthread_join(workers[k].thread, NULL);
}

/* All blocks in the order asked. */
static napi_value assemble(napi_env env, const struct job *job, const struct worker *workers) {
	size_t size = 0;
	for (size_t k = 0; k < job->count; k++) size += job->places[k].size;
	uint8_t *at;
	napi_value result = bfs_new_bytes(env, size, &at);
	for (size_t k = 0; result != NULL && k < job->count; k++) {
		const struct place *place = &job->places[k];
		memcpy(at, workers[place->thread].scanner.out.bytes + place->offset, place->size);
		at += place->size;
	}
	return result;
}

static napi_value scan(napi_env env, struct job *job, size_t threads) {
	size_t useful = job->count / DIRECTORIES_PER_THREAD + 1;
	if (threads > useful) threads = useful;
	if (threads > THREADS_MAX) threads = THREADS_MAX;
	struct worker workers[THREADS_MAX];
	for (uint32_t k = 0; k < threads; k++) workers[k] = (struct worker){ .job = job, .number = k };
	run(workers, threads);
	napi_value result = job->failed ? bfs_out_of_memory(env) : assemble(env, job, workers);
	for (size_t k = 0; k < threads; k++) bfs_free(&workers[k].scanner.out);
	return result;
}

/* False: fewer paths than promised. */
static bool split_paths(const struct bfs_bytes *bytes, const char **paths, size_t count) {
	const char *at = (const char *)bytes->data, *end = at + bytes->size;
	for (size_t k = 0; k < count; k++) {
		const char *nul = at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;
		if (nul == NULL) return false;
		paths[k] = at;
		at = nul + 1;
	}
	return true;
}

napi_value bfs_scan_directories(napi_env env, napi_callback_info info) {
	napi_value arguments[3];
	struct bfs_bytes bytes;
	uint64_t count, threads;
	if (!bfs_arguments(env, info, 3, arguments) || !bfs_get_bytes(env, arguments[0], &bytes)) return NULL;
	if (!bfs_get_size(env, arguments[1], &count) || !bfs_get_size(env, arguments[2], &threads)) return NULL;
	if (count > bytes.size || threads == 0) return bfs_bad_argument(env, "count of paths or of threads");
	struct job job = { .count = count };
	job.paths = malloc((count + 1) * sizeof *job.paths);
	job.places = malloc((count + 1) * sizeof *job.places);
	napi_value result = NULL;
	if (job.paths == NULL || job.places == NULL) {
		bfs_out_of_memory(env);
	} else if (!split_paths(&bytes, job.paths, count)) {
		bfs_bad_argument(env, "fewer paths than said");
	} else {
		result = scan(env, &job, threads);
	}
	free(job.paths);
	free(job.places);
	return result;
}
