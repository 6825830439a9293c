/* Files in memory whose mapping ends at a guard page, and numbers for mutators. */
#define _GNU_SOURCE
#include "fuzz.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static void fuzz_need(bool good, const char *what) {
	if (good) return;
	perror(what);
	abort();
}

struct fuzz_file fuzz_file_make(const uint8_t *data, size_t size) {
	struct fuzz_file f = { .size = size };
	uint64_t pages = (size + FUZZ_BLOCK - 1) / FUZZ_BLOCK * FUZZ_BLOCK;
	f.fd = memfd_create("fuzz", MFD_CLOEXEC);
	fuzz_need(f.fd >= 0, "memfd_create");
	fuzz_need(pwrite(f.fd, data, size, 0) == (ssize_t)size, "pwrite");
	f.region_size = pages + 2 * FUZZ_BLOCK;
	f.region = mmap(NULL, f.region_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fuzz_need(f.region != MAP_FAILED, "mmap");
	f.bytes = f.region + FUZZ_BLOCK;
	if (pages > 0) fuzz_need(mmap(f.bytes, pages, PROT_READ, MAP_SHARED | MAP_FIXED, f.fd, 0) == f.bytes, "mmap of the file");
	return f;
}

void fuzz_file_free(struct fuzz_file *file) {
	munmap(file->region, file->region_size);
	if (file->fd >= 0) close(file->fd);
}

uint32_t fuzz_random(uint32_t *state) {
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

void fuzz_number(uint32_t *state, uint8_t *at, unsigned width, uint64_t size) {
	uint64_t value = 0;
	memcpy(&value, at, width);
	switch (fuzz_below(state, 10)) {
	case 0: value = 0; break;
	case 1: value = ~0ull; break;
	case 2: value = 1ull << fuzz_below(state, 64); break;
	case 3: value = (1ull << fuzz_below(state, 64)) - 1; break;
	case 4: value = size - fuzz_below(state, 70); break;
	case 5: value = size / FUZZ_BLOCK - fuzz_below(state, 3); break;
	case 6: value = fuzz_below(state, size); break;
	case 7: value += fuzz_below(state, 17) - 8ull; break;
	case 8: value ^= 1ull << fuzz_below(state, width * 8); break;
	default: value = (uint64_t)fuzz_random(state) << 32 | fuzz_random(state); break;
	}
	memcpy(at, &value, width);
}
