/* Host paths: a file, a directory and one that is not there yet; what lies beside them stays out.
 * Usage: hostpath FILE DIRECTORY MISSING BESIDE — FILE holds "host\n", DIRECTORY holds the file "entry" and the symlink "out" to BESIDE, MISSING does not exist in a writable directory
 * of the host, BESIDE is a host file that was not declared. */
#include "check.h"

static void path_above(char *dst, size_t size, const char *path) {
	snprintf(dst, size, "%s", path);
	*strrchr(dst, '/') = 0;
}

int main(int argc, char **argv) {
	if (argc != 5) return 2;
	check_inside_or_exit();
	const char *file = argv[1], *directory = argv[2], *missing = argv[3], *beside = argv[4];
	char text[64], path[PATH_MAX + 32];
	struct stat st;
	CHECK(check_read(file, text, sizeof text) == 5 && strcmp(text, "host\n") == 0);
	CHECK(stat(file, &st) == 0 && S_ISREG(st.st_mode));
	CHECK_ERRNO(unlink(file), EBUSY);
	CHECK(strrchr(file, '/') != file);
	path_above(path, sizeof path, file);
	CHECK(check_lists(path, strrchr(file, '/') + 1));

	CHECK(check_lists(directory, "entry"));
	snprintf(path, sizeof path, "%s/entry", directory);
	CHECK(access(path, R_OK) == 0);
	snprintf(path, sizeof path, "%s/out", directory);
	CHECK(lstat(path, &st) == 0 && S_ISLNK(st.st_mode));
	CHECK_ERRNO(open(path, O_RDONLY), ENOENT);
	snprintf(path, sizeof path, "%s/new", directory);
	CHECK(check_write(path, "new") && stat(path, &st) == 0 && st.st_size == 3);
	CHECK(unlink(path) == 0);

	CHECK_ERRNO(open(missing, O_RDONLY), ENOENT);
	CHECK_ERRNO(stat(missing, &st), ENOENT);
	CHECK(check_write(missing, "made"));
	CHECK(check_read(missing, text, sizeof text) == 4);

	CHECK_ERRNO(open(beside, O_RDONLY), ENOENT);
	CHECK_ERRNO(access(beside, F_OK), ENOENT);
	CHECK(access("/etc/shadow", F_OK) == -1 && errno == ENOENT);
	return check_done();
}
