/* connect, bind and the names of AF_UNIX sockets (socket_address.c, socket_name.c). */
#include "pool.h"
#include "providers.h"
#include "sockets.h"

/* ---- connect ---- */

/* Waits for room in the other's queue by asking again, since the path must not be looked at by the kernel outside of here. */
static enum bfs_verdict socket_connect_host(struct bfs_call *c, const struct bfs_loc *loc) {
	struct bfs_unix_address address;
	uint32_t len;
	int fd = bfs_arg_fd(c, 0);
	long target = bfs_socket_host(loc, &address, &len);
	if (target < 0) return bfs_done(c, target);
	bool blocks = bfs_socket_blocks(fd);
	long flags = bfs_raw2(__NR_fcntl, fd, F_GETFL);
	if (blocks) bfs_raw3(__NR_fcntl, fd, F_SETFL, flags | O_NONBLOCK);
	long r = bfs_raw3(__NR_connect, fd, &address, len);
	if (blocks) bfs_raw3(__NR_fcntl, fd, F_SETFL, flags);
	bfs_host_close(target);
	return r == -EAGAIN && blocks ? bfs_socket_later() : bfs_done(c, r);
}

enum bfs_verdict bfs_op_connect(struct bfs_call *c) {
	struct bfs_unix_address address;
	char path[BFS_SUN_PATH + 1];
	struct bfs_loc loc;
	int fd = bfs_arg_fd(c, 0);
	if (bfs_fd_reserved(fd)) return bfs_done(c, -EBADF);
	long r = bfs_socket_take(fd, c->a[1], (uint32_t)c->a[2], &address, path);
	if (r == BFS_SOCKET_AS_IS) return BFS_PASS;
	uint32_t len = (uint32_t)c->a[2];
	bool on_host = false;
	if (r == BFS_SOCKET_PATH) {
		r = bfs_socket_find(fd, path, &loc, &address, &len);
		on_host = r == 0;
	}
	if (r >= 0 && address.family == BFS_AF_UNIX) bfs_names_used();
	if (on_host) return socket_connect_host(c, &loc);
	void *copy = bfs_call_scratch(c, sizeof address);
	if (r >= 0 && (copy == NULL || bfs_copy_out(copy, &address, sizeof address) < 0)) r = -ENOBUFS;
	if (r < 0) return bfs_done(c, r);
	c->a[1] = (uint64_t)copy;
	c->a[2] = len;
	return BFS_PASS;
}

/* ---- bind ---- */

static long socket_bind_node(int fd, const char *path, const struct bfs_loc *loc) {
	struct bfs_unix_address address;
	struct bfs_attr attr;
	bfs_node node;
	uint32_t text = bfs_pool_string(path, strlen(path));
	long r = bfs_make_node(loc, S_IFSOCK | 0777, bfs_socket_record(text, bfs_socket_type(fd)), NULL, 0, &node);
	if (r < 0) {
		bfs_pool_string_free(text);
		return r == -EEXIST ? -EADDRINUSE : r;
	}
	r = bfs_node_attr(node, &attr);
	if (r == 0) {
		uint32_t len = bfs_socket_abstract(&attr, &address);
		r = bfs_raw3(__NR_bind, fd, &address, len);
	}
	if (r < 0) bfs_node_unlink(loc->parent, loc->name, loc->name_len, false); /* bound already, or not bindable; the text goes with the node */
	return r;
}

/* The kernel keeps the path that it is given as the socket's name, by which others answer: it must be the host's own, and the kernel follows the links in it. There is none when this looks,
 * and what the tree does to names below its doors waits until it is done. */
static long socket_bind_host(int fd, const char *path, const struct bfs_loc *loc) {
	struct bfs_unix_address address = { .family = BFS_AF_UNIX };
	struct bfs_host_at at;
	char digits[24];
	const char *slash = loc->trailing_slash ? "/" : "";
	if (loc->kind != BFS_LOC_HOST) return -ENOENT; /* /proc holds no sockets */
	if (bfs_mount_get(loc->mount)->read_only) return -EROFS;
	long len = bfs_join(address.path, sizeof address.path, bfs_pool_text(bfs_mount_get(loc->mount)->host), loc->rel[0] == '\0' ? "" : "/", loc->rel, slash, NULL);
	if (len < 0 && len != -ENAMETOOLONG) return len;
	bfs_hostlog_mount(loc->mount, loc->rel);
	bfs_door_names_lock();
	long r = bfs_hostfs_enter(loc->mount, loc->rel, &at);
	if (r == 0) {
		if (len < 0) { /* an address has no room for it: by way of its directory, under a name that nobody can answer to */
			bfs_u64_text(digits, (uint64_t)at.dirfd);
			len = bfs_join(address.path, sizeof address.path, "/proc/self/fd/", digits, "/", at.name, slash, NULL);
		}
		r = len < 0 ? len : bfs_raw3(__NR_bind, fd, &address, sizeof address.family + (size_t)len + 1);
		bfs_hostfs_leave(&at);
	}
	bfs_door_names_unlock();
	if (r == 0) bfs_socket_given(address.path, path);
	return r == -ELOOP ? -ENOENT : r;
}

/* Of what bfs_socket_take said is KIND. */
static long socket_bind(int fd, long kind, const struct bfs_unix_address *address, uint32_t len, const char *path) {
	struct bfs_loc loc;
	if (kind == BFS_SOCKET_PLAIN) return bfs_raw3(__NR_bind, fd, address, len);
	long r = bfs_walk(AT_FDCWD, path, BFS_WALK_PARENT | BFS_WALK_CREATE, &loc);
	if (r < 0) return r;
	return loc.kind == BFS_LOC_NODE ? socket_bind_node(fd, path, &loc) : socket_bind_host(fd, path, &loc);
}

enum bfs_verdict bfs_op_bind(struct bfs_call *c) {
	struct bfs_unix_address address;
	char path[BFS_SUN_PATH + 1];
	int fd = bfs_arg_fd(c, 0);
	if (bfs_fd_reserved(fd)) return bfs_done(c, -EBADF);
	long r = bfs_socket_take(fd, c->a[1], (uint32_t)c->a[2], &address, path);
	if (r == BFS_SOCKET_AS_IS) {
		if (bfs_socket_is_unix(fd)) bfs_names_used(); /* the kernel gives it a name */
		return BFS_PASS;
	}
	if (r < 0) return bfs_done(c, r);
	r = socket_bind(fd, r, &address, (uint32_t)c->a[2], path);
	if (r == 0 && address.family == BFS_AF_UNIX) bfs_names_used();
	return bfs_done(c, r);
}

/* ---- names back ---- */

static enum bfs_verdict socket_name(struct bfs_call *c) {
	struct bfs_socket_storage address;
	uint32_t len = sizeof address;
	int fd = bfs_arg_fd(c, 0);
	if (bfs_fd_reserved(fd)) return bfs_done(c, -EBADF);
	if (bfs_raw3(c->nr, fd, &address, &len) < 0 || address.family != BFS_AF_UNIX)
		return BFS_PASS; /* not ours: the kernel says what is wrong, or fills in its own */
	return bfs_done(c, bfs_socket_address_out(&address, len, c->a[1], c->a[2]));
}

enum bfs_verdict bfs_op_getsockname(struct bfs_call *c) { return socket_name(c); }
enum bfs_verdict bfs_op_getpeername(struct bfs_call *c) { return socket_name(c); }
