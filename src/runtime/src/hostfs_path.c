/* From (mount, path below it) to the host's object, so that no symlink met on the way is ever followed by the kernel.
 *
 * The walk has resolved symlinks virtually; a link that appears between the walk and the call gives ELOOP, never another object. The usual case is one openat2
 * of the whole absolute path with RESOLVE_NO_SYMLINKS. Where the *declared* path itself leads over symlinks (which is allowed: the host's administrator put them there), or openat2
 * is not to be had (before Linux 5.6, or a filter without it), the mount is opened first and what lies below is opened relative to it.
 */
#include "providers.h"

#include <linux/openat2.h>

#define HOSTFS_OPEN_FLAGS                                                                                                                                      \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_DSYNC | __O_SYNC | FASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY |      \
		O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | __O_TMPFILE)
#define HOSTFS_SPARE_FDS 64 /* a descriptor that must not take a low number is put at most this far below the reserved ones */

static bool hostfs_no_openat2; /* learnt at the first use, by each process for itself */

void bfs_host_close(long fd) {
	if (fd >= 0) bfs_raw1(__NR_close, fd);
}

static long hostfs_openat2(int dirfd, const char *path, uint32_t flags, uint32_t mode, uint64_t resolve) {
	if (hostfs_no_openat2) return -ENOSYS;
	flags &= HOSTFS_OPEN_FLAGS;
	if ((flags & O_PATH) != 0)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	else
		flags |= O_LARGEFILE; /* openat adds it, openat2 does not */
	struct open_how how = { .flags = flags, .resolve = resolve };
	if ((flags & (O_CREAT | __O_TMPFILE)) != 0) how.mode = mode & 07777u;
	long fd = bfs_raw4(__NR_openat2, dirfd, path, &how, sizeof how);
	if (fd == -ENOSYS || fd == -EPERM) {
		/* EPERM is a filter's refusal, or the file's own: a call that cannot be refused for the file's sake decides. */
		how = (struct open_how){ .flags = O_PATH | O_CLOEXEC };
		long root = bfs_raw4(__NR_openat2, AT_FDCWD, "/", &how, sizeof how);
		bfs_host_close(root);
		if (root >= 0) return fd;
		hostfs_no_openat2 = true;
		return -ENOSYS;
	}
	return fd;
}

long bfs_host_open_strict(int dirfd, const char *path, uint32_t flags, uint32_t mode) { return hostfs_openat2(dirfd, path, flags, mode, RESOLVE_NO_SYMLINKS); }

/* Opens directory REL[0..LEN) below directory FD a component at a time; closes FD. */
static long hostfs_steps(long fd, const char *rel, size_t len) {
	char name[BFS_NAME_MAX + 1];
	for (size_t at = 0; at < len && fd >= 0;) {
		size_t n = 0;
		while (at + n < len && rel[at + n] != '/') n++;
		long next = -ENAMETOOLONG;
		if (n <= BFS_NAME_MAX) {
			memcpy(name, rel + at, n);
			name[n] = '\0';
			next = bfs_raw4(__NR_openat, fd, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC, 0);
			struct bfs_kstat st;
			if (next == -ENOTDIR && bfs_host_stat((int)fd, name, AT_SYMLINK_NOFOLLOW, &st) == 0 && BFS_S_TYPE(st.st_mode) == S_IFLNK) next = -ELOOP;
		}
		bfs_host_close(fd);
		fd = next;
		at += n + 1;
	}
	return fd;
}

/* O_PATH descriptor of the directory REL[0..LEN) below MOUNT. */
static long hostfs_dir(uint32_t mount, const char *rel, size_t len) {
	const char *host = bfs_pool_text(bfs_mount_get(mount)->host);
	const uint32_t flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
	char path[BFS_PATH_MAX];
	if (len >= sizeof path) return -ENAMETOOLONG;
	if (len != 0) {
		long prefix = bfs_join(path, sizeof path, host, "/", NULL);
		if (prefix > 0 && len < sizeof path - (size_t)prefix) {
			memcpy(path + prefix, rel, len);
			path[(size_t)prefix + len] = '\0';
			long fd = bfs_host_open_strict(AT_FDCWD, path, flags, 0);
			if (fd != -ELOOP && fd != -ENOSYS) return fd;
		}
	}
	long root = bfs_raw4(__NR_openat, AT_FDCWD, host, flags, 0);
	if (root < 0 || len == 0) return root;
	memcpy(path, rel, len);
	path[len] = '\0';
	long fd = hostfs_openat2((int)root, path, flags, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	if (fd == -ENOSYS) return hostfs_steps(root, rel, len);
	bfs_host_close(root);
	return fd;
}

/* Where the last component of REL starts. */
static size_t hostfs_last(const char *rel) {
	size_t last = 0;
	for (size_t i = 0; rel[i] != '\0'; i++)
		if (rel[i] == '/') last = i + 1;
	return last;
}

long bfs_hostfs_enter(uint32_t mount, const char *rel, struct bfs_host_at *at) {
	if (rel[0] == '\0') {
		*at = (struct bfs_host_at){ AT_FDCWD, bfs_pool_text(bfs_mount_get(mount)->host), 0 };
		return 0;
	}
	size_t last = hostfs_last(rel);
	long fd = hostfs_dir(mount, rel, last == 0 ? 0 : last - 1);
	if (fd < 0) return fd;
	*at = (struct bfs_host_at){ (int)fd, rel + last, AT_SYMLINK_NOFOLLOW };
	return 0;
}

void bfs_hostfs_leave(struct bfs_host_at *at) {
	if (at->dirfd != AT_FDCWD) bfs_host_close(at->dirfd);
}

/* Makes room for the file itself: a directory descriptor that is needed while it is opened would take the lowest number, which POSIX promises to the file. */
static void hostfs_move_up(struct bfs_host_at *at) {
	for (int floor = bfs_fd_base - HOSTFS_SPARE_FDS; floor > at->dirfd; floor /= 2) {
		long high = bfs_raw3(__NR_fcntl, at->dirfd, F_DUPFD_CLOEXEC, floor);
		if (high >= 0) {
			bfs_host_close(at->dirfd);
			at->dirfd = (int)high;
			return;
		}
	}
}

long bfs_hostfs_open_at(uint32_t mount, const char *rel, uint32_t flags, uint32_t mode) {
	const char *host = bfs_pool_text(bfs_mount_get(mount)->host);
	if (rel[0] == '\0') return bfs_raw4(__NR_openat, AT_FDCWD, host, flags & ~(uint32_t)O_NOFOLLOW, mode);
	char path[BFS_PATH_MAX];
	if (bfs_join(path, sizeof path, host, "/", rel, NULL) > 0) {
		long fd = bfs_host_open_strict(AT_FDCWD, path, flags | O_NOFOLLOW, mode);
		if (fd != -ELOOP && fd != -ENOSYS) return fd;
	}
	struct bfs_host_at at;
	long fd = bfs_hostfs_enter(mount, rel, &at);
	if (fd < 0) return fd;
	hostfs_move_up(&at);
	fd = bfs_raw4(__NR_openat, at.dirfd, at.name, flags | O_NOFOLLOW, mode);
	bfs_hostfs_leave(&at);
	return fd;
}

long bfs_hostfs_node(uint32_t mount, const char *rel) { return bfs_hostfs_open_at(mount, rel, O_PATH | O_CLOEXEC | O_NOFOLLOW, 0); }
