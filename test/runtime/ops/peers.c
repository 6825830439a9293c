/* What accept, recvfrom, recvmsg and recvmmsg say of the other side of an AF_UNIX socket: the path that it was bound to, as it was given. */
#define _GNU_SOURCE
#include "check.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>

#define HEAD offsetof(struct sockaddr_un, sun_path)
static struct sockaddr *sa(void *address) { return address; }

static socklen_t address(struct sockaddr_un *out, const char *path) {
	size_t len = strlen(path);
	memset(out, 0, sizeof *out);
	out->sun_family = AF_UNIX;
	memcpy(out->sun_path, path, len);
	return (socklen_t)(HEAD + len + (len < sizeof out->sun_path));
}

/* A socket of TYPE bound to PATH; of none where PATH is NULL. */
static int bound(int type, const char *path) {
	struct sockaddr_un at;
	int s = socket(AF_UNIX, type, 0);
	if (path == NULL) return s;
	socklen_t len = address(&at, path);
	return bind(s, sa(&at), len) == 0 ? s : -1;
}

static int reach(int s, const char *path) {
	struct sockaddr_un to;
	socklen_t len = address(&to, path);
	return connect(s, sa(&to), len);
}

struct name {
	union {
		struct sockaddr_un un;
		char bytes[160];
	};
	socklen_t len;
};

static void fresh(struct name *n, socklen_t room) {
	memset(n->bytes, '#', sizeof n->bytes);
	n->len = room;
}

/* Does N, for which there was ROOM, say PATH, and nothing behind it? NULL: a socket without a name, of which LEN bytes are told. */
static int says(const struct name *n, socklen_t room, const char *path, socklen_t len) {
	struct name want;
	fresh(&want, 0);
	want.un.sun_family = AF_UNIX;
	if (path != NULL) {
		len = (socklen_t)(HEAD + strlen(path) + 1);
		memcpy(want.bytes + HEAD, path, strlen(path) + 1);
	}
	if (n->len != len) return 0;
	if (room > len) room = len;
	memset(want.bytes + room, '#', sizeof want.bytes - room);
	return memcmp(n->bytes, want.bytes, sizeof want.bytes) == 0;
}

static char absolute[512];

static void connections(int type) {
	struct name n;
	int s = bound(type, "server");
	OK(s >= 0 && listen(s, 8) == 0 && fcntl(s, F_SETFL, O_NONBLOCK) == 0); /* who connected is there */
	const char *paths[] = { "client", absolute, "d/../spelled", NULL };
	OK(getcwd(absolute, 300) != NULL && strcat(absolute, "/absolute") == absolute);
	const socklen_t rooms[] = { sizeof n.bytes, sizeof(struct sockaddr_un), 12, 2, 1, 0 };
	for (size_t p = 0; p < 4; p++)
		for (size_t r = 0; r < 6; r++) {
			int c = bound(type, paths[p]);
			fresh(&n, rooms[r]);
			OK(c >= 0 && reach(c, "server") == 0);
			int a = r % 2 == 0 ? accept(s, sa(n.bytes), &n.len) : accept4(s, sa(n.bytes), &n.len, SOCK_CLOEXEC);
			OK(a >= 0 && says(&n, rooms[r], paths[p], 2));
			fresh(&n, rooms[r]);
			OK(getpeername(a, sa(n.bytes), &n.len) == 0 && says(&n, rooms[r], paths[p], 2));
			if (type == SOCK_STREAM) { /* an accepted socket has its listener's name */
				char text[8];
				fresh(&n, rooms[r]);
				OK(write(a, "hello", 5) == 5 && recvfrom(c, text, sizeof text, 0, sa(n.bytes), &n.len) == 5);
				OK(says(&n, rooms[r], "server", 0));
			}
			close(a);
			close(c);
			if (paths[p] != NULL) OK(unlink(paths[p]) == 0);
		}
	int c = bound(type, "client");
	OK(reach(c, "server") == 0);
	n.len = (socklen_t)-1;
	FAILS(accept(s, sa(n.bytes), &n.len), EINVAL);
	close(c);
	c = bound(type, NULL);
	OK(reach(c, "server") == 0);
	int next = dup(0);
	close(next);
	FAILS(accept(s, sa(n.bytes), NULL), EFAULT);
	OK(dup(0) == next && close(next) == 0); /* nothing is left of the connection */
	close(c);
	c = bound(type, NULL);
	OK(reach(c, "server") == 0 && unlink("client") == 0);
	int a = accept(s, NULL, NULL);
	OK(a >= 0);
	n.len = sizeof n.bytes;
	FAILS(accept(s, sa(n.bytes), &n.len), EAGAIN);
	FAILS(accept(c, sa(n.bytes), &n.len), EINVAL);
	FAILS(accept(0, sa(n.bytes), &n.len), ENOTSOCK);
	FAILS(accept(-1, sa(n.bytes), &n.len), EBADF);
	close(a);
	close(c);
	close(s);
	OK(unlink("server") == 0);
}

static int take(int s, struct name *n, socklen_t room) {
	char text[8];
	struct iovec vec = { text, sizeof text };
	struct msghdr msg = { .msg_name = n->bytes, .msg_namelen = room, .msg_iov = &vec, .msg_iovlen = 1, .msg_flags = -1 };
	fresh(n, 0);
	int r = (int)recvmsg(s, &msg, 0);
	n->len = msg.msg_namelen;
	return r >= 0 && msg.msg_flags != 0 ? -2 : r;
}

static void datagrams(const char *path) {
	struct name n;
	struct sockaddr_un to;
	char text[8];
	int s = bound(SOCK_DGRAM, "receiver"), c = bound(SOCK_DGRAM, path);
	socklen_t len = address(&to, "receiver");
	OK(s >= 0 && c >= 0 && fcntl(s, F_SETFL, O_NONBLOCK) == 0); /* what was sent is there */
	const socklen_t rooms[] = { sizeof n.bytes, sizeof(struct sockaddr_un), 12, 2, 1, 0 };
	for (size_t r = 0; r < 6; r++) {
		fresh(&n, rooms[r]);
		OK(sendto(c, "one", 3, 0, sa(&to), len) == 3 && recvfrom(s, text, sizeof text, 0, sa(n.bytes), &n.len) == 3);
		OK(says(&n, rooms[r], path, 0));
		OK(sendto(c, "two!", 4, 0, sa(&to), len) == 4 && take(s, &n, rooms[r]) == 4);
		OK(says(&n, rooms[r], path, 0));
	}
	fresh(&n, sizeof n.un);
	OK(sendto(c, "one", 3, 0, sa(&to), len) == 3 && recvfrom(s, text, sizeof text, 0, sa(n.bytes), &n.len) == 3);
	if (path != NULL) OK(sendto(s, "back", 4, 0, sa(n.bytes), n.len < sizeof n.un ? n.len : sizeof n.un) == 4 && recv(c, text, sizeof text, 0) == 4);
	if (path != NULL) OK(unlink(path) == 0); /* the name stays */
	fresh(&n, sizeof n.un);
	OK(sendto(c, "gone", 4, 0, sa(&to), len) == 4 && recvfrom(s, text, sizeof text, 0, sa(n.bytes), &n.len) == 4);
	OK(says(&n, sizeof n.un, path, 0));
	OK(sendto(c, "x", 1, 0, sa(&to), len) == 1);
	n.len = (socklen_t)-1;
	FAILS(recvfrom(s, text, sizeof text, 0, sa(n.bytes), &n.len), EINVAL);
	OK(sendto(c, "x", 1, 0, sa(&to), len) == 1);
	FAILS(recvfrom(s, text, sizeof text, 0, sa(n.bytes), NULL), EFAULT);
	FAILS(recvfrom(s, text, sizeof text, MSG_DONTWAIT, sa(n.bytes), &n.len), EAGAIN); /* it was taken all the same */
	FAILS(recvmsg(s, NULL, MSG_DONTWAIT), EFAULT);
	FAILS(take(s, &n, (socklen_t)-1), EINVAL);
	close(s);
	close(c);
	OK(unlink("receiver") == 0);
}

/* Messages in one call, from several, with descriptors. */
static void many(void) {
	struct name n[4];
	struct sockaddr_un to;
	struct iovec vec[4];
	struct mmsghdr m[4];
	char text[4][8], control[CMSG_SPACE(sizeof(int))];
	const char *paths[] = { "a", "./b", NULL, "c" };
	int s = bound(SOCK_DGRAM, "receiver");
	socklen_t len = address(&to, "receiver");
	for (int i = 0; i < 4; i++) {
		int c = bound(SOCK_DGRAM, paths[i]);
		OK(c >= 0 && sendto(c, "message", (size_t)i + 1, 0, sa(&to), len) == i + 1);
		close(c);
		fresh(&n[i], 0);
		vec[i] = (struct iovec){ text[i], sizeof text[i] };
		m[i] = (struct mmsghdr){ .msg_hdr = { .msg_name = i == 3 ? NULL : n[i].bytes, .msg_namelen = sizeof n[i].bytes, .msg_iov = &vec[i], .msg_iovlen = 1 } };
	}
	OK(recvmmsg(s, m, 4, MSG_WAITFORONE, NULL) == 4);
	for (int i = 0; i < 4; i++) {
		n[i].len = m[i].msg_hdr.msg_namelen;
		OK(m[i].msg_len == (unsigned)i + 1);
		if (i < 3) OK(says(&n[i], sizeof n[i].bytes, paths[i], 0));
		if (paths[i] != NULL) OK(unlink(paths[i]) == 0);
	}
	int c = bound(SOCK_DGRAM, "a"), fd = open("/", O_RDONLY);
	struct msghdr msg = { .msg_name = &to, .msg_namelen = len, .msg_iov = vec, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&msg);
	*cm = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) };
	memcpy(CMSG_DATA(cm), &fd, sizeof fd);
	OK(sendmsg(c, &msg, 0) == sizeof text[0]);
	close(fd);
	fresh(&n[0], 0);
	msg.msg_name = n[0].bytes;
	msg.msg_namelen = sizeof n[0].bytes;
	vec[0].iov_len = 3;
	OK(recvmsg(s, &msg, MSG_CMSG_CLOEXEC) == 3 && (msg.msg_flags & ~MSG_CMSG_CLOEXEC) == MSG_TRUNC && msg.msg_controllen == CMSG_SPACE(sizeof(int)));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof fd);
	OK(close(fd) == 0);
	n[0].len = msg.msg_namelen;
	OK(says(&n[0], sizeof n[0].bytes, "a", 0));
	close(c);
	close(s);
	OK(unlink("a") == 0 && unlink("receiver") == 0);
}

static volatile sig_atomic_t rings;
static void ring(int sig) {
	(void)sig;
	rings++;
}

/* A call that waits: interrupted, and restarted. Signals come until it has been, and before the connection. */
static void waits(void) {
	struct name n;
	int s = bound(SOCK_STREAM, "server");
	OK(listen(s, 1) == 0);
	for (int restart = 0; restart < 2; restart++) {
		sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = ring, .sa_flags = restart ? SA_RESTART : 0 }, NULL);
		rings = 0;
		pid_t parent = getpid(), pid = fork();
		if (pid == 0) {
			for (int i = 0; !restart || i < 20; i++) {
				kill(parent, SIGUSR1);
				usleep(1000);
			}
			int c = bound(SOCK_STREAM, "waited");
			_exit(c >= 0 && reach(c, "server") == 0 ? 0 : 1);
		}
		fresh(&n, sizeof n.bytes);
		if (restart) {
			OK(accept(s, sa(n.bytes), &n.len) >= 0 && says(&n, sizeof n.bytes, "waited", 0));
		} else {
			FAILS(accept(s, sa(n.bytes), &n.len), EINTR);
			OK(n.len == sizeof n.bytes && n.bytes[0] == '#');
			kill(pid, SIGKILL);
		}
		int status;
		while (waitpid(pid, &status, 0) != pid) {}
		OK((!restart || status == 0) && rings > 0);
	}
	close(s);
	OK(unlink("server") == 0 && unlink("waited") == 0);
}

/* A thread that was there before the first socket had a name. */
static int early[2];
static void *receives(void *unused) {
	static struct name n;
	char go;
	(void)unused;
	if (read(early[0], &go, 1) != 1) return NULL;
	int s = *(int *)n.bytes = early[1];
	fresh(&n, sizeof n.bytes);
	return recvfrom(s, &go, 1, 0, sa(n.bytes), &n.len) == 1 ? &n : NULL;
}

static void threads(void) {
	int go[2];
	void *got;
	pthread_t thread;
	OK(pipe(go) == 0);
	early[0] = go[0];
	OK(pthread_create(&thread, NULL, receives, NULL) == 0);
	early[1] = bound(SOCK_DGRAM, "receiver");
	int c = bound(SOCK_DGRAM, "sender");
	OK(reach(c, "receiver") == 0 && write(c, "x", 1) == 1 && write(go[1], "g", 1) == 1);
	OK(pthread_join(thread, &got) == 0 && got != NULL && says(got, sizeof(((struct name *)0)->bytes), "sender", 0));
	close(early[1]);
	close(c);
	close(go[0]);
	close(go[1]);
	OK(unlink("receiver") == 0 && unlink("sender") == 0);
}

/* A filter of the program's refuses one of these calls, and the others go on. */
static void sandboxed(void) {
	struct sock_filter code[] = { { BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr) }, { BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_recvfrom },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EDOM }, { BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW } };
	struct sock_fprog program = { sizeof code / sizeof code[0], code };
	struct name n;
	char byte;
	int status, s = bound(SOCK_DGRAM, "receiver"), c = bound(SOCK_DGRAM, "sender");
	OK(reach(c, "receiver") == 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(1);
		if (write(c, "x", 1) != 1 || recvfrom(s, &byte, 1, 0, sa(n.bytes), &n.len) != -1 || errno != EDOM) _exit(2);
		_exit(take(s, &n, sizeof n.bytes) == 1 && says(&n, sizeof n.bytes, "sender", 0) ? 0 : 3);
	}
	OK(waitpid(pid, &status, 0) == pid && status == 0);
	close(s);
	close(c);
	OK(unlink("receiver") == 0 && unlink("sender") == 0);
}

/* Names of which there are more than a socket's life: each has room again when it is gone. */
static void turnover(void) {
	struct name n;
	char path[64], text[8];
	int s = bound(SOCK_DGRAM, "receiver");
	for (int i = 0; i < 3000; i++) {
		snprintf(path, sizeof path, "./client-%d", i);
		int c = bound(SOCK_DGRAM, path);
		fresh(&n, sizeof n.bytes);
		if (c < 0 || reach(c, "receiver") != 0 || write(c, "x", 1) != 1 || recvfrom(s, text, 1, 0, sa(n.bytes), &n.len) != 1 ||
			!says(&n, sizeof n.bytes, path, 0) || close(c) != 0 || unlink(path) != 0) {
			OK(!"a name in turn");
			break;
		}
	}
	close(s);
	OK(unlink("receiver") == 0);
}

int main(int argc, char **argv) {
	char longest[sizeof(((struct sockaddr_un *)0)->sun_path) + 1], longer[91];
	check_begin(argc, argv);
	OK(mkdir("d", 0755) == 0);
	memset(longest, 'l', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	memset(longer, 'm', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	threads();
	connections(SOCK_STREAM);
	connections(SOCK_SEQPACKET);
	datagrams("sender");
	datagrams("./d/sender");
	datagrams(NULL);
	datagrams(longer);
	int s = bound(SOCK_DGRAM, longest); /* whose path fills an address, without a NUL */
	OK(s >= 0 && close(s) == 0 && unlink(longest) == 0);
	if (s >= 0) datagrams(longest);
	many();
	waits();
	sandboxed();
	turnover();
	return check_end();
}
