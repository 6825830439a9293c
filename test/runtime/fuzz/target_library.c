/* Fuzz target: libraries. The input is an ELF file with a note and, at byte 4,096, an image: what the launcher reads of a library before anything is mounted. */
#define _GNU_SOURCE
#include "core_test.h"
#include "fuzz.h"
#include "providers.h"
#include "trap.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile uint8_t touched;
static void touch(const struct bfs_section_path *p) {
	for (uint32_t i = 0; p->bytes != NULL && i < p->len; i++) touched ^= (uint8_t)p->bytes[i];
}

static void use_sections(const struct bfs_lib_config *lib) {
	struct bfs_sections sections;
	struct bfs_section_path guest, host;
	const char *why = NULL;
	if (bfs_sections_read(lib, &sections, &why) < 0) {
		CHECK(why != NULL && why[0] != 0);
		return;
	}
	for (uint64_t at = 0; bfs_sections_host_path(&sections, &at, &guest) > 0;) touch(&guest);
	for (uint64_t at = 0; bfs_sections_volume(&sections, &at, &guest, &host) > 0;) {
		touch(&guest);
		touch(&host);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	char path[64], why[128] = "";
	struct bfs_lib_config lib;
	struct fuzz_file f = fuzz_file_make(data, size);
	sprintf(path, "/proc/self/fd/%d", f.fd);
	long rc = bfs_library_open(path, &lib, why, sizeof why);
	if (rc < 0) {
		CHECK(why[0] != 0 && memchr(why, 0, sizeof why) != NULL);
	} else {
		/* What was mapped is the image and no more: moved between guard pages it must do as well. */
		struct fuzz_file image = fuzz_file_make(lib.image, lib.image_size);
		struct bfs_lib_config guarded = lib;
		const char *reason = NULL;
		guarded.image = image.bytes;
		bfs_image_count = 0;
		if (bfs_image_check(image.bytes, lib.image_size, &reason) == 0 && bfs_image_attach(0, image.bytes, lib.image_size, lib.file_offset, &reason) == 0)
			use_sections(&guarded);
		else
			CHECK(reason != NULL && reason[0] != 0);
		fuzz_file_free(&image);
		munmap((void *)lib.image, lib.image_size);
		close(lib.fd);
	}
	fuzz_file_free(&f);
	if (test_failed > 0) abort();
	return 0;
}

/* Where seeds have them (seeds.py). */
#define NOTE_AT 512u
#define ROOT_AT (NOTE_AT + 24 + 24)
#define UUID_AT (FUZZ_BLOCK + 1024 + 48)

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
	uint32_t state = seed * 2654435761u | 1;
	if (size < 2 * FUZZ_BLOCK || fuzz_below(&state, 16) == 0) return LLVMFuzzerMutate(data, size, max_size);
	static const uint8_t widths[] = { 1, 2, 4, 8 };
	unsigned width = widths[fuzz_below(&state, 4)];
	switch (fuzz_below(&state, 4)) {
	case 0: fuzz_number(&state, data + fuzz_below(&state, 64 + 4 * 56) / width * width, width, size); break;
	case 1: fuzz_number(&state, data + NOTE_AT + fuzz_below(&state, 88) / width * width, width, size - FUZZ_BLOCK); break;
	default: fuzz_mutate_image(&state, data + FUZZ_BLOCK, size - FUZZ_BLOCK); break;
	}
	if (fuzz_below(&state, 8) != 0) memcpy(data + ROOT_AT, data + UUID_AT, 16);
	return size;
}
