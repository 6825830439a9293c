/* An outsider that hands descriptors of the host to a program in an image: directories, O_PATH descriptors, namespaces. Usage: send_descriptors DIR CMD ARGS…
 * CMD gets a socket as descriptor 3 and receives there, in this order: DIR read, DIR O_PATH, DIR/file O_PATH, DIR/link O_PATH without following it, this process's mount namespace. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void send_fd(int socket, int fd) {
	char byte = 'f';
	struct iovec io = { &byte, 1 };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof fd)];
	} control = { .header = { .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
	struct msghdr message = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
	if (fd < 0 || sendmsg(socket, &message, 0) != 1) {
		perror("send_descriptors");
		exit(1);
	}
}

int main(int argc, char **argv) {
	int pair[2];
	char path[4096];
	if (argc < 3 || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0) return 2;
	pid_t child = fork();
	if (child == 0) {
		close(pair[0]);
		if (pair[1] != 3) {
			dup2(pair[1], 3);
			close(pair[1]);
		}
		execv(argv[2], argv + 2);
		_exit(2);
	}
	close(pair[1]);
	send_fd(pair[0], open(argv[1], O_RDONLY | O_DIRECTORY));
	send_fd(pair[0], open(argv[1], O_PATH | O_DIRECTORY));
	snprintf(path, sizeof path, "%s/file", argv[1]);
	send_fd(pair[0], open(path, O_PATH));
	snprintf(path, sizeof path, "%s/link", argv[1]);
	send_fd(pair[0], open(path, O_PATH | O_NOFOLLOW));
	send_fd(pair[0], open("/proc/self/ns/mnt", O_RDONLY));
	int status;
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
