/* AF_UNIX sockets with a path. The kernel would look for the path on the host, so a socket that is bound to one gets an abstract name instead, made from the overlay inode that
 * stands for it; connecting and sending translate the path the same way, getsockname and getpeername translate back.
 *
 *   sun_path   NUL "binaryfs/" pool "/" inode "/" birth "/" text        each a hexadecimal number
 *
 * pool tells process trees apart, birth inodes that had the same number, and text is the pool's string of the path as it was given to bind, kept in the node's rdev, which means
 * nothing for a socket. accept and recvfrom may wait, so what they report is left as the kernel gives it: the abstract name, to which connect and sendto send as to any other.
 * Below host paths and volumes the address becomes the host's own path. getsockname and getpeername give the guest's again; what accept and recvfrom report, the host's own path, leads
 * through the door that it lies behind, so that a server can answer there.
 */
#include "ops.h"
#include "providers.h"

#include <asm/stat.h>

#define SOCKET_AF_UNIX 1
#define SOCKET_SOL_SOCKET 1
#define SOCKET_SO_DOMAIN 39
#define SOCKET_PATH_SIZE 108u /* of sun_path */

struct socket_address { /* struct sockaddr_un */
	uint16_t family;
	char path[SOCKET_PATH_SIZE];
};
struct socket_msghdr { /* struct user_msghdr */
	uint64_t name;
	uint32_t name_len, pad;
	uint64_t iov, iov_len, control, control_len;
	uint32_t flags, pad2;
};
struct socket_mmsghdr {
	struct socket_msghdr hdr;
	uint32_t len, pad;
};

static size_t socket_hex(char *dst, uint64_t v) {
	static const char digits[] = "0123456789abcdef";
	size_t len = 1;
	while (len < 16 && v >> (4 * len) != 0) len++;
	for (size_t i = 0; i < len; i++) dst[i] = digits[v >> (4 * (len - 1 - i)) & 15];
	return len;
}

/* Distinguishes this tree's sockets: inode and birth of its placeholder, which nobody ever writes. */
static uint64_t socket_pool_id(void) {
	static uint64_t id;
	uint64_t known = __atomic_load_n(&id, __ATOMIC_RELAXED);
	if (known != 0) return known;
	struct stat st;
	if (bfs_raw2(__NR_fstat, bfs_fd(BFS_FD_PLACEHOLDER), &st) < 0) return 1;
	known = (st.st_ino * 0x9E3779B97F4A7C15ull ^ (st.st_mtime * 1000000000ull + st.st_mtime_nsec)) | 1;
	__atomic_store_n(&id, known, __ATOMIC_RELAXED);
	return known;
}

/* "binaryfs/POOL/" with the NUL before it; its length. */
static size_t socket_prefix(char *dst) {
	static const char head[] = "\0binaryfs/";
	size_t len = sizeof head - 1;
	memcpy(dst, head, len);
	len += socket_hex(dst + len, socket_pool_id());
	dst[len++] = '/';
	return len;
}

/* The abstract address of a socket node; the length of the whole address. */
static uint32_t socket_abstract(const struct bfs_attr *attr, struct socket_address *out) {
	out->family = SOCKET_AF_UNIX;
	size_t len = socket_prefix(out->path);
	len += socket_hex(out->path + len, attr->ino);
	out->path[len++] = '/';
	len += socket_hex(out->path + len, (uint64_t)attr->btime_sec * 1000000000ull + attr->btime_nsec);
	out->path[len++] = '/';
	len += socket_hex(out->path + len, attr->rdev);
	return (uint32_t)(sizeof out->family + len);
}

/* Takes in an address. 1 and the path with a NUL where FD is an AF_UNIX socket and the address has a path; 0 where the kernel may see it as it is; −errno. */
static long socket_path_in(int fd, uint64_t user, uint64_t len, char path[SOCKET_PATH_SIZE + 1]) {
	struct socket_address address;
	uint32_t domain = 0, size = sizeof domain;
	if (user == 0 || len <= sizeof address.family || len > sizeof address) return 0;
	memset(&address, 0, sizeof address);
	if (bfs_copy_in(&address, (const void *)user, len) < 0) return -EFAULT;
	if (address.family != SOCKET_AF_UNIX || address.path[0] == '\0') return 0;
	if (bfs_raw5(__NR_getsockopt, fd, SOCKET_SOL_SOCKET, SOCKET_SO_DOMAIN, &domain, &size) < 0 || domain != SOCKET_AF_UNIX)
		return 0; /* the kernel refuses it without a look at the path */
	memcpy(path, address.path, SOCKET_PATH_SIZE);
	path[SOCKET_PATH_SIZE] = '\0';
	return 1;
}

/* LOC of a host path or volume as the host's own path. */
static long socket_host_address(const struct bfs_loc *loc, struct socket_address *out) {
	if (loc->kind != BFS_LOC_HOST) return -ECONNREFUSED;
	const char *host = bfs_pool_text(bfs_mount_get(loc->mount)->host);
	size_t host_len = strlen(host), rel_len = strlen(loc->rel), len = host_len;
	if (host_len + 1 + rel_len + 1 > sizeof out->path) return -ENAMETOOLONG;
	out->family = SOCKET_AF_UNIX;
	memcpy(out->path, host, host_len);
	if (rel_len != 0) {
		out->path[len++] = '/';
		memcpy(out->path + len, loc->rel, rel_len);
		len += rel_len;
	}
	out->path[len] = '\0';
	return (long)(sizeof out->family + len + 1);
}

/* The address that stands for PATH of a socket that exists; its length, or −errno as unix_find_bsd. */
static long socket_resolve(const char *path, struct socket_address *out) {
	struct bfs_loc loc;
	struct bfs_attr attr;
	char guest[BFS_PATH_MAX];
	long r = bfs_walk(AT_FDCWD, path, BFS_WALK_FOLLOW, &loc);
	if (r == -ENOENT && bfs_mount_guest_path(path, guest, sizeof guest) > 0) r = bfs_walk(AT_FDCWD, guest, BFS_WALK_FOLLOW, &loc);
	if (r < 0) return r;
	if (loc.kind != BFS_LOC_NODE) return socket_host_address(&loc, out);
	r = bfs_node_attr(loc.node, &attr);
	if (r == 0) r = bfs_permission(&attr, 2, true);
	if (r < 0) return r;
	if ((attr.mode & S_IFMT) != S_IFSOCK) return -ECONNREFUSED;
	return (long)socket_abstract(&attr, out);
}

/* Rewrites an address argument pair of a call that may wait: the new address lies in the scratch area. False where nothing is to be rewritten or *ERROR says why not. */
static bool socket_rewrite(struct bfs_call *c, unsigned address, unsigned length, long *error) {
	char path[SOCKET_PATH_SIZE + 1];
	struct socket_address out;
	long r = socket_path_in(bfs_arg_fd(c, 0), c->a[address], (uint32_t)c->a[length], path);
	*error = r < 0 ? r : 0;
	if (r <= 0) return false;
	r = socket_resolve(path, &out);
	void *scratch = bfs_call_scratch(c, sizeof out);
	if (r > 0 && (scratch == NULL || bfs_copy_out(scratch, &out, (size_t)r) < 0)) r = -ENOBUFS;
	if (r < 0) {
		*error = r;
		return false;
	}
	c->a[address] = (uint64_t)scratch;
	c->a[length] = (uint64_t)r;
	return true;
}

static enum bfs_verdict socket_send(struct bfs_call *c, unsigned address, unsigned length) {
	long error;
	if (bfs_fd_reserved(bfs_arg_fd(c, 0))) return bfs_done(c, -EBADF);
	socket_rewrite(c, address, length, &error);
	return error < 0 ? bfs_done(c, error) : BFS_PASS;
}

enum bfs_verdict bfs_op_connect(struct bfs_call *c) { return socket_send(c, 1, 2); }
enum bfs_verdict bfs_op_sendto(struct bfs_call *c) { return socket_send(c, 4, 5); }

/* ---- bind ---- */

static long socket_bind_node(int fd, const char *path, const struct bfs_loc *loc) {
	struct socket_address address;
	struct bfs_attr attr;
	bfs_node node;
	uint32_t text = bfs_pool_string(path, strlen(path));
	long r = bfs_make_node(loc, S_IFSOCK | 0777, text, NULL, 0, &node);
	if (r < 0) {
		bfs_pool_string_free(text);
		return r == -EEXIST ? -EADDRINUSE : r;
	}
	r = bfs_node_attr(node, &attr);
	if (r == 0) {
		uint32_t len = socket_abstract(&attr, &address);
		r = bfs_raw3(__NR_bind, fd, &address, len);
	}
	if (r < 0) { /* bound already, or not bindable */
		bfs_node_unlink(loc->parent, loc->name, loc->name_len, false);
		bfs_pool_string_free(text);
	}
	return r;
}

enum bfs_verdict bfs_op_bind(struct bfs_call *c) {
	char path[SOCKET_PATH_SIZE + 1];
	struct socket_address address;
	struct bfs_loc loc;
	int fd = bfs_arg_fd(c, 0);
	if (bfs_fd_reserved(fd)) return bfs_done(c, -EBADF);
	long r = socket_path_in(fd, c->a[1], (uint32_t)c->a[2], path);
	if (r == 0) return BFS_PASS;
	if (r > 0) r = bfs_walk(AT_FDCWD, path, BFS_WALK_PARENT | BFS_WALK_CREATE, &loc);
	if (r < 0) return bfs_done(c, r);
	if (loc.kind == BFS_LOC_NODE) return bfs_done(c, socket_bind_node(fd, path, &loc));
	if (loc.kind == BFS_LOC_HOST && bfs_mount_get(loc.mount)->read_only) return bfs_done(c, -EROFS);
	r = socket_host_address(&loc, &address);
	return bfs_done(c, r < 0 ? r : bfs_raw3(__NR_bind, fd, &address, r));
}

/* ---- names back ---- */

/* The string number at the end of an abstract name of this tree, 0 where it is none. */
static uint32_t socket_text_of(const struct socket_address *address, size_t path_len) {
	char prefix[SOCKET_PATH_SIZE];
	size_t prefix_len = socket_prefix(prefix);
	if (path_len <= prefix_len || memcmp(address->path, prefix, prefix_len) != 0) return 0;
	uint32_t text = 0;
	for (size_t i = prefix_len; i < path_len; i++) {
		char d = address->path[i];
		if (d == '/')
			text = 0;
		else
			text = text << 4 | (uint32_t)(d <= '9' ? d - '0' : d - 'a' + 10);
	}
	return text;
}

/* The path that the guest bound, of an address that the kernel reports: the pool's text of an abstract name, or, in GUEST, that of a host path through its door. NULL where it is neither. */
static const char *socket_guest_name(const struct socket_address *address, size_t path_len, char guest[BFS_PATH_MAX]) {
	char host[SOCKET_PATH_SIZE + 1] = { 0 };
	uint32_t text = socket_text_of(address, path_len);
	if (text != 0) return bfs_pool_text(text);
	memcpy(host, address->path, path_len);
	long len = bfs_mount_guest_path(host, guest, BFS_PATH_MAX);
	return len > 0 && len <= (long)SOCKET_PATH_SIZE ? guest : NULL;
}

static enum bfs_verdict socket_name(struct bfs_call *c) {
	struct socket_address address;
	char guest[BFS_PATH_MAX];
	uint32_t room, len = sizeof address;
	int fd = bfs_arg_fd(c, 0);
	if (bfs_fd_reserved(fd)) return bfs_done(c, -EBADF);
	if (c->a[1] == 0 || bfs_copy_in(&room, (const void *)c->a[2], sizeof room) < 0) return BFS_PASS; /* the kernel says what is wrong */
	if (bfs_raw3(c->nr, fd, &address, &len) < 0 || len <= sizeof address.family || len > sizeof address || address.family != SOCKET_AF_UNIX)
		return BFS_PASS; /* not ours: the kernel fills in its own */
	const char *path = socket_guest_name(&address, len - sizeof address.family, guest);
	if (path == NULL) return BFS_PASS;
	size_t path_len = BFS_MIN(strlen(path), sizeof address.path);
	memset(address.path, 0, sizeof address.path);
	memcpy(address.path, path, path_len);
	len = (uint32_t)(sizeof address.family + BFS_MIN(path_len + 1, sizeof address.path));
	if ((int32_t)room < 0) return bfs_done(c, -EINVAL);
	if (bfs_copy_out((void *)c->a[1], &address, BFS_MIN(room, len)) < 0 || bfs_copy_out((void *)c->a[2], &len, sizeof len) < 0) return bfs_done(c, -EFAULT);
	return bfs_done(c, 0);
}

enum bfs_verdict bfs_op_getsockname(struct bfs_call *c) { return socket_name(c); }
enum bfs_verdict bfs_op_getpeername(struct bfs_call *c) { return socket_name(c); }

/* ---- sendmsg ---- */

struct socket_message { /* laid out in the scratch area */
	struct socket_mmsghdr message;
	struct socket_address address;
};

/* 1 with OUT (as it will lie at SCRATCH) where message header HDR names a path; 0 where it may pass; −errno. */
static long socket_message(int fd, const struct socket_msghdr *hdr, uint64_t scratch, struct socket_message *out) {
	char path[SOCKET_PATH_SIZE + 1];
	long r = socket_path_in(fd, hdr->name, hdr->name_len, path);
	if (r <= 0) return r;
	memset(out, 0, sizeof *out);
	out->message.hdr = *hdr;
	r = socket_resolve(path, &out->address);
	if (r < 0) return r;
	out->message.hdr.name = scratch + offsetof(struct socket_message, address);
	out->message.hdr.name_len = (uint32_t)r;
	return 1;
}

enum bfs_verdict bfs_op_sendmsg(struct bfs_call *c) {
	struct socket_msghdr hdr;
	struct socket_message out;
	int fd = bfs_arg_fd(c, 0);
	if (bfs_fd_reserved(fd)) return bfs_done(c, -EBADF);
	if (bfs_copy_in(&hdr, (const void *)c->a[1], sizeof hdr) < 0) return BFS_PASS; /* −EBADF and −ENOTSOCK come before −EFAULT */
	void *scratch = bfs_call_scratch(c, sizeof out);
	long r = socket_message(fd, &hdr, (uint64_t)scratch, &out);
	if (r == 1 && (scratch == NULL || bfs_copy_out(scratch, &out, sizeof out) < 0)) r = -ENOBUFS;
	if (r < 0) return bfs_done(c, r);
	if (r == 1) c->a[1] = (uint64_t)scratch; /* a struct msghdr is what a struct mmsghdr starts with */
	return BFS_PASS;
}

/* The bytes of a message: what a datagram socket says it sent. */
static uint32_t socket_message_size(const struct socket_msghdr *hdr) {
	uint64_t total = 0;
	for (uint64_t i = 0; i < BFS_MIN(hdr->iov_len, 1024u); i++) {
		uint64_t vec[2];
		if (bfs_copy_in(vec, (const uint8_t *)hdr->iov + i * sizeof vec, sizeof vec) < 0) break;
		total += vec[1];
	}
	return (uint32_t)total;
}

/* The kernel writes each message's length into the program's vector, so the vector passes as it is up to the first message that names a path. Where that is the very first, it is sent
 * alone: sendmmsg may send fewer than asked for. */
enum bfs_verdict bfs_op_sendmmsg(struct bfs_call *c) {
	struct socket_mmsghdr first;
	struct socket_message out;
	char path[SOCKET_PATH_SIZE + 1];
	int fd = bfs_arg_fd(c, 0);
	uint32_t count = BFS_MIN((uint32_t)c->a[2], 1024u);
	if (bfs_fd_reserved(fd)) return bfs_done(c, -EBADF);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t *user = (uint8_t *)c->a[1] + (uint64_t)i * sizeof first;
		if (bfs_copy_in(&first, user, sizeof first) < 0) break;
		long r = socket_path_in(fd, first.hdr.name, first.hdr.name_len, path);
		if (r == 0) continue;
		if (i > 0) {
			c->a[2] = i;
			return BFS_PASS;
		}
		void *scratch = bfs_call_scratch(c, sizeof out);
		r = r < 0 ? r : socket_message(fd, &first.hdr, (uint64_t)scratch, &out);
		if (r < 0) return bfs_done(c, r);
		uint32_t size = socket_message_size(&first.hdr);
		if (scratch == NULL || bfs_copy_out(scratch, &out, sizeof out) < 0 || bfs_copy_out(user + offsetof(struct socket_mmsghdr, len), &size, sizeof size) < 0)
			return bfs_done(c, -EFAULT);
		c->a[1] = (uint64_t)scratch;
		c->a[2] = 1;
		return BFS_PASS;
	}
	return BFS_PASS;
}
