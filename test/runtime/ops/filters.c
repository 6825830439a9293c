/* Seccomp filters of the program's own: each judges the calls that the program makes, as it makes them, and none that are made for it. */
#include "check.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IF(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (skip))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (action))

static int add(const struct sock_filter *code, size_t count, unsigned flags) {
	struct sock_fprog program = { (unsigned short)count, (struct sock_filter *)(uintptr_t)code };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}
/* ACTION for one number, all else allowed. */
static int add_one(int nr, uint32_t action) {
	const struct sock_filter code[] = { LOAD(nr), IF((uint32_t)nr, 1), RETURN(action), RETURN(SECCOMP_RET_ALLOW) };
	return add(code, 4, 0);
}
/* What a server's sandbox lets its worker do: use what is open, and end. All else has ACTION. */
static int add_sandbox(uint32_t action) {
	const struct sock_filter code[] = { LOAD(nr), IF(SYS_read, 1), RETURN(SECCOMP_RET_ALLOW), IF(SYS_write, 1), RETURN(SECCOMP_RET_ALLOW), IF(SYS_close, 1),
		RETURN(SECCOMP_RET_ALLOW), IF(SYS_exit_group, 1), RETURN(SECCOMP_RET_ALLOW), RETURN(action) };
	return add(code, sizeof code / sizeof *code, 0);
}

static int use_open_files(void) {
	char byte[2] = "";
	int in = open("in", O_RDONLY), out = open("out", O_WRONLY | O_CREAT | O_APPEND, 0600), ends[2];
	if (in < 0 || out < 0 || pipe(ends) != 0) return 1;
	return add_sandbox(SECCOMP_RET_KILL_PROCESS) != 0 || read(in, byte, 1) != 1 || byte[0] != 'a' || read(in, byte, 1) != 1 || byte[0] != 'b' ||
	       write(out, "x", 1) != 1 || write(ends[1], "p", 1) != 1 || read(ends[0], byte, 1) != 1 || close(in) != 0 || close(ends[0]) != 0;
}
static int others_refused(void) {
	char byte;
	int in = open("in", O_RDONLY);
	if (add_sandbox(SECCOMP_RET_ERRNO | EXDEV) != 0 || read(in, &byte, 1) != 1) return 1;
	errno = 0;
	if (open("in", O_RDONLY) != -1 || errno != EXDEV) return 2;
	errno = 0;
	if (lseek(in, 0, SEEK_SET) != -1 || errno != EXDEV) return 3;
	return read(in, &byte, 1) != 1 || byte != 'b';
}
static int others_kill(void) {
	if (add_sandbox(SECCOMP_RET_KILL_PROCESS) != 0) return 0;
	unlink("in");
	return 0;
}

static int opens_fail_here_and_after_exec(void) {
	if (add_one(SYS_openat, SECCOMP_RET_ERRNO | EXDEV) != 0 || open("in", O_RDONLY) != -1 || errno != EXDEV || access("in", R_OK) != 0) return 1;
	char *arguments[] = { "filters", "opens-fail", NULL };
	execv("/proc/self/exe", arguments);
	return 2;
}
/* A static program needs little: what it does not need may be forbidden to it. */
static int starts_in_sandbox(void) {
	static const int allowed[] = { SYS_execve, SYS_read, SYS_write, SYS_exit_group, SYS_brk, SYS_mmap, SYS_mprotect, SYS_arch_prctl, SYS_set_tid_address,
		SYS_set_robust_list, SYS_rseq, SYS_prlimit64, SYS_readlink, SYS_readlinkat, SYS_getrandom, SYS_newfstatat };
	struct sock_filter code[2 + 2 * sizeof allowed / sizeof *allowed];
	size_t n = 0;
	code[n++] = (struct sock_filter)LOAD(nr);
	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
		code[n++] = (struct sock_filter)IF((uint32_t)allowed[i], 1);
		code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	}
	code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS);
	char *arguments[] = { "filters", "in-sandbox", NULL };
	if (add(code, n, 0) == 0) execv("/proc/self/exe", arguments);
	return 1;
}
static int pretended(void) {
	int fd = open("in", O_RDONLY);
	char byte;
	return add_one(SYS_close, SECCOMP_RET_ERRNO | 0) != 0 || close(fd) != 0 || read(fd, &byte, 1) != 1;
}
static int last_added_is_heard(void) {
	return add_one(SYS_mkdir, SECCOMP_RET_ERRNO | EXDEV) != 0 || mkdir("d", 0700) != -1 || errno != EXDEV || add_one(SYS_mkdir, SECCOMP_RET_ERRNO | ENOTTY) != 0 ||
	       mkdir("d", 0700) != -1 || errno != ENOTTY || add_one(SYS_mkdir, SECCOMP_RET_ALLOW) != 0 || mkdir("d", 0700) != -1 || errno != ENOTTY;
}
static int arguments_are_the_program_s(void) {
	const struct sock_filter code[] = { LOAD(nr), IF(SYS_lseek, 3), LOAD(args[2]), IF(SEEK_END, 1), RETURN(SECCOMP_RET_ERRNO | EXDEV), RETURN(SECCOMP_RET_ALLOW) };
	int fd = open("in", O_RDONLY);
	return add(code, 6, 0) != 0 || lseek(fd, 1, SEEK_SET) != 1 || lseek(fd, 0, SEEK_END) != -1 || errno != EXDEV || lseek(fd, 0, SEEK_CUR) != 1;
}
/* A filter begins with 0 in the accumulator. */
static int returns_accumulator(void) {
	const struct sock_filter code[] = { BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ALLOW), BPF_STMT(BPF_RET | BPF_A, 0) };
	return add(code, 2, 0) != 0 || access("in", R_OK) != 0;
}

static volatile int handled, handled_errno;
static void answer(int sig, siginfo_t *info, void *context) {
	(void)sig;
	struct stat st;
	handled_errno = info->si_errno;
	if (info->si_syscall == SYS_openat && stat("in", &st) == 0) handled++;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = -ENOTTY;
}
static int handler_answers(void) {
	const struct sigaction action = { .sa_sigaction = answer, .sa_flags = SA_SIGINFO };
	return sigaction(SIGSYS, &action, NULL) != 0 || add_one(SYS_openat, SECCOMP_RET_TRAP | 77) != 0 || open("in", O_RDONLY) != -1 || errno != ENOTTY ||
	       handled != 1 || handled_errno != 77 || access("in", R_OK) != 0;
}

static int begun[2], added[2];
static void *other_thread(void *result) {
	char byte;
	if (write(begun[1], "b", 1) != 1 || read(added[0], &byte, 1) != 1) return NULL;
	*(int *)result = open("in", O_RDONLY) == -1 && errno == EXDEV;
	return NULL;
}
static int all_threads(void) {
	const struct sock_filter code[] = { LOAD(nr), IF(SYS_openat, 1), RETURN(SECCOMP_RET_ERRNO | EXDEV), RETURN(SECCOMP_RET_ALLOW) };
	pthread_t thread;
	int result = 0;
	char byte;
	if (pipe(begun) != 0 || pipe(added) != 0 || pthread_create(&thread, NULL, other_thread, &result) != 0 || read(begun[0], &byte, 1) != 1) return 1;
	if (add(code, 4, SECCOMP_FILTER_FLAG_TSYNC) != 0 || write(added[1], "a", 1) != 1 || pthread_join(thread, NULL) != 0) return 2;
	return !result;
}

/* PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN: it may be refused, as kernels before 6.3 do. */
static int starts_without_exec_gain(void) {
	prctl(65, 1, 0, 0, 0);
	execl("/proc/self/exe", "filters", "in-sandbox", (char *)NULL);
	return 1;
}

static void refused(void) {
	const struct sock_filter good[] = { RETURN(SECCOMP_RET_ALLOW) }, endless[] = { BPF_STMT(BPF_JMP | BPF_JA, 5), RETURN(SECCOMP_RET_ALLOW) };
	FAILS(add(good, 0, 0), EINVAL);
	FAILS(add(good, BPF_MAXINSNS + 1, 0), EINVAL);
	FAILS(add(endless, 2, 0), EINVAL);
	FAILS(add((const struct sock_filter *)8, 1, 0), EFAULT);
	FAILS(add(good, 1, 1u << 31), EINVAL);
	FAILS(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, 8), EFAULT);
	FAILS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, 8), EFAULT);
	uint32_t action = SECCOMP_RET_TRAP;
	OK(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0);
}

static int killed(int (*body)(void)) {
	int status = 0;
	pid_t pid = fork();
	if (pid == 0) _exit(body());
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

int main(int argc, char **argv) {
	if (argc > 1 && strcmp(argv[1], "opens-fail") == 0) return access("in", R_OK) != 0 || open("in", O_RDONLY) != -1 || errno != EXDEV;
	if (argc > 1 && strcmp(argv[1], "in-sandbox") == 0) return write(-1, "", 1) != -1 || errno != EBADF;
	check_begin(argc, argv);
	OK(check_put("in", "abc") == 0);
	OK(check_child(use_open_files));
	OK(check_holds("out", "x"));
	OK(check_child(others_refused));
	OK(killed(others_kill) && check_exists("in"));
	OK(check_child(opens_fail_here_and_after_exec));
	OK(check_child(starts_in_sandbox));
	OK(check_child(starts_without_exec_gain));
	OK(check_child(pretended));
	OK(check_child(last_added_is_heard));
	OK(check_child(arguments_are_the_program_s));
	OK(check_child(returns_accumulator));
	OK(check_child(handler_answers));
	OK(check_child(all_threads));
	refused();
	OK(check_holds("in", "abc")); /* no filter was this process's */
	return check_end();
}
