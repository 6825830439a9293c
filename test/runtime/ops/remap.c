/* mremap of file mappings, and files that grow under a mapping. */
#include "check.h"

#include <sys/mman.h>

#define PAGE 4096

static char page_of(char letter, char *page) {
	memset(page, letter, PAGE);
	return letter;
}

/* Writes a page at a time in turn, so that the pages of the two files alternate wherever they are kept. */
static void interleave(int a, int b, int pages) {
	char page[PAGE];
	for (int i = 0; i < pages; i++) {
		page_of((char)('a' + i), page);
		OK(pwrite(a, page, PAGE, (off_t)i * PAGE) == PAGE);
		page_of((char)('A' + i), page);
		OK(pwrite(b, page, PAGE, (off_t)i * PAGE) == PAGE);
	}
}

static int spells(const char *map, char first, int pages) {
	for (int i = 0; i < pages; i++)
		if (map[i * PAGE] != first + i || map[i * PAGE + PAGE - 1] != first + i) return 0;
	return 1;
}

static void moves_and_grows(int fd) {
	char text[8];
	char *map = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	OK(map != MAP_FAILED && spells(map, 'a', 4));
	map = mremap(map, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE);
	OK(map != MAP_FAILED && spells(map, 'a', 8));
	char *place = mmap(NULL, 8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	OK(mremap(map, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, place) == place && spells(place, 'a', 8));
	memcpy(place + 7 * PAGE, "stored", 6);
	OK(pread(fd, text, 6, 7 * PAGE) == 6 && memcmp(text, "stored", 6) == 0);
	memset(place + 7 * PAGE, 'h', 6);
	OK(mremap(place, 8 * PAGE, 2 * PAGE, 0) == place && spells(place, 'a', 2));
	OK(munmap(place, 2 * PAGE) == 0);
	/* from an offset, in place where there is room and not otherwise */
	char *room = mmap(NULL, 8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(room + 2 * PAGE, 3 * PAGE);
	map = mmap(room, 2 * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 3 * PAGE);
	OK(mremap(map, 2 * PAGE, 5 * PAGE, 0) == map && spells(map, 'd', 5));
	FAILS((long)mremap(map, 5 * PAGE, 6 * PAGE, 0), ENOMEM);
	munmap(room, 8 * PAGE);
}

static void keeps_private_pages(int fd) {
	char *map = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	map[PAGE] = '!';
	map = mremap(map, 3 * PAGE, 6 * PAGE, MREMAP_MAYMOVE);
	OK(map != MAP_FAILED && map[PAGE] == '!' && map[PAGE + 1] == 'b' && spells(map + 2 * PAGE, 'c', 4));
	munmap(map, 6 * PAGE);
	char *anonymous = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	anonymous[0] = 'x';
	anonymous = mremap(anonymous, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
	OK(anonymous != MAP_FAILED && anonymous[0] == 'x' && anonymous[63 * PAGE] == 0);
	munmap(anonymous, 64 * PAGE);
}

static void grows_under_a_mapping(void) {
	int fd = open("growing", O_RDWR | O_CREAT | O_TRUNC, 0600);
	OK(write(fd, "start", 5) == 5);
	char *map = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	OK(map != MAP_FAILED && memcmp(map, "start", 5) == 0);
	OK(pwrite(fd, "later", 5, 10 * PAGE) == 5 && memcmp(map + 10 * PAGE, "later", 5) == 0 && map[5 * PAGE] == 0);
	OK(ftruncate(fd, 64 * PAGE) == 0 && map[63 * PAGE] == 0);
	map[63 * PAGE] = 'e';
	char c = 0;
	OK(pread(fd, &c, 1, 63 * PAGE) == 1 && c == 'e');
	munmap(map, 64 * PAGE);
	close(fd);
}

static void read_only_stays(void) {
	check_put("g", "g");
	int fd = open("g", O_RDONLY);
	char *map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	FAILS(mprotect(map, PAGE, PROT_READ | PROT_WRITE), EACCES);
	munmap(map, PAGE);
	close(fd);
}

/* Pages of the file in another order; glibc has the call, the kernel emulates it. */
static void reorders(int fd) {
	char *map = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	OK(map != MAP_FAILED && spells(map, 'a', 8));
	OK(remap_file_pages(map, PAGE, 0, 5, 0) == 0 && remap_file_pages(map + PAGE, 2 * PAGE, 0, 3, 0) == 0);
	OK(spells(map, 'f', 1) && spells(map + PAGE, 'd', 2) && spells(map + 3 * PAGE, 'd', 5));
	OK(remap_file_pages(map, PAGE, 0, 1, 0) == 0 && spells(map, 'b', 1));
	map[0] = 'B';
	char c = 0;
	OK(pread(fd, &c, 1, PAGE) == 1 && c == 'B');
	map[0] = 'b';
	FAILS(remap_file_pages(map, PAGE, PROT_READ, 0, 0), EINVAL);
	FAILS(remap_file_pages(map, 0, 0, 0, 0), EINVAL);
	OK(munmap(map + 6 * PAGE, PAGE) == 0);
	FAILS(remap_file_pages(map + 5 * PAGE, 3 * PAGE, 0, 0, 0), EINVAL); /* a gap in it, and its end */
	FAILS(remap_file_pages(map + 7 * PAGE, 2 * PAGE, 0, 0, 0), EINVAL);
	OK(spells(map + 5 * PAGE, 'f', 1) && spells(map + 7 * PAGE, 'h', 1));
	munmap(map, 8 * PAGE);
	map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	FAILS(remap_file_pages(map, PAGE, 0, 1, 0), EINVAL);
	OK(spells(map, 'a', 2));
	munmap(map, 2 * PAGE);
	FAILS(remap_file_pages(map, PAGE, 0, 1, 0), EINVAL);
}

int main(int argc, char **argv) {
	check_begin(argc, argv);
	int a = open("a", O_RDWR | O_CREAT, 0600), b = open("b", O_RDWR | O_CREAT, 0600);
	interleave(a, b, 8);
	moves_and_grows(a);
	reorders(a);
	keeps_private_pages(b == -1 ? b : a);
	grows_under_a_mapping();
	read_only_stays();
	return check_end();
}
