/* Uses everything in a tree that may be damaged: lists, reads, maps, attributes, changes, programs. Whatever a call answers, it answers: this program itself never comes to harm.
 * Prints "probed N" as its last line. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static int probed, executed;
static char buffer[1 << 16];
static volatile char sink;

static void probe_file(const char *path, const struct stat *st) {
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	if (fd < 0) return;
	pread(fd, buffer, sizeof buffer, st->st_size > 1000 ? st->st_size - 1000 : 0);
	for (int i = 0; i < 20 && read(fd, buffer, sizeof buffer) > 0; i++) lseek(fd, i % 3, SEEK_DATA);
	size_t size = st->st_size > 100000 ? 100000 : (size_t)st->st_size;
	char *map = size > 0 ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
	for (size_t i = 0; map != MAP_FAILED && i < size; i += 512) sink = map[i];
	if (map != MAP_FAILED) munmap(map, size);
	close(fd);
	if ((fd = open(path, O_RDWR | O_NONBLOCK)) < 0) return;
	if (pwrite(fd, "changed", 7, 5000) == 7) pread(fd, buffer, sizeof buffer, 0);
	ftruncate(fd, st->st_size / 2);
	close(fd);
}

static void probe_program(const char *path) {
	if (executed++ >= 12) return;
	pid_t child = fork();
	if (child == 0) {
		struct rlimit limit = { 1, 1 };
		setrlimit(RLIMIT_CPU, &limit);
		alarm(3);
		char *args[] = { (char *)path, NULL }, *environment[] = { "PROBED=1", NULL };
		close(1);
		close(2);
		execve(path, args, environment);
		_exit(errno);
	}
	waitpid(child, NULL, 0); /* what a damaged program does is its own affair */
}

static void probe(const char *path, int depth) {
	struct stat st;
	struct statvfs fs;
	char name[4096];
	if (probed++ > 3000 || lstat(path, &st) != 0) return;
	listxattr(path, buffer, sizeof buffer);
	getxattr(path, "user.color", buffer, sizeof buffer);
	setxattr(path, "user.color", "red", 3, 0);
	statvfs(path, &fs);
	access(path, X_OK);
	readlink(path, buffer, sizeof buffer);
	realpath(path, name);
	if (S_ISREG(st.st_mode)) {
		if ((st.st_mode & 0111) != 0) probe_program(path);
		probe_file(path, &st);
	}
	snprintf(name, sizeof name, "%s-moved", path);
	if (depth > 1 && rename(path, name) == 0) rename(name, path);
	if (link(path, name) == 0) unlink(name);
	DIR *dir = depth < 8 && S_ISDIR(st.st_mode) ? opendir(path) : NULL;
	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
		if (depth == 0 && strstr("proc dev sys bin", e->d_name) != NULL) continue;
		if (snprintf(name, sizeof name, "%s/%s", depth == 0 ? "" : path, e->d_name) < (int)sizeof name) probe(name, depth + 1);
	}
	if (dir != NULL) closedir(dir);
	if (depth > 0 && chdir(path) == 0) {
		getcwd(name, sizeof name);
		chdir("..");
	}
	if (depth > 1 && probed % 3 == 0) S_ISDIR(st.st_mode) ? rmdir(path) : unlink(path);
}

int main(void) {
	/* Damage makes rings that lead back to this program. A second one beside the first would shorten what that has mapped, which is SIGBUS on any file system. */
	if (getenv("PROBED") != NULL) return 0;
	probe("/", 0);
	printf("probed %d\n", probed);
	return 0;
}
