/* From a data page of the pool back to the file that it belongs to: for mremap and /proc/PID/maps, which have no more than a mapping. */
#include "pool.h"

static bool owner_find(const struct bfs_inode *inode, uint32_t page, uint64_t *index) {
	for (uint64_t from = 0; bfs_map_next(inode, from, index); from = *index + 1)
		if (bfs_map_get(inode, *index) == page + 1) return true;
	return false;
}

/* Is INODE the owner? */
static bool owner_is(const struct bfs_inode *inode, uint32_t page, bfs_node *n, uint64_t *file_offset) {
	uint64_t index;
	if (inode == NULL || (inode->flags & (BFS_INODE_USED | BFS_INODE_MAPPED)) != (BFS_INODE_USED | BFS_INODE_MAPPED) || !owner_find(inode, page, &index))
		return false;
	*n = bfs_inode_node(inode);
	*file_offset = index * BFS_PAGE_SIZE;
	return true;
}

bool bfs_node_page_owner(uint64_t pool_offset, bfs_node hint, bfs_node *n, uint64_t *file_offset) {
	const struct bfs_control *c = bfs_p.control;
	if (pool_offset < c->data_offset || (pool_offset - c->data_offset) / BFS_PAGE_SIZE >= c->page_limit) return false;
	uint32_t page = (uint32_t)((pool_offset - c->data_offset) / BFS_PAGE_SIZE);
	/* The mapping keeps its pages in place, so the answer stays right after the lock is released. */
	bfs_pool_lock();
	bool found = hint != BFS_NODE_NONE && owner_is(bfs_inode_of(hint), page, n, file_offset);
	for (uint32_t i = 1; !found && i < c->inode_top; i++) found = owner_is(bfs_inode_at(i), page, n, file_offset);
	bfs_pool_unlock();
	return found;
}

long bfs_node_file_path(bfs_node n, char *dst, size_t size) {
	char name[BFS_NAME_MAX + 1];
	bfs_node parent = BFS_NODE_NONE;
	uint32_t len = 0;
	bfs_pool_lock();
	for (uint32_t i = 1; parent == BFS_NODE_NONE && i < bfs_p.control->dentry_top; i++) {
		const struct bfs_dentry *d = bfs_dentry_at(i);
		const struct bfs_inode *dir = d != NULL && d->parent != 0 && d->node == n ? bfs_inode_at(d->parent) : NULL;
		if (dir == NULL) continue;
		const char *text = bfs_text_at(d->name, &len);
		len = BFS_MIN(len, BFS_NAME_MAX);
		memcpy(name, text, len);
		parent = bfs_inode_node(dir);
	}
	bfs_pool_unlock();
	if (parent == BFS_NODE_NONE) return -ENOENT;
	name[len] = '\0';
	long at = bfs_node_dir_path(parent, dst, size);
	if (at < 0) return at;
	if (at == 1) at = 0; /* the root's slash */
	if ((size_t)at + len + 2 > size) return -ERANGE;
	dst[at] = '/';
	memcpy(dst + at + 1, name, len + 1);
	return at + 1 + (long)len;
}
