/* /proc/self/maps names the file that a mapping shows, as stat(2) knows it: the program's own, and parts of it that are mapped elsewhere. */
#include "check.h"

#include <sys/mman.h>
#include <sys/sysmacros.h>

struct line {
	unsigned long start, end, offset, inode;
	unsigned major, minor;
	char mode[5], path[PATH_MAX];
};

/* The line that ADDRESS lies in, of FILE. */
static int find(const char *file, const void *address, struct line *found) {
	char text[PATH_MAX + 100];
	int result = 0;
	FILE *maps = fopen(file, "r");
	while (maps != NULL && fgets(text, sizeof text, maps) != NULL) {
		struct line l = { .path = "" };
		int n = 0;
		if (sscanf(text, "%lx-%lx %4s %lx %x:%x %lu%n", &l.start, &l.end, l.mode, &l.offset, &l.major, &l.minor, &l.inode, &n) != 7) continue;
		if ((uintptr_t)address < l.start || (uintptr_t)address >= l.end) continue;
		if (strlen(text) > 73) strcpy(l.path, text + 73);
		l.path[strcspn(l.path, "\n")] = 0;
		*found = l;
		result = 1;
	}
	if (maps != NULL) fclose(maps);
	return result;
}
static int shows(const struct line *l, const char *path, unsigned long offset) {
	struct stat st;
	char escaped[4 * PATH_MAX], *at = escaped;
	for (const char *p = path; *p != 0; p++) at += sprintf(at, *p == '\n' ? "\\012" : "%c", *p);
	*at = 0;
	return strcmp(l->path, escaped) == 0 && l->offset == offset && stat(path, &st) == 0 && st.st_ino == l->inode && major(st.st_dev) == l->major &&
	       minor(st.st_dev) == l->minor;
}

/* Files that were written here. */
static void written(void) {
	char path[PATH_MAX], moved[PATH_MAX];
	struct line l;
	OK(getcwd(path, 1000) != NULL && strcat(path, "/written") == path && getcwd(moved, 1000) != NULL && strcat(moved, "/d/moved") == moved);
	int fd = open("written", O_RDWR | O_CREAT, 0644), other = open("other", O_RDWR | O_CREAT, 0644);
	char page[4096] = "";
	for (int i = 0; i < 4; i++) OK(write(fd, page, sizeof page) == sizeof page && write(other, page, sizeof page) == sizeof page);
	char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 8192), *between = mmap(NULL, 4096, PROT_READ, MAP_SHARED, other, 0),
	     *private = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 4096);
	OK(shared != MAP_FAILED && between != MAP_FAILED && private != MAP_FAILED && close(fd) == 0 && close(other) == 0);
	OK(find("/proc/self/maps", shared, &l) && strcmp(l.mode, "rw-s") == 0 && shows(&l, path, 8192));
	OK(find("/proc/self/maps", private, &l) && shows(&l, path, 4096));
	OK(mkdir("d", 0755) == 0 && rename("written", "d/moved") == 0 && find("/proc/self/smaps", shared, &l) && shows(&l, moved, 8192));
	OK(find("/proc/self/maps", private, &l) && shows(&l, moved, 4096));
	munmap(shared, 4096);
	munmap(between, 4096);
	munmap(private, 4096);
}

int main(int argc, char **argv) {
	char self[PATH_MAX] = "";
	struct line l;
	check_begin(argc, argv);
	OK(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
	OK(find("/proc/self/maps", (const void *)(uintptr_t)main, &l) && strcmp(l.mode, "r-xp") == 0 && shows(&l, self, l.offset));
	OK(find("/proc/self/smaps", (const void *)(uintptr_t)main, &l) && shows(&l, self, l.offset));
	int fd = open(self, O_RDONLY);
	char *at = mmap(NULL, 3 * 4096, PROT_READ, MAP_SHARED, fd, 8192);
	close(fd);
	OK(at != MAP_FAILED && find("/proc/self/maps", at, &l) && (uintptr_t)at == l.start && strcmp(l.mode, "r--s") == 0 && shows(&l, self, 8192));
	OK(munmap(at, 4096) == 0 && find("/proc/self/maps", at + 4096, &l) && (uintptr_t)at + 4096 == l.start && shows(&l, self, 12288));
	OK(munmap(at + 4096, 8192) == 0 && (!find("/proc/self/maps", at + 4096, &l) || l.path[0] == 0)); /* other memory may lie there by now */
	void *nothing = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	OK(find("/proc/self/maps", nothing, &l) && l.path[0] == 0 && l.inode == 0);
	written();
	return check_end();
}
