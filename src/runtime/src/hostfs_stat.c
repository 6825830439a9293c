/* Attributes and access of host objects, in the runtime's terms. */
#include "providers.h"

#define HOSTFS_AT_EACCESS 0x200u
#define HOSTFS_AT_EMPTY_PATH 0x1000u

_Static_assert(sizeof(struct bfs_kstat) == 144, "struct stat of x86-64");

long bfs_host_stat(int dirfd, const char *path, uint32_t at_flags, struct bfs_kstat *out) { return bfs_raw4(__NR_newfstatat, dirfd, path, out, at_flags); }

/* The kernel's new_encode_dev: what st_dev and st_rdev hold. */
static uint64_t hostfs_dev(uint32_t major, uint32_t minor) { return (minor & 0xFFu) | ((uint64_t)major << 8) | ((uint64_t)(minor & ~0xFFu) << 12); }

long bfs_host_attr(int dirfd, const char *path, uint32_t at_flags, struct bfs_attr *out, uint64_t *st_dev) {
	struct statx sx;
	long r = bfs_raw5(__NR_statx, dirfd, path, at_flags, STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, &sx);
	if (r < 0) return r;
	*out = (struct bfs_attr){
		.mode = sx.stx_mode,
		.uid = sx.stx_uid,
		.gid = sx.stx_gid,
		.nlink = sx.stx_nlink,
		.ino = sx.stx_ino,
		.size = sx.stx_size,
		.rdev = hostfs_dev(sx.stx_rdev_major, sx.stx_rdev_minor),
		.atime_sec = sx.stx_atime.tv_sec,
		.mtime_sec = sx.stx_mtime.tv_sec,
		.ctime_sec = sx.stx_ctime.tv_sec,
		.btime_sec = (sx.stx_mask & STATX_BTIME) != 0 ? sx.stx_btime.tv_sec : 0,
		.atime_nsec = sx.stx_atime.tv_nsec,
		.mtime_nsec = sx.stx_mtime.tv_nsec,
		.ctime_nsec = sx.stx_ctime.tv_nsec,
		.btime_nsec = (sx.stx_mask & STATX_BTIME) != 0 ? sx.stx_btime.tv_nsec : 0,
		.blocks = sx.stx_blocks,
		.mount_id = (sx.stx_mask & STATX_MNT_ID) != 0 ? sx.stx_mnt_id : 0,
	};
	if (st_dev != NULL) *st_dev = hostfs_dev(sx.stx_dev_major, sx.stx_dev_minor);
	return 0;
}

long bfs_host_access(int dirfd, const char *path, uint32_t mask, bool effective, uint32_t at_flags) {
	uint32_t flags = at_flags | (effective ? HOSTFS_AT_EACCESS : 0);
	long r = flags == 0 ? bfs_raw3(__NR_faccessat, dirfd, path, mask) : bfs_raw4(__NR_faccessat2, dirfd, path, mask, flags);
	if (r != -ENOSYS && r != -EPERM) return r;
	if ((at_flags & HOSTFS_AT_EMPTY_PATH) == 0) return bfs_raw3(__NR_faccessat, dirfd, path, mask);
	/* An O_PATH descriptor's magic link names its object, so the older call reaches it too. */
	char digits[24], magic[48];
	bfs_u64_text(digits, (uint64_t)dirfd);
	bfs_join(magic, sizeof magic, "/proc/self/fd/", digits, NULL);
	return bfs_raw3(__NR_faccessat, AT_FDCWD, magic, mask);
}
