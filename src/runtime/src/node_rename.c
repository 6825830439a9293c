/* Renaming. A directory of the image moves in O(1): an entry that refers to it at the new place, a whiteout at the old one. */
#include <linux/fs.h>

#include "image.h"
#include "pool.h"

struct rename_end { /* one side */
	struct bfs_inode *dir;
	const char *name;
	size_t len;
	bfs_node node; /* 0: nothing there */
	bool is_dir;
};

static long rename_end_find(struct rename_end *end, bfs_node dir) {
	long error = 0;
	if ((bfs_mode_of(bfs_canonical(dir)) & S_IFMT) != S_IFDIR) return -ENOTDIR;
	end->dir = bfs_inode_own(dir, &error);
	if (end->dir == NULL) return error;
	if (end->dir->nlink == 0) return -ENOENT;
	error = bfs_child(bfs_inode_node(end->dir), end->name, end->len, &end->node);
	if (error == -ENOENT) {
		end->node = 0;
		return 0;
	}
	if (error != 0) return error;
	const struct bfs_inode *inode = bfs_inode_of(end->node);
	end->is_dir = (bfs_mode_of(end->node) & S_IFMT) == S_IFDIR;
	return inode != NULL && inode->mount != 0 ? -EBUSY : 0;
}

/* Is directory ABOVE the directory N, or over it? */
static bool rename_is_above(bfs_node above, bfs_node n) {
	bfs_node root = bfs_canonical(bfs_merge_root());
	for (uint32_t depth = 0; depth < bfs_p.control->inode_limit; depth++) {
		if (n == above) return true;
		if (n == root) return false;
		n = bfs_parent_of(n);
	}
	return true;
}

static long rename_check(const struct rename_end *from, const struct rename_end *to, uint32_t flags) {
	if (from->node == 0) return -ENOENT;
	if ((flags & RENAME_EXCHANGE) != 0 && to->node == 0) return -ENOENT;
	if ((flags & RENAME_NOREPLACE) != 0 && to->node != 0) return -EEXIST;
	if (from->is_dir && rename_is_above(from->node, bfs_inode_node(to->dir))) return -EINVAL;
	if (to->node != 0 && to->is_dir && rename_is_above(to->node, bfs_inode_node(from->dir))) return (flags & RENAME_EXCHANGE) != 0 ? -EINVAL : -ENOTEMPTY;
	if (to->node == 0 || (flags & RENAME_EXCHANGE) != 0) return 0;
	if (from->is_dir != to->is_dir) return from->is_dir ? -ENOTDIR : -EISDIR;
	return to->is_dir ? bfs_entry_dir_empty(to->node) : 0;
}

/* Lets the entry at END show NODE. An entry that was there keeps its place in the listing. */
static long rename_put(struct rename_end *end, bfs_node node) { return bfs_entry_add(end->dir, end->name, end->len, node, bfs_mode_of(node)); }

/* What overlayfs takes for "nothing here": a character device 0/0, which anybody may make this way. */
static long rename_leave_whiteout(struct rename_end *end) {
	struct bfs_new whiteout = { .mode = S_IFCHR, .uid = bfs_fs_uid(), .gid = bfs_fs_gid() };
	bfs_node made;
	return bfs_create_locked(bfs_inode_node(end->dir), end->name, end->len, &whiteout, &made);
}

static long rename_locked(struct rename_end *from, bfs_node from_dir, struct rename_end *to, bfs_node to_dir, uint32_t flags) {
	long error = rename_end_find(from, from_dir);
	if (error == 0) error = rename_end_find(to, to_dir);
	if (error == 0) from->node = bfs_canonical(from->node); /* the target's directory, made the overlay's own just now, may be it */
	if (error == 0) error = rename_check(from, to, flags);
	if (error != 0 || from->node == to->node) return error;
	uint64_t now = bfs_time_now();
	struct bfs_inode *moved = bfs_inode_own(from->node, &error);
	if (moved == NULL) return error;
	bfs_node node = bfs_inode_node(moved);
	if ((flags & RENAME_EXCHANGE) != 0) {
		struct bfs_inode *other = bfs_inode_own(to->node, &error);
		if (other == NULL) return error;
		error = rename_put(from, bfs_inode_node(other));
		bfs_entry_touch(other, false, now);
	} else {
		error = bfs_entry_remove(from->dir, from->name, from->len);
		if (error == 0 && (flags & RENAME_WHITEOUT) != 0) error = rename_leave_whiteout(from);
		if (error == 0 && to->node != 0) error = bfs_entry_unlinked(to->node, to->is_dir, now);
	}
	if (error == 0) error = rename_put(to, node);
	if (from->is_dir && (flags & RENAME_EXCHANGE) == 0) bfs_entry_count_subdir(from->dir, -1);
	if ((flags & RENAME_EXCHANGE) == 0 ? from->is_dir && to->node == 0 : from->is_dir && !to->is_dir) bfs_entry_count_subdir(to->dir, 1);
	if ((flags & RENAME_EXCHANGE) != 0 && from->is_dir != to->is_dir) {
		bfs_entry_count_subdir(from->dir, from->is_dir ? -1 : 1);
		if (!from->is_dir) bfs_entry_count_subdir(to->dir, -1);
	}
	bfs_entry_touch(moved, false, now);
	bfs_entry_touch(from->dir, true, now);
	bfs_entry_touch(to->dir, true, now);
	return error;
}

bool bfs_rename_flags_valid(uint32_t flags) {
	if ((flags & ~(uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) != 0) return false;
	return (flags & RENAME_EXCHANGE) == 0 || flags == RENAME_EXCHANGE;
}

long bfs_node_rename(bfs_node from_dir, const char *from, size_t from_len, bfs_node to_dir, const char *to, size_t to_len, uint32_t flags) {
	if (from_len > BFS_NAME_MAX || to_len > BFS_NAME_MAX) return -ENAMETOOLONG;
	if (!bfs_rename_flags_valid(flags)) return -EINVAL;
	struct rename_end source = { .name = from, .len = from_len }, target = { .name = to, .len = to_len };
	bfs_change_begin();
	return bfs_change_end(rename_locked(&source, from_dir, &target, to_dir, flags));
}
