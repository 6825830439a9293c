/* The chmod and chown families. */
#include "ops.h"

#include <linux/inotify.h>

#define ATTR_KEEP 0xFFFFFFFFu /* an id of −1: no change */

/* The program's walk flags for AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH. */
static uint32_t attr_walk_flags(uint32_t at_flags) {
	return ((at_flags & AT_SYMLINK_NOFOLLOW) == 0 ? BFS_WALK_FOLLOW : 0u) | ((at_flags & AT_EMPTY_PATH) != 0 ? BFS_WALK_EMPTY : 0u);
}

/* Where the call acts: a path, or a placeholder's descriptor. */
static long attr_ofd_loc(struct bfs_call *c, struct bfs_loc *loc, enum bfs_verdict *verdict) {
	struct bfs_ofd *ofd = bfs_own_data(c, 0, verdict);
	if (ofd == NULL) return *verdict == BFS_PASS && bfs_fifo_loc(bfs_arg_fd(c, 0), loc) ? 0 : BFS_WALK_PASS;
	return bfs_ofd_loc(ofd, loc);
}

static long attr_set(const struct bfs_loc *loc, const struct bfs_setattr *set) {
	long r = bfs_node_setattr(loc->node, set);
	if (r == 0) bfs_notify_loc(loc, IN_ATTRIB);
	return r;
}

/* ---- chmod ---- */

static long attr_chmod(const struct bfs_loc *loc, uint32_t mode) {
	struct bfs_attr attr;
	struct bfs_setattr set = { .mask = BFS_SET_MODE, .mode = mode & 07777u };
	if (loc->kind != BFS_LOC_NODE) return bfs_loc_change(__NR_fchmodat, loc, 0, 0, mode & 07777u, 0, 0);
	long r = bfs_node_attr(loc->node, &attr);
	if (r < 0) return r;
	if ((attr.mode & S_IFMT) == S_IFLNK) return -EOPNOTSUPP;
	if (!bfs_is_owner(&attr)) return -EPERM;
	if ((set.mode & S_ISGID) != 0 && !bfs_is_root() && !bfs_in_group(attr.gid) && !attr.owner_is_starter) set.mode &= ~(uint32_t)S_ISGID;
	/* The starter's rights over an untouched image file end with its first change: from then on it is an ordinary file, so it becomes the starter's own. */
	if (attr.owner_is_starter && !bfs_is_root()) {
		set.mask |= BFS_SET_UID;
		set.uid = bfs_fs_uid();
	}
	return attr_set(loc, &set);
}

static enum bfs_verdict attr_chmod_at(struct bfs_call *c, unsigned dirfd, unsigned path, uint32_t at_flags) {
	struct bfs_loc loc;
	if ((at_flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) return bfs_done(c, -EINVAL);
	long r = bfs_call_walk(c, dirfd, path, attr_walk_flags(at_flags), &loc);
	if (r == BFS_WALK_PASS) return BFS_PASS;
	return bfs_done(c, r < 0 ? r : attr_chmod(&loc, (uint32_t)c->a[path + 1]));
}

enum bfs_verdict bfs_op_chmod(struct bfs_call *c) { return attr_chmod_at(c, BFS_NO_DIRFD, 0, 0); }
enum bfs_verdict bfs_op_fchmodat(struct bfs_call *c) { return attr_chmod_at(c, 0, 1, 0); }
enum bfs_verdict bfs_op_fchmodat2(struct bfs_call *c) { return attr_chmod_at(c, 0, 1, (uint32_t)c->a[3]); }

enum bfs_verdict bfs_op_fchmod(struct bfs_call *c) {
	struct bfs_loc loc;
	enum bfs_verdict verdict;
	long r = attr_ofd_loc(c, &loc, &verdict);
	if (r == BFS_WALK_PASS) return verdict;
	return bfs_done(c, r < 0 ? r : attr_chmod(&loc, (uint32_t)c->a[1]));
}

/* ---- chown ---- */

/* chown(2): the super-user changes anything; an owner gives a file to a group of his; whatever leaves the ids as they are is his to do too. */
static long attr_may_chown(const struct bfs_attr *attr, uint32_t uid, uint32_t gid) {
	if (bfs_is_root()) return 0;
	bool owner = bfs_is_owner(attr);
	if (uid != ATTR_KEEP && (!owner || uid != attr->uid) && !(attr->owner_is_starter && owner && uid == bfs_fs_uid())) return -EPERM;
	if (gid != ATTR_KEEP && (!owner || (gid != attr->gid && !bfs_in_group(gid)))) return -EPERM;
	return 0;
}

/* Set-user-ID goes, set-group-ID too where it means that and not mandatory locking. */
static uint32_t attr_mode_without_set_ids(uint32_t mode) {
	mode &= ~(uint32_t)S_ISUID;
	return (mode & S_IXGRP) != 0 ? mode & ~(uint32_t)S_ISGID : mode;
}

static long attr_chown(const struct bfs_loc *loc, uint32_t uid, uint32_t gid) {
	struct bfs_attr attr;
	struct bfs_setattr set = { .uid = uid, .gid = gid };
	if (loc->kind != BFS_LOC_NODE) return bfs_loc_change(__NR_fchownat, loc, 0, 0, uid, gid, AT_SYMLINK_NOFOLLOW);
	long r = bfs_node_attr(loc->node, &attr);
	if (r == 0) r = attr_may_chown(&attr, uid, gid);
	if (r < 0) return r;
	set.mask = (uid != ATTR_KEEP ? (uint32_t)BFS_SET_UID : 0u) | (gid != ATTR_KEEP ? (uint32_t)BFS_SET_GID : 0u);
	uint32_t mode = attr_mode_without_set_ids(attr.mode);
	if ((attr.mode & S_IFMT) != S_IFDIR && mode != attr.mode) {
		set.mask |= BFS_SET_MODE;
		set.mode = mode & 07777u;
	}
	return attr_set(loc, &set); /* the change time moves even where nothing is to be changed */
}

long bfs_drop_privileges(bfs_node n, const struct bfs_attr *attr) {
	uint32_t mode = attr_mode_without_set_ids(attr->mode);
	if ((attr->mode & S_IFMT) != S_IFREG || mode == attr->mode || bfs_is_root()) return 0;
	struct bfs_setattr set = { .mask = BFS_SET_MODE, .mode = mode & 07777u };
	return bfs_node_setattr(n, &set);
}

static enum bfs_verdict attr_chown_at(struct bfs_call *c, unsigned dirfd, unsigned path, uint32_t at_flags) {
	struct bfs_loc loc;
	if ((at_flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) return bfs_done(c, -EINVAL);
	long r = bfs_call_walk(c, dirfd, path, attr_walk_flags(at_flags), &loc);
	if (r == BFS_WALK_PASS) return BFS_PASS;
	return bfs_done(c, r < 0 ? r : attr_chown(&loc, (uint32_t)c->a[path + 1], (uint32_t)c->a[path + 2]));
}

enum bfs_verdict bfs_op_chown(struct bfs_call *c) { return attr_chown_at(c, BFS_NO_DIRFD, 0, 0); }
enum bfs_verdict bfs_op_lchown(struct bfs_call *c) { return attr_chown_at(c, BFS_NO_DIRFD, 0, AT_SYMLINK_NOFOLLOW); }
enum bfs_verdict bfs_op_fchownat(struct bfs_call *c) { return attr_chown_at(c, 0, 1, (uint32_t)c->a[4]); }

enum bfs_verdict bfs_op_fchown(struct bfs_call *c) {
	struct bfs_loc loc;
	enum bfs_verdict verdict;
	long r = attr_ofd_loc(c, &loc, &verdict);
	if (r == BFS_WALK_PASS) return verdict;
	return bfs_done(c, r < 0 ? r : attr_chown(&loc, (uint32_t)c->a[1], (uint32_t)c->a[2]));
}
