/* File data: sizes and holes, fallocate's modes, seeking data, extended attributes and their limits, transfers between files and pipes, sparse and large offsets. */
#include "../ops/check.h"

#include <linux/falloc.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/xattr.h>

enum { PAGE = 4096 };

static bool filled(int fd, off_t at, size_t size, char byte) {
	char buffer[PAGE];
	while (size > 0) {
		ssize_t n = pread(fd, buffer, size < PAGE ? size : PAGE, at);
		if (n <= 0) return false;
		for (ssize_t i = 0; i < n; i++)
			if (buffer[i] != byte) return false;
		at += n;
		size -= (size_t)n;
	}
	return true;
}

static off_t size_of(int fd) {
	struct stat st;
	return fstat(fd, &st) == 0 ? st.st_size : -1;
}

static blkcnt_t blocks_of(int fd) {
	struct stat st;
	return fstat(fd, &st) == 0 ? st.st_blocks : -1;
}

static int fresh(const char *name, size_t size, char byte) {
	char buffer[PAGE];
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	memset(buffer, byte, sizeof buffer);
	for (size_t done = 0; done < size; done += PAGE) OK(pwrite(fd, buffer, size - done < PAGE ? size - done : PAGE, (off_t)done) > 0);
	return fd;
}

static void holes(void) {
	int fd = fresh("holes", 0, 0);
	OK(ftruncate(fd, 1 << 20) == 0 && blocks_of(fd) == 0 && lseek(fd, 0, SEEK_DATA) == -1 && errno == ENXIO && lseek(fd, 0, SEEK_HOLE) == 0);
	OK(pwrite(fd, "x", 1, 40 * PAGE) == 1);
	OK(lseek(fd, 0, SEEK_DATA) == 40 * PAGE && lseek(fd, 40 * PAGE, SEEK_HOLE) == 41 * PAGE && lseek(fd, 41 * PAGE, SEEK_DATA) == -1 && errno == ENXIO);
	OK(lseek(fd, 40 * PAGE + 7, SEEK_DATA) == 40 * PAGE + 7 && lseek(fd, 41 * PAGE, SEEK_HOLE) == 41 * PAGE && lseek(fd, 3, SEEK_HOLE) == 3);
	FAILS(lseek(fd, 1 << 20, SEEK_HOLE), ENXIO);
	FAILS(lseek(fd, -1, SEEK_DATA), ENXIO);
	OK(blocks_of(fd) > 0 && blocks_of(fd) <= 64);
	OK(filled(fd, 0, 40 * PAGE, 0) && filled(fd, 40 * PAGE + 1, PAGE, 0));
	/* far away */
	off_t far = (off_t)1 << 40;
	OK(pwrite(fd, "far", 3, far) == 3 && size_of(fd) == far + 3 && lseek(fd, 41 * PAGE, SEEK_DATA) == far && ftruncate(fd, 10) == 0 && size_of(fd) == 10);
	FAILS(ftruncate(fd, -1), EINVAL);
	FAILS(pwrite(fd, "x", 1, -1), EINVAL);
	/* what a shorter size cut off is zeros when it grows again, inside one page too */
	close(fd);
	fd = fresh("cut", 3 * PAGE, 'c');
	OK(ftruncate(fd, 100) == 0 && ftruncate(fd, 3 * PAGE) == 0 && filled(fd, 0, 100, 'c') && filled(fd, 100, 3 * PAGE - 100, 0));
	OK(truncate("cut", 50) == 0 && size_of(fd) == 50 && pwrite(fd, "e", 1, 200) == 1 && filled(fd, 50, 150, 0));
	close(fd);
}

static void allocation(void) {
	int fd = fresh("alloc", 10 * PAGE, 'a');
	OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE + 100, 3 * PAGE) == 0);
	OK(filled(fd, 0, PAGE + 100, 'a') && filled(fd, PAGE + 100, 3 * PAGE, 0) && filled(fd, 4 * PAGE + 100, 5 * PAGE, 'a') && size_of(fd) == 10 * PAGE);
	OK(lseek(fd, 0, SEEK_HOLE) == 2 * PAGE && lseek(fd, 2 * PAGE, SEEK_DATA) == 4 * PAGE);
	OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 9 * PAGE, 100 * PAGE) == 0 && size_of(fd) == 10 * PAGE && filled(fd, 9 * PAGE, PAGE, 0));
	OK(fallocate(fd, 0, 8 * PAGE, 4 * PAGE) == 0 && size_of(fd) == 12 * PAGE && filled(fd, 10 * PAGE, 2 * PAGE, 0) && filled(fd, 8 * PAGE, PAGE, 'a'));
	OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 12 * PAGE, 8 * PAGE) == 0 && size_of(fd) == 12 * PAGE && blocks_of(fd) >= 8);
	FAILS(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, PAGE), EOPNOTSUPP);
	FAILS(fallocate(fd, 0x10000, 0, PAGE), EOPNOTSUPP);
	FAILS(fallocate(fd, 0, 0, 0), EINVAL);
	FAILS(fallocate(fd, 0, 0, -1), EINVAL);
	FAILS(fallocate(fd, 0, INT64_MAX, 1), EFBIG);
	/* each of these works, or is refused and changes nothing */
	if (fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, PAGE) == 0)
		OK(filled(fd, 0, PAGE, 0));
	else
		OK(errno == EOPNOTSUPP && filled(fd, 0, PAGE, 'a'));
	if (fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, PAGE) == 0)
		OK(size_of(fd) == 11 * PAGE);
	else
		OK(errno == EOPNOTSUPP && size_of(fd) == 12 * PAGE);
	int pipes[2];
	OK(pipe(pipes) == 0);
	FAILS(fallocate(pipes[1], 0, 0, 1), ESPIPE);
	int reader = open("alloc", O_RDONLY), directory = open(".", O_RDONLY);
	FAILS(fallocate(reader, 0, 0, 1), EBADF);
	FAILS(fallocate(directory, 0, 0, 1), EBADF);
	close(reader), close(directory), close(pipes[0]), close(pipes[1]);
	OK(posix_fallocate(fd, 0, 30 * PAGE) == 0 && size_of(fd) == 30 * PAGE);
	close(fd);
}

/* Names that do not fit, values that do not fit, lists that do not fit. */
static void attributes(void) {
	static char big[XATTR_SIZE_MAX + 1];
	char name[XATTR_NAME_MAX + 3], list[4096], value[64];
	OK(check_put("x", "") == 0);
	if (setxattr("x", "user.a", "1", 1, 0) != 0 && errno == EOPNOTSUPP) {
		printf("  no extended attributes on this file system: skipped\n");
		return;
	}
	memset(name, 'n', sizeof name);
	memcpy(name, "user.", 5);
	name[XATTR_NAME_MAX] = '\0';
	OK(setxattr("x", name, "long", 4, 0) == 0 && getxattr("x", name, value, sizeof value) == 4 && removexattr("x", name) == 0);
	name[XATTR_NAME_MAX] = 'n';
	name[XATTR_NAME_MAX + 1] = '\0';
	FAILS(setxattr("x", name, "", 0, 0), ERANGE);
	FAILS(getxattr("x", name, value, 1), ERANGE);
	FAILS(setxattr("x", "", "", 0, 0), ERANGE);
	FAILS(setxattr("x", "user.", "", 0, 0), EINVAL);
	FAILS(setxattr("x", "user.b", big, sizeof big, 0), E2BIG);
	FAILS(setxattr("x", "user.b", (void *)8, 10, 0), EFAULT);
	FAILS(setxattr("x", "unknown.b", "", 0, 0), EOPNOTSUPP);
	FAILS(setxattr("x", "user.a", "2", 1, XATTR_CREATE), EEXIST);
	FAILS(setxattr("x", "user.b", "2", 1, XATTR_REPLACE), ENODATA);
	FAILS(getxattr("x", "user.b", value, sizeof value), ENODATA);
	FAILS(removexattr("x", "user.b"), ENODATA);
	OK(setxattr("x", "user.a", "value\0of bytes", 14, XATTR_REPLACE) == 0 && getxattr("x", "user.a", NULL, 0) == 14 &&
		getxattr("x", "user.a", value, 14) == 14 && memcmp(value, "value\0of bytes", 14) == 0);
	FAILS(getxattr("x", "user.a", value, 13), ERANGE);
	OK(setxattr("x", "user.empty", "", 0, 0) == 0 && getxattr("x", "user.empty", value, sizeof value) == 0);
	ssize_t n = listxattr("x", NULL, 0);
	OK(n >= 18 && listxattr("x", list, (size_t)n) == n && memmem(list, (size_t)n, "user.empty", 11) != NULL && memmem(list, (size_t)n, "user.a", 7) != NULL);
	FAILS(listxattr("x", list, (size_t)n - 1), ERANGE);
	/* of links, FIFOs and directories */
	OK(symlink("x", "xl") == 0 && mkfifo("xp", 0600) == 0 && mkdir("xd", 0700) == 0);
	FAILS(lsetxattr("xl", "user.a", "1", 1, 0), EPERM);
	FAILS(setxattr("xp", "user.a", "1", 1, 0), EPERM);
	OK(lgetxattr("xl", "user.a", value, sizeof value) == -1 && (errno == ENODATA || errno == EPERM));
	OK(setxattr("xd", "user.a", "dir", 3, 0) == 0 && getxattr("xd/.", "user.a", value, sizeof value) == 3 && getxattr("xl", "user.a", NULL, 0) == 14);
	/* they stay with the file */
	OK(rename("x", "y") == 0 && link("y", "z") == 0 && getxattr("z", "user.a", NULL, 0) == 14);
	int fd = open("y", O_RDONLY), path = open("y", O_PATH);
	OK(unlink("y") == 0 && unlink("z") == 0 && fgetxattr(fd, "user.a", NULL, 0) == 14 && fsetxattr(fd, "user.c", "c", 1, 0) == 0);
	FAILS(fgetxattr(path, "user.a", NULL, 0), EBADF);
	FAILS(fsetxattr(path, "user.a", "", 0, 0), EBADF);
	close(fd), close(path);
	if (geteuid() != 0) return;
	OK(check_put("x", "") == 0 && setxattr("x", "trusted.t", "t", 1, 0) == 0 && setxattr("x", "security.s", "s", 1, 0) == 0);
	OK(getxattr("x", "trusted.t", value, 1) == 1 && getxattr("x", "security.s", value, 1) == 1 && removexattr("x", "trusted.t") == 0);
}

static void transfers(void) {
	int in = fresh("in", 20 * PAGE, 'i'), out = fresh("out", 0, 0), pipes[2], second[2];
	char buffer[64];
	off_t at = 5;
	OK(sendfile(out, in, &at, 6 * PAGE) == 6 * PAGE && at == 5 + 6 * PAGE && size_of(out) == 6 * PAGE && filled(out, 0, 6 * PAGE, 'i') &&
		lseek(out, 0, SEEK_CUR) == 6 * PAGE);
	at = 20 * PAGE - 3;
	OK(sendfile(out, in, &at, 100) == 3 && sendfile(out, in, &at, 100) == 0);
	at = -1;
	FAILS(sendfile(out, in, &at, 1), EINVAL);
	loff_t from = PAGE, to = 100 * PAGE;
	OK(copy_file_range(in, &from, out, &to, 3 * PAGE, 0) == 3 * PAGE && from == 4 * PAGE && to == 103 * PAGE && filled(out, 100 * PAGE, 3 * PAGE, 'i') &&
		filled(out, 50 * PAGE, PAGE, 0));
	from = 30 * PAGE;
	OK(copy_file_range(in, &from, out, &to, 1, 0) == 0);
	from = 0, to = 10 * PAGE; /* within one file, apart */
	OK(copy_file_range(out, &from, out, &to, 2 * PAGE, 0) == 2 * PAGE);
	int append = open("out", O_WRONLY | O_APPEND);
	FAILS(copy_file_range(in, &from, append, NULL, 1, 0), EBADF);
	from = 0;
	FAILS(sendfile(append, in, &from, 1), EINVAL);
	close(append);
	OK(pipe(pipes) == 0 && pipe(second) == 0);
	from = 1;
	OK(splice(in, &from, pipes[1], NULL, 10, 0) == 10 && from == 11 && tee(pipes[0], second[1], 10, 0) == 10 && read(second[0], buffer, 64) == 10 && buffer[9] == 'i');
	to = 0;
	OK(splice(pipes[0], NULL, out, &to, 64, 0) == 10 && to == 10 && filled(out, 0, 10, 'i'));
	FAILS(splice(in, &from, out, &to, 1, 0), EINVAL);
	FAILS(tee(in, pipes[1], 1, 0), EINVAL);
	FAILS(splice(in, NULL, pipes[1], (loff_t *)buffer, 1, 0), ESPIPE);
	struct iovec vec = { "vmspliced", 9 };
	OK(vmsplice(pipes[1], &vec, 1, 0) == 9 && splice(pipes[0], NULL, out, NULL, 64, 0) == 9);
	close(pipes[0]), close(pipes[1]), close(second[0]), close(second[1]), close(in), close(out);
}

static void whole_vectors(void) {
	static char bytes[1024];
	struct iovec many[1024];
	for (int i = 0; i < 1024; i++) many[i] = (struct iovec){ bytes + i, 1 };
	for (int i = 0; i < 1024; i++) bytes[i] = (char)i;
	int fd = fresh("vec", 0, 0);
	OK(writev(fd, many, 1024) == 1024 && size_of(fd) == 1024);
	memset(bytes, 0, sizeof bytes);
	OK(preadv(fd, many, 1024, 0) == 1024 && bytes[1000] == (char)1000);
	FAILS(writev(fd, many, 1025), EINVAL);
	FAILS(preadv(fd, many, 1, -1), EINVAL);
	struct iovec partly[2] = { { bytes, 10 }, { (void *)8, 10 } };
	OK(pwritev(fd, partly, 2, 0) == 10 || errno == EFAULT);
	OK(pwritev2(fd, many, 3, -1, 0) == 3 && lseek(fd, 0, SEEK_CUR) == 1027);
	FAILS(pwritev2(fd, many, 1, 0, 0x40000000), EOPNOTSUPP);
	close(fd);
}

int main(int argc, char **argv) {
	check_begin(argc, argv);
	holes();
	allocation();
	attributes();
	transfers();
	whole_vectors();
	return check_end();
}
