/* accept, recvfrom and recvmsg, and what is like them: the kernel names the other side, and the program shall read the path that it was bound to. The call is passed with memory of its own
 * for the address; when it has returned, the path is put where the program wants it, as the kernel's move_addr_to_user would. These calls trap only where they can meet such a socket
 * (filter_names.c), and of those that trap only an AF_UNIX socket's with an address to fill in are more than passed.
 */
#include "sockets.h"

#define RECEIVE_MSG_DONTWAIT 0x40u
#define RECEIVE_MSG_WAITFORONE 0x10000u
#define RECEIVE_NR_ACCEPT4 288

struct receive_name { /* of accept and recvfrom */
	uint32_t len, pad;
	struct bfs_socket_storage address;
};
struct receive_message { /* of recvmsg */
	struct bfs_msghdr hdr;
	struct bfs_socket_storage address;
};
#define RECEIVE_MESSAGES 10u
struct receive_messages { /* of recvmmsg */
	struct bfs_mmsghdr vector[RECEIVE_MESSAGES];
	struct bfs_socket_storage addresses[RECEIVE_MESSAGES];
};
_Static_assert(sizeof(struct receive_messages) <= BFS_SCRATCH_SIZE, "messages do not fit");

/* The verdict on a call that there is nothing to do for: it passes, but the reserved descriptors do not exist. Else BFS_AFTER. */
static enum bfs_verdict receive_verdict(struct bfs_call *c) {
	int fd = bfs_arg_fd(c, 0);
	if (bfs_fd_reserved(fd)) return bfs_done(c, -EBADF);
	return bfs_socket_is_unix(fd) ? BFS_AFTER : BFS_PASS;
}

/* ---- one address ---- */

static enum bfs_verdict receive_address(struct bfs_call *c, unsigned index) {
	if (c->a[index] == 0) return BFS_PASS;
	enum bfs_verdict verdict = receive_verdict(c);
	if (verdict != BFS_AFTER) return verdict;
	struct receive_name name = { .len = sizeof name.address };
	struct receive_name *copy = bfs_call_scratch(c, sizeof name);
	if (copy == NULL || bfs_copy_out(copy, &name, sizeof name) < 0) return bfs_done(c, -ENOBUFS);
	c->a[index] = (uint64_t)&copy->address;
	c->a[index + 1] = (uint64_t)&copy->len;
	c->kept = (uint64_t)copy;
	return BFS_AFTER;
}

enum bfs_verdict bfs_op_accept(struct bfs_call *c) { return receive_address(c, 1); }
enum bfs_verdict bfs_op_recvfrom(struct bfs_call *c) { return receive_address(c, 4); }

static void receive_address_after(struct bfs_call *c, unsigned index) {
	struct receive_name name;
	long r = bfs_copy_in(&name, (const void *)c->kept, sizeof name);
	if (r == 0) r = bfs_socket_address_out(&name.address, name.len, c->a[index], c->a[index + 1]);
	if (r == 0) return;
	if (c->nr != __NR_recvfrom) bfs_raw1(__NR_close, c->result); /* the kernel gives up the connection, too */
	c->result = r;
}

/* ---- messages ---- */

/* Has the message of HDR, as the program gave it, an address to fill in? */
static bool receive_wants_name(const struct bfs_msghdr *hdr) { return hdr->name != 0 && (int32_t)hdr->name_len >= 0; }

enum bfs_verdict bfs_op_recvmsg(struct bfs_call *c) {
	struct receive_message message;
	enum bfs_verdict verdict = receive_verdict(c);
	if (verdict != BFS_AFTER) return verdict;
	if (bfs_copy_in(&message.hdr, (const void *)c->a[1], sizeof message.hdr) < 0 || !receive_wants_name(&message.hdr)) return BFS_PASS;
	struct receive_message *copy = bfs_call_scratch(c, sizeof message);
	if (copy == NULL) return bfs_done(c, -ENOBUFS);
	message.hdr.name = (uint64_t)&copy->address;
	message.hdr.name_len = sizeof message.address;
	if (bfs_copy_out(&copy->hdr, &message.hdr, sizeof message.hdr) < 0) return bfs_done(c, -ENOBUFS);
	c->a[1] = c->kept = (uint64_t)copy;
	return BFS_AFTER;
}

/* What the kernel says of a message with header HDR and, where it has one, ADDRESS into the header at USER. */
static long receive_header_out(const struct bfs_msghdr *hdr, struct bfs_socket_storage *address, uint64_t user) {
	uint64_t name;
	struct bfs_msghdr *to = (struct bfs_msghdr *)user;
	long r = bfs_copy_in(&name, &to->name, sizeof name);
	if (r == 0 && name != 0 && hdr->name != 0) r = bfs_socket_address_out(address, hdr->name_len, name, (uint64_t)&to->name_len);
	if (r == 0) r = bfs_copy_out(&to->flags, &hdr->flags, sizeof hdr->flags);
	if (r == 0) r = bfs_copy_out(&to->control_len, &hdr->control_len, sizeof hdr->control_len);
	return r;
}

static void receive_message_after(struct bfs_call *c) {
	struct receive_message message;
	long r = bfs_copy_in(&message, (const void *)c->kept, sizeof message);
	if (r == 0) r = receive_header_out(&message.hdr, &message.address, c->a[1]);
	if (r < 0) c->result = r;
}

/* Would this recvmmsg wait for more messages than it has already? */
static bool receive_waits(const struct bfs_call *c) {
	return ((uint32_t)c->a[3] & (RECEIVE_MSG_DONTWAIT | RECEIVE_MSG_WAITFORONE)) == 0 && bfs_socket_blocks(bfs_arg_fd(c, 0));
}

enum bfs_verdict bfs_op_recvmmsg(struct bfs_call *c) {
	struct receive_messages messages;
	enum bfs_verdict verdict = receive_verdict(c);
	if (verdict != BFS_AFTER) return verdict;
	uint32_t count = BFS_MIN((uint32_t)c->a[2], RECEIVE_MESSAGES);
	bool any = false;
	struct receive_messages *copy = bfs_call_scratch(c, sizeof messages);
	if (copy == NULL || bfs_copy_in(messages.vector, (const void *)c->a[1], count * sizeof messages.vector[0]) < 0) return BFS_PASS;
	for (uint32_t i = 0; i < count; i++) {
		struct bfs_msghdr *hdr = &messages.vector[i].hdr;
		if (!receive_wants_name(hdr)) continue;
		hdr->name = (uint64_t)&copy->addresses[i];
		hdr->name_len = sizeof copy->addresses[i];
		any = true;
	}
	/* It may return fewer than asked for, but not where it would wait for all. */
	if (!any || (count < (uint32_t)c->a[2] && receive_waits(c))) return BFS_PASS;
	if (bfs_copy_out(copy->vector, messages.vector, count * sizeof messages.vector[0]) < 0) return bfs_done(c, -ENOBUFS);
	c->a[1] = c->kept = (uint64_t)copy;
	c->a[2] = count;
	return BFS_AFTER;
}

static void receive_messages_after(struct bfs_call *c) {
	struct receive_messages messages;
	struct bfs_mmsghdr *to = (struct bfs_mmsghdr *)c->a[1];
	uint32_t count = BFS_MIN((uint32_t)c->result, RECEIVE_MESSAGES), done = 0;
	long r = bfs_copy_in(&messages, (const void *)c->kept, sizeof messages);
	for (; done < count && r == 0; done++) {
		r = receive_header_out(&messages.vector[done].hdr, &messages.addresses[done], (uint64_t)&to[done].hdr);
		if (r == 0) r = bfs_copy_out(&to[done].len, &messages.vector[done].len, sizeof to[done].len);
		if (r < 0) break;
	}
	if (r < 0) c->result = done > 0 ? (long)done : r;
}

/* ---- */

void bfs_receive_after(struct bfs_call *c) {
	if (c->result < 0) return;
	switch (c->nr) {
	case __NR_accept:
	case RECEIVE_NR_ACCEPT4: receive_address_after(c, 1); break;
	case __NR_recvfrom: receive_address_after(c, 4); break;
	case __NR_recvmsg: receive_message_after(c); break;
	default: receive_messages_after(c); break;
	}
}
