/* ETXTBSY: who runs a program keeps others from writing to it, who writes to it from running it; as long as they live and have it, and no longer. */
#include "check.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/statvfs.h>

static char self[PATH_MAX];

static int copy(const char *to) {
	char buffer[65536];
	ssize_t n;
	int in = open(self, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	while ((n = read(in, buffer, sizeof buffer)) > 0)
		if (write(out, buffer, (size_t)n) != n) return -1;
	close(in);
	return n == 0 && out >= 0 ? close(out) : -1;
}

/* May PATH be opened for writing? It is neither changed nor truncated. */
static int writable(const char *path) {
	int fd = open(path, O_WRONLY);
	if (fd >= 0) close(fd);
	return fd >= 0;
}
static int busy(const char *path) { return !writable(path) && errno == ETXTBSY; }

/* Runs PATH with argument WHAT: what became of it; "busy" where it could not be run for that reason. */
static const char *run(const char *path, const char *what) {
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		execl(path, path, what, (char *)NULL);
		_exit(errno == ETXTBSY ? 100 : 101);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return "lost";
	return WEXITSTATUS(status) == 100 ? "busy" : WEXITSTATUS(status) == 0 ? "ran" : "failed";
}
#define RUNS(path, what) (strcmp(run((path), "end"), (what)) == 0)

/* A process that runs PATH until the other end of *HOLD is closed, and runs now. With "forked" it is its child that does so, and it has ended. */
static pid_t started(const char *path, const char *how, int *hold) {
	int stop[2], ready[2];
	char byte;
	if (pipe(stop) != 0 || pipe(ready) != 0) return -1;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(stop[0], 0);
		dup2(ready[1], 1);
		close(stop[0]);
		close(stop[1]);
		close(ready[0]);
		close(ready[1]);
		execl(path, path, how, (char *)NULL);
		_exit(1);
	}
	close(stop[0]);
	close(ready[1]);
	*hold = stop[1];
	ssize_t n = read(ready[0], &byte, 1);
	close(ready[0]);
	return n == 1 ? pid : -1;
}

/* What the started program does. */
static int child(const char *how) {
	char byte;
	if (strcmp(how, "end") == 0) return 0;
	if (strcmp(how, "forked") == 0 && fork() != 0) return 0;
	if (write(1, "r", 1) != 1) return 1;
	close(1);
	return read(0, &byte, 1) == 0 ? 0 : 1;
}

static void running(void) {
	int hold, status, fd;
	OK(copy("program") == 0 && link("program", "other") == 0 && symlink("program", "link") == 0);
	OK(writable("program"));
	pid_t pid = started("program", "wait", &hold);
	OK(pid > 0);
	OK(busy("program"));
	OK(busy("other"));
	OK(busy("link"));
	errno = 0;
	OK(open("program", O_RDWR) == -1 && errno == ETXTBSY);
	errno = 0;
	OK(open("program", O_RDONLY | O_TRUNC) == -1 && errno == ETXTBSY);
	errno = 0;
	OK(truncate("program", 1 << 24) == -1 && errno == ETXTBSY);
	fd = open("program", O_RDONLY);
	OK(fd >= 0 && fchmod(fd, 0700) == 0 && fchmod(fd, 0755) == 0 && close(fd) == 0);
	OK(RUNS("program", "ran"));
	OK(rename("program", "away") == 0 && copy("program") == 0 && writable("program") && RUNS("program", "ran"));
	OK(busy("away"));
	OK(rename("away", "program") == 0);
	OK(close(hold) == 0 && waitpid(pid, &status, 0) == pid && status == 0);
	OK(writable("program") && writable("other"));

	pid = started("program", "wait", &hold);
	OK(pid > 0 && kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	OK(writable("program"));
	close(hold);

	pid = started("program", "forked", &hold); /* a child goes on with its parent's program */
	OK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
	OK(busy("program"));
	OK(unlink("program") == 0 && unlink("link") == 0);
	close(hold);
	OK(unlink("other") == 0);
}

static void written(void) {
	int fd, copy_of, status, ready[2];
	char byte;
	OK(copy("program") == 0 && RUNS("program", "ran"));
	fd = open("program", O_WRONLY | O_CLOEXEC);
	OK(fd >= 0);
	OK(RUNS("program", "busy"));
	copy_of = dup(fd);
	close(fd);
	OK(RUNS("program", "busy"));
	close(copy_of);
	OK(RUNS("program", "ran"));
	fd = open("program", O_RDONLY);
	OK(RUNS("program", "ran"));
	void *text = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	OK(text != MAP_FAILED && writable("program"));
	munmap(text, 4096);
	close(fd);
	OK(pipe(ready) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		fd = open("program", O_RDWR);
		if (fd < 0 || write(ready[1], "r", 1) != 1) _exit(1);
		pause();
	}
	OK(read(ready[0], &byte, 1) == 1);
	OK(RUNS("program", "busy"));
	OK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
	OK(RUNS("program", "ran"));
	close(ready[0]);
	close(ready[1]);
}

/* The interpreter is the program that runs, not its script. */
static void scripts(void) {
	int hold, status;
	OK(check_put("script", "#!./program\n") == 0 && chmod("script", 0755) == 0);
	int fd = open("script", O_WRONLY | O_APPEND);
	OK(RUNS("./script", "busy"));
	close(fd);
	pid_t pid = started("./script", "wait", &hold);
	OK(pid > 0);
	OK(writable("script"));
	OK(busy("program"));
	close(hold);
	OK(waitpid(pid, &status, 0) == pid && status == 0 && writable("program"));
}

int main(int argc, char **argv) {
	struct statvfs fs;
	if (argc > 1 && argv[1][0] != '/') return child(argv[argc - 1]); /* behind the name of a script */
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0) return 2;
	self[n] = '\0';
	/* Where nothing may be executed, as in many a /dev/shm, another place has to do. */
	char *elsewhere[] = { argv[0], "/tmp" };
	if (argc > 1 && statvfs(argv[1], &fs) == 0 && (fs.f_flag & ST_NOEXEC) != 0) argv = elsewhere;
	check_begin(argc, argv);
	running();
	written();
	scripts();
	return check_end();
}
