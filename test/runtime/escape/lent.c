/* In an image, started with a regular file of the host, open for reading, as descriptor 7: it may be read, and nothing more is to be had from it. Usage: lent VOLUME TOKEN, the volume on the
 * file's own file system. Prints "N passed, N failed". */
#include "../ops/check.h"

#include <sys/mman.h>
#include <sys/syscall.h>

int main(int argc, char **argv) {
	char text[64] = "", path[PATH_MAX];
	char *args[] = { "x", NULL };
	if (argc != 3) return 2;
	OK(pread(7, text, sizeof text - 1, 0) > 0 && strstr(text, argv[2]) != NULL);
	OK((fcntl(7, F_GETFL) & O_ACCMODE) == O_RDONLY);
	OK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, 7, 0) != MAP_FAILED);
	OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 7, 0) == MAP_FAILED);
	int again = open("/proc/self/fd/7", O_RDONLY);
	OK(again >= 0 && pread(again, text, sizeof text - 1, 0) > 0);
	FAILS(write(7, "x", 1), EBADF);
	FAILS(open("/proc/self/fd/7", O_RDWR), EACCES);
	FAILS(open("/dev/fd/7", O_WRONLY), EACCES);
	FAILS(open("/proc/thread-self/fd/7", O_RDONLY | O_TRUNC), EACCES);
	FAILS(truncate("/proc/self/fd/7", 0), EACCES);
	FAILS(openat(7, "", O_RDONLY), ENOENT);
	FAILS(openat(7, "..", O_RDONLY), ENOTDIR);
	FAILS(open("/proc/self/fd/7/..", O_RDONLY), ENOTDIR);
	/* A name below a door would let it be opened for writing. */
	snprintf(path, sizeof path, "%s/name", argv[1]);
	OK(linkat(AT_FDCWD, "/proc/self/fd/7", AT_FDCWD, path, AT_SYMLINK_FOLLOW) == -1);
	OK(linkat(7, "", AT_FDCWD, path, AT_EMPTY_PATH) == -1);
	OK(linkat(AT_FDCWD, "/proc/self/fd/7", AT_FDCWD, "/tmp/name", AT_SYMLINK_FOLLOW) == -1);
	OK(rename("/proc/self/fd/7", path) == -1);
	FAILS(open(path, O_RDWR), ENOENT);
	OK(syscall(SYS_execveat, 7, "", args, args + 1, AT_EMPTY_PATH) == -1);
	/* What was made without a name in a volume gets one there. */
	int unnamed = open(argv[1], O_TMPFILE | O_RDWR, 0600);
	if (unnamed < 0) return check_end(); /* a file system without */
	snprintf(text, sizeof text, "/proc/self/fd/%d", unnamed);
	OK(linkat(AT_FDCWD, text, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 && unlink(path) == 0);
	return check_end();
}
