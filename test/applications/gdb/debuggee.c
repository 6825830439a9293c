/* What is debugged: calls, files, threads, a child; and one that waits to be looked into. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int x = 41;
volatile int go_on;

static int square(int n) {
	x = n * n;
	return x;
}

static int depth(int n) { return n == 0 ? square(7) : depth(n - 1) + 1; }

static void *reads(void *arg) {
	char line[64];
	FILE *file = fopen("/etc/passwd", "r");
	if (file == NULL || fgets(line, sizeof line, file) == NULL) abort();
	fclose(file);
	*(long *)arg += (long)strlen(line) > 0;
	return NULL;
}

static void waits(void) {
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0); /* where only ancestors may trace */
	if (write(3, "ready\n", 6) != 6 || close(3) != 0) abort();
	while (go_on == 0) sleep(1);
	printf("x is %d\n", x);
}

static void ends(int signal) {
	(void)signal;
	go_on = 1;
}

static void *changes(void *arg) {
	char name[40];
	snprintf(name, sizeof name, "busy-%d-%ld", getpid(), *(long *)arg);
	while (go_on == 0) {
		int fd = open(name, O_RDWR | O_CREAT | O_APPEND, 0600);
		if (fd < 0 || write(fd, "text", 4) != 4 || close(fd) != 0 || unlink(name) != 0) abort();
	}
	return NULL;
}

static void is_busy(void) {
	pthread_t thread;
	long other = 1, this = 2;
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	signal(SIGTERM, ends);
	pthread_create(&thread, NULL, changes, &other);
	changes(&this);
	pthread_join(thread, NULL);
	puts("busy to the end");
}

int main(int argc, char **argv) {
	const char *how = argc > 1 ? argv[1] : "";
	if (strcmp(how, "waits") == 0) waits();
	if (strcmp(how, "busy") == 0) is_busy();
	if (strcmp(how, "crashes") == 0) *(volatile int *)0 = depth(2);
	for (int i = 0; i < 3; i++) {
		long count = i;
		pthread_t thread;
		if (pthread_create(&thread, NULL, reads, &count) != 0 || pthread_join(thread, NULL) != 0) abort();
		printf("thread %d: %ld\n", i, count);
	}
	pid_t pid = fork();
	int status = 0;
	if (pid == 0) _exit(depth(3) == 52 ? 5 : 6);
	if (waitpid(pid, &status, 0) != pid) abort();
	printf("child: %d, depth: %d, %s\n", WEXITSTATUS(status), depth(1), how);
	return 3;
}
