/* Drives a fuzz target without libFuzzer: each file of a directory as it is and, where a number of rounds is given, that many mutations of them.
 * Usage: replay DIRECTORY [ROUNDS [SEED]]. Prints "N passed, N failed"; a failure ends the program by its sanitizer's report. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define REPLAY_MAX (1u << 18)
#define REPLAY_FILES 4096

int test_passed, test_failed;
static struct {
	uint8_t *data;
	size_t size;
	char name[256];
} inputs[REPLAY_FILES];
static int input_count;
static uint32_t replay_state = 1;

/* What libFuzzer offers to a target's mutator: here a few changed bytes, and now and then another length. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) {
	if (size < max_size && (size == 0 || fuzz_below(&replay_state, 4) == 0)) {
		size_t more = 1 + fuzz_below(&replay_state, max_size - size < 16 ? max_size - size : 16);
		memset(data + size, 0, more);
		size += more;
	} else if (size > 1 && fuzz_below(&replay_state, 8) == 0) {
		size -= 1 + fuzz_below(&replay_state, size < 16 ? size - 1 : 16);
	}
	for (uint32_t n = 1 + fuzz_below(&replay_state, 4); n > 0 && size > 0; n--) data[fuzz_below(&replay_state, size)] = (uint8_t)fuzz_random(&replay_state);
	return size;
}

static void replay_load(const char *directory) {
	DIR *d = opendir(directory);
	char path[4096];
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL && input_count < REPLAY_FILES;) {
		snprintf(path, sizeof path, "%s/%s", directory, e->d_name);
		struct stat st;
		FILE *f = stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= REPLAY_MAX ? fopen(path, "rb") : NULL;
		if (f == NULL) continue;
		inputs[input_count].data = malloc((size_t)st.st_size + 1);
		inputs[input_count].size = fread(inputs[input_count].data, 1, (size_t)st.st_size, f);
		snprintf(inputs[input_count].name, sizeof inputs[0].name, "%.200s", e->d_name);
		fclose(f);
		input_count++;
	}
	if (d != NULL) closedir(d);
}

/* An exact copy on the heap, so that the sanitizer sees every byte beyond it. */
static void replay_run(const uint8_t *data, size_t size) {
	uint8_t *copy = malloc(size > 0 ? size : 1);
	memcpy(copy, data, size);
	/* It ends: soon by its own time, and in any case. */
	setitimer(ITIMER_PROF, &(struct itimerval){ .it_value = { .tv_sec = 60 } }, NULL);
	alarm(3600);
	LLVMFuzzerTestOneInput(copy, size);
	alarm(0);
	free(copy);
	test_passed++;
}

int main(int argc, char **argv) {
	long rounds = argc > 2 ? atol(argv[2]) : 0;
	uint32_t seed = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : (uint32_t)time(NULL);
	replay_load(argc > 1 ? argv[1] : ".");
	fprintf(stderr, "%d inputs, %ld mutations, seed %u\n", input_count, rounds, seed);
	for (int i = 0; i < input_count; i++) {
		if (getenv("REPLAY_NAMES") != NULL) fprintf(stderr, "%s\n", inputs[i].name);
		replay_run(inputs[i].data, inputs[i].size);
	}
	replay_state = seed | 1;
	uint8_t *work = malloc(REPLAY_MAX);
	for (long round = 0; input_count > 0 && round < rounds; round++) {
		int from = (int)fuzz_below(&replay_state, (size_t)input_count);
		size_t size = inputs[from].size;
		memcpy(work, inputs[from].data, size);
		for (uint32_t n = 1 + fuzz_below(&replay_state, 3); n > 0; n--)
			size = LLVMFuzzerCustomMutator(work, size, REPLAY_MAX, fuzz_random(&replay_state));
		replay_run(work, size);
	}
	free(work);
	if (input_count == 0) test_failed++;
	printf("%d passed, %d failed\n", test_passed, test_failed);
	return test_failed != 0;
}
