/* flock, POSIX record locks and open file description locks, between descriptors and between processes. */
#include "check.h"

#include <signal.h>
#include <sys/file.h>

static int fd;

static int lock(int on, int cmd, short type, off_t start, off_t len) {
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };
	return fcntl(on, cmd, &fl);
}

/* Child: is byte 5 locked against writing, by whom? */
static int child_sees_lock(void) {
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 5, .l_len = 1 };
	if (lock(fd, F_SETLK, F_WRLCK, 5, 1) != -1 || (errno != EAGAIN && errno != EACCES)) return 1;
	if (fcntl(fd, F_GETLK, &fl) != 0 || fl.l_type != F_WRLCK || fl.l_pid != getppid() || fl.l_start != 2 || fl.l_len != 10) return 2;
	return lock(fd, F_SETLK, F_WRLCK, 12, 1) != 0;
}

static int child_locks(void) { return lock(fd, F_SETLK, F_WRLCK, 5, 1); }

static int child_sees_own_file_only(void) {
	int other = open("other", O_RDWR | O_CREAT, 0600);
	return lock(other, F_SETLK, F_WRLCK, 0, 0);
}

static int child_waits_for_flock(void) {
	int mine = open("f", O_RDWR);
	return flock(mine, LOCK_EX);
}

static int child_waits_for_posix(void) { return lock(fd, F_SETLKW, F_WRLCK, 0, 0); }

static void posix_locks(void) {
	OK(lock(fd, F_SETLK, F_WRLCK, 2, 10) == 0);
	OK(check_child(child_sees_lock));
	OK(check_child(child_sees_own_file_only));
	OK(lock(fd, F_SETLK, F_UNLCK, 5, 1) == 0 && check_child(child_locks)); /* the middle of the range */
	OK(lock(fd, F_SETLK, F_WRLCK, 2, 10) == 0);
	/* closing any descriptor of the file releases */
	int twin = open("f", O_RDONLY);
	close(twin);
	OK(check_child(child_locks));
	twin = open("f", O_RDONLY);
	FAILS(lock(twin, F_SETLK, F_WRLCK, 0, 1), EBADF);
	OK(lock(twin, F_SETLK, F_RDLCK, 0, 1) == 0);
	close(twin);
	FAILS(lock(fd, F_SETLK, 9, 0, 1), EINVAL);
	FAILS(lock(fd, F_SETLK, F_RDLCK, -1, 1), EINVAL);
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = -1, .l_len = 0 };
	OK(fcntl(fd, F_SETLK, &fl) == 0);
	fl = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
	OK(fcntl(fd, F_GETLK, &fl) == 0 && fl.l_type == F_UNLCK);
	/* waiting */
	pid_t pid = fork();
	if (pid == 0) _exit(child_waits_for_posix());
	int status;
	usleep(50000);
	OK(waitpid(pid, &status, WNOHANG) == 0);
	OK(lock(fd, F_SETLK, F_UNLCK, 0, 0) == 0);
	OK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void description_locks(void) {
	int twin = open("f", O_RDWR), same = dup(fd);
	OK(lock(fd, F_OFD_SETLK, F_WRLCK, 0, 5) == 0);
	FAILS(lock(twin, F_OFD_SETLK, F_WRLCK, 4, 1), EAGAIN);
	FAILS(lock(twin, F_SETLK, F_WRLCK, 4, 1), EAGAIN);
	OK(lock(twin, F_OFD_SETLK, F_WRLCK, 5, 1) == 0);
	OK(lock(same, F_OFD_SETLK, F_WRLCK, 0, 5) == 0);
	struct flock fl = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1 };
	OK(fcntl(twin, F_OFD_GETLK, &fl) == 0 && fl.l_type == F_WRLCK && fl.l_pid == -1);
	close(same);
	FAILS(lock(twin, F_OFD_SETLK, F_WRLCK, 4, 1), EAGAIN);
	OK(lock(fd, F_OFD_SETLK, F_UNLCK, 0, 0) == 0 && lock(twin, F_OFD_SETLK, F_WRLCK, 4, 1) == 0);
	close(twin);
	OK(lock(fd, F_OFD_SETLK, F_WRLCK, 0, 0) == 0 && lock(fd, F_OFD_SETLK, F_UNLCK, 0, 0) == 0);
}

static void flocks(void) {
	int twin = open("f", O_RDONLY), same = dup(fd);
	OK(flock(fd, LOCK_EX) == 0 && flock(same, LOCK_EX) == 0);
	FAILS(flock(twin, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	FAILS(flock(twin, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	OK(flock(same, LOCK_SH) == 0 && flock(twin, LOCK_SH | LOCK_NB) == 0);
	FAILS(flock(fd, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	OK(flock(twin, LOCK_UN) == 0 && flock(fd, LOCK_EX | LOCK_NB) == 0);
	FAILS(flock(fd, 77), EINVAL);
	OK(lock(twin, F_SETLK, F_RDLCK, 0, 0) == 0); /* independent of record locks */
	int other = open("other", O_RDWR | O_CREAT, 0600);
	OK(flock(other, LOCK_EX | LOCK_NB) == 0);
	close(other);
	pid_t pid = fork();
	if (pid == 0) {
		close(fd);
		close(same);
		_exit(child_waits_for_flock());
	}
	int status;
	usleep(50000);
	OK(waitpid(pid, &status, WNOHANG) == 0);
	close(same);
	OK(flock(fd, LOCK_UN) == 0);
	OK(waitpid(pid, &status, 0) == pid && status == 0);
	close(twin);
	fd = open("f", O_RDWR); /* the old description, locked or not, is gone: its lock too */
	OK(flock(fd, LOCK_EX | LOCK_NB) == 0 && flock(fd, LOCK_UN) == 0);
	int path = open("f", O_PATH);
	FAILS(flock(path, LOCK_SH), EBADF);
	close(path);
}

/* Is a lock that a process took through a descriptor opened with FLAGS still there after its exec? The program executed is this one, which then waits for the end of its input. */
static int lock_survives_exec(char *program, int flags) {
	int go[2], ready[2];
	char byte;
	OK(pipe(go) == 0 && pipe(ready) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		int own = open("f", O_RDWR | flags);
		struct flock want = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
		if (own < 0 || fcntl(own, F_SETLK, &want) != 0) _exit(1);
		dup2(go[0], 0), dup2(ready[1], 1);
		close(go[1]), close(ready[0]);
		execl(program, program, "--wait", (char *)NULL);
		_exit(1);
	}
	close(go[0]), close(ready[1]);
	OK(read(ready[0], &byte, 1) == 1);
	struct flock found = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	OK(fcntl(fd, F_GETLK, &found) == 0);
	close(go[1]), close(ready[0]);
	OK(waitpid(pid, NULL, 0) == pid);
	return found.l_type != F_UNLCK;
}

int main(int argc, char **argv) {
	char byte = 0;
	if (argc > 1 && strcmp(argv[1], "--wait") == 0) return write(1, &byte, 1) != 1 || read(0, &byte, 1) != 0;
	check_begin(argc, argv);
	fd = open("f", O_RDWR | O_CREAT, 0600);
	OK(write(fd, "0123456789", 10) == 10);
	posix_locks();
	description_locks();
	flocks();
	OK(lock_survives_exec("/proc/self/exe", 0));
	OK(!lock_survives_exec("/proc/self/exe", O_CLOEXEC));
	return check_end();
}
