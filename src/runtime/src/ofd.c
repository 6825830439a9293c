/* Open file descriptions: placeholder descriptors and their entries in the pool. */
#include "pool.h"

#include <linux/inotify.h>

/* An entry's STATE: bits 0–1 as in vfs.h, above them a number that grows with each use, so that who saw an earlier use cannot free a later one.
 * Only who holds the lock on byte INDEX takes a free entry; so an entry that is not free and not locked belongs to the dead. */
#define OFD_FREE 0u
#define OFD_ENDING 1u
#define OFD_LIVE 2u
#define OFD_STATE(word) ((word)&3u)

struct bfs_ofd *bfs_ofd_at(uint32_t index) {
	return index < BFS_OFD_COUNT ? &bfs_p.ofds[index] : NULL;
}

struct bfs_ofd *bfs_ofd_of(int fd, uint32_t *index) {
	uint64_t at = (uint64_t)bfs_raw3(__NR_lseek, fd, 0, 1 /* SEEK_CUR */);
	if ((at & BFS_OFD_MAGIC_MASK) != BFS_OFD_MAGIC || at >> 63 != 0) return NULL;
	uint64_t i = at & ~BFS_OFD_MAGIC_MASK;
	if (i >= BFS_OFD_COUNT) return NULL;
	struct bfs_ofd *ofd = &bfs_p.ofds[i];
	if (OFD_STATE(__atomic_load_n(&ofd->state, __ATOMIC_ACQUIRE)) != OFD_LIVE) return NULL;
	if (index != NULL) *index = (uint32_t)i;
	return ofd;
}

/* ---- locks ---- */

static bool ofd_lock(int fd, uint32_t index) {
	struct flock lock = { .l_type = F_WRLCK, .l_whence = 0, .l_start = index, .l_len = 1 };
	return bfs_raw3(__NR_fcntl, fd, F_OFD_SETLK, &lock) == 0;
}

static bool ofd_alive(uint32_t index) {
	struct flock lock = { .l_type = F_WRLCK, .l_whence = 0, .l_start = index, .l_len = 1 };
	return bfs_raw3(__NR_fcntl, bfs_fd(BFS_FD_PLACEHOLDER), F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

/* ---- freeing ---- */

static void ofd_hint(uint32_t index) {
	if (index < __atomic_load_n(&bfs_p.control->ofd_hint, __ATOMIC_RELAXED)) __atomic_store_n(&bfs_p.control->ofd_hint, index, __ATOMIC_RELAXED);
}

/* In a transaction. */
static void ofd_release_node(bfs_node n) {
	struct bfs_inode *inode = n != 0 ? bfs_inode_of(n) : NULL;
	if (inode == NULL) return;
	if (BFS_NODE_KIND(n) == BFS_NODE_OVERLAY && inode->holds > 0) bfs_store32(&inode->holds, inode->holds - 1);
	bfs_inode_forget(inode);
}

static void ofd_free_entry(uint32_t index, uint32_t seen) {
	struct bfs_ofd *ofd = &bfs_p.ofds[index];
	uint32_t free_state = seen & ~3u;
	bfs_node n = ofd->node;
	/* An untouched image node holds nothing in the pool. */
	if (ofd->rel == 0 && ofd->private_data == 0 && BFS_NODE_KIND(n) != BFS_NODE_OVERLAY && __atomic_load_n(&bfs_p.control->image_inodes, __ATOMIC_RELAXED) == 0) {
		__atomic_compare_exchange_n(&ofd->state, &seen, free_state, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
		ofd_hint(index);
		return;
	}
	bfs_change_begin();
	if (ofd->state == seen) {
		bfs_store32(&ofd->state, free_state);
		bfs_text_drop(ofd->rel);
		bfs_store32(&ofd->rel, 0);
		bfs_store64(&ofd->private_data, 0);
		if (ofd->kind == BFS_LOC_NODE) ofd_release_node(n);
	}
	bfs_change_end(0);
	ofd_hint(index);
}

/* With somebody watching: one closer tells. */
static void ofd_free_watched(uint32_t index, uint32_t seen) {
	struct bfs_ofd *ofd = &bfs_p.ofds[index];
	struct bfs_attr attr = { .nlink = 1 };
	bfs_node n = ofd->kind == BFS_LOC_NODE ? ofd->node : 0;
	uint32_t ending = (seen & ~3u) | OFD_ENDING;
	if (OFD_STATE(seen) == OFD_LIVE && !__atomic_compare_exchange_n(&ofd->state, &seen, ending, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) return;
	if (OFD_STATE(seen) == OFD_LIVE) bfs_notify_ofd(ofd, (ofd->flags & O_ACCMODE) != O_RDONLY ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
	bool unlinked = n != 0 && bfs_node_attr(n, &attr) == 0 && attr.nlink == 0;
	ofd_free_entry(index, ending);
	if (unlinked) bfs_notify_ended(n, &attr);
}

static void ofd_free(uint32_t index, uint32_t seen) {
	if (bfs_notify_any())
		ofd_free_watched(index, seen);
	else
		ofd_free_entry(index, seen);
}

void bfs_ofd_closed(uint32_t index) {
	uint32_t seen = __atomic_load_n(&bfs_p.ofds[index].state, __ATOMIC_ACQUIRE);
	if (OFD_STATE(seen) == OFD_LIVE && !ofd_alive(index)) ofd_free(index, seen);
}

/* Anonymous files whose maker was killed before it had a descriptor, and files whose last use ended unnoticed: nlink and holds are 0. */
#define OFD_LOST_AGE (10ull << 30) /* seconds in packed time */

static bool ofd_sweep_lost(void) {
	bool any = false;
	uint64_t now = bfs_time_now();
	for (uint32_t i = 1; i < bfs_p.control->inode_top; i++) {
		struct bfs_inode *inode = bfs_inode_at(i);
		if ((inode->flags & (BFS_INODE_USED | BFS_INODE_ORPHAN)) != BFS_INODE_USED || inode->nlink != 0 || inode->holds != 0 || now - inode->ctime < OFD_LOST_AGE)
			continue;
		bfs_tx_begin();
		any |= bfs_inode_forget(inode);
		if (bfs_tx_commit() != 0) break;
	}
	return any;
}

bool bfs_ofd_sweep(void) {
	bool any = false;
	uint32_t top = __atomic_load_n(&bfs_p.control->ofd_top, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < top && i < BFS_OFD_COUNT; i++) {
		uint32_t seen = __atomic_load_n(&bfs_p.ofds[i].state, __ATOMIC_ACQUIRE);
		if (OFD_STATE(seen) != OFD_FREE && !ofd_alive(i)) {
			ofd_free(i, seen);
			any = true;
		}
	}
	bfs_pool_lock();
	uint32_t inodes = bfs_p.control->inode_count, pages = bfs_p.control->pages_used;
	ofd_sweep_lost();
	bfs_orphans_run(false);
	any |= bfs_p.control->inode_count != inodes || bfs_p.control->pages_used != pages;
	bfs_pool_unlock();
	return any;
}

#define OFD_LOOK 8u /* entries that one call looks at */

void bfs_ofd_look(void) {
	struct bfs_control *c = bfs_p.control;
	uint32_t top = __atomic_load_n(&c->ofd_top, __ATOMIC_RELAXED);
	uint32_t at = __atomic_fetch_add(&c->ofd_look, OFD_LOOK, __ATOMIC_RELAXED);
	for (uint32_t n = 0; n < OFD_LOOK && n < top; n++) {
		uint32_t index = (at + n) % top, seen = __atomic_load_n(&bfs_p.ofds[index].state, __ATOMIC_ACQUIRE);
		if (OFD_STATE(seen) != OFD_FREE && !ofd_alive(index)) ofd_free(index, seen);
	}
}

void bfs_ofd_look_watched(void) {
	uint32_t top = __atomic_load_n(&bfs_p.control->ofd_top, __ATOMIC_RELAXED);
	for (uint32_t i = 0; bfs_notify_any() && i < top && i < BFS_OFD_COUNT; i++) {
		uint32_t seen = __atomic_load_n(&bfs_p.ofds[i].state, __ATOMIC_ACQUIRE);
		if (OFD_STATE(seen) == OFD_LIVE && bfs_notify_ofd_watched(&bfs_p.ofds[i]) && !ofd_alive(i)) ofd_free(i, seen);
	}
}

bool bfs_ofd_refers(bfs_node n) {
	uint32_t top = __atomic_load_n(&bfs_p.control->ofd_top, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < top && i < BFS_OFD_COUNT; i++) {
		const struct bfs_ofd *ofd = &bfs_p.ofds[i];
		if (__atomic_load_n(&ofd->node, __ATOMIC_RELAXED) == n && OFD_STATE(__atomic_load_n(&ofd->state, __ATOMIC_RELAXED)) == OFD_LIVE) return true;
	}
	return false;
}

void bfs_pool_usage(struct bfs_usage *out) {
	const struct bfs_control *c = bfs_p.control;
	if (c->pages_used > c->page_limit / 10 * 9 || c->inode_count > c->inode_limit / 10 * 9 || c->orphans != 0) bfs_ofd_sweep();
	uint64_t image_bytes = 0;
	for (uint32_t i = 0; i < c->lib_count; i++) image_bytes += c->libs[i].size;
	*out = (struct bfs_usage){ .image_pages = (image_bytes + BFS_PAGE_SIZE - 1) / BFS_PAGE_SIZE,
		.pages_used = c->pages_used,
		.pages_limit = c->page_limit,
		.inodes_used = c->inode_count,
		.inodes_limit = c->inode_limit - 1 };
}

/* ---- opening ---- */

/* Locks a free entry for the struct file behind FD. */
static long ofd_claim(int fd, uint32_t *index) {
	struct bfs_control *c = bfs_p.control;
	for (int round = 0; round < 2; round++) {
		uint32_t start = round == 0 ? __atomic_load_n(&c->ofd_hint, __ATOMIC_RELAXED) : 0;
		for (uint32_t i = start; i < BFS_OFD_COUNT; i++) {
			if (OFD_STATE(__atomic_load_n(&bfs_p.ofds[i].state, __ATOMIC_RELAXED)) != OFD_FREE || !ofd_lock(fd, i)) continue;
			/* The lock was free, so whoever used the entry is gone; it may have been taken and left since we looked. */
			uint32_t seen = __atomic_load_n(&bfs_p.ofds[i].state, __ATOMIC_ACQUIRE);
			if (OFD_STATE(seen) != OFD_FREE) ofd_free(i, seen);
			__atomic_store_n(&c->ofd_hint, i + 1, __ATOMIC_RELAXED);
			for (uint32_t top = c->ofd_top; top < i + 1;)
				if (__atomic_compare_exchange_n(&c->ofd_top, &top, i + 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) break;
			*index = i;
			return 0;
		}
		if (round == 0 && start == 0) bfs_ofd_sweep();
	}
	return -ENFILE;
}

/* Fills the entry and takes what it holds in the pool. */
static long ofd_fill(uint32_t index, const struct bfs_loc *loc, uint32_t flags) {
	struct bfs_ofd *ofd = &bfs_p.ofds[index];
	uint32_t live = ((ofd->state >> 2) + 1) << 2 | OFD_LIVE;
	ofd->flags = flags & ~(uint32_t)(O_CLOEXEC | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC);
	ofd->offset = 0;
	ofd->offset_lock = 0;
	ofd->kind = loc->kind;
	ofd->node = loc->kind == BFS_LOC_NODE ? loc->node : 0;
	ofd->parent = loc->kind == BFS_LOC_NODE ? loc->parent : 0;
	ofd->mount = loc->mount;
	ofd->reserved = 0;
	const char *text = loc->rel;
	size_t len = loc->kind == BFS_LOC_NODE ? 0 : strlen(loc->rel);
	if (loc->kind == BFS_LOC_NODE && loc->parent != 0 && (BFS_NODE_KIND(ofd->node) == BFS_NODE_OVERLAY || bfs_notify_any())) {
		text = loc->name;
		len = loc->name_len;
	}
	if (len == 0 && BFS_NODE_KIND(ofd->node) != BFS_NODE_OVERLAY) {
		__atomic_store_n(&ofd->state, live, __ATOMIC_RELEASE);
		return 0;
	}
	long error = 0;
	bfs_change_begin();
	if (BFS_NODE_KIND(ofd->node) == BFS_NODE_OVERLAY) {
		struct bfs_inode *inode = bfs_inode_of(ofd->node);
		if (inode == NULL)
			error = -ENOENT;
		else
			bfs_store32(&inode->holds, inode->holds + 1);
	}
	uint32_t rel = len > 0 ? bfs_text_new(text, len) : 0;
	bfs_store32(&ofd->rel, rel);
	if (len > 0 && rel == 0) error = -ENFILE;
	bfs_store32(&ofd->state, live);
	return bfs_change_end(error);
}

long bfs_ofd_open(const struct bfs_loc *loc, uint32_t flags) {
	if (bfs_notify_any()) bfs_ofd_look();
	char path[48] = "/proc/self/fd/";
	bfs_u64_text(path + 14, (uint64_t)bfs_fd(BFS_FD_PLACEHOLDER));
	long fd = bfs_raw4(__NR_openat, AT_FDCWD, path, O_RDWR | (flags & O_CLOEXEC), 0);
	if (fd < 0) return fd;
	uint32_t index = 0;
	long error = ofd_claim((int)fd, &index);
	if (error == 0) error = ofd_fill(index, loc, flags);
	if (error == 0) {
		long at = bfs_raw3(__NR_lseek, fd, BFS_OFD_MAGIC | index, 0);
		error = at < 0 ? at : 0;
	}
	if (error == 0) return fd;
	bfs_raw1(__NR_close, fd);
	bfs_ofd_closed(index);
	return error;
}

/* ---- references ---- */

long bfs_node_hold(bfs_node n) {
	if (BFS_NODE_KIND(n) == BFS_NODE_IMAGE) return 0;
	long error = 0;
	bfs_change_begin();
	struct bfs_inode *inode = bfs_inode_of(n);
	if (inode != NULL)
		bfs_store32(&inode->holds, inode->holds + 1);
	else
		error = -ENOENT;
	return bfs_change_end(error);
}

void bfs_node_release(bfs_node n) {
	bfs_change_begin();
	ofd_release_node(n);
	bfs_change_end(0);
}
