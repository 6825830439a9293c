/* unlink, rmdir and unlinkat. */
#include "ops.h"

#include <linux/inotify.h>

/* Why the last component "." or ".." or "/" cannot be removed as a directory. */
static long unlink_dot_error(const struct bfs_call *c, unsigned path) {
	char text[BFS_PATH_MAX];
	long len = bfs_copy_str(text, (const char *)c->a[path], sizeof text);
	while (len > 0 && text[len - 1] == '/') len--;
	if (len <= 0) return -EBUSY; /* the root */
	return len >= 2 && text[len - 2] == '.' ? -ENOTEMPTY : -EINVAL;
}

static long unlink_node(const struct bfs_loc *loc, bool directory) {
	struct bfs_attr dir, victim;
	if (loc->node == BFS_NODE_NONE) return -ENOENT;
	long r = bfs_node_attr(loc->node, &victim);
	if (r == 0) r = bfs_node_attr(loc->parent, &dir);
	if (r < 0) return r;
	bool is_dir = (victim.mode & S_IFMT) == S_IFDIR;
	if (!directory && loc->trailing_slash) return is_dir ? -EISDIR : -ENOTDIR;
	r = bfs_may_delete(&dir, &victim);
	if (r < 0) return r;
	if (directory && !is_dir) return -ENOTDIR;
	if (!directory && is_dir) return -EISDIR;
	if (bfs_node_mount(loc->node) != 0) return -EBUSY;
	r = bfs_node_unlink(loc->parent, loc->name, loc->name_len, directory);
	if (r == 0 && !is_dir) bfs_notify_ino(victim.ino, IN_ATTRIB);
	if (r == 0) bfs_notify_ended(loc->node, &victim);
	if (r == 0) bfs_notify_entry(loc->parent, loc->name, loc->name_len, is_dir, IN_DELETE, 0);
	return r;
}

static enum bfs_verdict unlink_at(struct bfs_call *c, unsigned dirfd, unsigned path, bool directory) {
	struct bfs_loc loc;
	long r = bfs_call_walk(c, dirfd, path, BFS_WALK_PARENT | BFS_WALK_CREATE, &loc);
	if (r < 0) return bfs_done(c, r);
	if (loc.last_is_dot || (loc.kind == BFS_LOC_NODE && loc.name_len == 0))
		r = directory ? unlink_dot_error(c, path) : -EISDIR;
	else if (loc.kind == BFS_LOC_NODE)
		r = unlink_node(&loc, directory);
	else
		r = bfs_loc_change(__NR_unlinkat, &loc, 0, 0, directory ? AT_REMOVEDIR : 0, 0, 0);
	return bfs_done(c, r);
}

enum bfs_verdict bfs_op_unlink(struct bfs_call *c) { return unlink_at(c, BFS_NO_DIRFD, 0, false); }
enum bfs_verdict bfs_op_rmdir(struct bfs_call *c) { return unlink_at(c, BFS_NO_DIRFD, 0, true); }

enum bfs_verdict bfs_op_unlinkat(struct bfs_call *c) {
	uint32_t flags = (uint32_t)c->a[2];
	if ((flags & ~(uint32_t)AT_REMOVEDIR) != 0) return bfs_done(c, -EINVAL);
	return unlink_at(c, 0, 1, (flags & AT_REMOVEDIR) != 0);
}
