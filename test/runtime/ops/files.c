/* Opening, reading, writing, seeking and resizing regular files. */
#include "check.h"

#include <linux/falloc.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

/* Not known to the compiler, which would warn. */
static void *volatile nowhere = (void *)8;
static volatile int too_few = -1, too_many = 1025;

static void opening(void) {
	struct stat st;
	FAILS(open("absent", O_RDONLY), ENOENT);
	FAILS(open("", O_RDONLY), ENOENT);
	FAILS(open("absent/below", O_RDONLY | O_CREAT, 0600), ENOENT);
	FAILS(open("absent/", O_WRONLY | O_CREAT, 0600), EISDIR);
	int fd = open("file", O_RDWR | O_CREAT | O_EXCL, 0666);
	OK(fd >= 0);
	OK(fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0644 && st.st_nlink == 1 && st.st_size == 0);
	OK((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
	FAILS(open("file", O_RDWR | O_CREAT | O_EXCL, 0666), EEXIST);
	FAILS(open("file", O_RDONLY | O_DIRECTORY), ENOTDIR);
	FAILS(open("file/", O_RDONLY), ENOTDIR);
	FAILS(open("file/", O_WRONLY | O_CREAT, 0600), EISDIR);
	FAILS(open("file/", O_WRONLY | O_CREAT | O_EXCL, 0600), EISDIR);
	FAILS(open("file/below/", O_WRONLY | O_CREAT, 0600), ENOTDIR);
	OK(symlink("nowhere", "leads-nowhere") == 0);
	FAILS(open("leads-nowhere/", O_WRONLY | O_CREAT, 0600), EISDIR);
	FAILS(open("../", O_RDONLY | O_CREAT, 0600), EISDIR);
	FAILS(open("file/below", O_RDONLY), ENOTDIR);
	FAILS(open(".", O_RDWR), EISDIR);
	FAILS(open(".", O_RDONLY | O_CREAT, 0600), EISDIR);
	FAILS(open(".", O_RDONLY | O_CREAT | O_EXCL, 0600), EEXIST);
	OK(write(fd, "0123456789", 10) == 10);
	int other = open("file", O_WRONLY | O_TRUNC);
	OK(other >= 0 && fstat(fd, &st) == 0 && st.st_size == 0);
	close(other);
	close(fd);
	FAILS(read(fd, &st, 1), EBADF);
	fd = open("mode000", O_RDWR | O_CREAT, 0);
	OK(fd >= 0 && write(fd, "x", 1) == 1); /* the creator's descriptor is what was asked for */
	close(fd);
	fd = open("file", O_PATH);
	OK(fd >= 0);
	char byte;
	FAILS(read(fd, &byte, 1), EBADF);
	FAILS(fchmod(fd, 0600), EBADF);
	OK(fstat(fd, &st) == 0);
	close(fd);
	OK(symlink("dangling-target", "dangling") == 0);
	fd = open("dangling", O_WRONLY | O_CREAT, 0600);
	OK(fd >= 0 && check_exists("dangling-target"));
	close(fd);
	FAILS(open("dangling", O_WRONLY | O_CREAT | O_EXCL, 0600), EEXIST);
	FAILS(open("dangling", O_RDONLY | O_NOFOLLOW), ELOOP);
	OK(symlink("loop", "loop") == 0);
	FAILS(open("loop", O_RDONLY), ELOOP);
}

static void offsets(void) {
	char buffer[32];
	int fd = open("offsets", O_RDWR | O_CREAT | O_TRUNC, 0600);
	OK(write(fd, "abcdefghij", 10) == 10);
	OK(lseek(fd, 0, SEEK_CUR) == 10);
	OK(lseek(fd, 2, SEEK_SET) == 2 && read(fd, buffer, 3) == 3 && memcmp(buffer, "cde", 3) == 0);
	int twin = dup(fd);
	OK(lseek(twin, 0, SEEK_CUR) == 5);
	OK(read(twin, buffer, 2) == 2 && lseek(fd, 0, SEEK_CUR) == 7);
	OK(pread(fd, buffer, 4, 8) == 2 && lseek(fd, 0, SEEK_CUR) == 7);
	OK(pread(fd, buffer, 4, 10) == 0 && pread(fd, buffer, 4, 1000000) == 0);
	FAILS(pread(fd, buffer, 4, -1), EINVAL);
	FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
	FAILS(lseek(fd, 0, 77), EINVAL);
	OK(lseek(fd, -3, SEEK_END) == 7);
	OK(pwrite(fd, "XY", 2, 20) == 2 && lseek(fd, 0, SEEK_END) == 22);
	OK(pread(fd, buffer, 12, 10) == 12 && memcmp(buffer, "\0\0\0\0\0\0\0\0\0\0XY", 12) == 0);
	OK(lseek(fd, 0, SEEK_SET) == 0);
	FAILS(read(fd, nowhere, 4), EFAULT);
	FAILS(write(fd, nowhere, 4), EFAULT);
	OK(lseek(fd, 0, SEEK_CUR) == 0);
	close(twin);
	close(fd);
	fd = open("offsets", O_RDONLY);
	FAILS(write(fd, "x", 1), EBADF);
	close(fd);
	fd = open("offsets", O_WRONLY | O_APPEND);
	FAILS(read(fd, buffer, 1), EBADF);
	OK(write(fd, "end", 3) == 3 && lseek(fd, 0, SEEK_CUR) == 25);
	OK(pwrite(fd, "!", 1, 0) == 1 && lseek(fd, 0, SEEK_END) == 26); /* Linux: O_APPEND wins over the offset */
	OK(fcntl(fd, F_SETFL, 0) == 0 && (fcntl(fd, F_GETFL) & O_APPEND) == 0);
	OK(pwrite(fd, "A", 1, 0) == 1 && lseek(fd, 0, SEEK_END) == 26);
	close(fd);
}

static void vectors(void) {
	char a[4] = "", b[8] = "";
	struct iovec in[3] = { { a, 3 }, { NULL, 0 }, { b, 7 } };
	struct iovec out[2] = { { "one", 3 }, { "twothree", 8 } };
	int fd = open("vectors", O_RDWR | O_CREAT | O_TRUNC, 0600);
	OK(writev(fd, out, 2) == 11);
	OK(preadv(fd, in, 3, 0) == 10 && memcmp(a, "one", 3) == 0 && memcmp(b, "twothre", 7) == 0);
	OK(lseek(fd, 0, SEEK_SET) == 0 && readv(fd, in, 3) == 10 && lseek(fd, 0, SEEK_CUR) == 10);
	OK(pwritev(fd, out, 2, 5) == 11);
	OK(preadv2(fd, in, 1, 5, 0) == 3 && memcmp(a, "one", 3) == 0);
	OK(pwritev2(fd, out, 1, 0, RWF_APPEND) == 3 && lseek(fd, 0, SEEK_END) == 19);
	FAILS(readv(fd, in, too_few), EINVAL);
	FAILS(readv(fd, in, too_many), EINVAL);
	close(fd);
}

static void sizes(void) {
	struct stat st;
	char buffer[8];
	int fd = open("sizes", O_RDWR | O_CREAT | O_TRUNC, 0600);
	OK(ftruncate(fd, 100000) == 0 && fstat(fd, &st) == 0 && st.st_size == 100000);
	OK(pread(fd, buffer, 8, 99990) == 8 && buffer[0] == 0);
	OK(pwrite(fd, "data", 4, 50000) == 4);
	OK(lseek(fd, 0, SEEK_DATA) >= 0 && lseek(fd, 0, SEEK_DATA) <= 50000);
	OK(lseek(fd, 99999, SEEK_HOLE) >= 99999);
	FAILS(lseek(fd, 100000, SEEK_DATA), ENXIO);
	OK(truncate("sizes", 10) == 0 && fstat(fd, &st) == 0 && st.st_size == 10);
	OK(ftruncate(fd, 60000) == 0 && pread(fd, buffer, 4, 50000) == 4 && memcmp(buffer, "\0\0\0\0", 4) == 0);
	FAILS(ftruncate(fd, -1), EINVAL);
	FAILS(truncate("sizes", -1), EINVAL);
	FAILS(truncate(".", 0), EISDIR);
	FAILS(truncate("absent", 0), ENOENT);
	OK(fallocate(fd, 0, 0, 70000) == 0 && fstat(fd, &st) == 0 && st.st_size == 70000);
	OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 90000) == 0 && fstat(fd, &st) == 0 && st.st_size == 70000);
	OK(pwrite(fd, "hole", 4, 8192) == 4);
	OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 8192, 4096) == 0);
	OK(pread(fd, buffer, 4, 8192) == 4 && memcmp(buffer, "\0\0\0\0", 4) == 0);
	FAILS(fallocate(fd, 0, 0, 0), EINVAL);
	FAILS(fallocate(fd, 0, -1, 5), EINVAL);
	close(fd);
	fd = open("sizes", O_RDONLY);
	FAILS(ftruncate(fd, 0), EINVAL);
	FAILS(fallocate(fd, 0, 0, 5), EBADF);
	OK(fsync(fd) == 0 && fdatasync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED) == 0 && readahead(fd, 0, 100) == 0);
	int left = -1;
	OK(ioctl(fd, FIONREAD, &left) == 0 && left == 70000);
	FAILS(ioctl(fd, TCGETS, &st), ENOTTY);
	close(fd);
}

static int limited(void) {
	struct rlimit limit = { 1000, 1000 };
	char buffer[2000] = "";
	signal(SIGXFSZ, SIG_IGN);
	int fd = open("limited", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (write(fd, buffer, 10) != 10 || setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
	if (pwrite(fd, buffer, 2000, 0) != 1000) return 2;
	if (pwrite(fd, buffer, 1, 1000) != -1 || errno != EFBIG) return 3;
	return ftruncate(fd, 1001) == -1 && errno == EFBIG ? 0 : 4;
}

static void copying(void) {
	char buffer[64] = "";
	check_put("from", "the quick brown fox");
	int in = open("from", O_RDONLY), out = open("to", O_RDWR | O_CREAT | O_TRUNC, 0600);
	off_t at = 4;
	OK(sendfile(out, in, &at, 5) == 5 && at == 9 && lseek(in, 0, SEEK_CUR) == 0);
	OK(sendfile(out, in, NULL, 100) == 19 && lseek(in, 0, SEEK_CUR) == 19);
	OK(pread(out, buffer, 64, 0) == 24 && memcmp(buffer, "quickthe quick brown fox", 24) == 0);
	loff_t from = 0, to = 100;
	OK(copy_file_range(in, &from, out, &to, 3, 0) == 3 && from == 3 && to == 103);
	OK(pread(out, buffer, 64, 100) == 3 && memcmp(buffer, "the", 3) == 0);
	from = 0, to = 1;
	FAILS(copy_file_range(out, &from, out, &to, 10, 0), EINVAL);
	FAILS(copy_file_range(in, &from, out, &to, 10, 1), EINVAL);
	FAILS(copy_file_range(out, NULL, in, NULL, 10, 0), EBADF);
	int ends[2];
	OK(pipe2(ends, O_NONBLOCK) == 0);
	at = 0;
	OK(sendfile(ends[1], in, &at, 9) == 9 && read(ends[0], buffer, 64) == 9 && memcmp(buffer, "the quick", 9) == 0);
	close(ends[0]);
	close(ends[1]);
	/* pipes that wait */
	OK(pipe(ends) == 0);
	from = 4;
	OK(splice(in, &from, ends[1], NULL, 5, 0) == 5 && from == 9 && read(ends[0], buffer, 64) == 5 && memcmp(buffer, "quick", 5) == 0);
	to = 200;
	OK(write(ends[1], "spliced", 7) == 7 && splice(ends[0], NULL, out, &to, 64, 0) == 7 && to == 207);
	OK(pread(out, buffer, 64, 200) == 7 && memcmp(buffer, "spliced", 7) == 0);
	FAILS(splice(ends[0], NULL, out, NULL, 64, SPLICE_F_NONBLOCK), EAGAIN);
	FAILS(splice(in, &from, out, NULL, 5, 0), EINVAL);
	OK(lseek(in, 0, SEEK_SET) == 0);
	OK(sendfile(ends[1], in, NULL, 100) == 19 && lseek(in, 0, SEEK_CUR) == 19 && read(ends[0], buffer, 64) == 19);
	/* a full pipe: the sender waits until the reader has made room */
	int big = open("big", O_RDWR | O_CREAT | O_TRUNC, 0600);
	OK(ftruncate(big, 300000) == 0);
	pid_t reader = fork();
	if (reader == 0) {
		static char sink[65536];
		size_t total = 0;
		ssize_t n;
		close(ends[1]);
		usleep(30000);
		while ((n = read(ends[0], sink, sizeof sink)) > 0) total += (size_t)n;
		_exit(total != 300000);
	}
	ssize_t moved = 0, n;
	while ((n = sendfile(ends[1], big, NULL, 300000)) > 0) moved += n;
	OK(n == 0 && moved == 300000);
	close(ends[0]);
	close(ends[1]);
	int status;
	OK(waitpid(reader, &status, 0) == reader && status == 0);
	close(big);
	close(in);
	close(out);
}

static void unlinked(void) {
	struct stat st;
	char buffer[8];
	int fd = open("gone", O_RDWR | O_CREAT, 0600);
	OK(write(fd, "still", 5) == 5 && unlink("gone") == 0 && !check_exists("gone"));
	OK(fstat(fd, &st) == 0 && st.st_nlink == 0 && st.st_size == 5);
	OK(pread(fd, buffer, 5, 0) == 5 && memcmp(buffer, "still", 5) == 0);
	OK(write(fd, "more", 4) == 4);
	char self[64];
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	int again = open(self, O_RDONLY);
	OK(again >= 0 && read(again, buffer, 8) == 8);
	close(again);
	close(fd);
	fd = open(".", O_TMPFILE | O_RDWR, 0600);
	OK(fd >= 0 && fstat(fd, &st) == 0 && st.st_nlink == 0);
	OK(write(fd, "named", 5) == 5);
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	OK(linkat(AT_FDCWD, self, AT_FDCWD, "tmpfile-named", AT_SYMLINK_FOLLOW) == 0 && check_holds("tmpfile-named", "named"));
	close(fd);
	FAILS(open(".", O_TMPFILE | O_RDONLY, 0600), EINVAL);
}

static int told[2];

static void tell(char what) { (void)!write(told[1], &what, 1); }
static void interrupted(int signal) {
	(void)signal;
	tell('h');
}
static bool hears(char what) {
	char byte = 0;
	return read(told[0], &byte, 1) == 1 && byte == what;
}

static int splices(int from) {
	struct sigaction action = { .sa_handler = interrupted, .sa_flags = SA_RESTART };
	sigaction(SIGUSR1, &action, NULL);
	int out = open("spliced", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ssize_t n;
	tell('b');
	while ((n = splice(from, NULL, out, NULL, 100, 0)) > 0) tell('s');
	return n == 0 ? 0 : errno;
}

/* An empty pipe: splice waits for what comes, also after a signal was taken, and for the end. */
static void splicing_waits(void) {
	int ends[2], status;
	OK(pipe(ends) == 0 && pipe(told) == 0);
	pid_t child = fork();
	if (child == 0) {
		close(ends[1]);
		_exit(splices(ends[0]));
	}
	close(told[1]);
	close(ends[0]);
	OK(hears('b') && write(ends[1], "first ", 6) == 6 && hears('s'));
	OK(kill(child, SIGUSR1) == 0 && hears('h') && write(ends[1], "second", 6) == 6 && hears('s'));
	close(ends[1]);
	OK(waitpid(child, &status, 0) == child && status == 0 && check_holds("spliced", "first second"));
	close(told[0]);
}

/* F_CREATED_QUERY, since Linux 6.12: did this open make the file? */
static bool made(int fd, int expected) {
	int r = fcntl(fd, 1028, 0);
	return r == expected || (r == -1 && errno == EINVAL);
}

/* All of it in one call, and the offset is written back where nothing was moved, too. */
static void large(void) {
	enum { SIZE = 48 << 20 };
	off_t at = 0, *read_only = mmap(NULL, sizeof at, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int in = open("large", O_RDWR | O_CREAT | O_EXCL, 0600), out = open("copy", O_RDWR | O_CREAT | O_TRUNC, 0600);
	OK(made(in, 1) && made(out, 1));
	FAILS(sendfile(out, in, read_only, 1), EFAULT);
	OK(ftruncate(in, SIZE) == 0 && sendfile(out, in, &at, SIZE) == SIZE && at == SIZE && lseek(out, 0, SEEK_END) == SIZE);
	loff_t from = 0, to = 0;
	OK(ftruncate(out, 0) == 0 && copy_file_range(in, &from, out, &to, SIZE, 0) == SIZE && from == SIZE && to == SIZE);
	close(out);
	out = open("copy", O_RDWR | O_CREAT, 0600);
	OK(made(out, 0));
	close(in);
	close(out);
	OK(munmap(read_only, sizeof at) == 0 && unlink("large") == 0 && unlink("copy") == 0);
}

static void descriptors(void) {
	int fd = open("from", O_RDONLY | O_CLOEXEC);
	OK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	OK(fcntl(fd, F_SETFD, 0) == 0 && fcntl(fd, F_GETFD) == 0);
	int high = fcntl(fd, F_DUPFD_CLOEXEC, 50);
	OK(high >= 50 && fcntl(high, F_GETFD) == FD_CLOEXEC);
	OK(dup2(fd, high) == high && fcntl(high, F_GETFD) == 0);
	OK(dup2(fd, fd) == fd);
	FAILS(dup3(fd, fd, 0), EINVAL);
	FAILS(dup2(1000, 3), EBADF);
	OK(close_range(50, 60, 0) == 0);
	FAILS(fcntl(high, F_GETFD), EBADF);
	FAILS(close_range(5, 3, 0), EINVAL);
	OK(close(fd) == 0);
	FAILS(close(fd), EBADF);
	OK(close_range(3, ~0u, 0) == 0);
	OK(open("from", O_RDONLY) == 3);
	close(3);
}

int main(int argc, char **argv) {
	check_begin(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	opening();
	offsets();
	vectors();
	sizes();
	OK(check_child(limited));
	copying();
	splicing_waits();
	large();
	unlinked();
	descriptors();
	return check_end();
}
