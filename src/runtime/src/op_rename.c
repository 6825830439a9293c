/* rename, renameat and renameat2. Names and permissions are judged here; ancestry, emptiness and the exchange itself are one transaction of the nodes. */
#include "ops.h"

#include <linux/fs.h>
#include <linux/inotify.h>

/* What may be said without looking at permissions, in the order of do_renameat2. */
static long rename_check_names(const struct bfs_loc *from, const struct bfs_loc *to, uint32_t from_type, uint32_t to_type, uint32_t flags) {
	if ((flags & RENAME_NOREPLACE) != 0 && to->node != BFS_NODE_NONE) return -EEXIST;
	if ((flags & RENAME_EXCHANGE) != 0) {
		if (to->node == BFS_NODE_NONE) return -ENOENT;
		if (to_type != S_IFDIR && to->trailing_slash) return -ENOTDIR;
	}
	if (from_type != S_IFDIR && (from->trailing_slash || ((flags & RENAME_EXCHANGE) == 0 && to->trailing_slash))) return -ENOTDIR;
	if (bfs_node_mount(from->node) != 0 || (to->node != BFS_NODE_NONE && bfs_node_mount(to->node) != 0)) return -EBUSY;
	return 0;
}

/* A directory that moves to another parent has its ".." changed, which takes write permission on it. */
static long rename_check_dotdot(const struct bfs_loc *moved, const struct bfs_attr *attr, bfs_node new_parent) {
	if ((attr->mode & S_IFMT) != S_IFDIR || moved->parent == new_parent) return 0;
	return bfs_permission(attr, 2, true);
}

/* In the order of fsnotify_move. REPLACED: the attributes of what TO's name led to. */
static void rename_notify(const struct bfs_loc *from, const struct bfs_loc *to, const struct bfs_attr *moved, const struct bfs_attr *replaced) {
	bool directory = (moved->mode & S_IFMT) == S_IFDIR;
	uint32_t cookie = bfs_notify_cookie();
	bfs_notify_entry(from->parent, from->name, from->name_len, directory, IN_MOVED_FROM, cookie);
	bfs_notify_entry(to->parent, to->name, to->name_len, directory, IN_MOVED_TO, cookie);
	if (replaced != NULL) bfs_notify_ino(replaced->ino, (replaced->mode & S_IFMT) == S_IFDIR ? IN_ATTRIB | IN_ISDIR : IN_ATTRIB);
	bfs_notify_ino(moved->ino, IN_MOVE_SELF);
	if (replaced != NULL) bfs_notify_ended(to->node, replaced);
}

static long rename_nodes(const struct bfs_loc *from, const struct bfs_loc *to, uint32_t flags) {
	struct bfs_attr from_dir, to_dir, source, target = { 0 };
	if (from->node == BFS_NODE_NONE) return -ENOENT;
	bool replaces = to->node != BFS_NODE_NONE;
	long r = bfs_node_attr(from->node, &source);
	if (r == 0 && replaces) r = bfs_node_attr(to->node, &target);
	if (r == 0) r = bfs_node_attr(from->parent, &from_dir);
	if (r == 0) r = bfs_node_attr(to->parent, &to_dir);
	if (r == 0) r = rename_check_names(from, to, source.mode & S_IFMT, target.mode & S_IFMT, flags);
	if (r < 0) return r;
	if (from->node == to->node) return 0;
	r = bfs_may_delete(&from_dir, &source);
	if (r == 0) r = bfs_may_delete(&to_dir, replaces ? &target : NULL);
	if (r == 0) r = rename_check_dotdot(from, &source, to->parent);
	if (r == 0 && (flags & RENAME_EXCHANGE) != 0) r = rename_check_dotdot(to, &target, from->parent);
	if (r < 0) return r;
	r = bfs_node_rename(from->parent, from->name, from->name_len, to->parent, to->name, to->name_len, flags);
	if (r != 0 || !bfs_notify_any()) return r;
	rename_notify(from, to, &source, replaces && (flags & RENAME_EXCHANGE) == 0 ? &target : NULL);
	if ((flags & RENAME_EXCHANGE) != 0) rename_notify(to, from, &target, NULL);
	return 0;
}

/* A mount point that a walk has entered cannot be moved nor replaced: the entry belongs to the file system above. */
static long rename_check_mounts(const struct bfs_loc *from, const struct bfs_loc *to, uint32_t flags) {
	bool from_root = from->kind != BFS_LOC_NODE && from->rel[0] == '\0', to_root = to->kind != BFS_LOC_NODE && to->rel[0] == '\0';
	if (to_root && (flags & RENAME_NOREPLACE) != 0) return -EEXIST;
	if (from_root) return to_root || to->kind == BFS_LOC_NODE ? -EBUSY : -EXDEV;
	if (to_root) return from->kind == BFS_LOC_NODE ? -EBUSY : -EXDEV;
	return 0;
}

static long rename_at(struct bfs_call *c, unsigned from_fd, unsigned from_path, unsigned to_fd, unsigned to_path, uint32_t flags) {
	struct bfs_loc from, to;
	if (!bfs_rename_flags_valid(flags)) return -EINVAL;
	long r = bfs_call_walk(c, from_fd, from_path, BFS_WALK_PARENT | BFS_WALK_CREATE, &from);
	if (r == 0) r = bfs_call_walk(c, to_fd, to_path, BFS_WALK_PARENT | BFS_WALK_CREATE, &to);
	if (r != 0) return r;
	if (from.last_is_dot || (from.kind == BFS_LOC_NODE && from.name_len == 0)) return -EBUSY;
	if (to.last_is_dot || (to.kind == BFS_LOC_NODE && to.name_len == 0)) return (flags & RENAME_NOREPLACE) != 0 ? -EEXIST : -EBUSY;
	if (from.kind == BFS_LOC_NODE && to.kind == BFS_LOC_NODE) return rename_nodes(&from, &to, flags);
	if (from.kind == BFS_LOC_NODE && from.node == BFS_NODE_NONE) return -ENOENT;
	r = rename_check_mounts(&from, &to, flags);
	if (r < 0) return r;
	if (from.kind != to.kind) return -EXDEV;
	struct bfs_call sub = { .nr = __NR_renameat2, .a = { 0, 0, 0, 0, flags, 0 } };
	return bfs_provider_of(from.kind)->change2(__NR_renameat2, &from, &to, &sub);
}

enum bfs_verdict bfs_op_rename(struct bfs_call *c) { return bfs_done(c, rename_at(c, BFS_NO_DIRFD, 0, BFS_NO_DIRFD, 1, 0)); }
enum bfs_verdict bfs_op_renameat(struct bfs_call *c) { return bfs_done(c, rename_at(c, 0, 1, 2, 3, 0)); }
enum bfs_verdict bfs_op_renameat2(struct bfs_call *c) { return bfs_done(c, rename_at(c, 0, 1, 2, 3, (uint32_t)c->a[4])); }
