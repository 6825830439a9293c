/* Open file descriptions: placeholder descriptors and their entries in the pool. */
#include "pool.h"

#include <linux/inotify.h>

struct bfs_ofd *bfs_ofd_at(uint32_t index) {
	return index < bfs_p.control->ofd_limit ? &bfs_p.ofds[index] : NULL;
}

struct bfs_ofd *bfs_ofd_of(int fd, uint32_t *index) {
	uint64_t at = (uint64_t)bfs_raw3(__NR_lseek, fd, 0, 1 /* SEEK_CUR */);
	if ((at & BFS_OFD_MAGIC_MASK) != BFS_OFD_MAGIC || at >> 63 != 0) return NULL;
	uint64_t i = at & ~BFS_OFD_MAGIC_MASK;
	if (i >= bfs_p.control->ofd_limit) return NULL;
	struct bfs_ofd *ofd = &bfs_p.ofds[i];
	if (BFS_OFD_STATE(__atomic_load_n(&ofd->state, __ATOMIC_ACQUIRE)) != BFS_OFD_LIVE) return NULL;
	if (index != NULL) *index = (uint32_t)i;
	return ofd;
}

/* ---- freeing ---- */

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
		bfs_ofd_freed(index);
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
	bfs_ofd_freed(index);
}

/* With somebody watching: one closer tells. */
static void ofd_free_watched(uint32_t index, uint32_t seen) {
	struct bfs_ofd *ofd = &bfs_p.ofds[index];
	struct bfs_attr attr = { .nlink = 1 };
	bfs_node n = ofd->kind == BFS_LOC_NODE ? ofd->node : 0;
	uint32_t ending = (seen & ~3u) | BFS_OFD_ENDING;
	if (BFS_OFD_STATE(seen) == BFS_OFD_LIVE && !__atomic_compare_exchange_n(&ofd->state, &seen, ending, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) return;
	if (BFS_OFD_STATE(seen) == BFS_OFD_LIVE && (__atomic_load_n(&ofd->reserved, __ATOMIC_RELAXED) & BFS_OFD_QUIET) == 0)
		bfs_notify_ofd(ofd, (ofd->flags & O_ACCMODE) != O_RDONLY ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
	bool unlinked = n != 0 && bfs_node_attr(n, &attr) == 0 && attr.nlink == 0;
	ofd_free_entry(index, ending);
	if (unlinked) bfs_notify_ended(n, &attr);
}

void bfs_ofd_free(uint32_t index, uint32_t seen) {
	if (bfs_notify_any())
		ofd_free_watched(index, seen);
	else
		ofd_free_entry(index, seen);
}

void bfs_ofd_closed(uint32_t index) {
	uint32_t seen = bfs_ofd_word(index);
	if (BFS_OFD_STATE(seen) == BFS_OFD_LIVE && !bfs_ofd_alive(index)) bfs_ofd_free(index, seen);
}

/* ---- opening ---- */

/* Which inode the descriptions of a file are on goes by what its locks go by (op_lock.c), which stays the same through copy-up, links and renames. Directories of host paths and volumes
 * have no number of their own that would not have to be asked for: those of a mount are together. */
static long ofd_stripe(const struct bfs_loc *loc, uint32_t *stripe) {
	struct bfs_attr attr;
	*stripe = bfs_ofd_stripe_of_mount(loc->mount);
	long error = loc->kind == BFS_LOC_NODE ? bfs_node_attr(loc->node, &attr) : 0;
	if (error == 0 && loc->kind == BFS_LOC_NODE) *stripe = bfs_ofd_stripe(attr.ino);
	return error;
}

/* Fills the entry and takes what it holds in the pool. */
static long ofd_fill(uint32_t index, const struct bfs_loc *loc, uint32_t flags) {
	struct bfs_ofd *ofd = &bfs_p.ofds[index];
	uint32_t live = ((ofd->state >> 2) + 1) << 2 | BFS_OFD_LIVE;
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

static long ofd_make(int fd, uint32_t index, const struct bfs_loc *loc, uint32_t flags) {
	long error = ofd_fill(index, loc, flags);
	if (error == -ENFILE && bfs_ofd_sweep()) error = ofd_fill(index, loc, flags);
	if (error != 0) return error;
	long at = bfs_raw3(__NR_lseek, fd, BFS_OFD_MAGIC | index, 0);
	return at < 0 ? at : 0;
}

long bfs_ofd_open(const struct bfs_loc *loc, uint32_t flags) {
	if (bfs_notify_any()) bfs_ofd_look();
	uint32_t stripe, index;
	long error = ofd_stripe(loc, &stripe);
	if (error != 0) return error;
	char path[48] = "/proc/self/fd/";
	bfs_u64_text(path + 14, (uint64_t)bfs_placeholder_fd(stripe));
	long fd = bfs_raw4(__NR_openat, AT_FDCWD, path, O_RDWR | (flags & O_CLOEXEC), 0);
	if (fd < 0) return fd;
	error = bfs_ofd_claim((int)fd, stripe, &index);
	bool claimed = error == 0;
	if (claimed) error = ofd_make((int)fd, index, loc, flags);
	if (error == 0) return fd;
	bfs_raw1(__NR_close, fd);
	if (claimed) bfs_ofd_closed(index);
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
