/* Numbers of mounts: statx and fdinfo tell those that stand in mountinfo. */
#include "../ops/check.h"

/* The mount that the last and longest line of mountinfo names for PATH. */
static unsigned long covering(const char *path) {
	FILE *file = fopen("/proc/self/mountinfo", "r");
	char line[4096], point[4096];
	unsigned long id, found = 0;
	size_t longest = 0;
	while (file != NULL && fgets(line, sizeof line, file) != NULL) {
		if (sscanf(line, "%lu %*u %*s %*s %4095s", &id, point) != 2) continue;
		size_t n = strcmp(point, "/") == 0 ? 0 : strlen(point);
		if (strncmp(path, point, n) == 0 && (path[n] == '/' || path[n] == '\0') && n + 1 > longest) {
			longest = n + 1;
			found = id;
		} else if (n + 1 == longest && strncmp(path, point, n) == 0)
			found = id;
	}
	if (file != NULL) fclose(file);
	return found;
}

static unsigned long told(int fd, const char *path, unsigned long *ino) {
	struct statx sx;
	if (statx(fd, path, AT_EMPTY_PATH, STATX_MNT_ID | STATX_INO, &sx) != 0) return 0;
	*ino = sx.stx_ino;
	return (sx.stx_mask & STATX_MNT_ID) != 0 ? sx.stx_mnt_id : 0;
}

static void agrees(const char *path) {
	char name[64], line[256];
	unsigned long id = 0, ino = 0, ino2 = 0, value, expected = covering(path);
	OK(expected != 0 && told(AT_FDCWD, path, &ino) == expected);
	int fd = open(path, O_RDONLY);
	OK(fd >= 0 && told(fd, "", &ino2) == expected && ino == ino2);
	snprintf(name, sizeof name, "/proc/self/fdinfo/%d", fd);
	FILE *info = fopen(name, "r");
	while (info != NULL && fgets(line, sizeof line, info) != NULL) {
		if (sscanf(line, "mnt_id: %lu", &value) == 1) id = value;
		if (sscanf(line, "ino: %lu", &value) == 1) ino2 = value;
	}
	OK(info != NULL && id == expected && ino == ino2);
	if (info != NULL) fclose(info);
	close(fd);
}

int main(int argc, char **argv) {
	char here[PATH_MAX], file[PATH_MAX + 8];
	check_begin(argc, argv);
	OK(getcwd(here, sizeof here) != NULL);
	snprintf(file, sizeof file, "%s/file", here);
	OK(close(open(file, O_CREAT | O_WRONLY, 0600)) == 0);
	agrees(here);
	agrees(file);
	agrees("/");
	agrees("/proc");
	agrees("/proc/self/status");
	return check_end();
}
