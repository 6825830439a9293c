/* Directory entries as create, unlink and rename change them: over a base, whiteouts take the place of what was removed. */
#include "image.h"
#include "pool.h"

void bfs_change_begin(void) {
	bfs_pool_lock();
	bfs_tx_begin();
}

long bfs_change_end(long error) {
	error = error != 0 ? bfs_tx_abort(error) : bfs_tx_commit();
	if (bfs_p.control->orphans != 0) bfs_orphans_run(true);
	bfs_pool_unlock();
	return error;
}

void bfs_entry_touch(struct bfs_inode *inode, bool data, uint64_t now) {
	bfs_store64(&inode->ctime, now);
	if (data) bfs_store64(&inode->mtime, now);
}

void bfs_entry_count_subdir(struct bfs_inode *dir, int change) {
	if (dir->nlink > 1) bfs_store32(&dir->nlink, dir->nlink + (uint32_t)change);
}

long bfs_entry_add(struct bfs_inode *dir, const char *name, size_t len, bfs_node node, uint32_t mode) {
	struct bfs_dentry *d = bfs_dentry_find(dir, name, len);
	if (d == NULL) {
		bfs_node covered;
		d = bfs_dentry_new(dir, name, len, node, bfs_base_lookup(dir, name, len, &covered));
		if (d == NULL) return -ENOSPC;
	} else {
		bfs_store64(&d->node, node); /* a whiteout becomes an entry where it stands */
	}
	if ((mode & S_IFMT) == S_IFDIR) {
		long error = 0;
		struct bfs_inode *child = bfs_inode_own(node, &error);
		if (child == NULL) return error;
		bfs_store64(&child->parent, bfs_inode_node(dir));
		bfs_store32(&child->dentry, bfs_dentry_index(d));
		if (d->node != bfs_inode_node(child)) bfs_store64(&d->node, bfs_inode_node(child));
	}
	return 0;
}

long bfs_entry_remove(struct bfs_inode *dir, const char *name, size_t len) {
	struct bfs_dentry *d = bfs_dentry_find(dir, name, len);
	if (d == NULL) return bfs_dentry_new(dir, name, len, 0, true) != NULL ? 0 : -ENOSPC;
	if (d->over_base)
		bfs_store64(&d->node, 0);
	else
		bfs_dentry_drop(d);
	return 0;
}

long bfs_entry_unlinked(bfs_node node, bool directory, uint64_t now) {
	long error = 0;
	struct bfs_inode *inode = bfs_inode_of(node);
	if (inode == NULL) {
		/* An image node that nobody has open and that has no other name needs no record of its end. */
		struct bfs_attr a;
		error = bfs_image_attr(node, &a);
		if (error != 0 || ((directory || a.nlink <= 1) && !bfs_ofd_refers(node))) return error;
		inode = bfs_inode_own(node, &error);
		if (inode == NULL) return error;
	}
	bfs_store32(&inode->nlink, directory || inode->nlink == 0 ? 0 : inode->nlink - 1);
	bfs_entry_touch(inode, false, now);
	bfs_inode_forget(inode);
	return 0;
}

static long entry_base_empty(const struct bfs_inode *dir, bfs_node base) {
	const bfs_node *layers;
	uint32_t count = bfs_merge_layers(&base, &layers);
	for (uint32_t i = 0; i < count; i++) {
		struct bfs_inode_view v;
		uint64_t ordinal = 0, nid;
		const char *name;
		size_t len;
		uint8_t type;
		long r = bfs_image_inode(layers[i], &v);
		if (r != 0) return r;
		while ((r = bfs_image_dir_next(&v, &ordinal, &name, &len, &nid, &type)) == 1) {
			bfs_node n;
			uint8_t t;
			if ((dir == NULL || bfs_dentry_find(dir, name, len) == NULL) && bfs_merge_lookup(base, name, len, &n, &t) == 0) return -ENOTEMPTY;
		}
		if (r < 0) return r;
	}
	return 0;
}

long bfs_entry_dir_empty(bfs_node n) {
	const struct bfs_inode *dir = bfs_inode_of(n);
	if (dir == NULL) return entry_base_empty(NULL, n);
	for (const struct bfs_dentry *d = bfs_dentry_at(dir->head); d != NULL; d = bfs_dentry_at(d->older)) {
		if (d->node != 0) return -ENOTEMPTY;
	}
	return dir->base != 0 && (dir->flags & BFS_INODE_OPAQUE) == 0 ? entry_base_empty(dir, dir->base) : 0;
}
