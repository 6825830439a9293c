/* Changes below host paths and volumes. The kernel decides who may; a name is created, removed or renamed relative to the descriptor of its directory, and what has no call
 * of that kind (chmod, truncate, xattrs) goes through the magic link of an O_PATH descriptor, which names the object that was resolved and nothing else.
 */
#include "providers.h"

#include <linux/fs.h>

#define HOSTFS_AT_EMPTY_PATH 0x1000u

static void hostfs_magic_link(long fd, char *dst, size_t size) {
	char digits[24];
	bfs_u64_text(digits, (uint64_t)fd);
	bfs_join(dst, size, "/proc/self/fd/", digits, NULL);
}

long bfs_host_change_path(long nr, const char *path, struct bfs_call *c) {
	switch (nr) {
	case __NR_fchmodat: return bfs_raw3(__NR_fchmodat, AT_FDCWD, path, c->a[2]);
	case __NR_fchownat: return bfs_raw5(__NR_fchownat, AT_FDCWD, path, c->a[2], c->a[3], 0);
	case __NR_utimensat: return bfs_raw4(__NR_utimensat, AT_FDCWD, path, c->a[2], 0);
	case __NR_truncate: return bfs_raw2(__NR_truncate, path, c->a[1]);
	case __NR_statfs: return bfs_raw2(__NR_statfs, path, c->a[1]);
	case __NR_getxattr:
	case __NR_lgetxattr: return bfs_raw4(__NR_getxattr, path, c->a[1], c->a[2], c->a[3]);
	case __NR_setxattr:
	case __NR_lsetxattr: return bfs_raw5(__NR_setxattr, path, c->a[1], c->a[2], c->a[3], c->a[4]);
	case __NR_listxattr:
	case __NR_llistxattr: return bfs_raw3(__NR_listxattr, path, c->a[1], c->a[2]);
	case __NR_removexattr:
	case __NR_lremovexattr: return bfs_raw2(__NR_removexattr, path, c->a[1]);
	default: return -EPERM;
	}
}

/* An object that exists: itself, a symlink too. */
static long hostfs_change_object(long nr, const struct bfs_loc *loc, struct bfs_call *c) {
	if (loc->rel[0] == '\0') return bfs_host_change_path(nr, bfs_pool_text(bfs_mount_get(loc->mount)->host), c);
	long fd = bfs_hostfs_node(loc->mount, loc->rel);
	if (fd < 0) return fd;
	struct bfs_kstat st;
	char magic[48];
	long r = bfs_host_stat((int)fd, "", HOSTFS_AT_EMPTY_PATH, &st);
	hostfs_magic_link(fd, magic, sizeof magic);
	if (r == 0 && nr == __NR_fchmodat && BFS_S_TYPE(st.st_mode) == S_IFLNK) r = -EOPNOTSUPP; /* some file systems would change it */
	if (r == 0) r = bfs_host_change_path(nr, magic, c);
	bfs_host_close(fd);
	return r;
}

/* chdir: a directory that may be searched. Looking up "." in it asks the kernel just that. */
static long hostfs_chdir(const struct bfs_loc *loc) {
	long fd = bfs_hostfs_open_at(loc->mount, loc->rel, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0);
	if (fd < 0) return fd;
	long dot = bfs_raw4(__NR_openat, fd, ".", O_PATH | O_CLOEXEC, 0);
	bfs_host_close(dot);
	bfs_host_close(fd);
	return BFS_MIN(dot, 0);
}

/* The last component of LOC as the program wrote it: with a trailing slash, for which the kernel has errors of its own. BUFFER holds it. */
static const char *hostfs_new_name(const struct bfs_loc *loc, const struct bfs_host_at *at, char buffer[BFS_NAME_MAX + 2]) {
	if (!loc->trailing_slash || bfs_join(buffer, BFS_NAME_MAX + 2, at->name, "/", NULL) < 0) return at->name;
	return buffer;
}

static bool hostfs_is_device(uint32_t mode, uint64_t device) {
	uint32_t type = BFS_S_TYPE(mode);
	return type == S_IFBLK || (type == S_IFCHR && device != 0 /* the whiteout of overlay file systems */);
}

/* A name that is made or removed. */
static long hostfs_change_name(long nr, const struct bfs_loc *loc, struct bfs_call *c) {
	if (nr == __NR_unlinkat && loc->rel[0] == '\0') return -EBUSY; /* a mount point */
	struct bfs_host_at at;
	char buffer[BFS_NAME_MAX + 2];
	long r = bfs_hostfs_enter(loc->mount, loc->rel, &at);
	if (r < 0) return r;
	const char *name = hostfs_new_name(loc, &at, buffer);
	switch (nr) {
	case __NR_mkdirat: r = bfs_raw3(nr, at.dirfd, name, c->a[2]); break;
	case __NR_mknodat: /* a device made here by root would be a way to all disks; on a volume it cannot be opened */
		r = !bfs_mount_get(loc->mount)->volume && hostfs_is_device((uint32_t)c->a[2], c->a[3]) ? -EPERM : bfs_raw4(nr, at.dirfd, name, c->a[2], c->a[3]);
		break;
	case __NR_unlinkat: r = bfs_raw3(nr, at.dirfd, name, c->a[2]); break;
	default: /* symlinkat */
		bfs_door_names_lock();
		r = bfs_raw3(__NR_symlinkat, c->a[0], at.dirfd, name);
		bfs_door_names_unlock();
		break;
	}
	bfs_hostfs_leave(&at);
	return r;
}

long bfs_hostfs_change(long nr, const struct bfs_loc *loc, struct bfs_call *c) {
	bfs_hostlog_mount(loc->mount, loc->rel);
	bool query = nr == __NR_statfs || nr == __NR_chdir || nr == __NR_getxattr || nr == __NR_lgetxattr || nr == __NR_listxattr || nr == __NR_llistxattr;
	if (!query && bfs_mount_get(loc->mount)->read_only) return -EROFS;
	switch (nr) {
	case __NR_chdir: return hostfs_chdir(loc);
	case __NR_mkdirat:
	case __NR_mknodat:
	case __NR_unlinkat:
	case __NR_symlinkat: return hostfs_change_name(nr, loc, c);
	default: return hostfs_change_object(nr, loc, c);
	}
}

/* linkat of an open file (O_TMPFILE's usual second half): the source is a followed /proc/PID/fd/N. A file that has a name elsewhere on the host was lent for what its descriptor is open for:
 * a name below a door would let it be opened for anything. */
static long hostfs_link_open_file(const struct bfs_loc *from, const struct bfs_loc *to) {
	char path[BFS_PATH_MAX], text[BFS_PATH_MAX], guest[BFS_PATH_MAX];
	struct bfs_host_at at;
	struct bfs_kstat st = { 0 };
	long r = bfs_proc_host_path(from->rel, path, sizeof path);
	if (r >= 0) r = bfs_host_stat(AT_FDCWD, path, 0, &st);
	if (r == 0 && st.st_nlink != 0) {
		r = bfs_raw4(__NR_readlinkat, AT_FDCWD, path, text, sizeof text - 1);
		if (r < 0) return r;
		text[r] = '\0';
		if (bfs_mount_guest_path(text, guest, sizeof guest) < 0) return -EXDEV;
	}
	if (r >= 0) r = bfs_hostfs_enter(to->mount, to->rel, &at);
	if (r < 0) return r;
	char buffer[BFS_NAME_MAX + 2];
	r = bfs_raw5(__NR_linkat, AT_FDCWD, path, at.dirfd, hostfs_new_name(to, &at, buffer), AT_SYMLINK_FOLLOW);
	bfs_hostfs_leave(&at);
	return r;
}

/* Between two places of one mount whose directories are entered. */
static long hostfs_between(long nr, const struct bfs_loc *from, const struct bfs_host_at *source, const struct bfs_loc *to, const struct bfs_host_at *target, uint32_t flags) {
	char old[BFS_NAME_MAX + 2], new[BFS_NAME_MAX + 2];
	struct bfs_kstat st;
	const char *name = hostfs_new_name(to, target, new);
	if (nr == __NR_linkat) return bfs_raw5(__NR_linkat, source->dirfd, source->name, target->dirfd, name, 0);
	long r = bfs_raw5(__NR_renameat2, source->dirfd, hostfs_new_name(from, source, old), target->dirfd, name, flags);
	bool exchange = (flags & RENAME_EXCHANGE) != 0;
	if (r == 0 && (exchange || (bfs_host_stat(target->dirfd, target->name, AT_SYMLINK_NOFOLLOW, &st) == 0 && BFS_S_TYPE(st.st_mode) == S_IFDIR)))
		bfs_ofd_moved(from->mount, from->rel, to->rel, exchange);
	return r;
}

long bfs_hostfs_change2(long nr, const struct bfs_loc *from, const struct bfs_loc *to, struct bfs_call *c) {
	if (to->kind != BFS_LOC_HOST) return -EXDEV;
	if (bfs_mount_get(to->mount)->read_only) return -EROFS;
	if (nr == __NR_linkat && from->kind == BFS_LOC_PROC && from->magic) return hostfs_link_open_file(from, to);
	if (from->kind != BFS_LOC_HOST || from->mount != to->mount) return -EXDEV;
	if (from->rel[0] == '\0' || to->rel[0] == '\0') return nr == __NR_linkat ? -EXDEV : -EBUSY;
	bfs_hostlog_mount(from->mount, from->rel);
	bfs_hostlog_mount(to->mount, to->rel);
	struct bfs_host_at source, target;
	long r = bfs_hostfs_enter(from->mount, from->rel, &source);
	if (r < 0) return r;
	r = bfs_hostfs_enter(to->mount, to->rel, &target);
	if (r == 0) {
		bfs_door_names_lock(); /* what is renamed or linked may be a symlink */
		r = hostfs_between(nr, from, &source, to, &target, nr == __NR_linkat ? 0 : (uint32_t)c->a[4]);
		bfs_door_names_unlock();
		bfs_hostfs_leave(&target);
	}
	bfs_hostfs_leave(&source);
	return r;
}
