/* Processes that share files: mappings seen by reads and writes and by each other, appends that lose nothing, offsets that are one, locks between processes. Processes wait for each other
 * by pipes. */
#include "../ops/check.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/mman.h>

enum { PAGE = 4096, PAGES = 16, WRITERS = 4, RECORDS = 300 };

static int to_child[2], to_parent[2];

static void tell(int fd) { OK(write(fd, "g", 1) == 1); }
static void await(int fd) {
	char c;
	while (read(fd, &c, 1) < 0 && errno == EINTR)
		;
}

static bool ended_well(pid_t pid) {
	int status = -1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0;
}

/* Each side writes in its own way, the other sees it in every way. */
static void mappings(void) {
	int fd = open("mapped", O_RDWR | O_CREAT | O_TRUNC, 0600);
	OK(ftruncate(fd, PAGES * PAGE) == 0);
	char *map = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	OK(map != MAP_FAILED);
	pid_t pid = fork();
	if (pid == 0) {
		char text[8];
		int own = open("mapped", O_RDWR);
		char *again = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, own, 0);
		await(to_child[0]);
		bool good = again != MAP_FAILED && memcmp(again + 3 * PAGE, "stored", 6) == 0 && memcmp(map + 3 * PAGE, "stored", 6) == 0 &&
			    pread(own, text, 6, 3 * PAGE) == 6 && memcmp(text, "stored", 6) == 0;
		good = good && memcmp(again + 5 * PAGE, "written", 7) == 0;
		memcpy(again + 7 * PAGE, "child", 5);
		good = good && pwrite(own, "CHILD", 5, 9 * PAGE) == 5;
		tell(to_parent[1]);
		await(to_child[0]);
		good = good && again[11 * PAGE] == 0; /* the hole that the parent made */
		_exit(!good);
	}
	memcpy(map + 3 * PAGE, "stored", 6);
	OK(pwrite(fd, "written", 7, 5 * PAGE) == 7 && pwrite(fd, "hole", 4, 11 * PAGE) == 4);
	tell(to_child[1]);
	await(to_parent[0]);
	char text[8];
	OK(memcmp(map + 7 * PAGE, "child", 5) == 0 && memcmp(map + 9 * PAGE, "CHILD", 5) == 0 && pread(fd, text, 5, 7 * PAGE) == 5 && memcmp(text, "child", 5) == 0);
	OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 11 * PAGE, PAGE) == 0 && map[11 * PAGE] == 0);
	tell(to_child[1]);
	OK(ended_well(pid));
	/* a private mapping keeps what it changed to itself */
	char *private = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 3 * PAGE);
	OK(private != MAP_FAILED && memcmp(private, "stored", 6) == 0);
	private[0] = 'P';
	OK(map[3 * PAGE] == 's' && pwrite(fd, "N", 1, 3 * PAGE) == 1 && private[0] == 'P' && map[3 * PAGE] == 'N');
	/* mapped and unlinked, closed: still there */
	close(fd);
	OK(unlink("mapped") == 0 && memcmp(map + 7 * PAGE, "child", 5) == 0);
	map[0] = '!';
	munmap(map, PAGES * PAGE);
	munmap(private, PAGE);
}

static void appends(void) {
	pid_t pids[WRITERS];
	for (int w = 0; w < WRITERS; w++) {
		pids[w] = fork();
		if (pids[w] != 0) continue;
		int fd = open("appended", O_WRONLY | O_CREAT | O_APPEND, 0600);
		char record[16];
		bool good = fd >= 0;
		for (int i = 0; i < RECORDS; i++) {
			int n = snprintf(record, sizeof record, "%d:%05d\n", w, i);
			good = write(fd, record, (size_t)n) == n && good;
		}
		_exit(!good);
	}
	for (int w = 0; w < WRITERS; w++) OK(ended_well(pids[w]));
	FILE *file = fopen("appended", "r");
	int next[WRITERS] = { 0 }, w, i, lines = 0, wrong = 0;
	while (file != NULL && fscanf(file, "%d:%d\n", &w, &i) == 2) {
		lines++;
		if (w < 0 || w >= WRITERS || i != next[w]++) wrong++;
	}
	OK(lines == WRITERS * RECORDS && wrong == 0);
	if (file != NULL) fclose(file);
}

/* One description, one offset: what several processes write through it does not overlap, what they read is given once. */
static void offsets(void) {
	int fd = open("offset", O_RDWR | O_CREAT | O_TRUNC, 0600);
	pid_t pids[WRITERS];
	for (int w = 0; w < WRITERS; w++) {
		pids[w] = fork();
		if (pids[w] != 0) continue;
		bool good = true;
		for (int i = 0; i < RECORDS; i++) good = write(fd, &(char){ (char)('a' + w) }, 1) == 1 && good;
		_exit(!good);
	}
	for (int w = 0; w < WRITERS; w++) OK(ended_well(pids[w]));
	char all[WRITERS * RECORDS + 1];
	int counts[WRITERS] = { 0 };
	OK(lseek(fd, 0, SEEK_CUR) == WRITERS * RECORDS && pread(fd, all, sizeof all, 0) == WRITERS * RECORDS);
	for (int i = 0; i < WRITERS * RECORDS; i++)
		if (all[i] >= 'a' && all[i] < 'a' + WRITERS) counts[all[i] - 'a']++;
	for (int w = 0; w < WRITERS; w++) OK(counts[w] == RECORDS);
	close(fd);
}

static int record(int fd, int command, int type, off_t start, off_t len) {
	struct flock lock = { .l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };
	return fcntl(fd, command, &lock);
}

/* A child holds each kind of lock until it is killed; that frees them. */
static void locks_of_the_killed(void) {
	int fd = open("locked", O_RDWR | O_CREAT, 0600);
	pid_t pid = fork();
	if (pid == 0) {
		int own = open("locked", O_RDWR), whole = open("locked", O_RDWR);
		bool good = record(own, F_SETLK, F_WRLCK, 0, 10) == 0 && record(own, F_OFD_SETLK, F_WRLCK, 20, 10) == 0 && flock(whole, LOCK_EX) == 0;
		OK(write(to_parent[1], good ? "y" : "n", 1) == 1);
		for (;;) pause();
	}
	char answer = 'n';
	OK(read(to_parent[0], &answer, 1) == 1 && answer == 'y');
	struct flock who = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 5, .l_len = 1 };
	OK(fcntl(fd, F_GETLK, &who) == 0 && who.l_type == F_WRLCK && who.l_pid == pid && who.l_start == 0 && who.l_len == 10);
	FAILS(record(fd, F_SETLK, F_RDLCK, 9, 1), EAGAIN);
	FAILS(record(fd, F_OFD_SETLK, F_RDLCK, 25, 1), EAGAIN);
	FAILS(flock(fd, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	OK(record(fd, F_SETLK, F_WRLCK, 10, 10) == 0);
	kill(pid, SIGKILL);
	OK(waitpid(pid, NULL, 0) == pid);
	OK(record(fd, F_SETLKW, F_WRLCK, 0, 10) == 0 && record(fd, F_OFD_SETLKW, F_WRLCK, 20, 10) == 0 && flock(fd, LOCK_EX) == 0);
	close(fd);
}

static int deadlocked(void) {
	int fd = open("dead", O_RDWR);
	if (record(fd, F_SETLK, F_WRLCK, 1, 1) != 0) return 1;
	tell(to_parent[1]);
	return record(fd, F_SETLKW, F_WRLCK, 0, 1) == 0 || errno == EDEADLK ? 0 : 2;
}

/* Each waits for what the other holds: one of them is told. */
static void deadlock(void) {
	int fd = open("dead", O_RDWR | O_CREAT, 0600);
	OK(record(fd, F_SETLK, F_WRLCK, 0, 1) == 0);
	pid_t pid = fork();
	if (pid == 0) _exit(deadlocked());
	await(to_parent[0]);
	OK(record(fd, F_SETLKW, F_WRLCK, 1, 1) == 0 || errno == EDEADLK);
	close(fd);
	OK(ended_well(pid));
}

int main(int argc, char **argv) {
	check_begin(argc, argv);
	OK(pipe(to_child) == 0 && pipe(to_parent) == 0);
	mappings();
	appends();
	offsets();
	locks_of_the_killed();
	deadlock();
	return check_end();
}
