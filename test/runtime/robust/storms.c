/* Signals that come at any instruction: a timer of 100 µs whose handlers use files, return or jump out; cancellation in blocking and file calls; masks that block everything.
 * Passes natively too. Usage: storms DIR IMAGE-FILE. Prints "N passed, N failed". */
#define _GNU_SOURCE
#include "../ops/check.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/select.h>
#include <sys/time.h>

static const char *image_file; /* holds "image\n" */
static atomic_int wrong, handled;

static void use_image(void) {
	char buffer[16];
	struct stat st;
	int fd = open(image_file, O_RDONLY);
	if (fd < 0 || read(fd, buffer, sizeof buffer) != 6 || fstat(fd, &st) != 0 || st.st_size != 6) wrong++;
	if (fd >= 0) close(fd);
}
static void use_files(void) {
	char buffer[16];
	use_image();
	int fd = open("shared", O_RDWR);
	if (fd < 0 || pwrite(fd, "text", 4, 0) != 4 || pread(fd, buffer, 8, 0) != 4) wrong++;
	if (fd >= 0) close(fd);
}
static void on_signal(int sig) {
	(void)sig;
	int saved = errno;
	use_files();
	handled++;
	errno = saved;
}

static void timer(long microseconds) {
	struct itimerval every = { { 0, microseconds }, { 0, microseconds } };
	setitimer(ITIMER_REAL, &every, NULL);
}

/* Handlers that return, with and without SA_RESTART, on the alternate stack and nested. */
static void returning(void) {
	static char stack[65536];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack };
	sigaltstack(&alternate, NULL);
	int flags[] = { SA_RESTART, 0, SA_ONSTACK | SA_RESTART };
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		struct sigaction act = { .sa_handler = on_signal, .sa_flags = flags[i] };
		sigaction(SIGALRM, &act, NULL);
		int until = handled + 1000;
		timer(100);
		while (handled < until) use_files();
		timer(0);
		OK(wrong == 0);
	}
	alternate.ss_flags = SS_DISABLE;
	sigaltstack(&alternate, NULL);
}

/* Handlers that never return: whatever call they came in, nothing stays locked or half done. Descriptors of calls that were jumped out of are lost, natively too: closed again each round. */
static sigjmp_buf back;
static volatile sig_atomic_t armed;
static void jump_out(int sig) {
	if (!armed) return;
	armed = 0;
	if (handled++ % 3 == 0) use_image();
	siglongjmp(back, sig);
}
static void jumping(void) {
	struct sigaction act = { .sa_handler = jump_out };
	sigaction(SIGALRM, &act, NULL);
	int until = handled + 3000;
	struct stat st;
	timer(100);
	for (volatile long round = 0; handled < until; round++) {
		if (sigsetjmp(back, 1) == 0) {
			armed = 1;
			for (;;) {
				int fd = open(round % 2 == 0 ? "victim" : image_file, O_RDONLY | O_CREAT, 0600);
				if (fd >= 0) close(fd);
				if (stat("shared", &st) != 0 || st.st_size != 4) wrong++;
				if (rename("shared", "renamed") == 0) rename("renamed", "shared");
				unlink("victim");
			}
		}
		rename("renamed", "shared"); /* where the jump came between the two */
		for (int fd = 3; fd < 60; fd++) close(fd);
	}
	timer(0);
	signal(SIGALRM, SIG_DFL);
	use_files();
	OK(wrong == 0);
}

/* Every mask that blocks all there is, and calls that wait with one. */
static void masks(void) {
	sigset_t all, none, now, wait_for;
	struct timespec soon = { 0, 1000 };
	int sig;
	sigfillset(&all);
	sigemptyset(&none);
	sigemptyset(&wait_for);
	sigaddset(&wait_for, SIGUSR1);
	struct sigaction act = { .sa_handler = on_signal };
	sigfillset(&act.sa_mask);
	sigaction(SIGUSR1, &act, NULL);
	sigaction(SIGUSR2, &act, NULL);
	for (int i = 0; i < 200; i++) {
		int before = handled;
		OK(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
		use_files();
		raise(SIGUSR1);
		use_files();
		OK(handled == before && sigwait(&wait_for, &sig) == 0 && sig == SIGUSR1);
		raise(SIGUSR2);
		OK(sigsuspend(&none) == -1 && errno == EINTR && handled == before + 1);
		raise(SIGUSR2);
		OK(ppoll(NULL, 0, &soon, &none) == -1 && errno == EINTR && handled == before + 2);
		raise(SIGUSR2);
		OK(pselect(0, NULL, NULL, NULL, &soon, &none) == -1 && errno == EINTR && handled == before + 3);
		OK(ppoll(NULL, 0, &soon, &all) == 0 && pselect(0, NULL, NULL, NULL, &soon, &all) == 0);
		use_files();
		OK(sigprocmask(SIG_SETMASK, NULL, &now) == 0 && sigismember(&now, SIGTERM) == 1 && sigismember(&now, SIGUSR1) == 1);
		OK(sigprocmask(SIG_SETMASK, &none, NULL) == 0);
		use_files();
	}
	OK(wrong == 0);
}

/* Threads that are cancelled while they read a pipe, open or read a FIFO, or are in the midst of file calls. */
static int pipe_fds[2];
static atomic_int ready, cleaned;
static void clean(void *unused) {
	(void)unused;
	use_files();
	cleaned++;
}
static void *victim(void *kind) {
	char byte;
	pthread_cleanup_push(clean, NULL);
	ready++;
	switch ((long)kind) {
	case 0: read(pipe_fds[0], &byte, 1); break;
	case 1: open("fifo", O_RDONLY); break;
	case 2: {
		int fd = open("fifo", O_RDWR);
		read(fd, &byte, 1);
		break;
	}
	default:
		for (;;) use_files(); /* its calls are cancellation points */
	}
	wrong++;
	pthread_cleanup_pop(0);
	return NULL;
}
static void cancellation(void) {
	OK(pipe(pipe_fds) == 0 && mkfifo("fifo", 0600) == 0);
	for (long i = 0; i < 200; i++) {
		pthread_t thread;
		void *result = NULL;
		int before = ready;
		pthread_create(&thread, NULL, victim, (void *)(i % 4));
		while (ready == before) sched_yield();
		for (long k = 0; k < i % 7; k++) sched_yield();
		pthread_cancel(thread);
		pthread_join(thread, &result);
		if (result != PTHREAD_CANCELED) wrong++;
		for (int fd = 5; fd < 40; fd++) close(fd);
	}
	OK(cleaned == 200 && wrong == 0);
}

int main(int argc, char **argv) {
	if (argc != 3) return 2;
	image_file = argv[2];
	check_begin(2, argv);
	OK(check_put("shared", "text") == 0);
	returning();
	jumping();
	masks();
	cancellation();
	return check_end();
}
