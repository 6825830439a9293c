/* Processes and their descriptors at their limits: forks out of busy threads, closed descriptors, lowered limits, daemons, deep chains of exec, long and empty argument vectors.
 * Passes natively too. Usage: processes DIR. Prints "N passed, N failed". */
#define _GNU_SOURCE
#include "../ops/check.h"

#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>

extern char **environ;
static const char *self;
static char file[PATH_MAX], note[PATH_MAX];

static int file_works(void) {
	struct stat st;
	return check_holds(file, "text") && stat(file, &st) == 0 && st.st_size == 4;
}

static atomic_bool stop;
static void *work(void *unused) {
	(void)unused;
	while (!stop) {
		int fd = open(note, O_RDWR | O_CREAT, 0600);
		if (fd >= 0 && write(fd, "x", 1) == 1) close(fd);
	}
	return NULL;
}
static int in_child(void) {
	alarm(300); /* a hang ends the child, and the check fails */
	for (int i = 0; i < 20; i++)
		if (!file_works()) return 1;
	return 0;
}
static void busy_forks(void) {
	enum { THREADS = 200 };
	pthread_t threads[THREADS];
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	int started = 0, good = 0;
	while (started < THREADS && pthread_create(&threads[started], &attr, work, NULL) == 0) started++;
	while (good < 20 && check_child(in_child)) good++;
	stop = true;
	for (int i = 0; i < started; i++) pthread_join(threads[i], NULL);
	OK(started == THREADS && good == 20);
}

static int close_all(void) {
	for (int i = 3; i < 65536; i++) close(i);
	if (!file_works()) return 1;
	int fd = open(file, O_RDONLY);
	if (fd != 3) return 2;
	if (syscall(SYS_close_range, 3, ~0u, 0) != 0 || fcntl(3, F_GETFD) != -1) return 3;
	return file_works() && chdir("/") == 0 && open(file, O_RDONLY) == 3 ? 0 : 4;
}
static int dup_over_all(void) {
	int fd = open(file, O_RDONLY);
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	for (int i = fd + 1; i < (int)limit.rlim_cur && i < 5000; i++) dup2(fd, i);
	for (int i = fd + 1; i < 5000; i++) close(i);
	return file_works() && chdir("/") == 0 ? 0 : 1;
}
/* The numbers that open gives out until there are no more are all of use. */
static int used_up(void) {
	int fd, last = -1;
	struct stat st;
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur > 4096) limit.rlim_cur = 4096; /* where the reserved ones are at the highest */
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return 5;
	while ((fd = open(file, O_RDONLY)) >= 0) {
		if (fstat(fd, &st) != 0 || st.st_size != 4) return 1;
		last = fd;
	}
	if (errno != EMFILE || close(last) != 0) return 2;
	int high = fcntl(0, F_DUPFD, last);
	if (high != last || close(high) != 0) return 3;
	for (int first = last + 1; first < last + 64; first++) {
		high = fcntl(0, F_DUPFD, first);
		if (high >= 0 && (fcntl(high, F_GETFD) != 0 || close(high) != 0)) return 4;
	}
	return 0;
}
static int lowered_limit(void) {
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 32;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
	return file_works() && chdir("/tmp") == 0 && chdir("/") == 0 ? 0 : 2;
}
static int file_size_limit(void) {
	struct rlimit limit = { 10, 10 };
	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
	int fd = open(note, O_RDWR | O_CREAT | O_TRUNC, 0600);
	return fd >= 0 && write(fd, "0123456789abc", 13) == 10 && write(fd, "x", 1) == -1 && errno == EFBIG ? 0 : 2;
}
static int not_dumpable(void) {
	if (prctl(PR_SET_DUMPABLE, 0) != 0) return 1;
	return file_works() && chdir("/") == 0 && access("/proc/self/fd", F_OK) == 0 ? 0 : 2;
}
static int other_user(void) {
	if (geteuid() != 0) return 0;
	if (chmod(file, 0644) != 0 || setgid(65533) != 0 || setuid(65533) != 0) return 1;
	if (!file_works() || chdir("/") != 0) return 2;
	char *args[] = { (char *)self, "file", file, NULL };
	execv(self, args);
	return 3;
}
static int daemon_child(void) {
	int pipe_fds[2];
	char answer = 'n';
	if (pipe(pipe_fds) != 0) return 1;
	if (fork() == 0) {
		setsid();
		if (fork() != 0) _exit(0);
		if (chdir("/") == 0 && file_works()) answer = 'y';
		_exit(write(pipe_fds[1], &answer, 1) != 1);
	}
	close(pipe_fds[1]);
	return read(pipe_fds[0], &answer, 1) == 1 && answer == 'y' ? 0 : 2;
}
static int stop_and_continue(void) {
	pid_t child = fork();
	if (child == 0) {
		for (;;)
			if (!file_works()) _exit(1);
	}
	int status, good = 1;
	for (int i = 0; i < 50; i++) {
		kill(child, SIGSTOP);
		if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status)) good = 0;
		kill(child, SIGCONT);
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return good && WIFSIGNALED(status) ? 0 : 1;
}

static int run(char **args, char **env) {
	pid_t child;
	int status;
	if (posix_spawn(&child, self, NULL, NULL, args, env) != 0) return -1;
	if (waitpid(child, &status, 0) != child) return -2;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}
static void vectors(void) {
	enum { MANY = 100000, LONG = 131072 };
	static char *args[MANY + 3], *none[] = { NULL };
	char count[16], *chain[] = { (char *)self, "chain", "200", NULL };
	OK(run(chain, environ) == 0);
	snprintf(count, sizeof count, "%d", MANY + 2);
	args[0] = (char *)self;
	args[1] = "count";
	for (int i = 2; i < MANY + 2; i++) args[i] = count;
	OK(run(args, environ) == 7);
	char *text = malloc(LONG);
	memset(text, 'a', LONG);
	text[LONG - 1] = 0;
	char *longest[] = { (char *)self, "length", text, NULL };
	OK(run(longest, environ) == 7);
	char *longer = malloc(LONG + 1);
	memset(longer, 'a', LONG);
	longer[LONG] = 0;
	longest[2] = longer;
	FAILS(execve(self, longest, environ), E2BIG);
	char *empty[] = { (char *)self, "environment", NULL };
	OK(run(empty, none) == 7);
	OK(run(none, environ) == 9); /* an empty vector: argc is 1, argv[0] "" */
	static volatile uintptr_t bad = 8;
	FAILS(execve(self, (char **)bad, environ), EFAULT);
	FAILS(execve((char *)bad, empty, environ), EFAULT);
	FAILS(execve("/absent", empty, environ), ENOENT);
	FAILS(syscall(SYS_execveat, -1, "", empty, environ, AT_EMPTY_PATH), EBADF);
	FAILS(syscall(SYS_execveat, 1000, "", empty, environ, AT_EMPTY_PATH), EBADF);
	FAILS(syscall(SYS_execveat, AT_FDCWD, "", empty, environ, AT_EMPTY_PATH), EACCES);
	char script[PATH_MAX], line[512];
	snprintf(script, sizeof script, "%s-script", note);
	snprintf(line, sizeof line, "#! %s \t script  with blanks  \n", self);
	OK(check_put(script, line) == 0 && chmod(script, 0755) == 0);
	FAILS(execve(note, empty, environ), EACCES);
	pid_t child = fork();
	if (child == 0) {
		char *arguments[] = { "zero", "one", NULL };
		execve(script, arguments, environ);
		_exit(1);
	}
	int status;
	OK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
	memset(line, 'i', sizeof line);
	memcpy(line, "#!/", 3);
	line[sizeof line - 1] = 0;
	OK(check_put(script, line) == 0);
	FAILS(execve(script, empty, environ), ENOEXEC);
	child = fork();
	if (child == 0) {
		int fd = open(self, O_RDONLY | O_CLOEXEC);
		fexecve(fd, empty, none);
		_exit(1);
	}
	OK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

/* Many at once, from several threads. */
static atomic_int good_spawns;
static void *spawner(void *unused) {
	(void)unused;
	char *args[] = { (char *)self, "environment", NULL }, *none[] = { NULL };
	for (int i = 0; i < 25; i++) good_spawns += run(args, none) == 7;
	return NULL;
}
static void spawns(void) {
	pthread_t threads[8];
	for (int i = 0; i < 8; i++) pthread_create(&threads[i], NULL, spawner, NULL);
	for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
	OK(good_spawns == 200);
	/* No descriptor stays behind. */
	int fd = open(file, O_RDONLY);
	OK(fd == 3);
	close(fd);
}

static int replace(const char *name) {
	char moved[PATH_MAX], magic[4] = "";
	snprintf(moved, sizeof moved, "%s-moved", name);
	if (rename(name, moved) != 0 || symlink("/proc/self/exe", name) != 0) return 1;
	int fd = open("/proc/self/exe", O_RDONLY);
	return fd >= 0 && read(fd, magic, 4) == 4 && memcmp(magic, "\177ELF", 4) == 0 && check_exists(name) ? 7 : 2;
}

/* What the executed copies do. */
static int role(int argc, char **argv) {
	const char *name = argv[1];
	if (strcmp(name, "chain") == 0) {
		int left = atoi(argv[2]);
		char text[16], *args[] = { argv[0], "chain", text, NULL };
		snprintf(text, sizeof text, "%d", left - 1);
		if (left == 0) return open("/", O_RDONLY) == 3 ? 0 : 1;
		execv(argv[0], args);
		return 2;
	}
	if (strcmp(name, "replaced") == 0) return replace(argv[2]);
	if (strcmp(name, "file") == 0) return check_holds(argv[2], "text") ? 0 : 1;
	if (strcmp(name, "count") == 0) return argc == atoi(argv[argc - 1]) ? 7 : 1;
	if (strcmp(name, "length") == 0) return strlen(argv[2]) == 131071 ? 7 : 1;
	if (strcmp(name, "environment") == 0) return environ[0] == NULL && fcntl(3, F_GETFD) == -1 ? 7 : 1;
	if (strcmp(name, "script  with blanks") == 0) return argc == 4 && strcmp(argv[3], "one") == 0 ? 7 : 1;
	return 1;
}

/* A program whose name becomes a link to /proc/self/exe is still the program. */
static void replaced(void) {
	char copy[PATH_MAX];
	snprintf(copy, sizeof copy, "%s-copy", note);
	pid_t child = fork();
	if (child == 0) {
		int in = open(self, O_RDONLY), out = open(copy, O_WRONLY | O_CREAT | O_TRUNC, 0755);
		char buffer[65536];
		ssize_t n;
		while ((n = read(in, buffer, sizeof buffer)) > 0)
			if (write(out, buffer, (size_t)n) != n) _exit(1);
		close(out);
		char *args[] = { copy, "replaced", copy, NULL };
		execv(copy, args);
		_exit(1);
	}
	int status;
	OK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
}
/* Nobody has this number: beyond what the kernel gives. */
static void absent(void) {
	enum { NOBODY = 1 << 22 };
	FAILS(ptrace(PTRACE_ATTACH, NOBODY, 0, 0), ESRCH);
	FAILS(ptrace(PTRACE_SEIZE, NOBODY, 0, 0), ESRCH);
	char byte = 0;
	struct iovec vec = { &byte, 1 };
	FAILS(process_vm_readv(NOBODY, &vec, 1, &vec, 1, 0), ESRCH);
	FAILS(process_vm_readv(-1, &vec, 1, &vec, 1, 0), ESRCH);
	FAILS(syscall(SYS_kcmp, getpid(), NOBODY, 0, 0, 0), ESRCH);
}

int main(int argc, char **argv) {
	if (argc >= 1 && argv[0][0] == 0) return argc == 1 ? 9 : 8;
	static char program[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
	if (n <= 0) return 2;
	self = program;
	if (argc > 2 || (argc == 2 && argv[1][0] != '/')) return role(argc, argv);
	check_begin(argc, argv);
	OK(check_put("file", "text") == 0 && check_put("note", "") == 0 && chmod(".", 0755) == 0);
	OK(getcwd(file, sizeof file - 8) != NULL);
	strcpy(note, file);
	strcat(file, "/file");
	strcat(note, "/note");
	busy_forks();
	OK(check_child(close_all));
	OK(check_child(dup_over_all));
	OK(check_child(used_up));
	OK(check_child(lowered_limit));
	OK(check_child(file_size_limit));
	OK(check_child(not_dumpable));
	OK(check_child(other_user));
	OK(check_child(daemon_child));
	OK(check_child(stop_and_continue));
	vectors();
	replaced();
	spawns();
	absent();
	return check_end();
}
