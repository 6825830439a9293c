/* Overlay inodes: the table, the hash from image nodes, copy-up of attributes, and the end of an inode's life. */
#include "image.h"
#include "pool.h"

/* ---- node numbers ---- */

#define INODE_GENERATION_MASK 0xFFFFFFFu

struct bfs_inode *bfs_inode_at(uint32_t index) {
	return index != 0 && index < bfs_p.control->inode_limit ? &bfs_p.inodes[index] : NULL;
}

uint32_t bfs_inode_index(const struct bfs_inode *inode) { return (uint32_t)(inode - bfs_p.inodes); }

bfs_node bfs_inode_node(const struct bfs_inode *inode) {
	return (bfs_node)BFS_NODE_OVERLAY << 60 | (uint64_t)(inode->generation & INODE_GENERATION_MASK) << 32 | bfs_inode_index(inode);
}

static uint32_t *inode_bucket(bfs_node image_node) {
	return &bfs_p.inode_hash[((image_node ^ image_node >> 45) * 0x9E3779B97F4A7C15ull >> 32) & bfs_p.control->inode_hash_mask];
}

static struct bfs_inode *inode_find(bfs_node image_node) {
	uint32_t index = __atomic_load_n(inode_bucket(image_node), __ATOMIC_ACQUIRE);
	/* A torn chain could be a ring: bounded. */
	for (uint32_t steps = 0; index != 0 && steps < bfs_p.control->inode_limit; steps++) {
		struct bfs_inode *inode = bfs_inode_at(index);
		if (inode == NULL || inode->base == image_node) return inode;
		index = __atomic_load_n(&inode->hash_next, __ATOMIC_ACQUIRE);
	}
	return NULL;
}

bfs_node bfs_canonical(bfs_node n) {
	if (BFS_NODE_KIND(n) != BFS_NODE_IMAGE || __atomic_load_n(&bfs_p.control->image_inodes, __ATOMIC_RELAXED) == 0) return n;
	const struct bfs_inode *inode = inode_find(n);
	return inode != NULL ? bfs_inode_node(inode) : n;
}

struct bfs_inode *bfs_inode_of(bfs_node n) {
	if (BFS_NODE_KIND(n) == BFS_NODE_IMAGE) return __atomic_load_n(&bfs_p.control->image_inodes, __ATOMIC_RELAXED) != 0 ? inode_find(n) : NULL;
	struct bfs_inode *inode = BFS_NODE_KIND(n) == BFS_NODE_OVERLAY ? bfs_inode_at((uint32_t)n) : NULL;
	if (inode == NULL || (inode->flags & BFS_INODE_USED) == 0 || (inode->generation & INODE_GENERATION_MASK) != (uint32_t)(n >> 32 & INODE_GENERATION_MASK))
		return NULL;
	return inode;
}

/* ---- birth ---- */

struct bfs_inode *bfs_inode_new(long *error) {
	struct bfs_control *c = bfs_p.control;
	uint32_t index = c->inode_free;
	struct bfs_inode *inode = bfs_inode_at(index);
	if (inode != NULL) {
		bfs_store32(&c->inode_free, inode->next);
	} else {
		index = c->inode_top;
		inode = bfs_inode_at(index);
		if (inode == NULL) {
			*error = -ENOSPC;
			return NULL;
		}
		bfs_store32(&c->inode_top, index + 1);
	}
	bfs_store32(&c->inode_count, c->inode_count + 1);
	/* A free record is reached by nobody but the free list's NEXT: the rest is written outside the log. */
	inode->generation++;
	/* LOCK, MAP_SEQ and NEXT stay: somebody with a stale number may be about to look at them. */
	memset((uint8_t *)inode + offsetof(struct bfs_inode, mode), 0, offsetof(struct bfs_inode, map_seq) - offsetof(struct bfs_inode, mode));
	memset((uint8_t *)inode + offsetof(struct bfs_inode, pages), 0, offsetof(struct bfs_inode, next) - offsetof(struct bfs_inode, pages));
	memset((uint8_t *)inode + offsetof(struct bfs_inode, body), 0, sizeof *inode - offsetof(struct bfs_inode, body));
	bfs_store32(&inode->flags, BFS_INODE_USED);
	inode->ino = BFS_OVERLAY_INO + c->next_ino;
	bfs_store64(&c->next_ino, c->next_ino + 1);
	return inode;
}

static struct bfs_inode *inode_copy_up(bfs_node n, long *error) {
	struct bfs_attr a;
	*error = bfs_image_attr(n, &a);
	struct bfs_inode *inode = *error == 0 ? bfs_inode_new(error) : NULL;
	if (inode == NULL) return NULL;
	inode->ino = a.ino;
	inode->mode = a.mode;
	inode->uid = a.uid;
	inode->gid = a.gid;
	inode->nlink = a.nlink;
	inode->rdev = a.rdev;
	inode->size = a.size;
	inode->base_valid = a.size;
	inode->atime = inode->mtime = inode->ctime = inode->btime = bfs_time_pack(a.mtime_sec, a.mtime_nsec);
	uint32_t *bucket = inode_bucket(n);
	inode->hash_next = *bucket;
	bfs_store64(&inode->base, n);
	bfs_store32(bucket, bfs_inode_index(inode));
	bfs_store32(&bfs_p.control->image_inodes, bfs_p.control->image_inodes + 1);
	return inode;
}

struct bfs_inode *bfs_inode_own(bfs_node n, long *error) {
	struct bfs_inode *inode = bfs_inode_of(n);
	if (inode != NULL) return inode;
	if (BFS_NODE_KIND(n) == BFS_NODE_IMAGE) return inode_copy_up(n, error);
	*error = -ENOENT;
	return NULL;
}

/* ---- end ---- */

bool bfs_inode_forget(struct bfs_inode *inode) {
	struct bfs_control *c = bfs_p.control;
	if (inode->nlink != 0 || inode->holds != 0 || (inode->flags & BFS_INODE_ORPHAN) != 0 || (inode->base != 0 && bfs_ofd_refers(inode->base))) return false;
	bfs_store32(&inode->flags, inode->flags | BFS_INODE_ORPHAN);
	bfs_store32(&inode->next, c->orphans);
	bfs_store32(&c->orphans, bfs_inode_index(inode));
	return true;
}

static void inode_unhash(struct bfs_inode *inode) {
	uint32_t *at = inode_bucket(inode->base), index = bfs_inode_index(inode);
	while (*at != 0 && *at != index) at = &bfs_inode_at(*at)->hash_next;
	if (*at == index) bfs_store32(at, inode->hash_next);
	bfs_store32(&bfs_p.control->image_inodes, bfs_p.control->image_inodes - 1);
}

/* Frees pages and then the record, under the inode lock. LINK is where the orphan list refers to it. */
static bool inode_destroy_locked(struct bfs_inode *inode, uint32_t *link) {
	struct bfs_control *c = bfs_p.control;
	for (bool done = false; !done;) {
		struct bfs_freed freed = { .count = 0 };
		bfs_tx_begin();
		done = bfs_map_clear(inode, 0, ~0ull, &freed);
		if (bfs_tx_commit() != 0) return false;
		bfs_page_punch(&freed);
	}
	while (inode->head != 0) { /* whiteouts of a removed directory */
		bfs_tx_begin();
		for (int batch = 0; batch < 256 && inode->head != 0; batch++) bfs_dentry_drop(bfs_dentry_at(inode->head));
		if (bfs_tx_commit() != 0) return false;
	}
	bfs_tx_begin();
	bfs_text_drop(inode->body);
	if ((inode->mode & S_IFMT) == S_IFSOCK) bfs_text_drop((uint32_t)inode->rdev); /* the path of bind: bfs_socket_record */
	for (uint32_t x = inode->xattrs, next; x != 0; x = next) {
		struct bfs_text *t = bfs_text_header(x);
		next = t != NULL ? t->next : 0;
		bfs_text_drop(x);
	}
	if (inode->base != 0) inode_unhash(inode);
	bfs_store32(link, inode->next);
	bfs_store32(&inode->flags, 0);
	bfs_store32(&inode->next, c->inode_free);
	bfs_store32(&c->inode_free, bfs_inode_index(inode));
	bfs_store32(&c->inode_count, c->inode_count - 1);
	return bfs_tx_commit() == 0;
}

static bool inode_destroy(struct bfs_inode *inode, uint32_t *link) {
	if ((inode->map_seq & 1) != 0) __atomic_store_n(&inode->map_seq, inode->map_seq + 1, __ATOMIC_RELEASE);
	bool done = inode_destroy_locked(inode, link);
	bfs_word_unlock(&inode->lock);
	return done;
}

#define INODE_ORPHAN_PERIOD 64u /* every so often the whole list is visited, as a mapping may have gone */

void bfs_orphans_run(bool few) {
	struct bfs_control *c = bfs_p.control;
	if (few && c->orphans != 0 && ++c->orphan_tick % INODE_ORPHAN_PERIOD == 0) few = false;
	uint32_t *link = &c->orphans;
	for (int visited = 0; *link != 0 && (!few || visited < 4); visited++) {
		struct bfs_inode *inode = bfs_inode_at(*link);
		if (inode == NULL) return;
		/* The usual order is inode lock, then pool lock: here it is only tried. Who waits for it finds the inode gone. */
		if (((inode->flags & BFS_INODE_MAPPED) != 0 && bfs_pin_alive(*link)) || !bfs_word_trylock(&inode->lock))
			link = &inode->next;
		else if (!inode_destroy(inode, link))
			return;
	}
}

/* ---- times: 34 bits of seconds from 1901, 30 bits of nanoseconds, as ext4 and xfs have them; what lies outside is clamped, as there ---- */

#define INODE_EPOCH (1ll << 31)

uint64_t bfs_time_pack(int64_t sec, uint32_t nsec) {
	if (sec < -INODE_EPOCH) return 0;
	if (sec >= (1ll << 34) - INODE_EPOCH) return ((1ull << 34) - 1) << 30;
	return (uint64_t)(sec + INODE_EPOCH) << 30 | nsec;
}

int64_t bfs_time_unpack(uint64_t packed, uint32_t *nsec) {
	*nsec = (uint32_t)packed & ((1u << 30) - 1);
	return (int64_t)(packed >> 30) - INODE_EPOCH;
}

uint64_t bfs_time_now(void) {
	int64_t now[2] = { 0, 0 };
	bfs_raw2(__NR_clock_gettime, 5 /* CLOCK_REALTIME_COARSE */, now);
	return bfs_time_pack(now[0], (uint32_t)now[1]);
}
