/* What starting programs costs: processor time of parent and children together, run natively and in an image.
 * gcc -O1 -static bench/processes.c, packed together with the programs that it is to start. Usage: processes HOW NUMBER PROGRAM [ARGS]; HOW is fork, vfork or spawn (posix_spawn). Prints µs a program. */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static double cpu(int who) {
	struct rusage u;
	getrusage(who, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static pid_t start(const char *how, char **argv) {
	pid_t child = -1;
	if (strcmp(how, "spawn") == 0) return posix_spawn(&child, argv[0], NULL, NULL, argv, environ) == 0 ? child : -1;
	child = strcmp(how, "vfork") == 0 ? vfork() : fork();
	if (child == 0) {
		execve(argv[0], argv, environ);
		_exit(127);
	}
	return child;
}

int main(int argc, char **argv) {
	long number = argc > 3 ? atol(argv[2]) : 0;
	if (number <= 0) return 2;
	double before = cpu(RUSAGE_SELF) + cpu(RUSAGE_CHILDREN);
	for (long i = 0; i < number; i++) {
		int status;
		pid_t child = start(argv[1], argv + 3);
		if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
			fprintf(stderr, "%s does not end with status 0\n", argv[3]);
			return 1;
		}
	}
	printf("%.0f\n", (cpu(RUSAGE_SELF) + cpu(RUSAGE_CHILDREN) - before) / (double)number);
	return 0;
}
