/* link and linkat. An open file gets its first name through AT_EMPTY_PATH or a followed /proc/self/fd/N, which path.c resolves to the node itself. */
#include "ops.h"

#include <linux/inotify.h>

/* fs.protected_hardlinks: only to what one owns, or could read and write. */
static long link_permitted(const struct bfs_attr *target) {
	uint32_t type = target->mode & S_IFMT;
	if (bfs_is_owner(target)) return 0;
	bool safe = type == S_IFREG && (target->mode & S_ISUID) == 0 && (target->mode & (S_ISGID | S_IXGRP)) != (S_ISGID | S_IXGRP);
	return safe && bfs_permission(target, 4 | 2, true) == 0 ? 0 : -EPERM;
}

static long link_node(const struct bfs_loc *target, const struct bfs_loc *place) {
	struct bfs_attr attr, dir;
	long r = bfs_check_new(place, false, &dir);
	if (r == 0) r = bfs_node_attr(target->node, &attr);
	if (r != 0) return r;
	if ((attr.mode & S_IFMT) == S_IFDIR) return -EPERM;
	r = link_permitted(&attr);
	if (r == 0) r = bfs_node_link(place->parent, place->name, place->name_len, target->node);
	if (r < 0) return r;
	bfs_notify_self(target->node, IN_ATTRIB);
	bfs_notify_entry(place->parent, place->name, place->name_len, false, IN_CREATE, 0);
	return 0;
}

static enum bfs_verdict link_at(struct bfs_call *c, unsigned from_fd, unsigned from_path, unsigned to_fd, unsigned to_path, uint32_t at_flags) {
	struct bfs_loc target, place;
	if ((at_flags & ~(uint32_t)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) != 0) return bfs_done(c, -EINVAL);
	uint32_t walk = ((at_flags & AT_SYMLINK_FOLLOW) != 0 ? BFS_WALK_FOLLOW : 0u) | ((at_flags & AT_EMPTY_PATH) != 0 ? BFS_WALK_EMPTY : 0u);
	long r = bfs_call_walk(c, from_fd, from_path, walk, &target);
	if (r == BFS_WALK_PASS) { /* an open file of the host: to be linked below a volume, in the way of /proc/self/fd/N */
		target = (struct bfs_loc){ .kind = BFS_LOC_PROC, .magic = true, .rel = "self/fd/" };
		bfs_u64_text(target.rel + strlen(target.rel), (uint64_t)bfs_arg_fd(c, from_fd));
		r = 0;
	}
	if (r == 0) r = bfs_call_walk(c, to_fd, to_path, BFS_WALK_PARENT | BFS_WALK_CREATE, &place);
	if (r != 0) return bfs_done(c, r);
	if (place.kind != BFS_LOC_NODE && target.kind != BFS_LOC_NODE) {
		struct bfs_call sub = { .nr = __NR_linkat };
		return bfs_done(c, bfs_provider_of(place.kind)->change2(__NR_linkat, &target, &place, &sub));
	}
	if (place.kind == BFS_LOC_NODE && place.node != BFS_NODE_NONE) return bfs_done(c, -EEXIST);
	if (target.kind != place.kind) return bfs_done(c, -EXDEV);
	return bfs_done(c, link_node(&target, &place));
}

enum bfs_verdict bfs_op_link(struct bfs_call *c) { return link_at(c, BFS_NO_DIRFD, 0, BFS_NO_DIRFD, 1, 0); }
enum bfs_verdict bfs_op_linkat(struct bfs_call *c) { return link_at(c, 0, 1, 2, 3, (uint32_t)c->a[4]); }
