/* Keeps everything busy that might leave something on the host: FIFOs, sockets with paths, shared memory, semaphores, mappings, locks, nameless and removed files, in a tree of
 * processes that goes on until it is killed. Usage: remains DIR MARK; MARK is in the names and contents that a trace would show. Prints "ready" once all of it is in use. */
#include "../ops/check.h"

#include <semaphore.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

static const char *mark;

static const char *named(const char *kind, int number) {
	static char name[4][128];
	static int next;
	char *out = name[next++ % 4];
	snprintf(out, sizeof name[0], "%s-%s-%d", mark, kind, number);
	return out;
}

/* Everything once; false where something failed. */
static int use(int number) {
	char path[160];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int good = 1;
	good &= mkfifo(named("fifo", number), 0600) == 0;
	int fifo = open(named("fifo", number), O_RDWR);
	good &= fifo >= 0 && write(fifo, mark, 4) == 4;
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", named("socket", number));
	good &= bind(s, (struct sockaddr *)&address, sizeof address) == 0 && listen(s, 1) == 0;
	snprintf(path, sizeof path, "/%s", named("shm", number));
	int shm = shm_open(path, O_RDWR | O_CREAT, 0600);
	good &= shm >= 0 && ftruncate(shm, 1 << 20) == 0;
	char *map = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, shm, 0);
	good &= map != MAP_FAILED;
	if (map != MAP_FAILED)
		for (int i = 0; i < 256; i++) strcpy(map + i * 4096, mark);
	snprintf(path, sizeof path, "/%s", named("sem", number));
	good &= sem_open(path, O_CREAT, 0600, 1) != SEM_FAILED;
	int file = open(named("file", number), O_RDWR | O_CREAT, 0600), nameless = open(".", O_TMPFILE | O_RDWR, 0600),
	    removed = open(named("removed", number), O_RDWR | O_CREAT, 0600);
	good &= write(file, mark, strlen(mark)) > 0 && write(nameless, mark, strlen(mark)) > 0 && write(removed, mark, strlen(mark)) > 0 &&
		unlink(named("removed", number)) == 0;
	struct flock lock = { .l_type = F_WRLCK };
	good &= flock(file, LOCK_EX) == 0 && fcntl(removed, F_SETLK, &lock) == 0;
	snprintf(path, sizeof path, "/tmp/%s.XXXXXX", named("temp", number));
	good &= mkstemp(path) >= 0;
	return good;
}

/* Never stops making and removing. */
static void churn(int number) {
	for (;;) {
		char path[160];
		snprintf(path, sizeof path, "%s", named("churn", number));
		int fd = open(path, O_RDWR | O_CREAT, 0600);
		unlink(path);
		check_put(path, mark);
		rename(path, named("churned", number));
		if (fd >= 0) close(fd);
		int s = socket(AF_UNIX, SOCK_DGRAM, 0);
		struct sockaddr_un address = { .sun_family = AF_UNIX };
		snprintf(address.sun_path, sizeof address.sun_path, "%s", named("dgram", number));
		bind(s, (struct sockaddr *)&address, sizeof address);
		unlink(address.sun_path);
		close(s);
		mkfifo(named("pipe", number), 0600);
		fd = open(named("pipe", number), O_RDWR);
		unlink(named("pipe", number));
		if (fd >= 0) close(fd);
	}
}

int main(int argc, char **argv) {
	if (argc < 3) return 2;
	mark = argv[2];
	check_begin(argc, argv);
	setsid(); /* all of the tree is one session, by which the test finds it */
	int good = use(0), ready[2];
	OK(pipe(ready) == 0);
	for (int child = 1; child <= 4; child++) {
		if (fork() != 0) continue;
		char answer = use(child) ? 'y' : 'n';
		if (child == 4 && fork() == 0) churn(100);
		OK(write(ready[1], &answer, 1) == 1);
		churn(child);
	}
	for (int child = 1; child <= 4; child++) {
		char answer = 'n';
		good &= read(ready[0], &answer, 1) == 1 && answer == 'y';
	}
	printf("%s %d\n", good ? "ready" : "failed", getpid());
	fflush(stdout);
	churn(0);
}
