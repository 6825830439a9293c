/*
 * A reader of a library, as a program that uses it is one: maps it, and reads it again whenever it is told to.
 *   reader LIB
 * For each line on standard input it prints a hash of all mapped bytes (FNV-1a over 64-bit words); the line "next" maps what has the name now.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint64_t *words;
static size_t word_count;

static int map_library(const char *path) {
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0) return -1;
	if (words != NULL) munmap((void *)(uintptr_t)words, word_count * sizeof *words);
	void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (bytes == MAP_FAILED) return -1;
	words = bytes;
	word_count = (size_t)st.st_size / sizeof *words;
	return 0;
}

static uint64_t hash_words(void) {
	uint64_t hash = 0xcbf29ce484222325u;
	for (size_t index = 0; index < word_count; index++) hash = (hash ^ words[index]) * 0x100000001b3u;
	return hash;
}

int main(int argc, char **argv) {
	char line[64];
	if (argc != 2 || map_library(argv[1]) != 0) return 1;
	while (fgets(line, sizeof line, stdin) != NULL) {
		if (strcmp(line, "next\n") == 0 && map_library(argv[1]) != 0) return 1;
		printf("%016llx\n", (unsigned long long)hash_words());
		fflush(stdout);
	}
	return 0;
}
