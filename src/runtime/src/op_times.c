/* utimensat and its forerunners utime, utimes and futimesat. */
#include "ops.h"

#include <linux/inotify.h>
#include <linux/time.h>

/* Orders in place of nanoseconds (utimensat(2)); the kernel's exported headers lack them. */
#define UTIME_NOW 0x3fffffff
#define UTIME_OMIT 0x3ffffffe

struct times_utimbuf { /* struct utimbuf */
	int64_t actime, modtime;
};

/* −EINVAL for nanoseconds that are neither a fraction nor one of the two orders. */
static long times_check(const struct __kernel_timespec times[2]) {
	for (int i = 0; i < 2; i++)
		if (times[i].tv_nsec != UTIME_NOW && times[i].tv_nsec != UTIME_OMIT && (times[i].tv_nsec < 0 || times[i].tv_nsec > 999999999)) return -EINVAL;
	return 0;
}

static long times_set_node(const struct bfs_loc *loc, const struct __kernel_timespec times[2]) {
	struct bfs_attr attr;
	struct bfs_setattr set = { 0 };
	long r = bfs_node_attr(loc->node, &attr);
	if (r < 0) return r;
	bool both_now = times[0].tv_nsec == UTIME_NOW && times[1].tv_nsec == UTIME_NOW;
	if (!bfs_is_owner(&attr)) {
		if (!both_now) return -EPERM;
		r = bfs_permission(&attr, 2, true);
		if (r < 0) return r;
	}
	int64_t now_sec;
	uint32_t now_nsec;
	bfs_now(&now_sec, &now_nsec);
	if (times[0].tv_nsec != UTIME_OMIT) {
		bool now = times[0].tv_nsec == UTIME_NOW;
		set.mask |= BFS_SET_ATIME;
		set.atime_sec = now ? now_sec : times[0].tv_sec;
		set.atime_nsec = now ? now_nsec : (uint32_t)times[0].tv_nsec;
	}
	if (times[1].tv_nsec != UTIME_OMIT) {
		bool now = times[1].tv_nsec == UTIME_NOW;
		set.mask |= BFS_SET_MTIME;
		set.mtime_sec = now ? now_sec : times[1].tv_sec;
		set.mtime_nsec = now ? now_nsec : (uint32_t)times[1].tv_nsec;
	}
	r = bfs_node_setattr(loc->node, &set);
	if (r == 0)
		bfs_notify_loc(loc, set.mask == BFS_SET_ATIME   ? IN_ACCESS
				    : set.mask == BFS_SET_MTIME ? IN_MODIFY
								: IN_ATTRIB); /* as fsnotify_change tells them apart */
	return r;
}

static long times_set(const struct bfs_loc *loc, const struct __kernel_timespec times[2]) {
	if (loc->kind == BFS_LOC_NODE) return times_set_node(loc, times);
	return bfs_loc_change(__NR_utimensat, loc, 0, 0, (uint64_t)times, AT_SYMLINK_NOFOLLOW, 0);
}

/* PATH is the argument's index; a null path means the descriptor at argument DIRFD itself. */
static enum bfs_verdict times_at(struct bfs_call *c, unsigned dirfd, unsigned path, const struct __kernel_timespec times[2], uint32_t at_flags, bool null_is_fd) {
	struct bfs_loc loc;
	long r = times_check(times);
	if (r < 0) return bfs_done(c, r);
	if (times[0].tv_nsec == UTIME_OMIT && times[1].tv_nsec == UTIME_OMIT) return bfs_done(c, 0); /* the kernel does not even look at the path */
	if (null_is_fd && c->a[path] == 0) {
		enum bfs_verdict verdict;
		if (at_flags != 0) return bfs_done(c, -EINVAL);
		if (bfs_arg_fd(c, dirfd) == AT_FDCWD) return bfs_done(c, -EFAULT);
		struct bfs_ofd *ofd = bfs_own_data(c, dirfd, &verdict);
		if (ofd == NULL && (verdict != BFS_PASS || !bfs_fifo_loc(bfs_arg_fd(c, dirfd), &loc))) return verdict;
		if (ofd != NULL) r = bfs_ofd_loc(ofd, &loc);
	} else {
		uint32_t walk = ((at_flags & AT_SYMLINK_NOFOLLOW) == 0 ? BFS_WALK_FOLLOW : 0u) | ((at_flags & AT_EMPTY_PATH) != 0 ? BFS_WALK_EMPTY : 0u);
		r = bfs_call_walk(c, dirfd, path, walk, &loc);
		if (r == BFS_WALK_PASS) return BFS_PASS;
	}
	return bfs_done(c, r < 0 ? r : times_set(&loc, times));
}

static const struct __kernel_timespec times_now[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_NOW } };

enum bfs_verdict bfs_op_utimensat(struct bfs_call *c) {
	struct __kernel_timespec times[2];
	uint32_t at_flags = (uint32_t)c->a[3];
	memcpy(times, times_now, sizeof times);
	if (c->a[2] != 0 && bfs_copy_in(times, (const void *)c->a[2], sizeof times) < 0) return bfs_done(c, -EFAULT);
	if ((at_flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) return bfs_done(c, -EINVAL);
	return times_at(c, 0, 1, times, at_flags, true);
}

/* Two struct timeval at USER, or now. */
static long times_from_timeval(struct __kernel_timespec times[2], const void *user) {
	int64_t tv[4];
	memcpy(times, times_now, sizeof times_now);
	if (user == NULL) return 0;
	if (bfs_copy_in(tv, user, sizeof tv) < 0) return -EFAULT;
	for (int i = 0; i < 2; i++) {
		if (tv[2 * i + 1] < 0 || tv[2 * i + 1] > 999999) return -EINVAL;
		times[i].tv_sec = tv[2 * i];
		times[i].tv_nsec = tv[2 * i + 1] * 1000;
	}
	return 0;
}

enum bfs_verdict bfs_op_utimes(struct bfs_call *c) {
	struct __kernel_timespec times[2];
	long r = times_from_timeval(times, (const void *)c->a[1]);
	return r < 0 ? bfs_done(c, r) : times_at(c, BFS_NO_DIRFD, 0, times, 0, false);
}

enum bfs_verdict bfs_op_futimesat(struct bfs_call *c) {
	struct __kernel_timespec times[2];
	long r = times_from_timeval(times, (const void *)c->a[2]);
	return r < 0 ? bfs_done(c, r) : times_at(c, 0, 1, times, 0, true);
}

enum bfs_verdict bfs_op_utime(struct bfs_call *c) {
	struct __kernel_timespec times[2];
	struct times_utimbuf buf;
	memcpy(times, times_now, sizeof times);
	if (c->a[1] != 0) {
		if (bfs_copy_in(&buf, (const void *)c->a[1], sizeof buf) < 0) return bfs_done(c, -EFAULT);
		times[0] = (struct __kernel_timespec){ .tv_sec = buf.actime };
		times[1] = (struct __kernel_timespec){ .tv_sec = buf.modtime };
	}
	return times_at(c, BFS_NO_DIRFD, 0, times, 0, false);
}
