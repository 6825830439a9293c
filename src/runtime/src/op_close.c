/* close, close_range and the dup family: the kernel's table stays right by itself; what is left is to free entries of placeholders and to keep the reserved descriptors. */
#include "notify.h"

#include <linux/close_range.h>
#include <linux/sched.h>

enum bfs_verdict bfs_op_close(struct bfs_call *c) {
	int fd = bfs_arg_fd(c, 0);
	if (bfs_own(fd, NULL) != NULL) return bfs_done(c, bfs_close_fd(fd));
	long instance = bfs_instance_of(fd);
	if (instance < 0) return bfs_foreign(c, fd);
	long r = bfs_raw1(__NR_close, fd);
	bfs_instance_closed((uint32_t)instance);
	return bfs_done(c, r);
}

enum bfs_verdict bfs_op_dup(struct bfs_call *c) { return bfs_foreign(c, bfs_arg_fd(c, 0)); }

/* dup2 and dup3 onto a placeholder close it. */
static enum bfs_verdict close_dup(struct bfs_call *c) {
	int from = bfs_arg_fd(c, 0), to = bfs_arg_fd(c, 1);
	uint32_t index;
	if ((from >= 0 && bfs_fd_reserved(from)) || (to >= 0 && bfs_fd_reserved(to))) return bfs_done(c, -EBADF);
	struct bfs_ofd *old = from == to ? NULL : bfs_own(to, &index);
	if (old == NULL) return BFS_PASS;
	if (bfs_raw2(__NR_fcntl, from, F_GETFD) < 0) return bfs_done(c, -EBADF); /* before record locks are dropped for nothing */
	bfs_lock_closing(old);
	long r = bfs_raw3(c->nr, c->a[0], c->a[1], c->a[2]);
	bfs_ofd_closed(index);
	return bfs_done(c, r);
}

enum bfs_verdict bfs_op_dup2(struct bfs_call *c) { return close_dup(c); }
enum bfs_verdict bfs_op_dup3(struct bfs_call *c) { return close_dup(c); }

enum close_action { CLOSE_NOW, CLOSE_OURS, CLOSE_MARK, CLOSE_UNLOCK };

static void close_one(int fd, enum close_action action) {
	struct bfs_ofd *ofd;
	switch (action) {
	case CLOSE_NOW: bfs_close_fd(fd); break;
	case CLOSE_OURS:
		if (bfs_own(fd, NULL) != NULL) bfs_close_fd(fd);
		break;
	case CLOSE_MARK: bfs_raw3(__NR_fcntl, fd, F_SETFD, FD_CLOEXEC); break;
	case CLOSE_UNLOCK:
		if ((bfs_raw2(__NR_fcntl, fd, F_GETFD) & FD_CLOEXEC) == 0) break;
		ofd = bfs_ofd_of(fd, NULL);
		if (ofd != NULL) bfs_lock_closing(ofd);
		break;
	}
}

/* The kernel's own close_range around the reserved descriptors; entries of placeholders are left to be found dead later. */
static long close_natively(uint32_t first, uint32_t last, uint64_t flags) {
	uint32_t base = (uint32_t)bfs_fd_base, end = base;
	while (bfs_fd_reserved(end)) end++;
	long r = 0;
	if (first < base) r = bfs_raw3(__NR_close_range, first, BFS_MIN(last, base - 1), flags);
	if (r == 0 && last >= end) r = bfs_raw3(__NR_close_range, BFS_MAX(first, end), last, flags);
	return r;
}

/* Does ACTION to the open descriptors of the range one by one, as /proc/self/fd lists them: it takes as long as there are descriptors, not numbers. −ENOENT without /proc. */
static long close_listed(uint32_t first, uint32_t last, enum close_action action) {
	struct close_dirent {
		uint64_t ino;
		int64_t off;
		uint16_t reclen;
		uint8_t type;
		char name[];
	};
	_Alignas(8) uint8_t buffer[2048];
	long dir = bfs_raw4(__NR_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (dir < 0) return dir;
	for (;;) {
		long n = bfs_raw3(__NR_getdents64, dir, buffer, sizeof buffer);
		if (n <= 0) break;
		for (long at = 0; at < n;) {
			const struct close_dirent *entry = (const struct close_dirent *)(buffer + at);
			uint64_t fd;
			if (bfs_text_u64(entry->name, &fd, NULL) && fd >= first && fd <= last && fd != (uint64_t)dir && !bfs_fd_reserved((int64_t)fd))
				close_one((int)fd, action);
			at += entry->reclen;
		}
	}
	bfs_raw1(__NR_close, dir);
	return 0;
}

enum bfs_verdict bfs_op_close_range(struct bfs_call *c) {
	uint32_t first = (uint32_t)c->a[0], last = (uint32_t)c->a[1], flags = (uint32_t)c->a[2];
	if ((flags & ~(uint32_t)(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) != 0 || first > last) return bfs_done(c, -EINVAL);
	if ((flags & CLOSE_RANGE_UNSHARE) != 0) {
		long r = bfs_raw1(__NR_unshare, CLONE_FILES);
		if (r < 0) return bfs_done(c, r);
	}
	long r = close_listed(first, last, (flags & CLOSE_RANGE_CLOEXEC) != 0 ? CLOSE_MARK : CLOSE_NOW);
	return bfs_done(c, r < 0 ? close_natively(first, last, flags & CLOSE_RANGE_CLOEXEC) : 0);
}

void bfs_close_ours(void) { close_listed(0, ~0u, CLOSE_OURS); }

void bfs_exec_closing(void) {
	if (bfs_lock_any()) close_listed(0, ~0u, CLOSE_UNLOCK);
}
