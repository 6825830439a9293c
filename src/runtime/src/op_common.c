/* What ops share: descriptor and path arguments, locations, temporary memory. */
#include "ops.h"

#include <linux/mman.h>
#include <linux/time.h>

/* Stands for the program's empty path in a passed call, so that another thread cannot put a path there after the check. */
static const char common_empty_path[1];

static bool common_hidden(int fd) { return fd >= 0 && bfs_fd_reserved(fd); }

struct bfs_ofd *bfs_own(int fd, uint32_t *index) {
	return fd < 0 || common_hidden(fd) ? NULL : bfs_ofd_of(fd, index);
}

enum bfs_verdict bfs_foreign(struct bfs_call *c, int fd) { return common_hidden(fd) ? bfs_done(c, -EBADF) : BFS_PASS; }

struct bfs_ofd *bfs_own_data(struct bfs_call *c, unsigned i, enum bfs_verdict *verdict) {
	int fd = bfs_arg_fd(c, i);
	struct bfs_ofd *ofd = bfs_own(fd, NULL);
	if (ofd == NULL) {
		*verdict = bfs_foreign(c, fd);
		return NULL;
	}
	if ((ofd->flags & O_PATH) != 0) {
		*verdict = bfs_done(c, -EBADF);
		return NULL;
	}
	return ofd;
}

long bfs_ofd_attr(const struct bfs_ofd *ofd, struct bfs_attr *attr, uint64_t *st_dev) {
	if (ofd->kind == BFS_LOC_NODE) {
		if (st_dev != NULL) *st_dev = BFS_ST_DEV;
		return bfs_node_attr(ofd->node, attr);
	}
	struct bfs_loc loc;
	long r = bfs_ofd_loc(ofd, &loc);
	return r < 0 ? r : bfs_loc_attr(&loc, attr, st_dev);
}

long bfs_close_fd(int fd) {
	uint32_t index;
	struct bfs_ofd *ofd = bfs_ofd_of(fd, &index);
	if (ofd == NULL) return bfs_raw1(__NR_close, fd);
	bfs_lock_closing(ofd);
	long r = bfs_raw1(__NR_close, fd);
	bfs_ofd_closed(index);
	return r;
}

long bfs_call_walk(struct bfs_call *c, unsigned dirfd, unsigned path, uint32_t flags, struct bfs_loc *out) {
	int fd = dirfd == BFS_NO_DIRFD ? AT_FDCWD : bfs_arg_fd(c, dirfd);
	const char *user_path = (const char *)c->a[path];
	if ((flags & BFS_WALK_EMPTY) != 0 && fd != AT_FDCWD) {
		char first = '\0';
		if (user_path != NULL && bfs_copy_in(&first, user_path, 1) < 0) return -EFAULT;
		if (first == '\0') {
			if (fd < 0 || bfs_fd_reserved(fd)) return -EBADF;
			struct bfs_ofd *ofd = bfs_ofd_of(fd, NULL);
			if (ofd != NULL) return bfs_ofd_loc(ofd, out);
			if (bfs_fifo_loc(fd, out)) return 0;
			c->a[path] = (uint64_t)common_empty_path;
			return BFS_WALK_PASS;
		}
	}
	if ((flags & BFS_WALK_EMPTY) != 0 && user_path == NULL) user_path = common_empty_path;
	return bfs_walk(fd, user_path, flags, out);
}

long bfs_loc_attr(const struct bfs_loc *loc, struct bfs_attr *attr, uint64_t *st_dev) {
	uint64_t dev = BFS_ST_DEV;
	long r = loc->kind == BFS_LOC_NODE ? bfs_node_attr(loc->node, attr) : bfs_provider_of(loc->kind)->attr(loc, attr, &dev);
	if (st_dev != NULL) *st_dev = dev;
	return r;
}

long bfs_loc_change(long nr, const struct bfs_loc *loc, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4) {
	struct bfs_call sub = { .nr = nr, .a = { a0, a1, a2, a3, a4, 0 } };
	return bfs_provider_of(loc->kind)->change(nr, loc, &sub);
}

void bfs_now(int64_t *sec, uint32_t *nsec) {
	struct __kernel_timespec now = { 0, 0 };
	bfs_raw2(__NR_clock_gettime, CLOCK_REALTIME, &now);
	*sec = now.tv_sec;
	*nsec = (uint32_t)now.tv_nsec;
}

void *bfs_temp_take(size_t size) {
	long p = bfs_raw6(__NR_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p < 0 ? NULL : (void *)p;
}

void bfs_temp_free(void *p, size_t size) { bfs_raw2(__NR_munmap, p, size); }
