/* Signals against file calls: handlers of every kind that read files, jumps out of them, small alternate stacks, timers, SIGSYS as the program's own signal, cancellation.
 * Passes natively too. Usage: signals DIR. Prints "N passed, N failed". */
#define _GNU_SOURCE
#include "../ops/check.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>

static const char *file; /* holds "text" */
static atomic_int handled, wrong;

static void use_file(void) {
	char buffer[16];
	int fd = open(file, O_RDONLY);
	struct stat st;
	if (fd < 0 || read(fd, buffer, sizeof buffer) != 4 || memcmp(buffer, "text", 4) != 0 || fstat(fd, &st) != 0 || st.st_size != 4) wrong++;
	if (fd >= 0) close(fd);
}

static void on_signal(int sig) {
	(void)sig;
	int saved = errno;
	use_file();
	handled++;
	errno = saved;
}

static void install(int sig, void (*handler)(int), int flags) {
	struct sigaction act = { .sa_handler = handler, .sa_flags = flags };
	sigfillset(&act.sa_mask);
	if (sigaction(sig, &act, NULL) != 0) wrong++;
}

static sigjmp_buf back;
static void jump_out(int sig) {
	use_file();
	siglongjmp(back, sig);
}

static void jumps(int sig) {
	install(sig, jump_out, 0);
	volatile int rounds = 0;
	for (; rounds < 500; rounds++) {
		if (sigsetjmp(back, 1) == 0) {
			use_file();
			raise(sig);
			wrong++;
		}
	}
	OK(rounds == 500 && wrong == 0);
	signal(sig, SIG_DFL);
}

static void sigsys(void) {
	int before = handled;
	install(SIGSYS, on_signal, 0);
	OK(kill(getpid(), SIGSYS) == 0);
	OK(handled == before + 1 && wrong == 0);
	install(SIGSYS, on_signal, SA_RESETHAND | SA_SIGINFO);
	raise(SIGSYS);
	OK(handled == before + 2 && wrong == 0);
	struct sigaction now;
	OK(sigaction(SIGSYS, NULL, &now) == 0 && now.sa_handler == SIG_DFL);
	signal(SIGSYS, SIG_IGN);
	raise(SIGSYS);
	use_file();
	OK(wrong == 0);
	pid_t child = fork();
	if (child == 0) {
		signal(SIGSYS, SIG_DFL);
		raise(SIGSYS);
		_exit(0);
	}
	int status = 0;
	OK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

/* A program's own filter that traps a harmless call: its handler answers. */
static void answer(int sig, siginfo_t *info, void *context) {
	(void)sig;
	use_file();
	if (info->si_syscall == SYS_getppid) ((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = 4711;
	handled++;
}

static int own_filter(void) {
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof code / sizeof *code, code };
	struct sigaction act = { .sa_sigaction = answer, .sa_flags = SA_SIGINFO };
	if (sigaction(SIGSYS, &act, NULL) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		return 1;
	if (syscall(SYS_getppid) != 4711) return 2;
	use_file();
	return wrong == 0 ? 0 : 3;
}

static int user_dispatch(void) {
	static char selector = 0; /* allow */
	if (prctl(59 /* PR_SET_SYSCALL_USER_DISPATCH */, 1, 0, 0, &selector) != 0) return errno == EINVAL ? 0 : 1;
	selector = 0;
	use_file();
	return wrong == 0 ? 0 : 2;
}

/* Handlers on an alternate stack of the size that the kernel asks for. */
static void *on_small_stack(void *size) {
	stack_t stack = { .ss_sp = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), .ss_size = (size_t)size };
	if (sigaltstack(&stack, NULL) != 0) wrong++;
	for (int i = 0; i < 50; i++) {
		use_file();
		raise(SIGUSR1);
	}
	return NULL;
}

static atomic_bool stop;
static void *work(void *unused) {
	(void)unused;
	while (!stop) use_file();
	return NULL;
}

static void timers(void) {
	enum { THREADS = 50 };
	pthread_t threads[THREADS];
	int before = handled;
	install(SIGALRM, on_signal, SA_RESTART);
	install(SIGPROF, on_signal, SA_RESTART | SA_NODEFER);
	struct itimerval every = { { 0, 1000 }, { 0, 1000 } }, none = { 0 };
	setitimer(ITIMER_REAL, &every, NULL);
	setitimer(ITIMER_PROF, &every, NULL);
	for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, work, NULL);
	while (handled < before + 200) usleep(1000);
	stop = true;
	for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
	setitimer(ITIMER_REAL, &none, NULL);
	setitimer(ITIMER_PROF, &none, NULL);
	OK(wrong == 0);
}

static atomic_bool cleaned;
static void clean(void *unused) {
	(void)unused;
	cleaned = true;
}
static void *block(void *fd) {
	char byte;
	pthread_cleanup_push(clean, NULL);
	use_file();
	if (read(*(int *)fd, &byte, 1) != 1) wrong++;
	pthread_cleanup_pop(0);
	return NULL;
}
static void cancel(void) {
	int pipe_fds[2];
	pthread_t thread;
	void *result = NULL;
	OK(pipe(pipe_fds) == 0);
	for (int i = 0; i < 20; i++) {
		pthread_create(&thread, NULL, block, &pipe_fds[0]);
		if (i % 2 == 0) usleep(200);
		pthread_cancel(thread);
		pthread_join(thread, &result);
		if (result != PTHREAD_CANCELED) wrong++;
	}
	OK(wrong == 0 && cleaned);
}

/* A handler that returns with every signal blocked in the mask that it was given. */
static int full_waits(void) {
	sigset_t all;
	sigfillset(&all);
	struct timespec soon = { 0, 1000000 };
	pselect(0, NULL, NULL, NULL, &soon, &all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	use_file();
	sigset_t now;
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	use_file();
	return wrong == 0 && sigismember(&now, SIGTERM) == 1 ? 0 : 1;
}

int main(int argc, char **argv) {
	check_begin(argc, argv);
	OK(check_put("file", "text") == 0);
	static char path[PATH_MAX];
	OK(getcwd(path, sizeof path - 8) != NULL);
	file = strcat(path, "/file");
	jumps(SIGUSR1);
	jumps(SIGSYS);
	sigsys();
	OK(check_child(own_filter));
	OK(check_child(user_dispatch));
	OK(check_child(full_waits));
	install(SIGUSR1, on_signal, SA_ONSTACK);
	for (size_t size = 16384; size <= 65536; size *= 2) {
		pthread_t thread;
		pthread_create(&thread, NULL, on_small_stack, (void *)size);
		pthread_join(thread, NULL);
		OK(wrong == 0);
	}
	timers();
	cancel();
	return check_end();
}
