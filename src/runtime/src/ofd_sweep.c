/* Looking for descriptions that ended unnoticed, with their processes: because something is short that they may hold, or by the way. */
#include "pool.h"

#define OFD_LOOK 8u           /* entries that one call looks at by the way */
#define OFD_SWEEP_LOOKS 4096u /* and where room is short, besides those that keep something removed */

/* Frees entry INDEX if it is dead. */
static bool sweep_look(uint32_t index) {
	uint32_t seen = bfs_ofd_word(index);
	if (BFS_OFD_STATE(seen) == BFS_OFD_FREE || bfs_ofd_alive(index)) return false;
	bfs_ofd_free(index, seen);
	return true;
}

/* Frees the dead among the next LOOKS entries, in turn. */
static bool sweep_some(uint32_t looks) {
	struct bfs_control *c = bfs_p.control;
	bool any = false;
	uint32_t top = __atomic_load_n(&c->ofd_top, __ATOMIC_RELAXED), at = __atomic_fetch_add(&c->ofd_look, looks, __ATOMIC_RELAXED);
	for (uint32_t n = 0; n < looks && n < top; n++) any |= sweep_look((at + n) % top);
	return any;
}

void bfs_ofd_look(void) { sweep_some(OFD_LOOK); }

void bfs_ofd_look_watched(void) {
	uint32_t top = __atomic_load_n(&bfs_p.control->ofd_top, __ATOMIC_RELAXED);
	for (uint32_t i = 0; bfs_notify_any() && i < top; i++)
		if (BFS_OFD_STATE(bfs_ofd_word(i)) == BFS_OFD_LIVE && bfs_notify_ofd_watched(&bfs_p.ofds[i])) sweep_look(i);
}

/* Would room be won, were this description dead? A hint (no lock). */
static bool sweep_keeps_removed(const struct bfs_ofd *ofd) {
	const struct bfs_inode *inode = ofd->kind == BFS_LOC_NODE ? bfs_inode_of(ofd->node) : NULL;
	return inode != NULL && inode->nlink == 0;
}

/* Anonymous files whose maker was killed before it had a descriptor, and files whose last use ended unnoticed: nlink and holds are 0. */
#define OFD_LOST_AGE (10ull << 30) /* seconds in packed time */

static void sweep_lost(void) {
	uint64_t now = bfs_time_now();
	for (uint32_t i = 1; i < bfs_p.control->inode_top; i++) {
		struct bfs_inode *inode = bfs_inode_at(i);
		if ((inode->flags & (BFS_INODE_USED | BFS_INODE_ORPHAN)) != BFS_INODE_USED || inode->nlink != 0 || inode->holds != 0 || now - inode->ctime < OFD_LOST_AGE)
			continue;
		bfs_tx_begin();
		bfs_inode_forget(inode);
		if (bfs_tx_commit() != 0) break;
	}
}

bool bfs_ofd_sweep(void) {
	uint32_t top = __atomic_load_n(&bfs_p.control->ofd_top, __ATOMIC_RELAXED);
	bool any = false;
	for (uint32_t i = 0; i < top; i++)
		if (BFS_OFD_STATE(bfs_ofd_word(i)) != BFS_OFD_FREE && sweep_keeps_removed(&bfs_p.ofds[i])) any |= sweep_look(i);
	any |= sweep_some(OFD_SWEEP_LOOKS);
	bfs_pool_lock();
	uint32_t inodes = bfs_p.control->inode_count, pages = bfs_p.control->pages_used;
	sweep_lost();
	bfs_orphans_run(false);
	any |= bfs_p.control->inode_count != inodes || bfs_p.control->pages_used != pages;
	bfs_pool_unlock();
	return any;
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
