/* What the fuzz targets share. A target (target_*.c) defines the two functions of libFuzzer; they are driven by libFuzzer itself or by replay.c. */
#ifndef BINARYFS_FUZZ_H
#define BINARYFS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* https://llvm.org/docs/LibFuzzer.html */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* SIZE bytes in a memfd, mapped between two pages that nobody may touch: the bytes end where the mapping ends as far as pages can tell (images are whole pages). */
struct fuzz_file {
	int fd;
	uint8_t *bytes;
	uint64_t size;
	uint8_t *region;
	uint64_t region_size;
};
struct fuzz_file fuzz_file_make(const uint8_t *data, size_t size);
void fuzz_file_free(struct fuzz_file *file);

/* A small generator for mutators (numbers of no quality are enough). */
uint32_t fuzz_random(uint32_t *state);
static inline uint32_t fuzz_below(uint32_t *state, size_t limit) { return limit == 0 ? 0 : (uint32_t)(fuzz_random(state) % limit); }
/* Overwrites WIDTH (1, 2, 4, 8) bytes with a number that is likely to matter: small, huge, near SIZE, near what stands there. */
void fuzz_number(uint32_t *state, uint8_t *at, unsigned width, uint64_t size);

/* Mutates an image of SIZE bytes where its structures are, and repairs what a reader checks first (sizes and the superblock's checksum), so that mutations get past it. */
void fuzz_mutate_image(uint32_t *state, uint8_t *image, size_t size);
void fuzz_repair_image(uint8_t *image, size_t size);
#define FUZZ_BLOCK 4096u

#endif
