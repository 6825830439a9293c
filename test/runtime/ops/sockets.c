/* AF_UNIX sockets with paths. */
#include "check.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static socklen_t address(struct sockaddr_un *out, const char *path) {
	memset(out, 0, sizeof *out);
	out->sun_family = AF_UNIX;
	strcpy(out->sun_path, path);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
}

static int client(void) {
	struct sockaddr_un to;
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	socklen_t len = address(&to, "d/stream");
	char text[8] = "";
	if (connect(s, (struct sockaddr *)&to, len) != 0) return 1;
	struct sockaddr_un peer;
	len = sizeof peer;
	if (getpeername(s, (struct sockaddr *)&peer, &len) != 0 || strcmp(peer.sun_path, "d/stream") != 0) return 2;
	return write(s, "ping", 4) == 4 && read(s, text, sizeof text) == 4 && memcmp(text, "pong", 4) == 0 ? 0 : 3;
}

static void streams(void) {
	struct sockaddr_un at, name;
	struct stat st;
	char text[8];
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	socklen_t len = address(&at, "d/stream");
	FAILS(bind(s, (struct sockaddr *)&at, len), ENOENT);
	OK(mkdir("d", 0755) == 0 && bind(s, (struct sockaddr *)&at, len) == 0);
	OK(lstat("d/stream", &st) == 0 && S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0755);
	socklen_t name_len = sizeof name;
	OK(getsockname(s, (struct sockaddr *)&name, &name_len) == 0 && name_len == len && strcmp(name.sun_path, "d/stream") == 0);
	FAILS(open("d/stream", O_RDWR), ENXIO);
	int other = socket(AF_UNIX, SOCK_STREAM, 0);
	FAILS(bind(other, (struct sockaddr *)&at, len), EADDRINUSE);
	FAILS(connect(other, (struct sockaddr *)&at, len), ECONNREFUSED); /* not listening yet */
	OK(listen(s, 5) == 0);
	pid_t pid = fork();
	if (pid == 0) _exit(client());
	int c = accept(s, NULL, NULL);
	OK(c >= 0 && read(c, text, sizeof text) == 4 && memcmp(text, "ping", 4) == 0 && write(c, "pong", 4) == 4);
	int status;
	OK(waitpid(pid, &status, 0) == pid && status == 0);
	close(c);
	OK(rename("d/stream", "d/moved") == 0);
	len = address(&at, "d/stream");
	FAILS(connect(other, (struct sockaddr *)&at, len), ENOENT);
	len = address(&at, "d/moved");
	OK(connect(other, (struct sockaddr *)&at, len) == 0);
	close(other);
	other = socket(AF_UNIX, SOCK_STREAM, 0);
	close(s);
	FAILS(connect(other, (struct sockaddr *)&at, len), ECONNREFUSED);
	OK(unlink("d/moved") == 0);
	FAILS(connect(other, (struct sockaddr *)&at, len), ENOENT);
	check_put("plain", "");
	len = address(&at, "plain");
	FAILS(connect(other, (struct sockaddr *)&at, len), ECONNREFUSED);
	close(other);
}

static void datagrams(void) {
	struct sockaddr_un at, from;
	char text[16];
	int s = socket(AF_UNIX, SOCK_DGRAM, 0), c = socket(AF_UNIX, SOCK_DGRAM, 0);
	socklen_t len = address(&at, "server"), client_len = address(&from, "client");
	OK(bind(s, (struct sockaddr *)&at, len) == 0 && bind(c, (struct sockaddr *)&from, client_len) == 0);
	OK(sendto(c, "one", 3, 0, (struct sockaddr *)&at, len) == 3);
	struct sockaddr_un sender;
	socklen_t sender_len = sizeof sender;
	OK(recvfrom(s, text, sizeof text, 0, (struct sockaddr *)&sender, &sender_len) == 3);
	OK(sendto(s, "back", 4, 0, (struct sockaddr *)&sender, sender_len) == 4 && recv(c, text, sizeof text, 0) == 4);
	struct iovec vec = { "two", 3 };
	struct msghdr msg = { .msg_name = &at, .msg_namelen = len, .msg_iov = &vec, .msg_iovlen = 1 };
	OK(sendmsg(c, &msg, 0) == 3 && recv(s, text, sizeof text, 0) == 3);
	struct mmsghdr many[2] = { { .msg_hdr = msg }, { .msg_hdr = msg } };
	int sent = sendmmsg(c, many, 2, 0);
	OK(sent >= 1 && many[0].msg_len == 3 && recv(s, text, sizeof text, 0) == 3);
	if (sent == 2) OK(recv(s, text, sizeof text, 0) == 3);
	OK(connect(c, (struct sockaddr *)&at, len) == 0 && send(c, "three", 5, 0) == 5 && recv(s, text, sizeof text, 0) == 5);
	close(s);
	close(c);
}

/* A path stands for one socket, whatever its type. syslog(3) tries another type after EPROTOTYPE. */
static void types(void) {
	struct sockaddr_un at;
	int s = socket(AF_UNIX, SOCK_STREAM, 0), datagram = socket(AF_UNIX, SOCK_DGRAM, 0), packets = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	socklen_t len = address(&at, "typed");
	OK(bind(s, (struct sockaddr *)&at, len) == 0 && listen(s, 1) == 0);
	FAILS(connect(datagram, (struct sockaddr *)&at, len), EPROTOTYPE);
	FAILS(connect(packets, (struct sockaddr *)&at, len), EPROTOTYPE);
	FAILS(sendto(datagram, "x", 1, 0, (struct sockaddr *)&at, len), EPROTOTYPE);
	int stream = socket(AF_UNIX, SOCK_STREAM, 0);
	FAILS(sendto(stream, "x", 1, 0, (struct sockaddr *)&at, len), EOPNOTSUPP);
	OK(connect(stream, (struct sockaddr *)&at, len) == 0);
	FAILS(sendto(stream, "x", 1, 0, (struct sockaddr *)&at, len), EISCONN);
	close(s);
	FAILS(connect(datagram, (struct sockaddr *)&at, len), ECONNREFUSED);
	FAILS(connect(packets, (struct sockaddr *)&at, len), ECONNREFUSED);
	len = address(&at, "absent");
	FAILS(sendto(packets, "x", 1, 0, (struct sockaddr *)&at, len), ENOTCONN);
	close(stream);
	close(datagram);
	close(packets);
}

static void descriptors(void) {
	int pair[2];
	char text[8], control[CMSG_SPACE(sizeof(int))] = "";
	OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	check_put("sent", "contents");
	int fd = open("sent", O_RDONLY);
	OK(lseek(fd, 3, SEEK_SET) == 3);
	struct iovec vec = { "x", 1 };
	struct msghdr msg = { .msg_iov = &vec, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&msg);
	*cm = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) };
	memcpy(CMSG_DATA(cm), &fd, sizeof fd);
	OK(sendmsg(pair[0], &msg, 0) == 1);
	close(fd);
	char byte;
	vec = (struct iovec){ &byte, 1 };
	OK(recvmsg(pair[1], &msg, 0) == 1);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof fd);
	OK(read(fd, text, sizeof text) == 5 && memcmp(text, "tents", 5) == 0);
	close(fd);
	close(pair[0]);
	close(pair[1]);
}

int main(int argc, char **argv) {
	check_begin(argc, argv);
	streams();
	datagrams();
	types();
	descriptors();
	return check_end();
}
