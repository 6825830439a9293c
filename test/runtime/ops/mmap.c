/* Mappings of files. */
#include "check.h"

#include <signal.h>
#include <sys/mman.h>

static char *shared;

static int child_writes(void) {
	memcpy(shared + 10, "child", 5);
	return 0;
}

static int past_end(void) {
	int fd = open("short", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (write(fd, "x", 1) != 1) return 1;
	volatile char *p = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED || p[0] != 'x' || p[4095] != 0) return 1;
	signal(SIGBUS, _exit); /* with the signal's number */
	return p[4096];
}

static int exits_with_sigbus(void) {
	pid_t pid = fork();
	if (pid == 0) _exit(past_end());
	int status;
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == SIGBUS;
}

int main(int argc, char **argv) {
	char text[16];
	check_begin(argc, argv);
	int fd = open("f", O_RDWR | O_CREAT, 0600);
	OK(ftruncate(fd, 20000) == 0 && pwrite(fd, "start", 5, 0) == 5 && pwrite(fd, "page3", 5, 8192) == 5);
	shared = mmap(NULL, 20000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	OK(shared != MAP_FAILED && memcmp(shared, "start", 5) == 0 && memcmp(shared + 8192, "page3", 5) == 0);
	memcpy(shared + 100, "stored", 6);
	OK(pread(fd, text, 6, 100) == 6 && memcmp(text, "stored", 6) == 0);
	OK(pwrite(fd, "written", 7, 200) == 7 && memcmp(shared + 200, "written", 7) == 0);
	OK(check_child(child_writes) && memcmp(shared + 10, "child", 5) == 0);
	OK(msync(shared, 20000, MS_SYNC) == 0);
	char *private = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 8192);
	OK(private != MAP_FAILED && memcmp(private, "page3", 5) == 0);
	memcpy(private, "mine!", 5);
	OK(pread(fd, text, 5, 8192) == 5 && memcmp(text, "page3", 5) == 0);
	char *fixed = mmap(private, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
	OK(fixed == private && memcmp(fixed, "start", 5) == 0);
	char *grown = mremap(shared, 20480, 40960, MREMAP_MAYMOVE);
	OK(grown != MAP_FAILED && memcmp(grown, "start", 5) == 0);
	munmap(grown, 40960);
	munmap(fixed, 4096);
	close(fd);
	/* a mapping outlives descriptor and name */
	fd = open("f", O_RDONLY);
	char *kept = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	OK(unlink("f") == 0 && memcmp(kept, "start", 5) == 0);
	munmap(kept, 4096);
	/* refused */
	check_put("g", "g");
	fd = open("g", O_RDONLY);
	FAILS(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), EACCES);
	FAILS(mmap(NULL, 0, PROT_READ, MAP_SHARED, fd, 0), EINVAL);
	FAILS(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 100), EINVAL);
	FAILS(mmap(NULL, 4096, PROT_READ, 0, fd, 0), EINVAL);
	char *copy = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	OK(copy != MAP_FAILED && copy[0] == 'g' && copy[1] == 0);
	copy[0] = 'h';
	OK(check_holds("g", "g"));
	munmap(copy, 4096);
	close(fd);
	fd = open("g", O_WRONLY);
	FAILS(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0), EACCES);
	close(fd);
	FAILS(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0), EBADF);
	fd = open(".", O_RDONLY);
	FAILS(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0), ENODEV);
	close(fd);
	/* code */
	static const unsigned char code[] = { 0xb8, 42, 0, 0, 0, 0xc3 }; /* mov $42, %eax; ret */
	fd = open("code", O_RDWR | O_CREAT, 0700);
	OK(write(fd, code, sizeof code) == sizeof code);
	void *run = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	OK(run != MAP_FAILED && ((int (*)(void))run)() == 42);
	close(fd);
	OK(exits_with_sigbus());
	return check_end();
}
