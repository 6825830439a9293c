/* Instances and watches of inotify(7). */
#include "notify.h"
#include "pool.h"

#include <asm/stat.h>
#include <linux/falloc.h>

/* ---- instances ----
 * An instance is known, and known to be alive, by a read lock that its struct file holds on a byte of the inode that all anonymous descriptors of the kernel share (fcntl(2), open file
 * description locks): byte instance_key + index, where the key is a number of this tree alone. */

static bool instance_unlocked(int fd, uint32_t index) {
	struct flock lock = { .l_type = F_WRLCK, .l_whence = 0, .l_start = (int64_t)bfs_p.control->instance_key + index, .l_len = 1 };
	return bfs_raw3(__NR_fcntl, fd, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_UNLCK;
}

/* Asked by a struct file that holds no lock. */
static bool instance_dead(uint32_t index) {
	long fd = bfs_raw2(__NR_eventfd2, 0, O_CLOEXEC);
	if (fd < 0) return false;
	bool dead = instance_unlocked((int)fd, index);
	bfs_raw1(__NR_close, fd);
	return dead;
}

long bfs_instance_of(int fd) {
	struct stat st;
	if (__atomic_load_n(&bfs_p.control->instances, __ATOMIC_ACQUIRE) == 0 || bfs_raw2(__NR_fstat, fd, &st) < 0) return -EINVAL;
	if ((st.st_mode & S_IFMT) != 0 || st.st_ino != bfs_p.control->instance_inode) return -EINVAL;
	for (uint32_t i = 0; i < BFS_INSTANCE_COUNT; i++) {
		/* A lock does not stand in its own owner's way. */
		if (__atomic_load_n(&bfs_p.instances[i].live, __ATOMIC_ACQUIRE) != 0 && instance_unlocked(fd, i) && !instance_dead(i)) return i;
	}
	return -EINVAL;
}

static void instances_count(void) {
	uint32_t count = 0;
	for (uint32_t i = 0; i < BFS_INSTANCE_COUNT; i++) count += bfs_p.instances[i].live;
	__atomic_store_n(&bfs_p.control->instances, count, __ATOMIC_RELEASE);
}

#define INSTANCE_BATCH 4096u /* watches that one transaction removes */

static void instance_end(uint32_t index) {
	struct bfs_control *c = bfs_p.control;
	for (uint32_t at = 1; at < c->watch_top;) {
		bfs_tx_begin();
		for (uint32_t n = 0; n < INSTANCE_BATCH && at < c->watch_top; n++, at++) {
			struct bfs_watch *w = &bfs_p.watches[at];
			if (w->key != 0 && w->instance == index) bfs_watch_remove(w);
		}
		bfs_tx_commit();
	}
	__atomic_store_n(&bfs_p.instances[index].live, 0, __ATOMIC_RELEASE);
	instances_count();
	bfs_raw4(__NR_fallocate, bfs_fd(BFS_FD_POOL), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, c->events_at + (uint64_t)index * BFS_EVENTS_SIZE, BFS_EVENTS_SIZE);
}

void bfs_instances_sweep(void) {
	for (uint32_t i = 0; i < BFS_INSTANCE_COUNT; i++)
		if (bfs_p.instances[i].live != 0 && instance_dead(i)) instance_end(i);
}

void bfs_instance_closed(uint32_t index) {
	bfs_pool_lock();
	if (bfs_p.instances[index].live != 0 && instance_dead(index)) instance_end(index);
	bfs_pool_unlock();
}

static long instance_free_slot(void) {
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < BFS_INSTANCE_COUNT; i++)
			if (bfs_p.instances[i].live == 0) return i;
		bfs_instances_sweep();
	}
	return -EMFILE;
}

long bfs_instance_open(int fd) {
	struct bfs_control *c = bfs_p.control;
	struct stat st = { .st_ino = 0 };
	long index = instance_free_slot();
	if (index < 0) return index;
	if (c->instance_key == 0) {
		bfs_raw3(__NR_getrandom, &c->instance_key, sizeof c->instance_key, 0);
		c->instance_key = (c->instance_key >> 2 | 1ull << 32) & ~0xFFull;
	}
	struct flock lock = { .l_type = F_RDLCK, .l_whence = 0, .l_start = (int64_t)c->instance_key + index, .l_len = 1 };
	long r = bfs_raw3(__NR_fcntl, fd, F_OFD_SETLK, &lock);
	if (r == 0) r = bfs_raw2(__NR_fstat, fd, &st);
	if (r == 0) r = bfs_bell_watch((uint32_t)index, fd);
	if (r < 0) return r;
	c->instance_inode = st.st_ino;
	bfs_p.instances[index] = (struct bfs_instance){ .next_wd = 1, .bell_wd = (uint32_t)r };
	__atomic_store_n(&bfs_p.instances[index].live, 1, __ATOMIC_RELEASE);
	instances_count();
	return 0;
}

/* ---- watches ---- */

static uint32_t *watch_bucket(uint64_t key) { return &bfs_p.watch_hash[(key * 0x9E3779B97F4A7C15ull >> 40) & bfs_p.control->watch_hash_mask]; }
/* The descriptor's chain, in the same table. */
static uint32_t *watch_wd_bucket(uint32_t instance, uint32_t wd) { return watch_bucket(~((uint64_t)instance << 32 | wd)); }

static struct bfs_watch *watch_at(uint32_t index) { return index != 0 && index < bfs_p.control->watch_limit ? &bfs_p.watches[index] : NULL; }

bool bfs_watched(uint64_t key) { return key != 0 && __atomic_load_n(watch_bucket(key), __ATOMIC_ACQUIRE) != 0; }

/* Both kinds of chains start in one table: an entry of the list says by its index in which of its two lives it is there. */
#define WATCH_BY_WD 0x80000000u

static uint32_t watch_next(uint32_t link) {
	const struct bfs_watch *w = watch_at(link & ~WATCH_BY_WD);
	return w == NULL ? 0 : (link & WATCH_BY_WD) != 0 ? w->wd_next : w->key_next;
}

struct bfs_watch *bfs_watch_by_key(uint64_t key, const struct bfs_watch *after) {
	uint32_t link = after != NULL ? after->key_next : *watch_bucket(key);
	for (; link != 0; link = watch_next(link))
		if ((link & WATCH_BY_WD) == 0 && bfs_p.watches[link].key == key) return &bfs_p.watches[link];
	return NULL;
}

struct bfs_watch *bfs_watch_of(uint32_t instance, uint64_t key) {
	struct bfs_watch *w = bfs_watch_by_key(key, NULL);
	while (w != NULL && w->instance != instance) w = bfs_watch_by_key(key, w);
	return w;
}

struct bfs_watch *bfs_watch_by_wd(uint32_t instance, uint32_t wd) {
	for (uint32_t link = *watch_wd_bucket(instance, wd); link != 0; link = watch_next(link)) {
		struct bfs_watch *w = &bfs_p.watches[link & ~WATCH_BY_WD];
		if ((link & WATCH_BY_WD) != 0 && w->instance == instance && w->wd == wd) return w;
	}
	return NULL;
}

static void watch_link(uint32_t *bucket, uint32_t link, uint32_t *next) {
	bfs_store32(next, *bucket);
	bfs_store32(bucket, link);
}

static void watch_unlink(uint32_t *at, uint32_t link) {
	while (*at != 0 && *at != link) {
		struct bfs_watch *w = watch_at(*at & ~WATCH_BY_WD);
		if (w == NULL) return;
		at = (*at & WATCH_BY_WD) != 0 ? &w->wd_next : &w->key_next;
	}
	if (*at == link) bfs_store32(at, watch_next(link));
}

long bfs_watch_add(uint32_t instance, uint64_t key, uint32_t mask, uint32_t kernel_wd, uint32_t *wd) {
	struct bfs_control *c = bfs_p.control;
	uint32_t index = c->watch_free;
	struct bfs_watch *w = watch_at(index);
	if (w != NULL) {
		bfs_store32(&c->watch_free, w->key_next);
	} else {
		index = c->watch_top;
		w = watch_at(index);
		if (w == NULL) return -ENOSPC;
		bfs_store32(&c->watch_top, index + 1);
	}
	*wd = bfs_p.instances[instance].next_wd;
	bfs_store32(&bfs_p.instances[instance].next_wd, *wd + 1);
	bfs_store64(&w->key, key);
	bfs_store32(&w->instance, instance);
	bfs_store32(&w->wd, *wd);
	bfs_store32(&w->mask, mask);
	bfs_store32(&w->kernel_wd, kernel_wd);
	watch_link(watch_bucket(key), index, &w->key_next);
	watch_link(watch_wd_bucket(instance, *wd), index | WATCH_BY_WD, &w->wd_next);
	return 0;
}

void bfs_watch_remove(struct bfs_watch *w) {
	uint32_t index = (uint32_t)(w - bfs_p.watches);
	watch_unlink(watch_wd_bucket(w->instance, w->wd), index | WATCH_BY_WD);
	watch_unlink(watch_bucket(w->key), index);
	bfs_store64(&w->key, 0);
	bfs_store32(&w->key_next, bfs_p.control->watch_free);
	bfs_store32(&bfs_p.control->watch_free, index);
}
