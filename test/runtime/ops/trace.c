/* Tracers: a tracee's file calls stop it no more than natively, however it was made and is waited for. */
#include "check.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

static const char *self;

static int uses_files(void) {
	struct stat st;
	int fd = open("traced", O_RDWR | O_CREAT, 0600);
	return fd < 0 || write(fd, "text", 4) != 4 || fstat(fd, &st) != 0 || st.st_size != 4 || close(fd) != 0 || unlink("traced") != 0;
}

/* The stops of PID as text, "SIGNAL" or "event NUMBER", let go on by REQUEST, until it ends; then "exit STATUS". SIGNALs but the tracer's own are passed on. */
static char *stops(pid_t pid, int request, int options) {
	static char text[400];
	int status;
	size_t n = 0;
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status) && n < sizeof text - 40) {
		int signal = WSTOPSIG(status), pass = signal == SIGTRAP || signal == SIGSTOP || signal == (SIGTRAP | 0x80) ? 0 : signal;
		if (n == 0) ptrace(PTRACE_SETOPTIONS, pid, 0, options | PTRACE_O_EXITKILL);
		if (signal != (SIGTRAP | 0x80))
			n += (size_t)sprintf(text + n, status >> 16 != 0 ? "event %d " : "%d ", status >> 16 != 0 ? status >> 16 : signal);
		ptrace(request, pid, 0, pass);
	}
	sprintf(text + n, WIFEXITED(status) ? "exit %d" : "killed %d", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return text;
}

#define STOPS(pid, request, options, expected)                                                                                                                 \
	do {                                                                                                                                                   \
		const char *got = stops(pid, request, options);                                                                                                \
		if (strcmp(got, expected) != 0) printf("  got %s\n", got);                                                                                     \
		check_report(strcmp(got, expected) == 0, #pid " stops: " expected, __FILE__, __LINE__);                                                        \
	} while (0)

static void executes(int status) {
	char number[12];
	snprintf(number, sizeof number, "%d", status);
	execl(self, self, "traced", number, NULL);
	_exit(99);
}

static pid_t forked(void) {
	pid_t pid = fork();
	if (pid != 0) return pid;
	if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0 || ptrace(PTRACE_TRACEME, 0, 0, 0) == 0 || errno != EPERM) _exit(98);
	executes(3);
	return -1;
}

/* As a debugger starts its program. */
static pid_t vforked(void) {
	pid_t pid = vfork();
	if (pid != 0) return pid;
	setpgid(0, 0);
	if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0 || ptrace(PTRACE_TRACEME, 0, 0, 0) == 0 || errno != EPERM) _exit(98);
	if (close(1000) == 0 || access("nowhere", F_OK) == 0) _exit(97);
	signal(SIGUSR1, SIG_DFL);
	executes(4);
	return -1;
}

static pid_t vforked_in_vain(int exec) {
	pid_t pid = vfork();
	if (pid != 0) return pid;
	if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) _exit(98);
	if (exec) execl("nowhere", "nowhere", NULL);
	_exit(7);
}

static pid_t vforked_with_too_much(int many) {
	static char text[200000], *arguments[1 << 20];
	memset(text, 'x', sizeof text - 1);
	for (size_t i = 0; i + 1 < sizeof arguments / sizeof *arguments; i++) arguments[i] = text + sizeof text - 10;
	if (!many) {
		arguments[1] = text;
		arguments[2] = NULL;
	}
	pid_t pid = vfork();
	if (pid != 0) return pid;
	if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) _exit(98);
	execv(self, arguments);
	_exit(errno == E2BIG ? 7 : 8);
}

static pid_t stopped(int (*then)(void)) {
	pid_t pid = fork();
	if (pid != 0) return pid;
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	_exit(then());
}

/* A child that has a vfork child, which ends otherwise than by an exec, before it makes a call itself. */
static pid_t lender(int killed) {
	pid_t pid = fork();
	if (pid != 0) return pid;
	pid_t borrower = vfork();
	if (borrower == 0) {
		if (!killed) _exit(0);
		access(".", F_OK);
		kill(getpid(), SIGKILL);
	}
	waitpid(borrower, NULL, 0);
	signal(SIGSYS, SIG_IGN);
	if (signal(SIGSYS, SIG_DFL) != SIG_IGN) _exit(96);
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	_exit(uses_files());
}

static int traces_at_once(void) {
	int status;
	pid_t pid = vforked();
	return waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) || ptrace(PTRACE_CONT, pid, 0, 0) != 0 || waitpid(pid, &status, 0) != pid ||
	       WEXITSTATUS(status) != 4;
}

static int sends_itself(void) {
	struct sigaction ignored = { .sa_handler = SIG_IGN };
	sigaction(SIGUSR1, &ignored, NULL);
	sigaction(SIGSYS, &ignored, NULL);
	if (uses_files() != 0) return 1;
	raise(SIGUSR1);
	raise(SIGSYS);
	return uses_files();
}

static int has_a_child(void) {
	pid_t pid = fork();
	int status;
	if (pid == 0) executes(6);
	return waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 6 || uses_files();
}

static int counts_calls(void) {
	for (int i = 0; i < 5; i++) syscall(SYS_getppid);
	return uses_files();
}

/* With waitid, and with waits that leave what they find. */
static void waits(void) {
	siginfo_t info;
	int status;
	pid_t pid = stopped(uses_files);
	OK(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WEXITED) == 0 && info.si_code == CLD_TRAPPED && info.si_status == SIGSTOP && info.si_pid == pid);
	OK(ptrace(PTRACE_CONT, pid, 0, 0) == 0);
	OK(waitid(P_ALL, 0, &info, WSTOPPED | WEXITED | WNOWAIT) == 0 && info.si_code == CLD_EXITED && info.si_status == 0 && info.si_pid == pid);
	OK(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WEXITED) == 0 && info.si_code == CLD_EXITED && info.si_pid == pid);
	FAILS(waitid(P_PID, (id_t)pid, &info, WEXITED), ECHILD);
	pid = stopped(uses_files);
	OK(wait4(-1, &status, __WALL, NULL) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	OK(ptrace(PTRACE_CONT, pid, 0, 0) == 0 && wait4(pid, NULL, 0, NULL) == pid);
	pid = stopped(uses_files);
	FAILS(wait4(pid, (int *)8, 0, NULL), EFAULT);
	OK(ptrace(PTRACE_CONT, pid, 0, 0) == 0);
	FAILS(wait4(pid, (int *)8, 0, NULL), EFAULT);
	FAILS(wait4(pid, &status, 0, NULL), ECHILD);
}

/* Somebody who runs already. */
static void attached(void) {
	char c;
	int status, ready[2], over[2];
	OK(pipe(ready) == 0 && pipe(over) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(over[1]);
		fcntl(over[0], F_SETFL, O_NONBLOCK);
		int bad = write(ready[1], "r", 1) != 1;
		while (!bad && read(over[0], &c, 1) < 0) bad = uses_files();
		_exit(bad);
	}
	OK(read(ready[0], &c, 1) == 1);
	for (int i = 0; i < 20; i++) {
		OK(ptrace(PTRACE_SEIZE, pid, 0, 0) == 0 && ptrace(PTRACE_INTERRUPT, pid, 0, 0) == 0);
		OK(waitpid(pid, &status, __WALL) == pid && status == (SIGTRAP << 8 | 0x7f | 128 << 16 /* PTRACE_EVENT_STOP */));
		OK(ptrace(PTRACE_SYSCALL, pid, 0, 0) == 0 && waitpid(pid, &status, __WALL) == pid && WSTOPSIG(status) == SIGTRAP);
		OK(ptrace(PTRACE_DETACH, pid, 0, 0) == 0);
		OK(ptrace(PTRACE_ATTACH, pid, 0, 0) == 0 && waitpid(pid, &status, 0) == pid && WSTOPSIG(status) == SIGSTOP);
		OK(ptrace(PTRACE_DETACH, pid, 0, 0) == 0);
	}
	/* Only who is stopped can be let go; it was in the midst of a call. */
	for (int i = 0; i < 50; i++) {
		int let_go = 0;
		OK(ptrace(PTRACE_SEIZE, pid, 0, 0) == 0);
		for (int tries = 0; tries < 20000 && !let_go; tries++) let_go = ptrace(PTRACE_DETACH, pid, 0, 0) == 0;
		OK(let_go || (ptrace(PTRACE_INTERRUPT, pid, 0, 0) == 0 && waitpid(pid, &status, __WALL) == pid && ptrace(PTRACE_DETACH, pid, 0, 0) == 0));
	}
	close(over[0]);
	close(over[1]);
	OK(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(int argc, char **argv) {
	self = argv[0];
	if (argc > 2) return uses_files() != 0 ? 1 : atoi(argv[2]);
	check_begin(argc, argv);
	STOPS(forked(), PTRACE_CONT, 0, "5 exit 3");
	STOPS(vforked(), PTRACE_CONT, 0, "5 exit 4");
	STOPS(vforked(), PTRACE_SYSCALL, PTRACE_O_TRACESYSGOOD, "5 exit 4");
	STOPS(vforked_in_vain(0), PTRACE_CONT, 0, "exit 7");
	STOPS(vforked_in_vain(1), PTRACE_CONT, 0, "exit 7");
	STOPS(vforked_with_too_much(0), PTRACE_CONT, 0, "exit 7");
	STOPS(vforked_with_too_much(1), PTRACE_CONT, 0, "exit 7");
	STOPS(stopped(sends_itself), PTRACE_CONT, 0, "19 10 31 exit 0");
	STOPS(stopped(has_a_child), PTRACE_CONT, PTRACE_O_TRACEEXIT, "19 17 event 6 exit 0");
	STOPS(stopped(counts_calls), PTRACE_SYSCALL, PTRACE_O_TRACESYSGOOD, "19 exit 0");
	STOPS(lender(0), PTRACE_CONT, 0, "19 exit 0");
	STOPS(lender(1), PTRACE_CONT, 0, "19 exit 0");
	OK(check_child(traces_at_once));
	waits();
	attached();
	return check_end();
}
