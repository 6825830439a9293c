/* Writes a damaged copy of a library of the native layout, whose image begins at 2 MiB. What is verified at the start is repaired, so that the damage is met in use.
 * Usage: mutants LIB.so OUTPUT.so SEED. */
#include "fuzz.h"

#include <stdio.h>

#define HEAD (2u << 20)
#define UUID (HEAD + 1024 + 48)

int main(int argc, char **argv) {
	static uint8_t data[HEAD + (1u << 22)];
	uint8_t uuid[16];
	FILE *in = argc == 4 ? fopen(argv[1], "rb") : NULL;
	size_t size = in == NULL ? 0 : fread(data, 1, sizeof data, in);
	if (size < HEAD + FUZZ_BLOCK || size == sizeof data) return 2;
	uint32_t state = (uint32_t)strtoul(argv[3], NULL, 10) * 2654435761u | 1;
	memcpy(uuid, data + UUID, sizeof uuid);
	uint32_t layout;
	memcpy(&layout, data + HEAD + 44, sizeof layout);
	for (uint32_t n = 1 + fuzz_below(&state, 3); n > 0; n--) fuzz_mutate_image(&state, data + HEAD, size - HEAD);
	memcpy(data + UUID, uuid, sizeof uuid);
	fuzz_repair_image(data + HEAD, size - HEAD);
	FILE *out = fopen(argv[2], "wb");
	return out != NULL && fwrite(data, 1, size, out) == size && fclose(out) == 0 ? 0 : 1;
}
