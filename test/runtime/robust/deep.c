/* Little stack, long paths, deep trees: threads of the smallest stack, handlers on 8 KiB, chains of links, directories by the thousand, paths of PATH_MAX.
 * Passes natively too. Usage: deep DIR IMAGE-DIR (with deep/d/d/…, 1,200 levels, "bottom" in the last). Prints "N passed, N failed". */
#define _GNU_SOURCE
#include "../ops/check.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static const char *image_dir;
static atomic_int wrong, handled;

static void use_files(void) {
	struct stat st;
	char byte;
	int fd = open("small", O_RDWR);
	if (fd < 0 || read(fd, &byte, 1) != 1 || fstat(fd, &st) != 0 || lseek(fd, 0, SEEK_END) != 4 || stat(image_dir, &st) != 0) wrong++;
	if (fd >= 0 && close(fd) != 0) wrong++;
	if (access("absent", F_OK) == 0 || mkdir("small", 0700) == 0) wrong++;
}

/* As deep as the smallest stack allows, where a file call's signal frame must still find room. */
static int recurse(int depth) {
	volatile char frame[64];
	frame[0] = (char)depth;
	use_files();
	return depth == 0 ? frame[0] : recurse(depth - 1) + frame[0];
}
static void *on_least_stack(void *unused) {
	(void)unused;
	recurse(8);
	return NULL;
}

static void on_signal(int sig) {
	(void)sig;
	use_files();
	handled++;
}
static void *on_small_alternate(void *unused) {
	(void)unused;
	stack_t stack = { .ss_sp = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), .ss_size = 8192 };
	if (sigaltstack(&stack, NULL) != 0) wrong++;
	for (int i = 0; i < 200; i++) {
		use_files();
		raise(SIGUSR1);
	}
	stack.ss_flags = SS_DISABLE;
	sigaltstack(&stack, NULL);
	munmap(stack.ss_sp, 8192);
	return NULL;
}

static void stacks(void) {
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
	sigaction(SIGUSR1, &act, NULL);
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	OK(pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN) == 0);
	for (int round = 0; round < 20; round++) {
		pthread_t a, b;
		OK(pthread_create(&a, &attr, on_least_stack, NULL) == 0 && pthread_create(&b, NULL, on_small_alternate, NULL) == 0);
		pthread_join(a, NULL);
		pthread_join(b, NULL);
	}
	OK(handled == 20 * 200 && wrong == 0);
}

static void links(void) {
	char from[32], to[32];
	for (int i = 0; i < 45; i++) {
		snprintf(from, sizeof from, i == 0 ? "small" : "link-%d", i);
		snprintf(to, sizeof to, "link-%d", i + 1);
		OK(symlink(from, to) == 0);
	}
	OK(check_holds("link-40", "text"));
	FAILS(open("link-41", O_RDONLY), ELOOP);
	OK(symlink("ring-b", "ring-a") == 0 && symlink("ring-a", "ring-b") == 0);
	FAILS(open("ring-a", O_RDONLY), ELOOP);
	FAILS(open("ring-a/x", O_RDONLY | O_CREAT, 0600), ELOOP);
	/* A body as long as can be, and one that is too long with what follows. */
	char body[PATH_MAX];
	memset(body, '/', sizeof body);
	memcpy(body + sizeof body - 6, "small", 6);
	body[0] = '.';
	OK(symlink(body, "longest") == 0 && check_holds("longest", "text"));
	FAILS(open("longest/x", O_RDONLY), ENOTDIR);
	body[sizeof body - 1] = 'x';
	FAILS(symlink(body, "longer"), ENAMETOOLONG);
}

/* A path of exactly PATH_MAX with its NUL, through dots and slashes, and one that is longer. */
static void long_paths(void) {
	static char path[PATH_MAX + 8], name[NAME_MAX + 2];
	memset(path, '/', sizeof path);
	for (int i = 0; i < PATH_MAX - 16; i += 2) path[i] = '.';
	strcpy(path + PATH_MAX - 6, "small");
	OK(strlen(path) == PATH_MAX - 1 && check_holds(path, "text"));
	strcpy(path + PATH_MAX - 6, "/small");
	FAILS(open(path, O_RDONLY), ENAMETOOLONG);
	memset(name, 'n', NAME_MAX);
	OK(check_put(name, "text") == 0 && check_holds(name, "text") && unlink(name) == 0);
	name[NAME_MAX] = 'n';
	FAILS(open(name, O_RDONLY), ENAMETOOLONG);
	FAILS(mkdir(name, 0700), ENAMETOOLONG);
	FAILS(rename("small", name), ENAMETOOLONG);
}

enum { LEVELS = 2500 };
/* Down into a tree that no path reaches, and up again. */
static void deep_tree(void) {
	static char buffer[2 * PATH_MAX];
	int top = open(".", O_RDONLY | O_DIRECTORY), dir = dup(top), levels = 0;
	for (; levels < LEVELS; levels++) {
		if (mkdirat(dir, "directory", 0755) != 0) break;
		int next = openat(dir, "directory", O_RDONLY | O_DIRECTORY);
		close(dir);
		if ((dir = next) < 0) break;
	}
	OK(levels == LEVELS);
	OK(fchdir(dir) == 0 && check_put("leaf", "text") == 0 && check_holds("leaf", "text"));
	FAILS(syscall(SYS_getcwd, buffer, PATH_MAX), ENAMETOOLONG);
	FAILS(syscall(SYS_getcwd, buffer, sizeof buffer), ENAMETOOLONG);
	OK(rename("leaf", "moved") == 0 && unlink("moved") == 0);
	int up = dir;
	for (int i = 0; i < levels && up >= 0; i++) {
		int next = openat(up, "..", O_RDONLY | O_DIRECTORY);
		if (up != dir) close(up);
		up = next;
		if (next >= 0 && unlinkat(next, "directory", AT_REMOVEDIR) != 0) break;
	}
	struct stat a, b;
	OK(up >= 0 && fstat(up, &a) == 0 && fstat(top, &b) == 0 && a.st_ino == b.st_ino);
	FAILS(syscall(SYS_getcwd, buffer, sizeof buffer), ENOENT);
	OK(fchdir(top) == 0);
	close(up);
	close(dir);
	close(top);
	FAILS(access("directory", F_OK), ENOENT);
}

/* The same in what was packed: found step by step and by one path, listed, copied up at the bottom. */
static void deep_image(void) {
	static char path[PATH_MAX];
	size_t len = (size_t)snprintf(path, sizeof path, "%s/deep", image_dir);
	int dir = open(path, O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < 1200; i++) {
		int next = openat(dir, "d", O_RDONLY | O_DIRECTORY);
		close(dir);
		dir = next;
		memcpy(path + len, "/d", 3);
		len += 2;
	}
	static char cwd[PATH_MAX];
	OK(dir >= 0 && fchdir(dir) == 0 && getcwd(cwd, sizeof cwd) != NULL && strcmp(cwd, path) == 0);
	strcpy(path + len, "/bottom");
	OK(check_holds(path, "bottom\n") && check_holds("bottom", "bottom\n"));
	int fd = open("bottom", O_WRONLY | O_TRUNC);
	OK(fd >= 0 && write(fd, "changed", 7) == 7 && close(fd) == 0 && check_holds(path, "changed"));
	OK(check_put("bottom", "bottom\n") == 0);
	close(dir);
}

int main(int argc, char **argv) {
	if (argc != 3) return 2;
	image_dir = argv[2];
	check_begin(2, argv);
	OK(check_put("small", "text") == 0);
	stacks();
	links();
	long_paths();
	deep_tree();
	deep_image();
	return check_end();
}
