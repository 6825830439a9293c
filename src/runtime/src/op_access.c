/* access, faccessat and faccessat2. */
#include "ops.h"

static enum bfs_verdict access_at(struct bfs_call *c, unsigned dirfd, unsigned path, uint64_t mode, uint64_t at_flags) {
	struct bfs_loc loc;
	struct bfs_attr attr;
	if ((mode & ~7ull) != 0 || (at_flags & ~(uint64_t)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) return bfs_done(c, -EINVAL);
	bool effective = (at_flags & AT_EACCESS) != 0;
	uint32_t walk = ((at_flags & AT_SYMLINK_NOFOLLOW) == 0 ? BFS_WALK_FOLLOW : 0u) | ((at_flags & AT_EMPTY_PATH) != 0 ? BFS_WALK_EMPTY : 0u);
	long r = bfs_call_walk(c, dirfd, path, walk, &loc);
	if (r == BFS_WALK_PASS) return BFS_PASS;
	if (r == 0 && loc.kind != BFS_LOC_NODE) {
		r = bfs_provider_of(loc.kind)->access(&loc, (uint32_t)mode, effective);
	} else if (r == 0) {
		r = bfs_node_attr(loc.node, &attr);
		if (r == 0 && mode != 0) r = bfs_permission(&attr, (uint32_t)mode, effective);
	}
	if (r == -ENOENT) bfs_call_missed(c, dirfd, path);
	return bfs_done(c, r);
}

enum bfs_verdict bfs_op_access(struct bfs_call *c) { return access_at(c, BFS_NO_DIRFD, 0, (uint32_t)c->a[1], 0); }
enum bfs_verdict bfs_op_faccessat(struct bfs_call *c) { return access_at(c, 0, 1, (uint32_t)c->a[2], 0); }
enum bfs_verdict bfs_op_faccessat2(struct bfs_call *c) { return access_at(c, 0, 1, (uint32_t)c->a[2], (uint32_t)c->a[3]); }
