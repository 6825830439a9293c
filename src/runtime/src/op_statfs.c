/* statfs and fstatfs. Image and overlay present themselves as a tmpfs, which is what writing to them is like: memory, bounded, gone at the end. */
#include "ops.h"

#include <asm/statfs.h>

#define STATFS_TMPFS_MAGIC 0x01021994
#define STATFS_VALID 0x20
#define STATFS_RELATIME 0x1000

static long statfs_node(void *user) {
	struct bfs_usage usage;
	bfs_pool_usage(&usage);
	uint64_t free = usage.pages_limit - BFS_MIN(usage.pages_used, usage.pages_limit);
	struct statfs st = {
		.f_type = STATFS_TMPFS_MAGIC,
		.f_bsize = (long)BFS_BLOCK_SIZE,
		.f_blocks = (long)(usage.image_pages + usage.pages_limit), /* the image is full, the overlay bounded */
		.f_bfree = (long)free,
		.f_files = (long)usage.inodes_limit,
		.f_ffree = (long)(usage.inodes_limit - BFS_MIN(usage.inodes_used, usage.inodes_limit)),
		.f_fsid = { { (int)BFS_ST_DEV, 0 } },
		.f_namelen = (long)BFS_NAME_MAX,
		.f_frsize = (long)BFS_BLOCK_SIZE,
		.f_flags = STATFS_VALID | STATFS_RELATIME,
	};
	st.f_bavail = st.f_bfree;
	return bfs_copy_out(user, &st, sizeof st);
}

static long statfs_loc(const struct bfs_loc *loc, uint64_t user) {
	return loc->kind == BFS_LOC_NODE ? statfs_node((void *)user) : bfs_loc_change(__NR_statfs, loc, 0, user, 0, 0, 0);
}

enum bfs_verdict bfs_op_statfs(struct bfs_call *c) {
	struct bfs_loc loc;
	long r = bfs_call_walk(c, BFS_NO_DIRFD, 0, BFS_WALK_FOLLOW, &loc);
	return bfs_done(c, r < 0 ? r : statfs_loc(&loc, c->a[1]));
}

enum bfs_verdict bfs_op_fstatfs(struct bfs_call *c) {
	struct bfs_loc loc;
	int fd = bfs_arg_fd(c, 0);
	struct bfs_ofd *ofd = bfs_own(fd, NULL);
	if (ofd == NULL) return bfs_foreign(c, fd);
	long r = bfs_ofd_loc(ofd, &loc);
	return bfs_done(c, r < 0 ? r : statfs_loc(&loc, c->a[1]));
}
