/* Access times, as a file system mounted relatime keeps them: a read moves the time only where it is not later than the last change, so that most reads store nothing. (The kernel
 * also moves what is older than a day.) What only the image holds is never touched: it is read-only. */
#include "pool.h"

void bfs_node_accessed(bfs_node n) {
	if (BFS_NODE_KIND(n) == BFS_NODE_IMAGE && __atomic_load_n(&bfs_p.control->image_inodes, __ATOMIC_RELAXED) == 0) return;
	struct bfs_reader r;
	struct bfs_inode *inode;
	bool due;
	for (bfs_read_start(&r);;) {
		inode = bfs_inode_of(n);
		due = inode != NULL && (inode->atime <= inode->mtime || inode->atime <= inode->ctime);
		if (bfs_read_done(&r)) break;
	}
	/* A single store, under no lock: at worst a file that has just got this inode was read just now. */
	if (due) __atomic_store_n(&inode->atime, bfs_time_now(), __ATOMIC_RELAXED);
}
