/* inotify: what processes had open when they ended, were killed or executed a program. */
#include "check.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>

extern char **environ;
static int in;
static const char *self;

/* The closes that are there now, as "NAME:w NAME:r". */
static const char *closes(void) {
	static char text[512];
	char buffer[4096] __attribute__((aligned(8)));
	struct pollfd poll_in = { .fd = in, .events = POLLIN };
	text[0] = 0;
	while (poll(&poll_in, 1, 0) == 1) {
		ssize_t n = read(in, buffer, sizeof buffer);
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const void *)(buffer + at);
			size_t len = strlen(text);
			snprintf(text + len, sizeof text - len, "%s%s:%s", len > 0 ? " " : "", e->len > 0 ? e->name : "", (e->mask & IN_CLOSE_WRITE) != 0 ? "w" : "r");
			at += (ssize_t)(sizeof *e + e->len);
		}
	}
	return text;
}
static void check_closes(const char *expected, int line) {
	const char *got = closes();
	if (strcmp(got, expected) != 0) printf("  got \"%s\"\n", got);
	check_report(strcmp(got, expected) == 0, expected, __FILE__, line);
}
#define CLOSES(expected) check_closes(expected, __LINE__)

static void *opens(void *unused) {
	(void)unused;
	open("d/t", O_RDWR | O_CREAT, 0600);
	return NULL;
}

enum way { PLAIN, THREADS, KILLED, CLOEXEC, ORPHAN };

static void end(enum way way) {
	pthread_t thread;
	int fd = open("d/w", O_WRONLY | O_CREAT | (way == CLOEXEC ? O_CLOEXEC : 0), 0600);
	if (write(fd, "x", 1) != 1) _exit(1);
	if (way == THREADS)
		pthread_create(&thread, NULL, opens, NULL), pthread_join(thread, NULL), pthread_create(&thread, NULL, (void *(*)(void *))(void *)pause, NULL);
	if (way == KILLED) raise(SIGKILL);
	if (way == CLOEXEC) execl(self, self, "child", NULL), _exit(1);
	_exit(0);
}

static pid_t child(enum way way) {
	pid_t pid = fork();
	if (pid == 0) end(way);
	return pid;
}

static int shares(void *fd) { return write(*(int *)fd, "still", 5) == 5 && syscall(SYS_exit_group, 0) == 0; }
static char stack[65536] __attribute__((aligned(16)));
static volatile sig_atomic_t alarms;
static void on_late(int signal) {
	(void)signal;
	_exit(99);
}
static void on_alarm(int signal) {
	(void)signal;
	alarms++;
}

int main(int argc, char **argv) {
	if (argc > 1 && strcmp(argv[1], "child") == 0) return 0;
	int status, ends[2];
	char byte;
	siginfo_t info;
	struct rusage usage;
	char path[4096];
	self = realpath("/proc/self/exe", path);
	check_begin(argc, argv);
	OK(self != NULL && mkdir("d", 0700) == 0 && (in = inotify_init1(IN_CLOEXEC)) >= 0);

	/* nobody watches: as ever */
	OK(waitpid(child(PLAIN), &status, 0) > 0 && status == 0);
	OK(inotify_add_watch(in, "d", IN_CLOSE) == 1);
	CLOSES("");

	/* at the latest, the end of a process tells when it was waited for */
	pid_t pid = child(PLAIN);
	OK(waitpid(pid, &status, 0) == pid && status == 0);
	CLOSES("w:w");
	pid = child(KILLED);
	OK(wait4(-1, &status, 0, &usage) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && usage.ru_maxrss > 0);
	CLOSES("w:w");
	pid = child(THREADS);
	memset(&info, 0x55, sizeof info);
	OK(waitid(P_PID, (id_t)pid, &info, WEXITED) == 0 && info.si_pid == pid && info.si_code == CLD_EXITED && info.si_signo == SIGCHLD &&
		info.si_uid == getuid() && info.si_status == 0);
	const char *told = closes();
	OK(strcmp(told, "w:w t:w") == 0 || strcmp(told, "t:w w:w") == 0);
	pid = child(KILLED);
	OK(waitid(P_ALL, 0, NULL, WEXITED | WNOWAIT) == 0);
	CLOSES("w:w");
	OK(waitpid(0, NULL, 0) == pid);
	pid = child(KILLED);
	pid_t got;
	while ((got = waitpid(pid, &status, WNOHANG)) == 0) sched_yield();
	OK(got == pid);
	CLOSES("w:w");

	/* a process that nobody waits for tells before its other descriptors close */
	OK(pipe(ends) == 0);
	if (fork() == 0) {
		if (fork() == 0) end(ORPHAN);
		_exit(0);
	}
	OK(wait(NULL) > 0 && close(ends[1]) == 0 && read(ends[0], &byte, 1) == 0);
	CLOSES("w:w");

	/* exec closes */
	pid = child(CLOEXEC);
	OK(waitpid(pid, &status, 0) == pid && status == 0);
	CLOSES("w:w");

	/* not the last descriptor */
	int fd = open("d/k", O_RDWR | O_CREAT, 0600);
	if (fork() == 0) _exit(0);
	OK(wait(&status) > 0 && status == 0);
	CLOSES("");
	pid = clone(shares, stack + sizeof stack, CLONE_FILES | SIGCHLD, &fd);
	OK(waitpid(pid, &status, 0) == pid && status == 0 && lseek(fd, 0, SEEK_CUR) == 5);
	CLOSES("");
	OK(write(fd, "!", 1) == 1 && close(fd) == 0);
	CLOSES("k:w");

	/* no handler runs once files are closed: the close itself raises SIGIO here */
	if ((pid = fork()) == 0) {
		OK(fcntl(in, F_SETOWN, getpid()) == 0 && fcntl(in, F_SETFL, O_ASYNC) == 0);
		signal(SIGIO, on_late);
		end(PLAIN);
	}
	OK(waitpid(pid, &status, 0) == pid && status == 0 && fcntl(in, F_SETFL, 0) == 0);
	CLOSES("w:w");

	/* posix_spawn; a program that is not there */
	char *arguments[] = { (char *)self, "child", NULL };
	OK(posix_spawn(&pid, self, NULL, NULL, arguments, environ) == 0 && waitpid(pid, &status, 0) == pid && status == 0);
	OK(posix_spawn(&pid, "/no/such", NULL, NULL, arguments, environ) == ENOENT);

	/* waiting is the kernel's: stops, signals, groups, errors */
	OK(close(ends[0]) == 0 && pipe(ends) == 0);
	if ((pid = fork()) == 0) {
		close(ends[1]);
		raise(SIGSTOP);
		_exit(read(ends[0], &byte, 1) == 0 ? 7 : 1);
	}
	OK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	OK(kill(pid, SIGCONT) == 0 && waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
	OK(close(ends[1]) == 0 && waitpid(-getpgrp(), &status, 0) == pid && WEXITSTATUS(status) == 7);
	FAILS(waitpid(-1, &status, 0), ECHILD);
	FAILS(waitpid(-1, &status, 0x40), EINVAL);
	FAILS(waitid(P_ALL, 0, &info, 0), EINVAL);
	/* what is written, and when: at errors too, and not the padding; a bad pointer does not keep the process */
	char *read_only = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *bytes = (char *)&info;
	memset(&info, 0x55, sizeof info);
	FAILS(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
	OK(info.si_signo == 0 && info.si_code == 0 && info.si_pid == 0 && info.si_status == 0 && bytes[11] == 0 && bytes[12] == 0x55 && bytes[15] == 0x55 &&
		bytes[28] == 0x55);
	FAILS(waitid(P_ALL, 0, (siginfo_t *)read_only, WEXITED), EFAULT);
	pid = child(KILLED);
	FAILS(waitid(P_PID, (id_t)pid, (siginfo_t *)read_only, WEXITED), EFAULT);
	CLOSES("w:w");
	pid = child(KILLED);
	FAILS(wait4(pid, (int *)read_only, 0, NULL), EFAULT);
	CLOSES("w:w");
	FAILS(waitpid(pid, &status, 0), ECHILD);
	struct sigaction act = { .sa_handler = on_alarm };
	sigaction(SIGALRM, &act, NULL);
	if ((pid = fork()) == 0) pause(), _exit(0);
	struct itimerval often = { { 0, 20000 }, { 0, 20000 } }, never = { { 0, 0 }, { 0, 0 } };
	setitimer(ITIMER_REAL, &often, NULL);
	FAILS(waitpid(pid, &status, 0), EINTR);
	act.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &act, NULL);
	alarms = 0;
	int before = alarms;
	if (fork() == 0) {
		struct timespec moment = { 0, 100000000 };
		nanosleep(&moment, NULL);
		kill(pid, SIGKILL);
		_exit(0);
	}
	OK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && alarms > before);
	setitimer(ITIMER_REAL, &never, NULL);
	OK(wait(NULL) > 0);
	return check_end();
}
