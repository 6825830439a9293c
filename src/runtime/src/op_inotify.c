/* inotify_init, inotify_add_watch and inotify_rm_watch (inotify(7)). */
#include "notify.h"
#include "pool.h"

#define INOTIFY_FLAGS (IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_CREATE | IN_MASK_ADD | IN_ISDIR | IN_ONESHOT)
#define INOTIFY_BITS (IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | INOTIFY_FLAGS)

static enum bfs_verdict inotify_make(struct bfs_call *c, uint32_t flags) {
	long fd = bfs_raw1(__NR_inotify_init1, flags);
	if (fd < 0) return bfs_done(c, fd);
	bfs_pool_lock();
	long r = bfs_instance_open((int)fd);
	bfs_pool_unlock();
	if (r == 0) return bfs_done(c, fd);
	bfs_raw1(__NR_close, fd);
	return bfs_done(c, r);
}

enum bfs_verdict bfs_op_inotify_init(struct bfs_call *c) { return inotify_make(c, 0); }
enum bfs_verdict bfs_op_inotify_init1(struct bfs_call *c) { return inotify_make(c, (uint32_t)c->a[0]); }

/* The instance behind descriptor argument 0: −EBADF, −EINVAL. */
static long inotify_instance(const struct bfs_call *c) {
	int fd = bfs_arg_fd(c, 0);
	if (fd < 0 || bfs_fd_reserved(fd) || bfs_raw2(__NR_fcntl, fd, F_GETFD) < 0) return -EBADF;
	return bfs_instance_of(fd);
}

/* ---- inotify_add_watch ---- */

/* In a transaction. A second watch of the same thing is the first one, with another mask. */
static long inotify_put(uint32_t instance, uint64_t key, uint32_t mask, uint32_t kernel_wd) {
	uint32_t wd;
	struct bfs_watch *w = bfs_watch_of(instance, key);
	if (w == NULL) {
		long r = bfs_watch_add(instance, key, mask & ~(uint32_t)IN_MASK_ADD, kernel_wd, &wd);
		return r < 0 ? r : (long)wd;
	}
	if ((mask & IN_MASK_CREATE) != 0 && kernel_wd == 0) return -EEXIST;
	bfs_store32(&w->mask, (mask & IN_MASK_ADD) != 0 ? w->mask | mask : mask);
	return w->wd;
}

static long inotify_commit(uint32_t instance, uint64_t key, uint32_t mask, uint32_t kernel_wd) {
	bfs_tx_begin();
	long wd = inotify_put(instance, key, mask, kernel_wd);
	long r = wd < 0 ? bfs_tx_abort(wd) : bfs_tx_commit();
	return r < 0 ? r : wd;
}

/* What the kernel watches; KEY of what it does not (texts of /proc, which change without telling anybody). */
static long inotify_watch(uint32_t instance, int fd, const struct bfs_loc *loc, uint64_t key, uint32_t mask) {
	long (*kernel)(const struct bfs_loc *, int, uint32_t) = loc->kind != BFS_LOC_NODE ? bfs_provider_of(loc->kind)->watch : NULL;
	uint32_t kernel_wd = 0;
	bfs_pool_lock();
	if (kernel != NULL) {
		long r = kernel(loc, fd, mask);
		if (r < 0) {
			bfs_pool_unlock();
			return r;
		}
		kernel_wd = (uint32_t)r;
		key = bfs_watch_kernel_key(instance, kernel_wd);
	}
	long wd = inotify_commit(instance, key, mask, kernel_wd);
	if (wd == -ENOSPC) {
		bfs_instances_sweep();
		wd = inotify_commit(instance, key, mask, kernel_wd);
	}
	if (wd < 0 && kernel != NULL) bfs_raw2(__NR_inotify_rm_watch, fd, kernel_wd);
	bfs_pool_unlock();
	return wd;
}

static uint64_t inotify_text_key(const struct bfs_loc *loc) {
	uint64_t hash = 0xCBF29CE484222325ull;
	for (const char *p = loc->rel; *p != '\0'; p++) hash = (hash ^ (uint8_t)*p) * 0x100000001B3ull;
	return 1ull << 62 | hash >> 4;
}

static long inotify_add(struct bfs_call *c) {
	struct bfs_loc loc;
	struct bfs_attr attr = { .mode = 0 };
	uint32_t mask = (uint32_t)c->a[2];
	if ((mask & ~(uint32_t)INOTIFY_BITS) != 0 || mask == 0) return -EINVAL;
	long instance = inotify_instance(c);
	if (instance < 0) return instance;
	if ((mask & IN_MASK_ADD) != 0 && (mask & IN_MASK_CREATE) != 0) return -EINVAL;
	long r = bfs_call_walk(c, BFS_NO_DIRFD, 1, (mask & IN_DONT_FOLLOW) != 0 ? 0 : BFS_WALK_FOLLOW, &loc);
	if (r == -ENOENT) bfs_call_missed(c, BFS_NO_DIRFD, 1);
	if (r == 0) r = bfs_loc_attr(&loc, &attr, NULL);
	if (r < 0) return r;
	if (((mask & IN_ONLYDIR) != 0 || loc.trailing_slash) && (attr.mode & S_IFMT) != S_IFDIR) return -ENOTDIR;
	if (loc.kind == BFS_LOC_NODE) r = bfs_permission(&attr, 4, true);
	return r < 0 ? r : inotify_watch((uint32_t)instance, bfs_arg_fd(c, 0), &loc, loc.kind == BFS_LOC_NODE ? attr.ino : inotify_text_key(&loc), mask);
}

enum bfs_verdict bfs_op_inotify_add_watch(struct bfs_call *c) { return bfs_done(c, inotify_add(c)); }

/* ---- inotify_rm_watch ---- */

static long inotify_remove(uint32_t instance, int fd, uint32_t wd) {
	struct bfs_watch *w = bfs_watch_by_wd(instance, wd);
	if (w == NULL) return -EINVAL;
	/* The entry of one of the kernel's stays until its IN_IGNORED has been read. */
	if (w->kernel_wd != 0) return bfs_raw2(__NR_inotify_rm_watch, fd, w->kernel_wd);
	bfs_tx_begin();
	bfs_watch_remove(w);
	bfs_tx_commit();
	bfs_event_put(instance, wd, IN_IGNORED, 0, NULL, 0);
	return 0;
}

enum bfs_verdict bfs_op_inotify_rm_watch(struct bfs_call *c) {
	long instance = inotify_instance(c);
	if (instance < 0) return bfs_done(c, instance);
	bfs_pool_lock();
	long r = inotify_remove((uint32_t)instance, bfs_arg_fd(c, 0), (uint32_t)c->a[1]);
	bfs_pool_unlock();
	return bfs_done(c, r);
}
