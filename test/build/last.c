/* Prints size and last four bytes of each file named; a program for images larger than 32 bits can count. */
#define _FILE_OFFSET_BITS 64
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
	for (int i = 1; i < argc; i++) {
		char text[5] = "";
		int fd = open(argv[i], O_RDONLY);
		off_t size = lseek(fd, 0, SEEK_END);
		if (fd < 0 || pread(fd, text, 4, size - 4) != 4) return 1;
		printf("%lld %s\n", (long long)size, text);
		close(fd);
	}
	return 0;
}
