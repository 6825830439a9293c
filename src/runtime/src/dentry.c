/* Overlay directory entries: the hash by directory and name, and each directory's list. */
#include "image.h"
#include "pool.h"

struct bfs_dentry *bfs_dentry_at(uint32_t index) {
	return index != 0 && index < bfs_p.control->dentry_limit ? &bfs_p.dentries[index] : NULL;
}

uint32_t bfs_dentry_index(const struct bfs_dentry *d) { return (uint32_t)(d - bfs_p.dentries); }

static uint32_t dentry_hash(uint32_t parent, const char *name, size_t len) {
	uint64_t h = parent * 0x9E3779B97F4A7C15ull;
	for (size_t i = 0; i < len; i++) h = (h ^ (uint8_t)name[i]) * 0x100000001B3ull;
	return (uint32_t)(h ^ h >> 32);
}

struct bfs_dentry *bfs_dentry_find(const struct bfs_inode *dir, const char *name, size_t len) {
	uint32_t parent = bfs_inode_index(dir), hash = dentry_hash(parent, name, len);
	uint32_t index = __atomic_load_n(&bfs_p.dentry_hash[hash & bfs_p.control->dentry_hash_mask], __ATOMIC_ACQUIRE);
	for (uint32_t steps = 0; steps < bfs_p.control->dentry_limit; steps++) {
		struct bfs_dentry *d = bfs_dentry_at(index);
		if (d == NULL) return NULL;
		uint32_t size;
		if (d->hash == hash && d->parent == parent) {
			const char *text = bfs_text_at(d->name, &size);
			if (size == len && memcmp(text, name, len) == 0) return d;
		}
		index = __atomic_load_n(&d->chain, __ATOMIC_ACQUIRE);
	}
	return NULL;
}

struct bfs_dentry *bfs_dentry_new(struct bfs_inode *dir, const char *name, size_t len, bfs_node node, bool over_base) {
	struct bfs_control *c = bfs_p.control;
	uint32_t index = c->dentry_free;
	struct bfs_dentry *d = bfs_dentry_at(index);
	if (d != NULL) {
		bfs_store32(&c->dentry_free, d->chain);
	} else {
		index = c->dentry_top;
		d = bfs_dentry_at(index);
		if (d == NULL) return NULL;
		bfs_store32(&c->dentry_top, index + 1);
	}
	uint32_t text = bfs_text_new(name, len), parent = bfs_inode_index(dir);
	if (text == 0) return NULL;
	uint32_t hash = dentry_hash(parent, name, len), *bucket = &bfs_p.dentry_hash[hash & c->dentry_hash_mask];
	/* The free list's link is CHAIN: it alone is logged. */
	d->hash = hash;
	d->name = text;
	d->node = node;
	d->serial = dir->serial;
	d->newer = 0;
	d->older = dir->head;
	d->over_base = over_base;
	bfs_store32(&d->chain, *bucket);
	bfs_store32(&d->parent, parent);
	bfs_store32(bucket, index);
	if (dir->head != 0) bfs_store32(&bfs_dentry_at(dir->head)->newer, index);
	bfs_store32(&dir->head, index);
	bfs_store64(&dir->serial, dir->serial + 1);
	return d;
}

void bfs_dentry_drop(struct bfs_dentry *d) {
	struct bfs_control *c = bfs_p.control;
	uint32_t index = bfs_dentry_index(d), *at = &bfs_p.dentry_hash[d->hash & c->dentry_hash_mask];
	while (*at != 0 && *at != index) at = &bfs_dentry_at(*at)->chain;
	if (*at == index) bfs_store32(at, d->chain);
	if (d->newer != 0)
		bfs_store32(&bfs_dentry_at(d->newer)->older, d->older);
	else
		bfs_store32(&bfs_inode_at(d->parent)->head, d->older);
	if (d->older != 0) bfs_store32(&bfs_dentry_at(d->older)->newer, d->newer);
	bfs_text_drop(d->name);
	bfs_store32(&d->parent, 0);
	bfs_tx_free(BFS_TX_DENTRY, index);
}

void bfs_dentry_recycle(uint32_t index) {
	bfs_store32(&bfs_dentry_at(index)->chain, bfs_p.control->dentry_free);
	bfs_store32(&bfs_p.control->dentry_free, index);
}

bool bfs_base_lookup(const struct bfs_inode *dir, const char *name, size_t len, bfs_node *out) {
	uint8_t type;
	return dir->base != 0 && (dir->flags & BFS_INODE_OPAQUE) == 0 && bfs_merge_lookup(dir->base, name, len, out, &type) == 0;
}

long bfs_child(bfs_node dir, const char *name, size_t len, bfs_node *out) {
	const struct bfs_inode *inode = bfs_inode_of(dir);
	uint8_t type;
	if (inode == NULL) {
		long error = BFS_NODE_KIND(dir) == BFS_NODE_IMAGE ? bfs_merge_lookup(dir, name, len, out, &type) : -ENOENT;
		if (error == 0) *out = bfs_canonical(*out);
		return error;
	}
	if ((inode->mode & S_IFMT) != S_IFDIR) return -ENOTDIR;
	const struct bfs_dentry *d = bfs_dentry_find(inode, name, len);
	if (d != NULL) {
		bfs_node n = d->node;
		*out = bfs_canonical(n);
		return n == 0 ? -ENOENT : 0;
	}
	if (inode->base == 0 || (inode->flags & BFS_INODE_OPAQUE) != 0) return -ENOENT;
	long error = bfs_merge_lookup(inode->base, name, len, out, &type);
	if (error == 0) *out = bfs_canonical(*out);
	return error;
}
