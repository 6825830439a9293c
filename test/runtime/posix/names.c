/* Names: listings that change while they are read, types in listings, strange names, files without names and with many, removed directories. */
#include "../ops/check.h"

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#define ENTRIES 600

static int index_of(const struct dirent *entry, char prefix) { return entry->d_name[0] == prefix ? atoi(entry->d_name + 1) : -1; }

/* Every entry that stays is seen exactly once, whatever comes and goes beside it while the listing is read. */
static void changing(void) {
	static int seen[ENTRIES];
	char name[64];
	OK(mkdir("many", 0700) == 0);
	int at = open("many", O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < ENTRIES; i++) {
		snprintf(name, sizeof name, i % 2 ? "s%d" : "t%d", i); /* s stays, t goes */
		close(openat(at, name, O_CREAT | O_WRONLY, 0600));
	}
	DIR *dir = opendir("many");
	struct dirent *entry;
	int step = 0, doubles = 0;
	while (dir != NULL && (entry = readdir(dir)) != NULL && step < 100000) {
		int i = index_of(entry, 's');
		if (i >= 0 && seen[i]++ != 0) doubles++;
		if (step < ENTRIES) {
			snprintf(name, sizeof name, "t%d", (step * 7919) % ENTRIES & ~1);
			unlinkat(at, name, 0);
			snprintf(name, sizeof name, "x%d", step);
			close(openat(at, name, O_CREAT | O_WRONLY, 0600));
		}
		step++;
	}
	int missing = 0;
	for (int i = 1; i < ENTRIES; i += 2) missing += seen[i] == 0;
	OK(doubles == 0 && missing == 0);
	closedir(dir);
	close(at);
}

/* A place told once is a place later, though others come and go. */
static void places(void) {
	static long place[ENTRIES + 8];
	static char after[ENTRIES + 8][64];
	char name[64];
	int count = 0;
	OK(mkdir("places", 0700) == 0);
	int at = open("places", O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "p%d", i);
		close(openat(at, name, O_CREAT | O_WRONLY, 0600));
	}
	DIR *dir = opendir("places");
	struct dirent *entry;
	for (;;) {
		place[count] = telldir(dir);
		entry = readdir(dir);
		snprintf(after[count], sizeof after[count], "%.60s", entry != NULL ? entry->d_name : "");
		if (entry == NULL) break;
		count++;
	}
	OK(count == 102);
	int wrong = 0;
	for (int i = count; i-- > 0;) {
		seekdir(dir, place[i]);
		entry = readdir(dir);
		if (entry == NULL || strcmp(entry->d_name, after[i]) != 0) wrong++;
	}
	OK(wrong == 0);
	for (int i = 0; i < 100; i += 3) {
		snprintf(name, sizeof name, "p%d", i);
		unlinkat(at, name, 0);
	}
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof name, "new%d", i);
		close(openat(at, name, O_CREAT | O_WRONLY, 0600));
	}
	for (int i = 0; i < count; i++) {
		if (after[i][0] == 'p' && atoi(after[i] + 1) % 3 == 0) continue; /* removed */
		seekdir(dir, place[i]);
		entry = readdir(dir);
		if (entry == NULL) wrong++;
		/* What is new may stand before it on some file systems. */
		while (entry != NULL && entry->d_name[0] == 'n') entry = readdir(dir);
		if (entry != NULL && strcmp(entry->d_name, after[i]) != 0) wrong++;
	}
	OK(wrong == 0);
	closedir(dir);
	/* a description's place is shared by its duplicates and by fork */
	char buffer[128];
	int fd = open("places", O_RDONLY), twin = dup(fd);
	OK(syscall(SYS_getdents64, fd, buffer, sizeof buffer) > 0);
	off_t where = lseek(fd, 0, SEEK_CUR);
	OK(where != 0 && lseek(twin, 0, SEEK_CUR) == where && lseek(twin, 0, SEEK_SET) == 0 && lseek(fd, 0, SEEK_CUR) == 0);
	FAILS(syscall(SYS_getdents64, fd, (char *)8, 100), EFAULT);
	close(twin);
	close(fd);
	close(at);
}

static void types(void) {
	static const struct {
		const char *name;
		unsigned char type;
	} want[] = { { ".", DT_DIR }, { "..", DT_DIR }, { "reg", DT_REG }, { "dir", DT_DIR }, { "lnk", DT_LNK }, { "fifo", DT_FIFO }, { "sock", DT_SOCK }, { "chr", DT_CHR } };
	OK(mkdir("types", 0700) == 0 && check_put("types/reg", "") == 0 && mkdir("types/dir", 0700) == 0 && symlink("x", "types/lnk") == 0 &&
		mkfifo("types/fifo", 0600) == 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "types/sock" };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	OK(bind(s, (struct sockaddr *)&address, sizeof address) == 0);
	close(s);
	bool devices = mknod("types/chr", S_IFCHR | 0600, makedev(1, 3)) == 0;
	DIR *dir = opendir("types");
	struct dirent *entry;
	int found = 0;
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		struct stat st;
		for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
			if (strcmp(want[i].name, entry->d_name) == 0) found += entry->d_type == want[i].type;
		OK(fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == entry->d_ino && IFTODT(st.st_mode) == entry->d_type);
	}
	OK(found == 7 + devices);
	closedir(dir);
}

static void strange(void) {
	char name[8];
	for (int c = 1; c < 256; c++) {
		if (c == '/' || c == '.') continue;
		snprintf(name, sizeof name, "q%cz", c);
		if (check_put(name, name) != 0 || !check_holds(name, name) || unlink(name) != 0) OK(!"a name of any byte");
	}
	OK(check_put("...", "") == 0 && unlink("...") == 0 && check_put(".hidden", "") == 0 && unlink(".hidden") == 0);
	OK(check_put("\xff\xfe", "") == 0 && check_put("\xc3\xa4", "") == 0 && unlink("\xff\xfe") == 0 && unlink("\xc3\xa4") == 0);
	OK(check_put("Case", "1") == 0 && check_put("case", "2") == 0 && check_holds("Case", "1"));
}

static void nameless(void) {
	struct stat st;
	char self[64], text[8];
	int fd = open(".", O_TMPFILE | O_RDWR, 0640);
	OK(fd >= 0 && fstat(fd, &st) == 0 && st.st_nlink == 0 && (st.st_mode & 07777) == 0640 && st.st_size == 0);
	OK(write(fd, "nameless", 8) == 8);
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	OK(linkat(AT_FDCWD, self, AT_FDCWD, "given", AT_SYMLINK_FOLLOW) == 0 && fstat(fd, &st) == 0 && st.st_nlink == 1);
	OK(linkat(AT_FDCWD, self, AT_FDCWD, "given2", AT_SYMLINK_FOLLOW) == 0 && fstat(fd, &st) == 0 && st.st_nlink == 2);
	FAILS(linkat(AT_FDCWD, self, AT_FDCWD, "given", AT_SYMLINK_FOLLOW), EEXIST);
	OK(check_holds("given", "nameless") && unlink("given") == 0 && unlink("given2") == 0 && fstat(fd, &st) == 0 && st.st_nlink == 0);
	FAILS(linkat(AT_FDCWD, self, AT_FDCWD, "back", AT_SYMLINK_FOLLOW), ENOENT); /* its last name is gone */
	OK(pread(fd, text, 8, 0) == 8 && memcmp(text, "nameless", 8) == 0 && ftruncate(fd, 3) == 0 && fchmod(fd, 0600) == 0);
	close(fd);
	fd = open(".", O_TMPFILE | O_WRONLY | O_EXCL, 0600);
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	OK(fd >= 0);
	FAILS(linkat(AT_FDCWD, self, AT_FDCWD, "never", AT_SYMLINK_FOLLOW), ENOENT);
	close(fd);
	FAILS(open("given", O_TMPFILE | O_RDWR, 0600), ENOENT);
	OK(check_put("file", "") == 0);
	FAILS(open("file", O_TMPFILE | O_RDWR, 0600), ENOTDIR);
	FAILS(open(".", O_TMPFILE | O_RDWR | O_CREAT, 0600), EINVAL);
	/* a file that was removed while open */
	fd = open("file", O_RDWR);
	OK(unlink("file") == 0 && write(fd, "still", 5) == 5 && pread(fd, text, 5, 0) == 5 && fstat(fd, &st) == 0 && st.st_nlink == 0 && st.st_size == 5);
	OK(check_put("file", "another") == 0 && fstat(fd, &st) == 0 && st.st_size == 5);
	close(fd);
}

static void removed_directory(void) {
	char path[PATH_MAX];
	struct stat st;
	OK(mkdir("going", 0700) == 0 && chdir("going") == 0 && rmdir("../going") == 0);
	FAILS(syscall(SYS_getcwd, path, sizeof path), ENOENT);
	FAILS(open("new", O_CREAT | O_WRONLY, 0600), ENOENT);
	FAILS(mkdir("new", 0700), ENOENT);
	FAILS(symlink("x", "new"), ENOENT);
	OK(stat(".", &st) == 0 && st.st_nlink == 0);
	DIR *dir = opendir(".");
	OK(dir != NULL && readdir(dir) == NULL);
	if (dir != NULL) closedir(dir);
	OK(chdir("..") == 0 && check_exists("many"));
	/* one that was renamed is still the one that was opened, and so is what lies in it */
	OK(mkdir("before", 0700) == 0 && mkdir("before/in", 0700) == 0 && mkdir("beforehand", 0700) == 0);
	int outer = open("before", O_RDONLY | O_DIRECTORY), inner = open("before/in", O_PATH), other = open("beforehand", O_RDONLY);
	OK(fchdir(inner) == 0 && rename("../../before", "../../after") == 0 && getcwd(path, sizeof path) != NULL && strstr(path, "/after/in") != NULL);
	OK(faccessat(outer, "in", F_OK, 0) == 0 && mkdirat(inner, "new", 0700) == 0 && access("../../after/in/new", F_OK) == 0 && fstat(other, &st) == 0);
	OK(fchdir(outer) == 0 && renameat2(AT_FDCWD, "../after", AT_FDCWD, "../beforehand", RENAME_EXCHANGE) == 0 && faccessat(outer, "in", F_OK, 0) == 0 &&
		faccessat(other, "in", F_OK, 0) == -1);
	OK(access("../beforehand/in/new", F_OK) == 0 && chdir("..") == 0);
	close(outer), close(inner), close(other);
}

static void link_limits(void) {
	struct stat st;
	OK(check_put("linked", "") == 0 && symlink("linked", "symbolic") == 0);
	OK(link("symbolic", "symbolic2") == 0 && lstat("symbolic2", &st) == 0 && S_ISLNK(st.st_mode) && st.st_nlink == 2);
	OK(unlink("symbolic") == 0 && lstat("symbolic2", &st) == 0 && st.st_nlink == 1);
	char name[32];
	int made = 0;
	OK(mkdir("links", 0700) == 0);
	for (; made < 2000; made++) {
		snprintf(name, sizeof name, "links/%d", made);
		if (link("linked", name) != 0) break;
	}
	OK(made == 2000 && stat("linked", &st) == 0 && st.st_nlink == 2001);
	while (made-- > 0) {
		snprintf(name, sizeof name, "links/%d", made);
		unlink(name);
	}
	OK(stat("linked", &st) == 0 && st.st_nlink == 1 && rmdir("links") == 0);
}

int main(int argc, char **argv) {
	check_begin(argc, argv);
	changing();
	places();
	types();
	strange();
	nameless();
	removed_directory();
	link_limits();
	return check_end();
}
