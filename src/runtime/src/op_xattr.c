/* Extended attributes: the twelve old calls and the four *xattrat calls, all of which come down to (where, name, value). Who may do what follows fs/xattr.c. */
#include "ops.h"

#include <linux/inotify.h>

#include <linux/limits.h>
#include <linux/xattr.h>

#define XATTR_ON_STACK 1024u

enum xattr_what { XATTR_GET, XATTR_SET, XATTR_LIST, XATTR_REMOVE };

struct xattr_call {
	enum xattr_what what;
	const char *user_name;
	void *user_value; /* or list */
	uint64_t size;
	uint32_t flags;
};

static long xattr_name_in(char name[XATTR_NAME_MAX + 1], const char *user) {
	long len = bfs_copy_str(name, user, XATTR_NAME_MAX + 1);
	if (len == -ENAMETOOLONG || len == 0) return -ERANGE;
	return len < 0 ? len : 0;
}

/* May NAME be read or WRITTEN on a node of these attributes? */
static long xattr_permission(const struct bfs_attr *attr, const char *name, bool write) {
	uint32_t type = attr->mode & S_IFMT;
	if (bfs_starts_with(name, XATTR_TRUSTED_PREFIX)) return bfs_is_root() ? 0 : write ? -EPERM : -ENODATA;
	if (bfs_starts_with(name, XATTR_SECURITY_PREFIX)) return !write || bfs_is_root() ? 0 : -EPERM;
	if (bfs_str_eq(name, XATTR_USER_PREFIX)) return -EINVAL;
	if (!bfs_starts_with(name, XATTR_USER_PREFIX)) return -EOPNOTSUPP; /* POSIX ACLs among them: permissions are those of the mode */
	if (type != S_IFREG && type != S_IFDIR) return write ? -EPERM : -ENODATA;
	if (type == S_IFDIR && (attr->mode & S_ISVTX) != 0 && write && !bfs_is_owner(attr)) return -EPERM;
	return bfs_permission(attr, write ? 2 : 4, true);
}

static long xattr_get(bfs_node n, const char *name, const struct xattr_call *x) {
	uint8_t small[XATTR_ON_STACK];
	if (x->size == 0) return bfs_node_getxattr(n, name, NULL, 0);
	size_t size = (size_t)BFS_MIN(x->size, (uint64_t)XATTR_SIZE_MAX);
	uint8_t *value = size <= sizeof small ? small : bfs_temp_take(size);
	if (value == NULL) return -ENOMEM;
	long r = bfs_node_getxattr(n, name, value, size);
	if (r > 0 && bfs_copy_out(x->user_value, value, (size_t)r) < 0) r = -EFAULT;
	if (value != small) bfs_temp_free(value, size);
	return r;
}

static long xattr_set(bfs_node n, const char *name, const struct xattr_call *x) {
	uint8_t small[XATTR_ON_STACK];
	uint8_t *value = x->size <= sizeof small ? small : bfs_temp_take(x->size);
	if (value == NULL) return -ENOMEM;
	long r = bfs_copy_in(value, x->user_value, x->size);
	if (r == 0) r = bfs_node_setxattr(n, name, value, x->size, x->flags);
	if (value != small) bfs_temp_free(value, x->size);
	return r;
}

/* Drops trusted names from the list for all but the super-user; the length that is left. */
static size_t xattr_filter(char *list, size_t len) {
	size_t kept = 0;
	if (bfs_is_root()) return len;
	for (size_t at = 0; at < len;) {
		size_t name_len = strlen(list + at) + 1;
		if (!bfs_starts_with(list + at, XATTR_TRUSTED_PREFIX)) {
			memmove(list + kept, list + at, name_len);
			kept += name_len;
		}
		at += name_len;
	}
	return kept;
}

static long xattr_list(bfs_node n, const struct xattr_call *x) {
	long len = bfs_node_listxattr(n, NULL, 0);
	if (len <= 0) return len;
	char small[XATTR_ON_STACK];
	size_t size = (size_t)len;
	char *list = size <= sizeof small ? small : bfs_temp_take(size);
	if (list == NULL) return -ENOMEM;
	long r = bfs_node_listxattr(n, list, size);
	if (r > 0) {
		size_t kept = xattr_filter(list, (size_t)r);
		r = (long)kept;
		if (x->size != 0 && kept > x->size)
			r = -ERANGE;
		else if (x->size != 0 && bfs_copy_out(x->user_value, list, kept) < 0)
			r = -EFAULT;
	}
	if (list != small) bfs_temp_free(list, size);
	return r;
}

static long xattr_provided(const struct bfs_loc *loc, const struct xattr_call *x, const char *name) {
	uint64_t size = x->size, value = (uint64_t)x->user_value;
	switch (x->what) {
	case XATTR_GET: return bfs_loc_change(__NR_lgetxattr, loc, 0, (uint64_t)name, value, size, 0);
	case XATTR_SET: return bfs_loc_change(__NR_lsetxattr, loc, 0, (uint64_t)name, value, size, x->flags);
	case XATTR_LIST: return bfs_loc_change(__NR_llistxattr, loc, 0, value, size, 0, 0);
	case XATTR_REMOVE: break;
	}
	return bfs_loc_change(__NR_lremovexattr, loc, 0, (uint64_t)name, 0, 0, 0);
}

static long xattr_do(const struct bfs_loc *loc, const struct xattr_call *x, const char *name) {
	struct bfs_attr attr;
	if (loc->kind != BFS_LOC_NODE) return xattr_provided(loc, x, name);
	if (x->what == XATTR_LIST) return xattr_list(loc->node, x);
	long r = bfs_node_attr(loc->node, &attr);
	if (r == 0) r = xattr_permission(&attr, name, x->what != XATTR_GET);
	if (r < 0) return r;
	if (x->what == XATTR_GET) return xattr_get(loc->node, name, x);
	r = x->what == XATTR_SET ? xattr_set(loc->node, name, x) : bfs_node_setxattr(loc->node, name, NULL, 0, XATTR_REPLACE);
	if (r == 0) bfs_notify_loc(loc, IN_ATTRIB);
	return r;
}

/* What is wrong before the path is looked at. */
static long xattr_check(const struct xattr_call *x, char name[XATTR_NAME_MAX + 1]) {
	if (x->what == XATTR_SET && (x->flags & ~(uint32_t)(XATTR_CREATE | XATTR_REPLACE)) != 0) return -EINVAL;
	if (x->what != XATTR_LIST) {
		long r = xattr_name_in(name, x->user_name);
		if (r < 0) return r;
	}
	return x->what == XATTR_SET && x->size > XATTR_SIZE_MAX ? -E2BIG : 0;
}

static enum bfs_verdict xattr_at(struct bfs_call *c, unsigned dirfd, unsigned path, uint32_t walk, const struct xattr_call *x) {
	char name[XATTR_NAME_MAX + 1];
	struct bfs_loc loc;
	long r = xattr_check(x, name);
	if (r == 0) r = bfs_call_walk(c, dirfd, path, walk, &loc);
	if (r == BFS_WALK_PASS) return BFS_PASS;
	return bfs_done(c, r < 0 ? r : xattr_do(&loc, x, name));
}

static enum bfs_verdict xattr_fd(struct bfs_call *c, const struct xattr_call *x) {
	char name[XATTR_NAME_MAX + 1];
	struct bfs_loc loc;
	enum bfs_verdict verdict;
	struct bfs_ofd *ofd = bfs_own_data(c, 0, &verdict);
	if (ofd == NULL) return verdict;
	long r = xattr_check(x, name);
	if (r == 0) r = bfs_ofd_loc(ofd, &loc);
	return bfs_done(c, r < 0 ? r : xattr_do(&loc, x, name));
}

/* The old calls lay their arguments out alike: (path or fd, name, value, size, flags), (…, list, size), (…, name). */
static struct xattr_call xattr_old(const struct bfs_call *c, enum xattr_what what) {
	struct xattr_call x = { .what = what };
	if (what == XATTR_LIST) {
		x.user_value = (void *)c->a[1];
		x.size = c->a[2];
		return x;
	}
	x.user_name = (const char *)c->a[1];
	if (what != XATTR_REMOVE) {
		x.user_value = (void *)c->a[2];
		x.size = c->a[3];
	}
	if (what == XATTR_SET) x.flags = (uint32_t)c->a[4];
	return x;
}

static enum bfs_verdict xattr_old_path(struct bfs_call *c, enum xattr_what what, uint32_t walk) {
	struct xattr_call x = xattr_old(c, what);
	return xattr_at(c, BFS_NO_DIRFD, 0, walk, &x);
}

static enum bfs_verdict xattr_old_fd(struct bfs_call *c, enum xattr_what what) {
	struct xattr_call x = xattr_old(c, what);
	return xattr_fd(c, &x);
}

enum bfs_verdict bfs_op_getxattr(struct bfs_call *c) { return xattr_old_path(c, XATTR_GET, BFS_WALK_FOLLOW); }
enum bfs_verdict bfs_op_lgetxattr(struct bfs_call *c) { return xattr_old_path(c, XATTR_GET, 0); }
enum bfs_verdict bfs_op_fgetxattr(struct bfs_call *c) { return xattr_old_fd(c, XATTR_GET); }
enum bfs_verdict bfs_op_setxattr(struct bfs_call *c) { return xattr_old_path(c, XATTR_SET, BFS_WALK_FOLLOW); }
enum bfs_verdict bfs_op_lsetxattr(struct bfs_call *c) { return xattr_old_path(c, XATTR_SET, 0); }
enum bfs_verdict bfs_op_fsetxattr(struct bfs_call *c) { return xattr_old_fd(c, XATTR_SET); }
enum bfs_verdict bfs_op_listxattr(struct bfs_call *c) { return xattr_old_path(c, XATTR_LIST, BFS_WALK_FOLLOW); }
enum bfs_verdict bfs_op_llistxattr(struct bfs_call *c) { return xattr_old_path(c, XATTR_LIST, 0); }
enum bfs_verdict bfs_op_flistxattr(struct bfs_call *c) { return xattr_old_fd(c, XATTR_LIST); }
enum bfs_verdict bfs_op_removexattr(struct bfs_call *c) { return xattr_old_path(c, XATTR_REMOVE, BFS_WALK_FOLLOW); }
enum bfs_verdict bfs_op_lremovexattr(struct bfs_call *c) { return xattr_old_path(c, XATTR_REMOVE, 0); }
enum bfs_verdict bfs_op_fremovexattr(struct bfs_call *c) { return xattr_old_fd(c, XATTR_REMOVE); }

/* (dirfd, path, at_flags, name, struct xattr_args, its size); list: (dirfd, path, at_flags, list, size); remove: (dirfd, path, at_flags, name). Since Linux 6.13. */
static enum bfs_verdict xattr_new(struct bfs_call *c, struct xattr_call *x) {
	uint32_t at_flags = (uint32_t)c->a[2];
	if ((at_flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) return bfs_done(c, -EINVAL);
	if (x->what == XATTR_GET || x->what == XATTR_SET) {
		struct {
			uint64_t value;
			uint32_t size, flags;
		} args;
		if (c->a[5] < sizeof args) return bfs_done(c, -EINVAL);
		if (c->a[5] > sizeof args) return bfs_done(c, -E2BIG);
		if (bfs_copy_in(&args, (const void *)c->a[4], sizeof args) < 0) return bfs_done(c, -EFAULT);
		if (x->what == XATTR_GET && args.flags != 0) return bfs_done(c, -EINVAL);
		x->user_value = (void *)args.value;
		x->size = args.size;
		x->flags = args.flags;
	}
	uint32_t walk = ((at_flags & AT_SYMLINK_NOFOLLOW) == 0 ? BFS_WALK_FOLLOW : 0u) | ((at_flags & AT_EMPTY_PATH) != 0 ? BFS_WALK_EMPTY : 0u);
	return xattr_at(c, 0, 1, walk, x);
}

enum bfs_verdict bfs_op_getxattrat(struct bfs_call *c) {
	struct xattr_call x = { .what = XATTR_GET, .user_name = (const char *)c->a[3] };
	return xattr_new(c, &x);
}

enum bfs_verdict bfs_op_setxattrat(struct bfs_call *c) {
	struct xattr_call x = { .what = XATTR_SET, .user_name = (const char *)c->a[3] };
	return xattr_new(c, &x);
}

enum bfs_verdict bfs_op_listxattrat(struct bfs_call *c) {
	struct xattr_call x = { .what = XATTR_LIST, .user_value = (void *)c->a[3], .size = c->a[4] };
	return xattr_new(c, &x);
}

enum bfs_verdict bfs_op_removexattrat(struct bfs_call *c) {
	struct xattr_call x = { .what = XATTR_REMOVE, .user_name = (const char *)c->a[3] };
	return xattr_new(c, &x);
}
