/* From a data page of the pool back to the file that it belongs to: asked by mremap alone, for which a mapping is all there is. */
#include "pool.h"

static bool owner_find(const struct bfs_inode *inode, uint32_t page, uint64_t *index) {
	for (uint64_t from = 0; bfs_map_next(inode, from, index); from = *index + 1)
		if (bfs_map_get(inode, *index) == page + 1) return true;
	return false;
}

bool bfs_node_page_owner(uint64_t pool_offset, bfs_node *n, uint64_t *file_offset) {
	const struct bfs_control *c = bfs_p.control;
	if (pool_offset < c->data_offset || (pool_offset - c->data_offset) / BFS_PAGE_SIZE >= c->page_limit) return false;
	uint32_t page = (uint32_t)((pool_offset - c->data_offset) / BFS_PAGE_SIZE);
	bool found = false;
	/* The mapping keeps its pages in place, so the answer stays right after the lock is released. */
	bfs_pool_lock();
	for (uint32_t i = 1; !found && i < c->inode_top; i++) {
		const struct bfs_inode *inode = bfs_inode_at(i);
		uint64_t index;
		if ((inode->flags & (BFS_INODE_USED | BFS_INODE_MAPPED)) != (BFS_INODE_USED | BFS_INODE_MAPPED) || !owner_find(inode, page, &index)) continue;
		*n = bfs_inode_node(inode);
		*file_offset = index * BFS_PAGE_SIZE;
		found = true;
	}
	bfs_pool_unlock();
	return found;
}
