/* The stat family: attributes in the kernel's two layouts. */
#include "ops.h"

#include <asm/stat.h>

#define STAT_BLOCK 4096
/* glibc passes flags of newer kernels in the hope that they are known. */
#define STAT_AT_FLAGS (AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)
#define STAT_RDEV(attr) ((((attr)->mode & S_IFMT) == S_IFCHR || ((attr)->mode & S_IFMT) == S_IFBLK) ? (attr)->rdev : 0)

/* Device numbers: st_dev and st_rdev carry the minor's low byte, then the major, then the rest of the minor. */
static uint32_t stat_major(uint64_t dev) { return (uint32_t)(dev >> 8 & 0xfffu) | ((uint32_t)(dev >> 32) & ~0xfffu); }
static uint32_t stat_minor(uint64_t dev) { return (uint32_t)(dev & 0xffu) | ((uint32_t)(dev >> 12) & ~0xffu); }

static long stat_out(const struct bfs_attr *attr, uint64_t dev, void *user) {
	struct stat st = {
		.st_dev = dev,
		.st_ino = attr->ino,
		.st_nlink = attr->nlink,
		.st_mode = attr->mode,
		.st_uid = attr->uid,
		.st_gid = attr->gid,
		.st_rdev = STAT_RDEV(attr),
		.st_size = (long)attr->size,
		.st_blksize = STAT_BLOCK,
		.st_blocks = (long)attr->blocks,
		.st_atime = (unsigned long)attr->atime_sec,
		.st_atime_nsec = attr->atime_nsec,
		.st_mtime = (unsigned long)attr->mtime_sec,
		.st_mtime_nsec = attr->mtime_nsec,
		.st_ctime = (unsigned long)attr->ctime_sec,
		.st_ctime_nsec = attr->ctime_nsec,
	};
	return bfs_copy_out(user, &st, sizeof st);
}

static long statx_out(const struct bfs_attr *attr, uint64_t dev, void *user) {
	uint64_t rdev = STAT_RDEV(attr);
	struct statx st = {
		.stx_mask = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID,
		.stx_blksize = STAT_BLOCK,
		.stx_nlink = attr->nlink,
		.stx_uid = attr->uid,
		.stx_gid = attr->gid,
		.stx_mode = (uint16_t)attr->mode,
		.stx_ino = attr->ino,
		.stx_size = attr->size,
		.stx_blocks = attr->blocks,
		.stx_attributes_mask = STATX_ATTR_AUTOMOUNT | STATX_ATTR_MOUNT_ROOT,
		.stx_atime = { .tv_sec = attr->atime_sec, .tv_nsec = attr->atime_nsec },
		.stx_btime = { .tv_sec = attr->btime_sec, .tv_nsec = attr->btime_nsec },
		.stx_ctime = { .tv_sec = attr->ctime_sec, .tv_nsec = attr->ctime_nsec },
		.stx_mtime = { .tv_sec = attr->mtime_sec, .tv_nsec = attr->mtime_nsec },
		.stx_rdev_major = stat_major(rdev),
		.stx_rdev_minor = stat_minor(rdev),
		.stx_dev_major = stat_major(dev),
		.stx_dev_minor = stat_minor(dev),
		.stx_mnt_id = attr->mount_id,
	};
	return bfs_copy_out(user, &st, sizeof st);
}

static enum bfs_verdict stat_path(struct bfs_call *c, unsigned dirfd, unsigned path, uint64_t at_flags, bool extended, unsigned buffer) {
	struct bfs_loc loc;
	struct bfs_attr attr;
	uint64_t dev;
	uint32_t walk = ((at_flags & AT_SYMLINK_NOFOLLOW) == 0 ? BFS_WALK_FOLLOW : 0u) | ((at_flags & AT_EMPTY_PATH) != 0 ? BFS_WALK_EMPTY : 0u);
	long r = bfs_call_walk(c, dirfd, path, walk, &loc);
	if (r == BFS_WALK_PASS) return BFS_PASS;
	if (r == -ENOENT) bfs_call_missed(c, dirfd, path);
	if (r == 0) r = bfs_loc_attr(&loc, &attr, &dev);
	if (r == 0) r = extended ? statx_out(&attr, dev, (void *)c->a[buffer]) : stat_out(&attr, dev, (void *)c->a[buffer]);
	return bfs_done(c, r);
}

enum bfs_verdict bfs_op_stat(struct bfs_call *c) { return stat_path(c, BFS_NO_DIRFD, 0, 0, false, 1); }
enum bfs_verdict bfs_op_lstat(struct bfs_call *c) { return stat_path(c, BFS_NO_DIRFD, 0, AT_SYMLINK_NOFOLLOW, false, 1); }

enum bfs_verdict bfs_op_newfstatat(struct bfs_call *c) {
	uint32_t flags = (uint32_t)c->a[3];
	if ((flags & ~(uint32_t)(STAT_AT_FLAGS | AT_STATX_SYNC_TYPE)) != 0) return bfs_done(c, -EINVAL);
	return stat_path(c, 0, 1, flags, false, 2);
}

enum bfs_verdict bfs_op_statx(struct bfs_call *c) {
	uint32_t flags = (uint32_t)c->a[2], mask = (uint32_t)c->a[3];
	if ((flags & ~(uint32_t)(STAT_AT_FLAGS | AT_STATX_SYNC_TYPE)) != 0 || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE || (mask & STATX__RESERVED) != 0)
		return bfs_done(c, -EINVAL);
	return stat_path(c, 0, 1, flags, true, 4);
}

enum bfs_verdict bfs_op_fstat(struct bfs_call *c) {
	struct bfs_attr attr;
	uint64_t dev;
	int fd = bfs_arg_fd(c, 0);
	struct bfs_ofd *ofd = bfs_own(fd, NULL);
	struct bfs_loc loc;
	if (ofd == NULL && !bfs_fifo_loc(fd, &loc)) return bfs_foreign(c, fd);
	long r = ofd == NULL ? bfs_loc_attr(&loc, &attr, &dev) : bfs_ofd_attr(ofd, &attr, &dev);
	return bfs_done(c, r < 0 ? r : stat_out(&attr, dev, (void *)c->a[1]));
}
