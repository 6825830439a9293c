/* /dev and /tmp: what programs expect whatever the image holds. Usage: dev */
#include "check.h"

#include <sys/mman.h>
#include <sys/sysmacros.h>

static void device(const char *path, unsigned major_number, unsigned minor_number) {
	struct stat by_path, by_fd;
	CHECK(stat(path, &by_path) == 0 && S_ISCHR(by_path.st_mode) && by_path.st_rdev == makedev(major_number, minor_number));
	int fd = open(path, O_RDONLY | O_NOCTTY);
	if (fd < 0) return; /* /dev/tty without a terminal */
	CHECK(fstat(fd, &by_fd) == 0 && by_fd.st_ino == by_path.st_ino && by_fd.st_dev == by_path.st_dev);
	close(fd);
}

static void devices(void) {
	char bytes[64];
	device("/dev/null", 1, 3);
	device("/dev/zero", 1, 5);
	device("/dev/full", 1, 7);
	device("/dev/random", 1, 8);
	device("/dev/urandom", 1, 9);
	device("/dev/tty", 5, 0);
	CHECK(check_read("/dev/null", bytes, sizeof bytes) == 0);
	CHECK(check_write("/dev/null", "gone")); /* O_CREAT and O_TRUNC on a device */
	memset(bytes, 1, sizeof bytes);
	int fd = open("/dev/zero", O_RDWR);
	CHECK(fd >= 0 && read(fd, bytes, sizeof bytes) == sizeof bytes && bytes[0] == 0 && bytes[63] == 0);
	void *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CHECK(map != MAP_FAILED && *(char *)map == 0);
	close(fd);
	fd = open("/dev/full", O_WRONLY);
	CHECK(fd >= 0);
	CHECK_ERRNO(write(fd, "x", 1), ENOSPC);
	close(fd);
	fd = open("/dev/urandom", O_RDONLY);
	CHECK(fd >= 0 && read(fd, bytes, sizeof bytes) == sizeof bytes);
	close(fd);
	CHECK(access("/dev/null", R_OK | W_OK) == 0);
	CHECK(check_lists("/dev", "null") && check_lists("/dev", "fd") && check_lists("/dev", "shm"));
	CHECK_ERRNO(open("/dev/null/x", O_RDONLY), ENOTDIR);
	CHECK_ERRNO(unlink("/dev/null"), EBUSY);
	CHECK_ERRNO(open("/dev/mem", O_RDONLY), ENOENT);
}

static void links(void) {
	char text[64];
	int ends[2];
	CHECK(pipe(ends) == 0);
	char path[32];
	snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
	int fd = open(path, O_WRONLY);
	CHECK(fd >= 0 && write(fd, "through", 7) == 7);
	CHECK(read(ends[0], text, sizeof text) == 7);
	close(fd);
	struct stat by_link, by_fd; /* not opened: the pipe may belong to whoever started the test */
	CHECK(stat("/dev/stdout", &by_link) == 0 && fstat(1, &by_fd) == 0 && by_link.st_ino == by_fd.st_ino);
	CHECK(readlink("/dev/stdin", text, sizeof text) == 15);
	close(ends[0]);
	close(ends[1]);
}

static void shared(void) {
	struct stat st;
	CHECK(stat("/tmp", &st) == 0 && S_ISDIR(st.st_mode));
	CHECK(stat("/dev/shm", &st) == 0 && (st.st_mode & 01777) == 01777);
	int fd = shm_open("/binaryfs-check", O_RDWR | O_CREAT | O_EXCL, 0600);
	CHECK(fd >= 0 && ftruncate(fd, 8192) == 0);
	char *a = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *b = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(a != MAP_FAILED && b != MAP_FAILED);
	if (a != MAP_FAILED && b != MAP_FAILED) {
		a[5000] = 'x';
		CHECK(b[5000] == 'x');
	}
	CHECK(check_lists("/dev/shm", "binaryfs-check"));
	CHECK(shm_unlink("/binaryfs-check") == 0);
	close(fd);
}

static void terminals(void) {
	int control = posix_openpt(O_RDWR | O_NOCTTY);
	if (control < 0) return; /* a host without pseudo-terminals */
	char name[64], again[64];
	CHECK(grantpt(control) == 0 && unlockpt(control) == 0 && ptsname_r(control, name, sizeof name) == 0);
	int terminal = open(name, O_RDWR | O_NOCTTY);
	CHECK(terminal >= 0 && isatty(terminal));
	CHECK(ttyname_r(terminal, again, sizeof again) == 0 && strcmp(name, again) == 0);
	close(terminal);
	close(control);
}

int main(void) {
	check_inside_or_exit();
	devices();
	links();
	shared();
	terminals();
	return check_done();
}
