/* Uses a binaryfs library through its C ABI alone, with no trap: dlopen (or linked), attach, file calls. Usage: client LIB.so|- VOLUME_HOST_DIR. Prints "N passed, N failed". */
#define _GNU_SOURCE
#include "binaryfs.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
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

/* Two threads at once, each on files of its own and on one that they share. */
static long (*thread_call)(long, long, long, long, long, long, long);
static void *thread_work(void *number) {
	char path[] = "/thread-0", text[8];
	uintptr_t wrong = 0;
	path[8] = (char)('0' + (intptr_t)number);
	for (int i = 0; i < 2000; i++) {
		long fd = thread_call(SYS_openat, AT_FDCWD, (long)path, O_RDWR | O_CREAT | O_TRUNC, 0600, 0, 0);
		wrong += thread_call(SYS_pwrite64, fd, (long)path, 8, 0, 0, 0) != 8 || thread_call(SYS_pread64, fd, (long)text, 8, 0, 0, 0) != 8 ||
			 memcmp(text, path, 8) != 0;
		wrong += thread_call(SYS_close, fd, 0, 0, 0, 0, 0) != 0;
		fd = thread_call(SYS_openat, AT_FDCWD, (long)"/shared", O_WRONLY | O_CREAT | O_APPEND, 0600, 0, 0);
		wrong += thread_call(SYS_write, fd, (long)path, 1, 0, 0, 0) != 1;
		thread_call(SYS_close, fd, 0, 0, 0, 0, 0);
	}
	return (void *)wrong;
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
	const char *half[] = { "/data", NULL }, *absent[] = { "/data", "/absent-on-this-host", NULL };
	struct binaryfs_options options = { .size = 1 };
	check(attach(&options) == -EINVAL && error()[0] != 0, "options of an unknown size");
	options = (struct binaryfs_options){ .size = sizeof options, .flags = 0x80 };
	check(attach(&options) == -EINVAL, "unknown flags");
	options = (struct binaryfs_options){ .size = sizeof options, .volumes = half };
	check(attach(&options) == -EINVAL && strstr(error(), "volume") != NULL, "a volume without its host directory");
	options = (struct binaryfs_options){ .size = sizeof options, .library = "/absent-on-this-host" };
	check(attach(&options) == -ENOENT && strstr(error(), "exist") != NULL, "an absent library");
	options = (struct binaryfs_options){ .size = sizeof options, .library = "/proc/self/exe" };
#ifndef LINKED
	check(attach(&options) == -ENOEXEC && error()[0] != 0, "a program that is no library");
#endif
	options = (struct binaryfs_options){ .size = sizeof options, .volumes = absent };
	check(attach(&options) == -ENOENT && strstr(error(), "does not exist") != NULL, "a volume whose directory is absent");
	options = (struct binaryfs_options){ .size = sizeof options, .volumes = volumes };
	long rc = attach(&options);
	if (rc != 0) {
		printf("FAIL attach: %ld (%s)\n", rc, error());
		return 1;
	}
	check(attach(NULL) == -EALREADY, "a second attach");
	thread_call = call;
	pthread_t threads[2];
	struct stat shared = { 0 };
	uintptr_t wrong = 0;
	for (intptr_t i = 0; i < 2; i++) pthread_create(&threads[i], NULL, thread_work, (void *)i);
	for (int i = 0; i < 2; i++) {
		void *result = (void *)1;
		pthread_join(threads[i], &result);
		wrong += (uintptr_t)result;
	}
	check(wrong == 0, "two threads at once");
	check(call(SYS_newfstatat, AT_FDCWD, (long)"/shared", (long)&shared, 0, 0, 0) == 0 && shared.st_size == 4000, "appends of two threads");
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
