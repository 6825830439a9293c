/* What was there before the program started: files, links and directories of the image (or a copy of them elsewhere) are changed, renamed, linked and removed as any others, and a small
 * change costs little. DIR is what posix.sh packs: large, small (and its other name twin), nothing, link, empty, many, dir/entry, dir/sub/deep. */
#include "../ops/check.h"

#include <stdbool.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/xattr.h>

enum { PAGE = 4096, LARGE = 4 << 20 };

static struct stat before, after;

static long free_pages(void) {
	struct statfs fs;
	return statfs(".", &fs) == 0 ? (long)fs.f_bfree : -1;
}

/* One byte in the midst of a large file. In the overlay, where nobody else writes, it takes a few pages; elsewhere no page more than the copy that is there. */
static void small_changes(bool overlay) {
	static char page[PAGE], copy[PAGE];
	int fd = open("large", O_RDWR), other = open("large", O_RDONLY);
	OK(fd >= 0 && fstat(fd, &before) == 0 && before.st_size == LARGE && pread(fd, page, PAGE, 100 * PAGE) == PAGE);
	char next = 0, *seen = mmap(NULL, LARGE, PROT_READ, MAP_PRIVATE, other, 0);
	OK(pread(fd, &next, 1, 101 * PAGE) == 1);
	long had = free_pages();
	OK(pwrite(fd, "!", 1, 100 * PAGE + 17) == 1);
	if (overlay) OK(had - free_pages() <= 16);
	page[17] = '!';
	OK(pread(other, copy, PAGE, 100 * PAGE) == PAGE && memcmp(page, copy, PAGE) == 0 && pread(other, copy, 1, 101 * PAGE) == 1 && copy[0] == next);
	OK(fstat(other, &after) == 0 && after.st_ino == before.st_ino && after.st_size == LARGE && after.st_mtim.tv_sec >= before.st_mtim.tv_sec);
	had = free_pages();
	char *map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 200 * PAGE);
	OK(map != MAP_FAILED);
	map[5] = '?';
	if (overlay) OK(had - free_pages() <= 16);
	OK(pread(other, copy, 8, 200 * PAGE) == 8 && copy[5] == '?' && seen != MAP_FAILED);
	had = free_pages();
	OK(chmod("large", 0640) == 0 && truncate("large", 300 * PAGE + 1) == 0);
	if (overlay) OK(had - free_pages() <= 16);
	OK(ftruncate(fd, LARGE) == 0 && pread(other, copy, PAGE, 300 * PAGE) == PAGE && copy[1] == 0 && copy[PAGE - 1] == 0);
	OK(rename("large", "larger") == 0 && pread(other, copy, PAGE, 100 * PAGE) == PAGE && memcmp(page, copy, PAGE) == 0 && rename("larger", "large") == 0);
	if (overlay) OK(had - free_pages() <= 64);
	munmap(seen, LARGE), munmap(map, PAGE), close(fd), close(other);
}

static void two_names(void) {
	OK(stat("small", &before) == 0 && stat("twin", &after) == 0 && before.st_ino == after.st_ino && before.st_nlink == 2);
	int reader = open("twin", O_RDONLY), fd = open("small", O_WRONLY | O_APPEND);
	OK(write(fd, "more\n", 5) == 5 && check_holds("twin", "contents of a small file\nmore\n"));
	char text[64];
	OK(pread(reader, text, sizeof text, 0) == 30 && fstat(reader, &after) == 0 && after.st_ino == before.st_ino && after.st_size == 30);
	OK(unlink("small") == 0 && fstat(reader, &after) == 0 && after.st_nlink == 1 && check_exists("twin") && !check_exists("small"));
	OK(link("twin", "small") == 0 && fstat(fd, &after) == 0 && after.st_nlink == 2);
	OK(check_holds("link", "contents of a small file\nmore\n") && rename("link", "link2") == 0 && check_holds("link2", "contents of a small file\nmore\n"));
	OK(unlink("link2") == 0 && symlink("dir", "link") == 0 && check_holds("link/entry", "entry\n"));
	close(reader), close(fd);
}

static int count(const char *path) {
	DIR *dir = opendir(path);
	int n = 0;
	while (dir != NULL && readdir(dir) != NULL) n++;
	if (dir != NULL) closedir(dir);
	return n;
}

/* Entries that were there, came and went, listed while they do. */
static void listings(void) {
	char name[64];
	DIR *dir = opendir("many");
	struct dirent *entry;
	int seen = 0, doubles = 0;
	static int times[300];
	OK(count("many") == 302);
	for (int step = 0; dir != NULL && (entry = readdir(dir)) != NULL && step < 10000; step++) {
		int i = strncmp(entry->d_name, "entry-", 6) == 0 ? atoi(entry->d_name + 6) : -1;
		if (i >= 0 && i < 300 && times[i]++ != 0) doubles++;
		seen += i >= 0;
		snprintf(name, sizeof name, "many/new-%d", step);
		if (step < 100) check_put(name, "");
		snprintf(name, sizeof name, "many/entry-%03d", step);
		if (step % 3 == 0 && step < 300) unlink(name);
		if (step % 3 == 1 && step < 300)
			OK(check_put("many/over", "x") == 0 && rename("many/over", name) == 0); /* one file over another: the name stays */
	}
	int missing = 0;
	for (int i = 0; i < 300; i++) missing += i % 3 != 0 && times[i] == 0;
	OK(doubles == 0 && missing == 0);
	if (dir != NULL) closedir(dir);
	OK(count("many") == 302 - 100 + 100);
	OK(check_put("many/entry-000", "again") == 0 && check_holds("many/entry-000", "again") && check_holds("many/entry-001", "x"));
}

static void directories(void) {
	OK(stat("dir", &before) == 0 && before.st_nlink == 3);
	FAILS(rmdir("dir"), ENOTEMPTY);
	FAILS(rename("dir", "many"), ENOTEMPTY);
	int fd = open("dir/sub", O_RDONLY | O_DIRECTORY);
	OK(rename("dir", "moved") == 0 && check_holds("moved/sub/deep", "deep\n") && !check_exists("dir"));
	OK(mkdir("dir", 0700) == 0 && count("dir") == 2 && !check_exists("dir/entry")); /* nothing of the old one shows through */
	OK(rename("dir", "empty") == 0 && count("empty") == 2 && rename("moved", "empty") == 0 && check_holds("empty/entry", "entry\n"));
	int deep = openat(fd, "deep", O_RDWR | O_TRUNC);
	OK(deep >= 0 && write(deep, "deeper\n", 7) == 7 && check_holds("empty/sub/deep", "deeper\n"));
	OK(unlink("empty/sub/deep") == 0 && rmdir("empty/sub") == 0 && fstat(deep, &after) == 0 && after.st_nlink == 0 && after.st_size == 7);
	OK(stat("empty", &after) == 0 && after.st_nlink == 2 && unlink("empty/entry") == 0 && rmdir("empty") == 0);
	close(fd), close(deep);
	fd = open("nothing", O_RDWR);
	OK(unlink("nothing") == 0 && write(fd, "x", 1) == 1 && fstat(fd, &after) == 0 && after.st_nlink == 0 && after.st_size == 1);
	OK(mkdir("nothing", 0700) == 0 && rmdir("nothing") == 0);
	close(fd);
}

/* A directory that nobody has touched yet does not go into itself. */
static void into_itself(void) {
	FAILS(rename("dir", "dir/new"), EINVAL);
	FAILS(rename("dir", "dir/sub"), EINVAL);
	FAILS(rename("dir", "dir/sub/new"), EINVAL);
	FAILS(renameat2(AT_FDCWD, "dir", AT_FDCWD, "dir/sub", RENAME_EXCHANGE), EINVAL);
	OK(stat("dir/entry", &after) == 0 && stat("dir/sub/deep", &after) == 0);
}

int main(int argc, char **argv) {
	if (argc > 1 && chdir(argv[1]) != 0) return 1;
	bool overlay = stat("large", &before) == 0 && stat("/", &after) == 0 && before.st_dev == after.st_dev && stat("/proc/1", &before) != 0;
	into_itself();
	small_changes(overlay);
	two_names();
	listings();
	directories();
	return check_end();
}
