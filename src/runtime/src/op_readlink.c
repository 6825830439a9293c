/* readlink and readlinkat. */
#include "ops.h"

static long readlink_body(const struct bfs_loc *loc, bool empty, char *body, size_t size) {
	struct bfs_attr attr;
	if (loc->kind != BFS_LOC_NODE) return bfs_provider_of(loc->kind)->readlink(loc, body, size);
	long r = bfs_node_attr(loc->node, &attr);
	if (r < 0) return r;
	if ((attr.mode & S_IFMT) != S_IFLNK) return empty ? -ENOENT : -EINVAL; /* an empty path names a symlink that was opened with O_PATH, or nothing */
	r = bfs_node_readlink(loc->node, body, size);
	if (r >= 0) bfs_node_accessed(loc->node);
	return r;
}

static enum bfs_verdict readlink_at(struct bfs_call *c, unsigned dirfd, unsigned path) {
	char body[BFS_PATH_MAX];
	struct bfs_loc loc;
	int32_t size = (int32_t)c->a[path + 2];
	char first = '\0';
	if (size <= 0) return bfs_done(c, -EINVAL);
	if (bfs_copy_in(&first, (const char *)c->a[path], 1) < 0) return bfs_done(c, -EFAULT);
	bool empty = first == '\0';
	if (empty && (dirfd == BFS_NO_DIRFD || bfs_arg_fd(c, dirfd) == AT_FDCWD)) return bfs_done(c, -ENOENT);
	long r = bfs_call_walk(c, dirfd, path, empty ? BFS_WALK_EMPTY : 0, &loc);
	if (r == BFS_WALK_PASS) return BFS_PASS;
	if (r == 0) r = readlink_body(&loc, empty, body, sizeof body);
	if (r == -ENOENT && !empty) bfs_call_missed(c, dirfd, path);
	if (r > 0) {
		r = BFS_MIN(r, size);
		if (bfs_copy_out((char *)c->a[path + 1], body, (size_t)r) < 0) r = -EFAULT;
	}
	return bfs_done(c, r);
}

enum bfs_verdict bfs_op_readlink(struct bfs_call *c) { return readlink_at(c, BFS_NO_DIRFD, 0); }
enum bfs_verdict bfs_op_readlinkat(struct bfs_call *c) { return readlink_at(c, 0, 1); }
