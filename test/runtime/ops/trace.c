/* Tracers: a tracee's file calls stop it no more than natively, however it was made and is waited for. */
#include "check.h"

#include <poll.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>

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

static int ends[2];

static void handles(int signal) { (void)signal; }

/* Calls of every kind: of the kernel's, of a file's, one that fails, one whose result is its number; that wait, are interrupted, are made again. */
static int makes_calls(void) {
	char text[8];
	struct stat st;
	int status;
	sigset_t none, one;
	struct sigaction again = { .sa_handler = handles, .sa_flags = SA_RESTART };
	sigemptyset(&none);
	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	syscall(SYS_getppid);
	int fd = (int)syscall(SYS_open, "called", O_RDWR | O_CREAT, 0600);
	syscall(SYS_write, fd, "text", 4);
	syscall(SYS_pread64, fd, text, 8, 1);
	syscall(SYS_stat, "called", &st);
	syscall(SYS_stat, "nowhere", &st);
	syscall(SYS_stat, 8, &st);
	syscall(SYS_dup2, fd, 33);
	syscall(SYS_dup2, 33, SYS_dup2);
	syscall(SYS_close, fd);
	syscall(SYS_unlink, "called");
	syscall(999);
	syscall(SYS_write, ends[1], "abc", 3);
	syscall(SYS_read, ends[0], text, 8);
	syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 8);
	sigaction(SIGUSR1, &again, NULL);
	sigprocmask(SIG_BLOCK, &one, NULL);
	raise(SIGUSR1);
	syscall(SYS_ppoll, NULL, 0, NULL, &none, 8);
	raise(SIGUSR1);
	syscall(SYS_rt_sigsuspend, &none, 8);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(ends[0], 40);
	syscall(SYS_read, 40, text, 8); /* while it enters, its tracer sends a signal, and gives it something to read when it enters again */
	pid_t pid = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0); /* its end sends no signal */
	if (pid == 0) _exit(5);
	syscall(SYS_wait4, pid, &status, __WALL, NULL);
	return WEXITSTATUS(status);
}

/* Text of a stop of PID for a call, at its entry, or at its exit where FROM has the registers of the entry: "NUMBER", "=RESULT ". Results that differ from run to run are "+". */
static int describes(char *text, pid_t pid, int good, struct user_regs_struct *from, int entry) {
	struct __ptrace_syscall_info info = { 0 };
	struct user_regs_struct at;
	ptrace(PTRACE_GETREGS, pid, 0, &at);
	long nr = (long)(entry ? at.orig_rax : from->orig_rax), result = (long)at.rax;
	int n = 0, op = entry ? PTRACE_SYSCALL_INFO_ENTRY : PTRACE_SYSCALL_INFO_EXIT;
	if (good && ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) > 0 && info.op != op) n += sprintf(text + n, "(op %d)", info.op);
	if (entry) {
		*from = at;
		return n + sprintf(text + n, "%ld", nr);
	}
	int differs = nr == SYS_open || nr == SYS_clone || nr == SYS_getppid || nr == SYS_wait4 || nr == SYS_gettid || nr == SYS_getpid;
	int same = at.rip == from->rip && at.rsp == from->rsp && at.orig_rax == from->orig_rax && at.rdi == from->rdi && at.rsi == from->rsi &&
		   at.rdx == from->rdx && at.r10 == from->r10 && at.r8 == from->r8 && at.r9 == from->r9 && at.rbx == from->rbx && at.rbp == from->rbp;
	if (nr != SYS_rt_sigreturn && !same) n += sprintf(text + n, "(registers)");
	if (result <= -512 && result >= -516) return n + sprintf(text + n, "=restart ");
	return n + sprintf(text + n, differs && result > 0 ? "=+ " : "=%ld ", result);
}

/* The calls of PID under PTRACE_SYSCALL as text, with "sSIGNAL" for a stop for a signal. */
static char *calls(pid_t pid, int options) {
	static char text[2000];
	struct user_regs_struct from;
	int status, entry = 1, reads = 0, good = (options & PTRACE_O_TRACESYSGOOD) != 0;
	size_t n = 0;
	waitpid(pid, NULL, __WALL); /* at its start */
	ptrace(PTRACE_SETOPTIONS, pid, 0, options | PTRACE_O_EXITKILL);
	ptrace(PTRACE_SYSCALL, pid, 0, 0);
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status) && n < sizeof text - 80) {
		int signal = WSTOPSIG(status), call = signal == (good ? SIGTRAP | 0x80 : SIGTRAP);
		if (call) {
			n += (size_t)describes(text + n, pid, good, &from, entry);
			if (entry && from.orig_rax == SYS_read && from.rdi == 40 && (reads++ == 0 ? kill(pid, SIGUSR1) != 0 : write(ends[1], "de", 2) != 2))
				break;
			entry = !entry;
		} else {
			n += (size_t)sprintf(text + n, "s%d ", signal);
		}
		ptrace(PTRACE_SYSCALL, pid, 0, call ? 0 : signal);
	}
	sprintf(text + n, WIFEXITED(status) ? " exit %d" : " killed %d", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return text;
}

static void calls_are(int options, const char *expected) {
	OK(pipe(ends) == 0);
	const char *got = calls(stopped(makes_calls), options);
	if (strcmp(got, expected) != 0) printf("  got      %s\n  expected %s\n", got, expected);
	OK(strcmp(got, expected) == 0);
	close(ends[0]);
	close(ends[1]);
}

#define CROWD 6

static int changes_files(void) {
	char name[40], other[44];
	int bad = 0;
	snprintf(name, sizeof name, "of-%d", getpid());
	snprintf(other, sizeof other, "%s-too", name);
	for (int i = 0; i < 12; i++) {
		int fd = open(name, O_RDWR | O_CREAT | O_APPEND, 0600);
		bad |= fd < 0 || write(fd, "text", 4) != 4 || close(fd) != 0 || rename(name, other) != 0 || unlink(other) != 0;
	}
	return bad;
}

/* Who traces many and keeps a record of each stop, as strace does with -f -o FILE. */
static void keeps_a_record(void) {
	int status, left = CROWD, fd = open("record", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600), entries = 0, exits = 0;
	for (int i = 0; i < CROWD; i++) stopped(changes_files);
	while (left > 0) {
		pid_t pid = waitpid(-1, &status, __WALL);
		if (pid < 0) break;
		OK(write(fd, "a stop\n", 7) == 7);
		if (!WIFSTOPPED(status)) {
			OK(status == 0);
			left--;
			continue;
		}
		struct user_regs_struct at;
		ptrace(PTRACE_GETREGS, pid, 0, &at);
		if (WSTOPSIG(status) == SIGSTOP)
			ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
		else if (at.rax == (unsigned long long)-ENOSYS)
			entries++;
		else
			exits++;
		ptrace(PTRACE_SYSCALL, pid, 0, 0);
	}
	OK(left == 0 && entries == exits + CROWD); /* of exit_group there is no exit */
	close(fd);
	OK(unlink("record") == 0);
}

/* SIGSYS is blocked where a tracee stands in the midst of the runtime's work. */
static int stands_in_itself(pid_t pid) {
	unsigned long long blocked = 0;
	return ptrace(PTRACE_GETSIGMASK, pid, sizeof blocked, &blocked) == 0 && (blocked >> (SIGSYS - 1) & 1) == 0;
}

/* Who stops others that change files, and changes files himself. */
static void stops_the_busy(void) {
	char c;
	int status, over[2];
	pid_t pids[3];
	OK(pipe(over) == 0);
	for (int i = 0; i < 3; i++) {
		pids[i] = fork();
		if (pids[i] != 0) continue;
		close(over[1]);
		fcntl(over[0], F_SETFL, O_NONBLOCK);
		while (read(over[0], &c, 1) < 0)
			if (changes_files() != 0) _exit(1);
		_exit(0);
	}
	for (int i = 0; i < 90; i++) {
		pid_t pid = pids[i % 3];
		int good = 1;
		if (i % 2 == 0) {
			good = ptrace(PTRACE_ATTACH, pid, 0, 0) == 0 && waitpid(pid, &status, __WALL) == pid && WSTOPSIG(status) == SIGSTOP && status >> 16 == 0;
		} else {
			good = ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD) == 0 && ptrace(PTRACE_INTERRUPT, pid, 0, 0) == 0 &&
			       waitpid(pid, &status, __WALL) == pid && status >> 16 == 128 /* PTRACE_EVENT_STOP */;
		}
		good = good && stands_in_itself(pid) && uses_files() == 0 && ptrace(PTRACE_SYSCALL, pid, 0, 0) == 0 && waitpid(pid, &status, __WALL) == pid;
		good = good && (WSTOPSIG(status) & 0x7f) == SIGTRAP && uses_files() == 0 && ptrace(PTRACE_SYSCALL, pid, 0, 0) == 0 && kill(pid, SIGSTOP) == 0;
		while (good && waitpid(pid, &status, __WALL) == pid && WSTOPSIG(status) != SIGSTOP) good = ptrace(PTRACE_CONT, pid, 0, 0) == 0;
		good = good && stands_in_itself(pid) && uses_files() == 0 && ptrace(PTRACE_DETACH, pid, 0, 0) == 0;
		OK(good);
	}
	close(over[0]);
	close(over[1]);
	for (int i = 0; i < 3; i++) OK(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
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
#define CALLS                                                                                                                                                  \
	"110=+ 2=+ 1=4 17=3 4=0 4=-2 4=-14 33=33 33=33 3=0 87=0 999=-38 1=3 0=3 13=0 13=0 14=0 186=+ 39=+ 234=0 271=restart s10 15=-4 186=+ 39=+ 234=0 "       \
	"130=restart "                                                                                                                                         \
	"s10 15=-4 14=0 33=40 0=restart s10 15=0 0=2 56=+ 61=+ 231 exit 5"
	calls_are(PTRACE_O_TRACESYSGOOD, CALLS);
	calls_are(0, CALLS);
	waits();
	attached();
	keeps_a_record();
	stops_the_busy();
	return check_end();
}
