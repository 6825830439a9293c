/* In an image: the descriptors that the runtime keeps for itself, by the calls that take descriptors without opening anything; and descriptors of the host as one of its own processes would
 * hand them over. Usage: ways.h. Prints "N passed, N failed". */
#include "ways.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#define TOP 4200

/* Sends descriptor FD by CALL and takes it in again: a descriptor, or −1. */
static int sent_to_self(int ends[2], int fd, int call) {
	char byte = 'x', space[CMSG_SPACE(sizeof(int))] = "";
	struct iovec io = { &byte, 1 };
	struct msghdr message = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	*header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(header), &fd, sizeof fd);
	struct mmsghdr many = { .msg_hdr = message };
	long r = call == 0 ? sendmsg(ends[0], &message, MSG_DONTWAIT) : syscall(SYS_sendmmsg, ends[0], &many, 1, MSG_DONTWAIT);
	if (r != 1) return -1;
	memset(space, 0, sizeof space);
	message.msg_controllen = sizeof space;
	if (recvmsg(ends[1], &message, MSG_DONTWAIT) != 1 || CMSG_FIRSTHDR(&message) == NULL) return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
	return fd;
}

int main(int argc, char **argv) {
	ways_begin(argc, argv);
	int ends[2], pipes[2], hidden = 0, got = 0, used = 0;
	char buffer[64];
	OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0 && pipe2(pipes, O_NONBLOCK) == 0);
	for (int fd = 16; fd < TOP; fd++) {
		if (fcntl(fd, F_GETFD) >= 0) continue;
		int before = got;
		for (int call = 0; call < 2; call++) {
			int copy = sent_to_self(ends, fd, call);
			if (copy >= 0) {
				got++;
				close(copy);
			}
		}
		hidden += got > before;
		used += mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED;
		used += mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED;
		used += read(fd, buffer, 1) >= 0 || pread(fd, buffer, 1, 0) >= 0 || write(fd, "", 0) >= 0 || ftruncate(fd, 0) == 0 || lseek(fd, 0, SEEK_SET) >= 0;
		used += sendfile(pipes[1], fd, NULL, 1) >= 0 || splice(fd, NULL, pipes[1], NULL, 1, 0) >= 0 ||
			syscall(SYS_copy_file_range, fd, NULL, fd, NULL, 1, 0) >= 0;
		used += ioctl(fd, FIONREAD, buffer) >= 0 || fsync(fd) == 0 || fchmod(fd, 0) == 0 || futimens(fd, NULL) == 0 || syscall(SYS_readahead, fd, 0, 1) == 0;
		used += dup(fd) >= 0 || dup2(fd, 12) >= 0 || dup2(12, fd) >= 0 || dup3(fd, 13, O_CLOEXEC) >= 0 || fcntl(fd, F_DUPFD, 0) >= 0 ||
			fcntl(fd, F_SETFD, FD_CLOEXEC) >= 0;
		used += close(fd) == 0;
	}
	if (got + used > 0) printf("%d descriptors copied, %d used\n", got, used);
	OK(got == 0);
	OK(used == 0);
	/* All of them are still there, so the file system works. */
	syscall(436 /* close_range */, 16, ~0u, 0);
	OK(check_put("/tmp/works", "works") == 0 && check_holds("/tmp/works", "works"));
	OK(open(planted_file, O_RDONLY) == -1);
	/* What is ours may be sent. */
	int mine = open("/tmp/works", O_RDONLY), copy;
	OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
	copy = sent_to_self(ends, mine, 0);
	OK(copy > mine && read(copy, buffer, 5) == 5 && memcmp(buffer, "works", 5) == 0);
	return check_end();
}
