/* Limits that a process sets for itself or that its parent set (setrlimit(2), prlimit(2)): what it asked for is what it has, reads and hands on. */
#include "check.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define MIB (1ul << 20)

static char self[PATH_MAX];

/* Executes this program again as `limits WHAT`, under what the caller has set. */
static int again(const char *what) {
	pid_t pid = fork();
	if (pid == 0) {
		execl(self, self, "--", what, (char *)NULL);
		_exit(100);
	}
	int status = -1;
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int limit_is(int resource, rlim_t soft, rlim_t hard) {
	struct rlimit limit, other;
	if (getrlimit(resource, &limit) != 0 || syscall(SYS_getrlimit, resource, &other) != 0) return 0;
	return limit.rlim_cur == soft && limit.rlim_max == hard && other.rlim_cur == soft && other.rlim_max == hard;
}

/* Memory that may be written to, taken and given back. (For its own calls the runtime keeps 1 MiB, which the program may get.) */
static int room(size_t size) {
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return at != MAP_FAILED && munmap(at, size) == 0;
}

static int few_descriptors(void) {
	struct rlimit limit = { 64, 64 };
	char path[PATH_MAX];
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
	if (mkdir("lower", 0755) != 0 || chdir("lower") != 0) return 2;
	if (getcwd(path, sizeof path) == NULL || strcmp(strrchr(path, '/'), "/lower") != 0) return 3;
	if (check_put("file", "text") != 0 || chdir("..") != 0 || !check_holds("lower/file", "text")) return 4;
	int directory = open("lower", O_RDONLY | O_DIRECTORY);
	if (fchdir(directory) != 0 || !check_holds("file", "text") || close(directory) != 0 || chdir("..") != 0) return 5;
	int fd, last = -1;
	while ((fd = open("lower/file", O_RDONLY)) >= 0) last = fd;
	if (errno != EMFILE || last != 63) return 6;
	for (fd = 3; fd < 64; fd++) close(fd);
	if (setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 65, 64 }) == 0 || errno != EINVAL) return 8;
	if (setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 32, 64 }) != 0) return 9;
	return again("descriptors");
}

static int little_memory(void) {
	struct rlimit limit = { 64 * MIB, 96 * MIB }, old;
	if (setrlimit(RLIMIT_AS, &limit) != 0 || !limit_is(RLIMIT_AS, 64 * MIB, 96 * MIB)) return 1;
	if (!room(32 * MIB) || room(66 * MIB) || errno != ENOMEM) return 2;
	if (prlimit(getpid(), RLIMIT_AS, NULL, &old) != 0 || old.rlim_cur != 64 * MIB) return 3;
	old.rlim_cur = 80 * MIB;
	if (prlimit(0, RLIMIT_AS, &old, &limit) != 0 || limit.rlim_cur != 64 * MIB || limit.rlim_max != 96 * MIB) return 4;
	if (!limit_is(RLIMIT_AS, 80 * MIB, 96 * MIB) || !room(64 * MIB) || room(96 * MIB)) return 5;
	if (setrlimit(RLIMIT_AS, &(struct rlimit){ 2, 1 }) == 0 || errno != EINVAL) return 6;
	return again("memory");
}

static int little_data(void) {
	struct rlimit limit = { 8 * MIB, RLIM_INFINITY };
	if (setrlimit(RLIMIT_DATA, &limit) != 0 || !limit_is(RLIMIT_DATA, 8 * MIB, RLIM_INFINITY)) return 1;
	if (!room(4 * MIB) || room(16 * MIB)) return 2;
	return again("data");
}

/* Of a child that stands still, by its parent. */
static int of_another(void) {
	int pipes[2], status = -1;
	if (pipe(pipes) != 0) return 1;
	pid_t pid = fork();
	if (pid == 0) {
		char byte;
		close(pipes[1]);
		read(pipes[0], &byte, 1);
		_exit(limit_is(RLIMIT_AS, 64 * MIB, 96 * MIB) && !room(66 * MIB) && room(32 * MIB) ? 0 : 1);
	}
	struct rlimit limit = { 64 * MIB, 96 * MIB }, old;
	int set = prlimit(pid, RLIMIT_AS, &limit, NULL) == 0 && prlimit(pid, RLIMIT_AS, NULL, &old) == 0 && old.rlim_cur == 64 * MIB;
	close(pipes[1]);
	close(pipes[0]);
	waitpid(pid, &status, 0);
	return set && status == 0 ? 0 : 2;
}

static int executed(const char *what) {
	char path[PATH_MAX];
	if (strcmp(what, "descriptors") == 0)
		return chdir("lower") == 0 && check_holds("file", "text") && getcwd(path, sizeof path) != NULL && open("file", O_RDONLY) >= 0 && fcntl(0, F_DUPFD, 32) < 0
			       ? 0
			       : 20;
	if (strcmp(what, "memory") == 0)
		return limit_is(RLIMIT_AS, 80 * MIB, 96 * MIB) && room(64 * MIB) && !room(96 * MIB) && check_holds("lower/file", "text") ? 0 : 21;
	return limit_is(RLIMIT_DATA, 8 * MIB, RLIM_INFINITY) && room(4 * MIB) && !room(16 * MIB) && check_holds("lower/file", "text") ? 0 : 22;
}

int main(int argc, char **argv) {
	if (argc == 3 && strcmp(argv[1], "--") == 0) return executed(argv[2]);
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0) return 1;
	check_begin(argc, argv);
	OK(check_child(few_descriptors));
	OK(check_child(little_memory));
	OK(check_child(little_data));
	OK(check_child(of_another));
	FAILS(prlimit(0, RLIMIT_AS, (struct rlimit *)8, NULL), EFAULT);
	FAILS(syscall(SYS_getrlimit, RLIMIT_AS, 8), EFAULT);
	return check_end();
}
