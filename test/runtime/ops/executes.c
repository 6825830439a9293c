/* What others are told of a process right after its exec: from the moment at which the kernel says that it succeeded, names and arguments are the program's. proc_pid_stat(5), execve(2) */
#include "check.h"

#include <sched.h>
#include <stdbool.h>
#include <sys/ptrace.h>

#define ROUNDS 60
#define TRIES 200000 /* seconds at least, where microseconds are needed */

static const char *self;
static char text[4096];

/* NAME of PID's directory, without a line's end; NULs shown as '|'. */
static const char *entry(pid_t pid, const char *name) {
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	close(fd);
	text[n < 0 ? 0 : n] = '\0';
	for (ssize_t i = 0; i < n; i++)
		if (text[i] == '\0') text[i] = '|';
	if (n > 0 && text[n - 1] == '\n') text[n - 1] = '\0';
	return text;
}

static const char *link_of(pid_t pid, const char *name) {
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	ssize_t n = readlink(path, text, sizeof text - 1);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

/* PID is known by NAME, with COMMAND as its arguments and EXE as its program. */
static bool is_known(pid_t pid, const char *name, const char *command, const char *exe) {
	char expected[4096];
	if (strcmp(entry(pid, "cmdline"), command) != 0 || strcmp(link_of(pid, "exe"), exe) != 0 || strcmp(entry(pid, "comm"), name) != 0) return false;
	snprintf(expected, sizeof expected, "%d (%s) ", pid, name);
	if (strncmp(entry(pid, "stat"), expected, strlen(expected)) != 0) return false;
	snprintf(expected, sizeof expected, "Name:\t%s\n", name);
	return strncmp(entry(pid, "status"), expected, strlen(expected)) == 0;
}

/* The kernel closes what is closed on exec before it has set names and arguments: until then they are those of before, or none. Nothing else is ever seen. */
static bool becomes_known(pid_t pid, const char *name, const char *command, const char *exe) {
	char before[4096];
	snprintf(before, sizeof before, "%s", entry(getpid(), "cmdline"));
	for (unsigned tries = 0; !is_known(pid, name, command, exe); tries++) {
		const char *seen = entry(pid, "cmdline");
		if (strcmp(seen, "") != 0 && strcmp(seen, before) != 0 && strcmp(seen, command) != 0) {
			printf("  seen: %s\n", seen);
			return false;
		}
		if (tries == TRIES || waitpid(pid, NULL, WNOHANG) == pid) return false; /* it was to wait */
		sched_yield();
	}
	return true;
}

/* Executes PATH with its name and "waits"; returns when the kernel has closed what is closed on exec. The program waits for the end of *HOLD. */
static pid_t started(const char *path, const char *argument, int *hold, int fd) {
	int done[2], held[2];
	if (pipe2(done, O_CLOEXEC) != 0 || pipe(held) != 0) return -1;
	pid_t pid = fork();
	if (pid == 0) {
		char *arguments[] = { "a name", (char *)argument, NULL };
		dup2(held[0], 0);
		close(held[0]);
		close(held[1]);
		if (fd < 0)
			execv(path, arguments);
		else
			fexecve(fd, arguments, environ);
		_exit(99);
	}
	char none;
	close(done[1]);
	close(held[0]);
	read(done[0], &none, 1);
	close(done[0]);
	*hold = held[1];
	return pid;
}

static bool ended(pid_t pid, int hold) {
	int status;
	close(hold);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static void at_once(void) {
	bool known = true, over = true;
	for (int i = 0; i < ROUNDS && known && over; i++) {
		int hold;
		char exe[4096];
		pid_t pid = started(self, "waits", &hold, -1);
		exe[readlink("/proc/self/exe", exe, sizeof exe - 1)] = '\0';
		known = becomes_known(pid, strrchr(self, '/') + 1, "a name|waits|", exe);
		over = ended(pid, hold);
	}
	OK(known);
	OK(over);
}

/* The tracer's stop lies between the kernel's exec and the program. */
static void at_the_stop(void) {
	int status;
	char exe[4096];
	exe[readlink("/proc/self/exe", exe, sizeof exe - 1)] = '\0';
	pid_t pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		close(0);
		execl(self, "a", "waits", NULL);
		_exit(99);
	}
	OK(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
	ptrace(PTRACE_CONT, pid, 0, 0);
	OK(waitpid(pid, &status, 0) == pid && status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8));
	OK(is_known(pid, strrchr(self, '/') + 1, "a|waits|", exe));
	ptrace(PTRACE_CONT, pid, 0, 0);
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) ptrace(PTRACE_CONT, pid, 0, WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status));
	OK(WIFEXITED(status));
}

/* The kernel takes the name by which a program was executed, not that of the file which that leads to. */
static void names(void) {
	int hold;
	char exe[4096], script[4200], command[4200];
	exe[readlink("/proc/self/exe", exe, sizeof exe - 1)] = '\0';
	OK(symlink(exe, "another") == 0);
	pid_t pid = started("./another", "waits", &hold, -1);
	OK(becomes_known(pid, "another", "a name|waits|", exe));
	OK(ended(pid, hold));
	OK(symlink(exe, "a name that is (far) longer than others") == 0);
	pid = started("a name that is (far) longer than others", "waits", &hold, -1);
	OK(becomes_known(pid, "a name that is ", "a name|waits|", exe));
	OK(ended(pid, hold));
	OK(symlink(exe, "one)\n2 \\") == 0);
	pid = started("one)\n2 \\", "waits", &hold, -1);
	char head[64];
	while (strcmp(entry(pid, "cmdline"), "a name|waits|") != 0 && waitpid(pid, NULL, WNOHANG) == 0) sched_yield();
	snprintf(head, sizeof head, "%d (one)\n2 \\) ", pid);
	OK(strncmp(entry(pid, "stat"), head, strlen(head)) == 0);
	OK(strncmp(entry(pid, "status"), "Name:\tone)\\n2 \\\\\n", 17) == 0);
	OK(strcmp(entry(pid, "comm"), "one)\n2 \\") == 0);
	OK(ended(pid, hold));

	int fd = open("script", O_WRONLY | O_CREAT | O_EXCL, 0755);
	snprintf(script, sizeof script, "#!%s waits\n", exe);
	OK(write(fd, script, strlen(script)) > 0);
	close(fd);
	pid = started("./script", "its argument", &hold, -1);
	snprintf(command, sizeof command, "%s|waits|./script|its argument|", exe);
	OK(becomes_known(pid, "script", command, exe));
	OK(ended(pid, hold));

	/* By a descriptor kernels before 6.14 take its number. */
	fd = open(exe, O_RDONLY | O_CLOEXEC);
	pid = started(NULL, "waits", &hold, fd);
	char number[12];
	snprintf(number, sizeof number, "%d", fd);
	while (strcmp(entry(pid, "cmdline"), "a name|waits|") != 0 && waitpid(pid, NULL, WNOHANG) == 0) sched_yield();
	OK(strcmp(entry(pid, "comm"), strrchr(exe, '/') + 1) == 0 || strcmp(text, number) == 0);
	OK(strcmp(entry(pid, "cmdline"), "a name|waits|") == 0);
	OK(ended(pid, hold));
	close(fd);
}

int main(int argc, char **argv) {
	char byte;
	if (argc > 1 && strcmp(argv[1], "waits") == 0) return read(0, &byte, 1) > 0;
	self = argv[0];
	check_begin(argc, argv);
	at_once();
	at_the_stop();
	names();
	return check_end();
}
