/* AF_UNIX sockets with a path whose queues are full: a call that waits takes signals meanwhile and then is done; control messages; several messages in one call. */
#include "check.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

static int event[2];

static void tell(int what) {
	char byte = (char)what;
	(void)!write(event[1], &byte, 1);
}
static void handler(int signal) {
	(void)signal;
	tell('h');
}
static int heard(void) {
	char byte = 0;
	return read(event[0], &byte, 1) == 1 ? byte : -1;
}

static struct sockaddr_un named(const char *name) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	strcpy(address.sun_path, name);
	return address;
}
#define ADDRESS(a) (struct sockaddr *)&(a), sizeof(a)

/* Tells, connects or sends, tells. */
static pid_t waiting_child(const struct sockaddr_un *to, int type) {
	pid_t child = fork();
	if (child != 0) return child;
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
	sigaction(SIGUSR1, &action, NULL);
	int s = socket(AF_UNIX, type, 0);
	tell('b');
	long r = type == SOCK_DGRAM ? sendto(s, "late", 4, 0, ADDRESS(*to)) : connect(s, ADDRESS(*to));
	tell(r >= 0 ? 'd' : 'f');
	_exit(0);
}

static void streams(void) {
	const struct sockaddr_un name = named("listener");
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), full = 0;
	OK(bind(listener, ADDRESS(name)) == 0 && listen(listener, 2) == 0);
	for (int s; full < 64 && connect(s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), ADDRESS(name)) == 0;) full++;
	OK(errno == EAGAIN && full > 0 && full < 64);
	pid_t child = waiting_child(&name, SOCK_STREAM);
	OK(heard() == 'b' && kill(child, SIGUSR1) == 0 && heard() == 'h');
	for (int i = 0; i < full; i++) OK(accept(listener, NULL, NULL) >= 0);
	OK(heard() == 'd');
	OK(accept(listener, NULL, NULL) >= 0);
	waitpid(child, NULL, 0);
	struct sockaddr_un got;
	socklen_t size = sizeof got;
	OK(getsockname(listener, (struct sockaddr *)&got, &size) == 0);
	const char *last = strrchr(got.sun_path, '/'); /* below a volume the whole path is told */
	OK(strcmp(last == NULL ? got.sun_path : last + 1, "listener") == 0);
}

static void datagrams(void) {
	const struct sockaddr_un name = named("receiver");
	int receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), sender = socket(AF_UNIX, SOCK_DGRAM, 0), full = 0;
	char text[64];
	OK(bind(receiver, ADDRESS(name)) == 0);
	while (full < 10000 && sendto(sender, "x", 1, MSG_DONTWAIT, ADDRESS(name)) == 1) full++;
	OK(errno == EAGAIN && full > 0 && full < 10000);
	pid_t child = waiting_child(&name, SOCK_DGRAM);
	OK(heard() == 'b' && kill(child, SIGUSR1) == 0 && heard() == 'h');
	for (int i = 0; i < full; i++) OK(recv(receiver, text, sizeof text, 0) == 1);
	OK(heard() == 'd');
	OK(recv(receiver, text, sizeof text, 0) == 4 && memcmp(text, "late", 4) == 0);
	waitpid(child, NULL, 0);

	/* Three messages of one call, by name and on a connected socket, and how long each was. */
	struct iovec io[3] = { { "a", 1 }, { "bb", 2 }, { "ccc", 3 } };
	for (int connected = 0; connected < 2; connected++) {
		struct mmsghdr messages[3];
		memset(messages, 0, sizeof messages);
		if (connected) OK(connect(sender, ADDRESS(name)) == 0);
		for (int i = 0; i < 3; i++)
			messages[i].msg_hdr = (struct msghdr){
				.msg_name = connected ? NULL : (void *)&name, .msg_namelen = connected ? 0 : sizeof name, .msg_iov = &io[i], .msg_iovlen = 1
			};
		int sent = 0;
		while (sent < 3) {
			int n = sendmmsg(sender, messages + sent, (unsigned)(3 - sent), 0);
			OK(n > 0);
			if (n <= 0) return;
			sent += n;
		}
		for (int i = 0; i < 3; i++) OK(messages[i].msg_len == (unsigned)i + 1 && recv(receiver, text, sizeof text, 0) == i + 1);
	}
	OK(sendmmsg(sender, NULL, 0, 0) == 0);
	FAILS(sendmmsg(sender, NULL, 1, 0), EFAULT);
	FAILS(sendmsg(sender, NULL, 0), EFAULT);
	FAILS(syscall(SYS_sendmsg, 99, NULL, 0), EBADF);
}

/* Two descriptors and credentials in one message. */
static void controls(void) {
	int pair[2], files[2] = { open(".", O_RDONLY), open("receiver", O_PATH) }, *got;
	char byte = 'x', space[CMSG_SPACE(sizeof files) + CMSG_SPACE(sizeof(struct ucred))];
	struct iovec io = { &byte, 1 };
	struct msghdr message = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space };
	struct ucred own = { getpid(), getuid(), getgid() };
	memset(space, 0, sizeof space);
	OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && files[0] >= 0 && files[1] >= 0);
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	*header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof files), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(header), files, sizeof files);
	header = CMSG_NXTHDR(&message, header);
	*header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof own), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS };
	memcpy(CMSG_DATA(header), &own, sizeof own);
	OK(sendmsg(pair[0], &message, 0) == 1);
	memset(space, 0, sizeof space);
	message.msg_controllen = sizeof space;
	OK(recvmsg(pair[1], &message, 0) == 1 && (header = CMSG_FIRSTHDR(&message)) != NULL && header->cmsg_len == CMSG_LEN(sizeof files));
	got = (int *)CMSG_DATA(header);
	struct stat a, b;
	for (int i = 0; i < 2; i++) OK(fstat(got[i], &a) == 0 && fstat(files[i], &b) == 0 && a.st_ino == b.st_ino);
	files[0] = 99;
	message.msg_controllen = CMSG_LEN(sizeof files);
	header->cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(header), files, sizeof files);
	FAILS(sendmsg(pair[0], &message, 0), EBADF);
}

int main(int argc, char **argv) {
	check_begin(argc, argv);
	OK(pipe(event) == 0);
	streams();
	datagrams();
	controls();
	return check_end();
}
