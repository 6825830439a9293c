/* What is debugged: calls, files, threads, a child; and one that waits to be looked into. */
#include <pthread.h>
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

int main(int argc, char **argv) {
	const char *how = argc > 1 ? argv[1] : "";
	if (strcmp(how, "waits") == 0) waits();
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
