/* What a program may take from the host, and until when. Linked with libneeded (on the host alone) and libearly (in the image), whose constructor tries first. Usage: phases ELF TEXT SONAME.
 * Prints a line a phase: what of the host's ELF file, its text file and its library by name was to be had. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int needed(void);
int early_elf(void);
int early_text(void);
int early_dlopen(void);

static char **args;

static void try_all(const char *phase) {
	struct stat st;
	int text = open(args[2], O_RDONLY) >= 0 || stat(args[2], &st) == 0 || access(args[1], F_OK) == 0;
	int elf = open(args[1], O_RDONLY) >= 0, by_path = dlopen(args[1], RTLD_NOW) != NULL, by_name = dlopen(args[3], RTLD_NOW) != NULL;
	printf("%s: elf %d text %d dlopen %d name %d\n", phase, elf, text, by_path, by_name);
	fflush(stdout);
}

static void *thread(void *unused) {
	(void)unused;
	try_all("thread");
	return NULL;
}

int main(int argc, char **argv) {
	pthread_t t;
	if (argc != 4) return 2;
	args = argv;
	printf("needed %d\nconstructor: elf %d text %d dlopen %d\n", needed(), early_elf(), early_text(), early_dlopen());
	try_all("main");
	pthread_create(&t, NULL, thread, NULL);
	pthread_join(t, NULL);
	if (fork() == 0) {
		try_all("child");
		_exit(0);
	}
	wait(NULL);
	return 0;
}
