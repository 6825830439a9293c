/* truncate, ftruncate and fallocate. */
#include "ops.h"

#include <linux/falloc.h>
#include <linux/inotify.h>

#define SIZE_FALLOC_MODES                                                                                                                                      \
	(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_ZERO_RANGE | FALLOC_FL_INSERT_RANGE | FALLOC_FL_UNSHARE_RANGE)

static long size_set(bfs_node n, const struct bfs_attr *attr, uint64_t size) {
	if (size > attr->size) {
		long room = bfs_room_to_write(attr->size, size - attr->size);
		if (room < 0) return room;
		if ((uint64_t)room < size - attr->size)
			return bfs_room_to_write(~0ull, 1); /* growing is all or nothing, and the limit's signal comes with it */
	}
	long r = bfs_drop_privileges(n, attr);
	return r < 0 ? r : bfs_node_truncate(n, size);
}

enum bfs_verdict bfs_op_truncate(struct bfs_call *c) {
	struct bfs_loc loc;
	struct bfs_attr attr;
	if ((int64_t)c->a[1] < 0) return bfs_done(c, -EINVAL);
	long r = bfs_call_walk(c, BFS_NO_DIRFD, 0, BFS_WALK_FOLLOW, &loc);
	if (r == 0) r = bfs_loc_attr(&loc, &attr, NULL);
	if (r != 0) return bfs_done(c, r);
	if ((attr.mode & S_IFMT) == S_IFDIR) return bfs_done(c, -EISDIR);
	if (loc.kind != BFS_LOC_NODE) return bfs_done(c, bfs_loc_change(__NR_truncate, &loc, 0, c->a[1], 0, 0, 0));
	if ((attr.mode & S_IFMT) != S_IFREG) return bfs_done(c, -EINVAL);
	r = bfs_permission(&attr, 2, true);
	if (r == 0 && (attr.mode & 0111) != 0) r = bfs_ofd_text_busy(attr.ino, true);
	if (r == 0) r = size_set(loc.node, &attr, c->a[1]);
	if (r == 0) bfs_notify_loc(&loc, IN_MODIFY);
	return bfs_done(c, r);
}

enum bfs_verdict bfs_op_ftruncate(struct bfs_call *c) {
	struct bfs_attr attr;
	enum bfs_verdict verdict;
	struct bfs_ofd *ofd = bfs_own_data(c, 0, &verdict);
	if (ofd == NULL) return verdict;
	if ((int64_t)c->a[1] < 0 || ofd->kind != BFS_LOC_NODE || !bfs_ofd_writable(ofd)) return bfs_done(c, -EINVAL);
	long r = bfs_node_attr(ofd->node, &attr);
	if (r == 0 && (attr.mode & S_IFMT) != S_IFREG) r = -EINVAL;
	if (r == 0) r = size_set(ofd->node, &attr, c->a[1]);
	if (r == 0) bfs_notify_ofd(ofd, IN_MODIFY);
	return bfs_done(c, r);
}

/* In the order of vfs_fallocate. */
static long size_fallocate(const struct bfs_ofd *ofd, uint32_t mode, int64_t offset, int64_t size) {
	struct bfs_attr attr;
	if (offset < 0 || size <= 0) return -EINVAL;
	if ((mode & ~(uint32_t)SIZE_FALLOC_MODES) != 0) return -EOPNOTSUPP;
	if ((mode & FALLOC_FL_PUNCH_HOLE) != 0 && (mode & FALLOC_FL_KEEP_SIZE) == 0) return -EOPNOTSUPP;
	if (!bfs_ofd_writable(ofd)) return -EBADF;
	if (ofd->kind != BFS_LOC_NODE) return -ENODEV;
	long r = bfs_node_attr(ofd->node, &attr);
	if (r < 0) return r;
	if ((attr.mode & S_IFMT) != S_IFREG) return -ENODEV;
	uint64_t start = (uint64_t)offset, len = (uint64_t)size;
	if (len > BFS_OFFSET_MAX - start) return -EFBIG;
	if ((mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE | FALLOC_FL_UNSHARE_RANGE)) != 0) return -EOPNOTSUPP;
	if ((mode & FALLOC_FL_KEEP_SIZE) == 0 && start + len > attr.size) {
		uint64_t from = BFS_MAX(start, attr.size);
		long room = bfs_room_to_write(from, start + len - from);
		if (room < 0) return room;
		if ((uint64_t)room < start + len - from) return bfs_room_to_write(~0ull, 1);
	}
	r = bfs_node_fallocate(ofd->node, mode, start, len);
	if (r == 0) bfs_notify_ofd(ofd, IN_MODIFY);
	return r;
}

enum bfs_verdict bfs_op_fallocate(struct bfs_call *c) {
	enum bfs_verdict verdict;
	struct bfs_ofd *ofd = bfs_own_data(c, 0, &verdict);
	if (ofd == NULL) return verdict;
	return bfs_done(c, size_fallocate(ofd, (uint32_t)c->a[1], (int64_t)c->a[2], (int64_t)c->a[3]));
}
