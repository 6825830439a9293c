/* mkdir, mknod and symlink, and what every creation shares: may it be made there, and with which ids and mode. */
#include "ops.h"

#include <linux/inotify.h>

long bfs_check_new(const struct bfs_loc *loc, bool directory, struct bfs_attr *dir) {
	if (loc->node != BFS_NODE_NONE || loc->last_is_dot) return -EEXIST;
	if (loc->trailing_slash && !directory) return -ENOENT;
	long r = bfs_node_attr(loc->parent, dir);
	return r < 0 ? r : bfs_permission(dir, 2 | 1, true);
}

void bfs_new_in(const struct bfs_attr *dir, uint32_t mode, struct bfs_new *what) {
	uint32_t type = mode & S_IFMT;
	if (type != S_IFLNK) mode &= ~bfs_umask();
	*what = (struct bfs_new){ .mode = mode, .uid = bfs_fs_uid(), .gid = bfs_fs_gid() };
	if ((dir->mode & S_ISGID) == 0) return;
	what->gid = dir->gid;
	if (type == S_IFDIR)
		what->mode |= S_ISGID;
	else if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && !bfs_in_group(dir->gid))
		what->mode &= ~(uint32_t)S_ISGID;
}

long bfs_make_node(const struct bfs_loc *loc, uint32_t mode, uint64_t rdev, const char *symlink, size_t symlink_len, bfs_node *out) {
	struct bfs_attr dir;
	struct bfs_new what;
	bfs_node made;
	long r = bfs_check_new(loc, (mode & S_IFMT) == S_IFDIR, &dir);
	if (r < 0) return r;
	bfs_new_in(&dir, mode, &what);
	what.rdev = rdev;
	what.symlink = symlink;
	what.symlink_len = symlink_len;
	r = bfs_node_create(loc->parent, loc->name, loc->name_len, &what, out != NULL ? out : &made);
	if (r == 0) bfs_notify_entry(loc->parent, loc->name, loc->name_len, (mode & S_IFMT) == S_IFDIR, IN_CREATE, 0);
	return r;
}

static long make_walk(struct bfs_call *c, unsigned dirfd, unsigned path, struct bfs_loc *loc) {
	return bfs_call_walk(c, dirfd, path, BFS_WALK_CREATE | BFS_WALK_PARENT, loc);
}

static enum bfs_verdict make_dir(struct bfs_call *c, unsigned dirfd, unsigned path) {
	struct bfs_loc loc;
	uint32_t mode = (uint32_t)c->a[path + 1] & 01777u; /* set-ID bits are not for mkdir to give */
	long r = make_walk(c, dirfd, path, &loc);
	if (r == 0) r = loc.kind == BFS_LOC_NODE ? bfs_make_node(&loc, S_IFDIR | mode, 0, NULL, 0, NULL) : bfs_loc_change(__NR_mkdirat, &loc, 0, 0, mode, 0, 0);
	return bfs_done(c, r);
}

enum bfs_verdict bfs_op_mkdir(struct bfs_call *c) { return make_dir(c, BFS_NO_DIRFD, 0); }
enum bfs_verdict bfs_op_mkdirat(struct bfs_call *c) { return make_dir(c, 0, 1); }

static long make_special(struct bfs_call *c, unsigned dirfd, unsigned path) {
	uint32_t mode = (uint32_t)c->a[path + 1] & (S_IFMT | 07777u), type = mode & S_IFMT;
	uint64_t rdev = 0;
	switch (type) {
	case 0: mode |= S_IFREG; break;
	case S_IFREG:
	case S_IFIFO:
	case S_IFSOCK: break;
	case S_IFCHR:
	case S_IFBLK: rdev = (uint32_t)c->a[path + 2]; break;
	case S_IFDIR: return -EPERM;
	default: return -EINVAL;
	}
	struct bfs_loc loc;
	long r = make_walk(c, dirfd, path, &loc);
	if (r < 0) return r;
	if (loc.kind != BFS_LOC_NODE) return bfs_loc_change(__NR_mknodat, &loc, 0, 0, mode, rdev, 0);
	struct bfs_attr dir;
	r = bfs_check_new(&loc, false, &dir);
	if (r == 0 && (type == S_IFCHR || type == S_IFBLK) && !bfs_is_root()) r = -EPERM;
	return r < 0 ? r : bfs_make_node(&loc, mode, rdev, NULL, 0, NULL);
}

enum bfs_verdict bfs_op_mknod(struct bfs_call *c) { return bfs_done(c, make_special(c, BFS_NO_DIRFD, 0)); }
enum bfs_verdict bfs_op_mknodat(struct bfs_call *c) { return bfs_done(c, make_special(c, 0, 1)); }

static long make_symlink(struct bfs_call *c, unsigned dirfd, unsigned path) {
	char body[BFS_PATH_MAX];
	struct bfs_loc loc;
	long len = bfs_copy_str(body, (const char *)c->a[0], sizeof body);
	if (len < 0) return len;
	if (len == 0) return -ENOENT;
	long r = make_walk(c, dirfd, path, &loc);
	if (r < 0) return r;
	if (loc.kind != BFS_LOC_NODE) return bfs_loc_change(__NR_symlinkat, &loc, (uint64_t)body, 0, 0, 0, 0);
	return bfs_make_node(&loc, S_IFLNK | 0777, 0, body, (size_t)len, NULL);
}

enum bfs_verdict bfs_op_symlink(struct bfs_call *c) { return bfs_done(c, make_symlink(c, BFS_NO_DIRFD, 1)); }
enum bfs_verdict bfs_op_symlinkat(struct bfs_call *c) { return bfs_done(c, make_symlink(c, 1, 2)); }
