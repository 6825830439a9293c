/* Uses a binaryfs library through its C ABI alone, with no trap: dlopen (or linked), attach, file calls. Usage: client LIB.so|- VOLUME_HOST_DIR. Prints "N passed, N failed". */
#define _GNU_SOURCE
#include "binaryfs.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned passed, failed;
static void check(int ok, const char *what) {
	if (ok)
		passed++;
	else {
		failed++;
		printf("FAIL %s\n", what);
	}
}

int main(int argc, char **argv) {
	if (argc != 3) return 2;
	long (*attach)(const struct binaryfs_options *) = NULL;
	long (*call)(long, long, long, long, long, long, long) = NULL;
	const char *(*error)(void) = NULL;
#ifdef LINKED
	attach = binaryfs_attach;
	call = binaryfs_syscall;
	error = binaryfs_error;
#else
	void *library = dlopen(argv[1], RTLD_NOW);
	if (library == NULL) {
		printf("FAIL dlopen: %s\n", dlerror());
		return 1;
	}
	*(void **)&attach = dlsym(library, "binaryfs_attach");
	*(void **)&call = dlsym(library, "binaryfs_syscall");
	*(void **)&error = dlsym(library, "binaryfs_error");
	if (attach == NULL || call == NULL || error == NULL) {
		puts("FAIL dlsym");
		return 1;
	}
#endif
	check(call(SYS_getpid, 0, 0, 0, 0, 0, 0) == -ENOTCONN, "a call before attach");
	const char *volumes[] = { "/data", argv[2], NULL };
	struct binaryfs_options options = { .size = sizeof options, .volumes = volumes };
	long rc = attach(&options);
	if (rc != 0) {
		printf("FAIL attach: %ld (%s)\n", rc, error());
		return 1;
	}
	check(attach(NULL) == -EALREADY, "a second attach");
	char text[256] = { 0 };
	struct stat st;
	long fd = call(SYS_openat, AT_FDCWD, (long)"/etc/greeting", O_RDONLY, 0, 0, 0);
	check(fd >= 0, "open of an image file");
	check(call(SYS_read, fd, (long)text, sizeof text, 0, 0, 0) == 6 && memcmp(text, "hello\n", 6) == 0, "its content");
	check(call(SYS_fstat, fd, (long)&st, 0, 0, 0, 0) == 0 && st.st_size == 6, "fstat");
	void *map = (void *)call(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	check((long)map > 0 && memcmp(map, "hello\n", 6) == 0, "mmap");
	check(call(SYS_close, fd, 0, 0, 0, 0, 0) == 0, "close");
	check(call(SYS_openat, AT_FDCWD, (long)"/etc/passwd", O_RDONLY, 0, 0, 0) == -ENOENT, "a host file is absent");
	fd = call(SYS_openat, AT_FDCWD, (long)"/etc/new", O_CREAT | O_RDWR, 0644, 0, 0);
	check(fd >= 0 && call(SYS_write, fd, (long)"written", 7, 0, 0, 0) == 7, "write to the overlay");
	check(call(SYS_pread64, fd, (long)text, 100, 0, 0, 0) == 7 && memcmp(text, "written", 7) == 0, "read back");
	call(SYS_close, fd, 0, 0, 0, 0, 0);
	fd = call(SYS_openat, AT_FDCWD, (long)"/data/kept", O_CREAT | O_WRONLY, 0644, 0, 0);
	check(fd >= 0 && call(SYS_write, fd, (long)"kept", 4, 0, 0, 0) == 4, "write to a volume");
	call(SYS_close, fd, 0, 0, 0, 0, 0);
	check(call(SYS_mkdirat, AT_FDCWD, (long)"/etc/dir", 0755, 0, 0, 0) == 0, "mkdir");
	check(call(SYS_openat, AT_FDCWD, 8, O_RDONLY, 0, 0, 0) == -EFAULT, "a bad pointer");
	check(call(SYS_execve, (long)"/bin/sh", 0, 0, 0, 0, 0) == -ENOSYS, "exec is not the file system's");
	check(open("/etc/passwd", O_RDONLY) >= 0, "the process itself still sees the host");
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
