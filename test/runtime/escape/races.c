/* In an image: memory and directories that change while a call looks at them. Usage: ways.h. DIR/socket listens, DIR/datagram receives, DIR is writable.
 * What is reached is seen by the caller: a connection, a datagram, a new name in DIR. Here it is seen that the races were run at all. Prints "N passed, N failed". */
#include "ways.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#define ROUNDS 4000
/* On a busy machine the other thread's turn may come late: more rounds, until there was a race at all. */
#define PATIENCE (100 * ROUNDS)

static atomic_bool stop;
static struct sockaddr_un planted, other;

static struct sockaddr_un unix_address(const char *directory, const char *name) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (strlen(directory) + strlen(name) + 2 > sizeof address.sun_path) exit(2);
	strcat(strcat(strcpy(address.sun_path, directory), "/"), name);
	return address;
}

/* ---- memory ---- */

/* Bytes that change between two values all the time. */
struct flip {
	void *at;
	const void *values[2];
	size_t size;
};
static void *flipping(void *argument) {
	struct flip *flip = argument;
	for (unsigned i = 0; !stop; i++) {
		memcpy(flip->at, flip->values[i & 1], flip->size);
		__asm__ volatile("" ::: "memory");
	}
	return NULL;
}
static pthread_t flip_start(struct flip *flip) {
	pthread_t thread;
	stop = false;
	if (pthread_create(&thread, NULL, flipping, flip) != 0) exit(2);
	return thread;
}
static void flip_end(pthread_t thread) {
	stop = true;
	pthread_join(thread, NULL);
}

/* An address that is the planted socket's or a harmless one, as connect, sendto, sendmsg, sendmmsg and bind read it. */
static void addresses(void) {
	static struct sockaddr_un address;
	static char control[256];
	struct iovec io = { "x", 1 };
	struct mmsghdr message[2];
	socklen_t size = sizeof address;
	struct flip flip = { &address, { &planted, &other }, sizeof address };
	pthread_t thread = flip_start(&flip);
	for (int i = 0; i < ROUNDS; i++) {
		int stream = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), datagram = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		memset(message, 0, sizeof message);
		for (int m = 0; m < 2; m++)
			message[m].msg_hdr = (struct msghdr){ .msg_name = &address, .msg_namelen = size, .msg_iov = &io, .msg_iovlen = 1, .msg_control = control };
		if (connect(stream, (struct sockaddr *)&address, size) == 0) check_failed++;
		if (sendto(datagram, "x", 1, 0, (struct sockaddr *)&address, size) == 1) check_failed++;
		if (sendmsg(datagram, &message[0].msg_hdr, 0) == 1) check_failed++;
		if (syscall(SYS_sendmmsg, datagram, message, 2, 0) > 0) check_failed++;
		close(stream);
		close(datagram);
	}
	flip_end(thread);
	OK(check_failed == 0);
}

/* The same of a message header whose name comes and goes. */
static void headers(void) {
	static struct msghdr header, with, without;
	static struct iovec io = { "x", 1 };
	with = (struct msghdr){ .msg_name = &planted, .msg_namelen = sizeof planted, .msg_iov = &io, .msg_iovlen = 1 };
	without = (struct msghdr){ .msg_name = &other, .msg_namelen = sizeof other, .msg_iov = &io, .msg_iovlen = 1 };
	struct flip flip = { &header, { &with, &without }, sizeof header };
	pthread_t thread = flip_start(&flip);
	int datagram = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), sent = 0;
	for (int i = 0; i < ROUNDS; i++) {
		sent += sendmsg(datagram, &header, 0) == 1;
		struct mmsghdr two[2] = { { .msg_hdr = without }, { .msg_hdr = header } };
		sent += syscall(SYS_sendmmsg, datagram, two, 2, 0) > 0;
	}
	flip_end(thread);
	OK(sent == 0);
}

static void paths(void) {
	static char path[1200], mine[1200] = "/tmp/mine", empty[1200];
	static char *vector[2] = { path, NULL };
	struct stat st;
	check_put(mine, "mine");
	OK(stat(mine, &st) == 0);
	ino_t own = st.st_ino;
	int found = 0, wrong = 0, file = open(mine, O_RDONLY), pipes[2];
	OK(pipe(pipes) == 0);
	const void *pairs[2][2] = { { planted_file, mine }, { planted_file, empty } };
	for (int p = 0; p < 2; p++) {
		struct flip flip = { path, { pairs[p][0], pairs[p][1] }, sizeof mine };
		pthread_t thread = flip_start(&flip);
		for (int i = 0; i < ROUNDS / 2 || (found == 0 && i < PATIENCE); i++) {
			int fd = open(path, O_RDWR);
			if (fd >= 0) {
				found++;
				wrong += holds_token(fd) || (fstat(fd, &st) == 0 && st.st_ino != own);
				close(fd);
			}
			/* A descriptor that is the kernel's own: the call passes. */
			wrong += fstatat(pipes[0], path, &st, AT_EMPTY_PATH) == 0 && S_ISREG(st.st_mode) && st.st_ino != own;
			wrong += fstatat(file, path, &st, AT_EMPTY_PATH) == 0 && S_ISREG(st.st_mode) && st.st_ino != own;
			fchownat(pipes[0], path, (uid_t)-1, (gid_t)-1, AT_EMPTY_PATH);
			linkat(AT_FDCWD, path, AT_FDCWD, "/tmp/linked", 0);
			rename(path, "/tmp/mine");
			if (i % 64 == 0 && vfork() == 0) {
				execve(path, vector, NULL);
				_exit(0);
			}
		}
		flip_end(thread);
	}
	OK(found > 0 && wrong == 0);
}

/* ---- directories ---- */

static char swapped[1200], exchanged[1200];
static void *swapping(void *unused) {
	(void)unused;
	while (!stop) syscall(SYS_renameat2, AT_FDCWD, swapped, AT_FDCWD, exchanged, 2 /* RENAME_EXCHANGE */);
	return NULL;
}

/* A directory of the volume that is exchanged for a symbolic link to DIR while sockets in it are connected to, sent to and bound. */
static void swaps(void) {
	pthread_t thread;
	snprintf(swapped, sizeof swapped, "%s/swapped", volume);
	snprintf(exchanged, sizeof exchanged, "%s/exchanged", volume);
	OK(mkdir(swapped, 0777) == 0 && symlink(planted_dir, exchanged) == 0);
	const struct sockaddr_un listening = unix_address(swapped, "socket"), receiving = unix_address(swapped, "datagram"), bound = unix_address(swapped, "bound");
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	OK(bind(listener, (struct sockaddr *)&listening, sizeof listening) == 0 && listen(listener, 64) == 0 &&
		bind(receiver, (struct sockaddr *)&receiving, sizeof receiving) == 0);
	stop = false;
	OK(pthread_create(&thread, NULL, swapping, NULL) == 0);
	int connected = 0, accepted = 0, sent = 0, received = 0;
	char byte;
	for (int i = 0; i < ROUNDS || ((connected == 0 || sent == 0) && i < PATIENCE); i++) {
		int stream = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), datagram = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		connected += connect(stream, (struct sockaddr *)&listening, sizeof listening) == 0;
		int other_end = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		accepted += other_end >= 0;
		close(other_end);
		sent += sendto(datagram, "x", 1, 0, (struct sockaddr *)&receiving, sizeof receiving) == 1;
		received += recv(receiver, &byte, 1, 0) == 1;
		if (bind(datagram, (struct sockaddr *)&bound, sizeof bound) == 0) unlink(bound.sun_path);
		close(stream);
		close(datagram);
	}
	stop = true;
	pthread_join(thread, NULL);
	printf("%d connections, %d datagrams\n", connected, sent);
	OK(connected > 0 && connected == accepted);
	OK(sent > 0 && sent == received);
}

int main(int argc, char **argv) {
	ways_begin(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	planted = unix_address(planted_dir, "socket");
	other.sun_family = AF_UNIX;
	memcpy(other.sun_path, "\0nobody-listens-here", 20);
	addresses();
	planted = unix_address(planted_dir, "datagram");
	addresses();
	headers();
	paths();
	swaps();
	return check_end();
}
