/* sendto, sendmsg and sendmmsg: addresses of AF_UNIX sockets with a path, and descriptors that the program has not. What the kernel shall see of addresses, headers and control messages
 * is a copy, for the program's other threads may write to the originals between our look and the kernel's. */
#include "providers.h"
#include "sockets.h"

#define SEND_MSG_DONTWAIT 0x40u
#define SEND_SOL_SOCKET 1
#define SEND_SCM_RIGHTS 1
#define SEND_SOCK_STREAM 1
#define SEND_MAX_MESSAGES 1024u /* UIO_MAXIOV: more are not looked at in one call */

struct send_cmsghdr {
	uint64_t len;
	int32_t level, type;
};

/* A message as the kernel shall see it. The kernel takes 253 descriptors in one message: 1,040 bytes. */
#define SEND_CONTROL_SIZE 1600u
struct send_message {
	struct bfs_mmsghdr message; /* a struct msghdr is what a struct mmsghdr starts with */
	struct bfs_unix_address address;
	uint8_t control[SEND_CONTROL_SIZE] __attribute__((aligned(8)));
};
_Static_assert(sizeof(struct send_message) <= BFS_SCRATCH_SIZE, "a message does not fit");

/* What of a message is ours. */
struct send_target {
	long host_fd; /* of a socket of the host, else −1 */
	bool name, control;
};

/* The reserved descriptors do not exist, so they cannot be sent. */
static long send_check_control(const uint8_t *control, uint64_t size) {
	for (uint64_t at = 0; size - at >= sizeof(struct send_cmsghdr);) {
		struct send_cmsghdr header;
		memcpy(&header, control + at, sizeof header);
		if (header.len < sizeof header || header.len > size - at) return 0; /* the kernel refuses it */
		for (uint64_t i = sizeof header; header.level == SEND_SOL_SOCKET && header.type == SEND_SCM_RIGHTS && i + sizeof(int32_t) <= header.len;
			i += sizeof(int32_t)) {
			int32_t fd;
			memcpy(&fd, control + at + i, sizeof fd);
			if (bfs_fd_reserved(fd)) return -EBADF;
		}
		uint64_t step = (header.len + 7) & ~7ull;
		if (step > size - at) break;
		at += step;
	}
	return 0;
}

/* Takes in the address of *LEN bytes at USER; TARGET->name where the kernel shall see ADDRESS instead. */
static long send_address(int fd, uint64_t user, uint32_t *len, struct bfs_unix_address *address, struct send_target *target) {
	char path[BFS_SUN_PATH + 1];
	struct bfs_loc loc;
	*target = (struct send_target){ .host_fd = -1 };
	long r = bfs_socket_take(fd, user, *len, address, path);
	target->name = r >= 0 && r != BFS_SOCKET_AS_IS;
	if (target->name && address->family == BFS_AF_UNIX) bfs_names_used();
	if (r != BFS_SOCKET_PATH) return BFS_MIN(r, 0);
	if (bfs_socket_type(fd) != BFS_SOCK_DGRAM) { /* the kernel refuses or ignores the address, whatever it names */
		address->path[0] = '\0';
		return 0;
	}
	r = bfs_socket_find(fd, path, &loc, address, len);
	if (r == 0) r = target->host_fd = bfs_socket_host(&loc, address, len);
	return BFS_MIN(r, 0);
}

/* Does a call with FLAGS wait? */
static bool send_waits(int fd, uint32_t flags) { return (flags & SEND_MSG_DONTWAIT) == 0 && bfs_socket_blocks(fd); }

/* ---- sendto ---- */

enum bfs_verdict bfs_op_sendto(struct bfs_call *c) {
	struct bfs_unix_address address;
	struct send_target target;
	int fd = bfs_arg_fd(c, 0);
	uint32_t len = (uint32_t)c->a[5], flags = (uint32_t)c->a[3];
	if (bfs_fd_reserved(fd)) return bfs_done(c, -EBADF);
	long r = send_address(fd, c->a[4], &len, &address, &target);
	if (r < 0) return bfs_done(c, r);
	if (!target.name) return BFS_PASS;
	if (target.host_fd >= 0) { /* in which nothing waits */
		r = bfs_raw6(__NR_sendto, fd, c->a[1], c->a[2], flags | SEND_MSG_DONTWAIT, &address, len);
		bfs_host_close(target.host_fd);
		return r == -EAGAIN && send_waits(fd, flags) ? bfs_socket_later() : bfs_done(c, r);
	}
	void *copy = bfs_call_scratch(c, sizeof address);
	if (copy == NULL || bfs_copy_out(copy, &address, sizeof address) < 0) return bfs_done(c, -ENOBUFS);
	c->a[4] = (uint64_t)copy;
	c->a[5] = len;
	return BFS_PASS;
}

/* ---- messages ---- */

/* Takes in the header at USER. */
static long send_take(int fd, uint64_t user, struct send_message *out, struct send_target *target) {
	struct bfs_msghdr *hdr = &out->message.hdr;
	memset(&out->message, 0, sizeof out->message);
	if (bfs_copy_in(hdr, (const void *)user, sizeof *hdr) < 0) return -EFAULT;
	bool control = hdr->control != 0 && hdr->control_len != 0;
	long r = 0;
	if (control && hdr->control_len > sizeof out->control) r = -ENOBUFS;
	if (control && r == 0) r = bfs_copy_in(out->control, (const void *)hdr->control, hdr->control_len);
	if (control && r == 0) r = send_check_control(out->control, hdr->control_len);
	if (r == 0) r = send_address(fd, hdr->name, &hdr->name_len, &out->address, target);
	target->control = control;
	return r;
}

/* Lets the header of M point to what is ours, for M at address AT. */
static void send_point(struct send_message *m, const struct send_target *target, uint64_t at) {
	if (target->name) m->message.hdr.name = at + offsetof(struct send_message, address);
	if (target->control) m->message.hdr.control = at + offsetof(struct send_message, control);
}

/* Sends M from here, without waiting. */
static long send_now(int fd, struct send_message *m, uint32_t flags, const struct send_target *target) {
	send_point(m, target, (uint64_t)m);
	long r = bfs_raw3(__NR_sendmsg, fd, &m->message.hdr, flags | SEND_MSG_DONTWAIT);
	bfs_host_close(target->host_fd);
	return r;
}

/* Puts M into the scratch area of C: the kernel finds it there. Its address, or 0. */
static uint64_t send_place(struct bfs_call *c, struct send_message *m, const struct send_target *target) {
	size_t size = offsetof(struct send_message, control) + (target->control ? m->message.hdr.control_len : 0);
	uint8_t *copy = bfs_call_scratch(c, size);
	if (copy == NULL) return 0;
	send_point(m, target, (uint64_t)copy);
	return bfs_copy_out(copy, m, size) == 0 ? (uint64_t)copy : 0;
}

/* −EBADF and −ENOTSOCK come before −EFAULT: the kernel says which, of an address that nobody can make good meanwhile. */
static enum bfs_verdict send_bad_address(struct bfs_call *c) {
	c->a[1] = 0;
	return BFS_PASS;
}

enum bfs_verdict bfs_op_sendmsg(struct bfs_call *c) {
	struct send_message message;
	struct send_target target;
	int fd = bfs_arg_fd(c, 0);
	uint32_t flags = (uint32_t)c->a[2];
	if (bfs_fd_reserved(fd)) return bfs_done(c, -EBADF);
	long r = send_take(fd, c->a[1], &message, &target);
	if (r == -EFAULT) return send_bad_address(c);
	if (r < 0) return bfs_done(c, r);
	if (target.host_fd >= 0) {
		r = send_now(fd, &message, flags, &target);
		return r == -EAGAIN && send_waits(fd, flags) ? bfs_socket_later() : bfs_done(c, r);
	}
	c->a[1] = send_place(c, &message, &target);
	return c->a[1] != 0 ? BFS_PASS : bfs_done(c, -ENOBUFS);
}

/* The bytes of a message: what a socket says it sent. */
static uint32_t send_size(const struct bfs_msghdr *hdr) {
	uint64_t total = 0;
	for (uint64_t i = 0; i < BFS_MIN(hdr->iov_len, SEND_MAX_MESSAGES); i++) {
		uint64_t vec[2];
		if (bfs_copy_in(vec, (const uint8_t *)hdr->iov + i * sizeof vec, sizeof vec) < 0) break;
		total += vec[1];
	}
	return (uint32_t)total;
}

/* Part of a message would be sent without waiting for the rest. */
static bool send_in_parts(int fd) { return bfs_socket_type(fd) == SEND_SOCK_STREAM; }

/* Message INDEX of the vector; the bytes that were sent, −EAGAIN where it would wait. */
static long send_one(struct bfs_call *c, uint32_t index, bool now, struct send_message *m, struct send_target *target) {
	int fd = bfs_arg_fd(c, 0);
	uint8_t *user = (uint8_t *)c->a[1] + (uint64_t)index * sizeof m->message;
	long r = send_take(fd, (uint64_t)user, m, target);
	if (r < 0) return r;
	if (!now && target->host_fd < 0) return -EAGAIN;
	r = send_now(fd, m, (uint32_t)c->a[3], target);
	if (r < 0) return r;
	uint32_t len = (uint32_t)r;
	return bfs_copy_out(user + offsetof(struct bfs_mmsghdr, len), &len, sizeof len) < 0 ? -EFAULT : r;
}

/* One message after the other, as long as none has to wait; the first, where it has to, passes alone: sendmmsg may send fewer than asked for. */
enum bfs_verdict bfs_op_sendmmsg(struct bfs_call *c) {
	struct send_message message;
	struct send_target target = { .host_fd = -1 };
	int fd = bfs_arg_fd(c, 0);
	uint32_t count = BFS_MIN((uint32_t)c->a[2], SEND_MAX_MESSAGES), sent = 0;
	if (bfs_fd_reserved(fd)) return bfs_done(c, -EBADF);
	bool waits = send_waits(fd, (uint32_t)c->a[3]), now = !waits || !send_in_parts(fd);
	long r = 0;
	while (sent < count && (r = send_one(c, sent, now, &message, &target)) >= 0) sent++;
	if (sent > 0) return bfs_done(c, sent);
	if (count == 0 || r == -EFAULT) return send_bad_address(c);
	if (r != -EAGAIN || !waits) return bfs_done(c, r);
	if (target.host_fd >= 0) return bfs_socket_later();
	uint32_t size = send_size(&message.message.hdr);
	uint64_t copy = send_place(c, &message, &target);
	if (copy == 0 || bfs_copy_out((uint8_t *)c->a[1] + offsetof(struct bfs_mmsghdr, len), &size, sizeof size) < 0)
		return bfs_done(c, copy == 0 ? -ENOBUFS : -EFAULT);
	c->a[1] = copy;
	c->a[2] = 1;
	return BFS_PASS;
}
