/* Truncation, preallocation, holes. */
#include <asm/signal.h>
#include <linux/falloc.h>

#include "image.h"
#include "pool.h"

static long size_shrink(struct bfs_inode *inode, uint64_t size) {
	uint64_t old = inode->size;
	if (old > inode->dirty_end) __atomic_store_n(&inode->dirty_end, old, __ATOMIC_RELEASE);
	__atomic_store_n(&inode->map_seq, inode->map_seq + 1, __ATOMIC_RELEASE);
	bfs_change_begin();
	bfs_store64(&inode->size, size);
	bfs_store64(&inode->base_valid, BFS_MIN(inode->base_valid, size));
	long error = bfs_change_end(0);
	__atomic_store_n(&inode->map_seq, inode->map_seq + 1, __ATOMIC_RELEASE);
	/* From here on dirty_end guards what is left behind, should this be interrupted. */
	if (error == 0) error = bfs_data_clear(inode, size, ~(uint64_t)(BFS_PAGE_SIZE - 1));
	if (error == 0 && (inode->flags & BFS_INODE_MAPPED) == 0) __atomic_store_n(&inode->dirty_end, 0, __ATOMIC_RELEASE);
	return error;
}

static long size_grow(struct bfs_inode *inode, uint64_t size) {
	if (size > BFS_MAX_FILE_SIZE) return -EINVAL;
	if (size > bfs_data_size_limit()) {
		bfs_raw3(__NR_tgkill, bfs_raw0(__NR_getpid), bfs_raw0(__NR_gettid), SIGXFSZ);
		return -EFBIG;
	}
	long error = bfs_data_extend(inode, size);
	if (error == 0) __atomic_store_n(&inode->size, size, __ATOMIC_RELEASE);
	return error;
}

long bfs_node_truncate(bfs_node n, uint64_t size) {
	long error;
	struct bfs_inode *inode = bfs_data_begin(n, &error);
	if (inode == NULL) return error;
	if (size < inode->size)
		error = size_shrink(inode, size);
	else if (size > inode->size)
		error = size_grow(inode, size);
	if (error == 0) bfs_data_modified(inode);
	bfs_data_done(inode);
	return error;
}

static long size_allocate(struct bfs_inode *inode, uint64_t offset, uint64_t end) {
	long error;
	bfs_data_ensure(inode, offset / BFS_PAGE_SIZE, (end - 1) / BFS_PAGE_SIZE, &error);
	return error;
}

long bfs_node_fallocate(bfs_node n, uint32_t mode, uint64_t offset, uint64_t size) {
	uint32_t what = mode & ~(uint32_t)FALLOC_FL_KEEP_SIZE;
	if (size == 0 || offset > BFS_MAX_FILE_SIZE) return -EINVAL;
	if (size > BFS_MAX_FILE_SIZE - offset) return -EFBIG;
	if ((what != 0 && what != FALLOC_FL_PUNCH_HOLE && what != FALLOC_FL_ZERO_RANGE) || mode == FALLOC_FL_PUNCH_HOLE) return -EOPNOTSUPP;
	uint64_t end = offset + size;
	bool grow = (mode & FALLOC_FL_KEEP_SIZE) == 0;
	if (grow && end > bfs_data_size_limit()) return -EFBIG;
	/* More than could ever be had is refused before anything is done. */
	if (what != FALLOC_FL_PUNCH_HOLE && size / BFS_PAGE_SIZE > bfs_p.control->page_limit) return -ENOSPC;
	long error;
	struct bfs_inode *inode = bfs_data_begin(n, &error);
	if (inode == NULL) return error;
	grow = grow && end > inode->size;
	if (grow) error = bfs_data_extend(inode, end);
	if (error == 0 && what != 0) error = bfs_data_clear(inode, offset, end);
	if (error == 0 && what != FALLOC_FL_PUNCH_HOLE) error = size_allocate(inode, offset, end);
	if (error == 0 && grow) __atomic_store_n(&inode->size, end, __ATOMIC_RELEASE);
	if (error == 0) bfs_data_modified(inode);
	bfs_data_done(inode);
	return error;
}

/* ---- SEEK_DATA, SEEK_HOLE ---- */

static long size_seek_image(bfs_node n, uint64_t offset, bool data) {
	struct bfs_inode_view v;
	long error = bfs_image_inode(n, &v);
	if (error != 0) return error;
	while (offset < v.size) {
		uint64_t at, len;
		error = bfs_image_extent(&v, offset, &at, &len);
		if (error != 0) return error;
		if ((at != BFS_IMAGE_HOLE) == data) return (long)offset;
		offset += len;
	}
	return data ? -ENXIO : (long)v.size;
}

static long size_seek_overlay(const struct bfs_inode *inode, uint64_t offset, bool data) {
	while (offset < inode->size) {
		uint64_t index = offset / BFS_PAGE_SIZE, next, run_end = offset - offset % BFS_PAGE_SIZE + BFS_PAGE_SIZE;
		uint32_t entry = bfs_map_get(inode, index);
		bool is_data = entry != 0 && entry != BFS_MAP_HOLE;
		if (entry == 0) {
			run_end = bfs_map_next(inode, index, &next) ? next * BFS_PAGE_SIZE : inode->size;
			if (inode->base != 0 && offset < inode->base_valid) {
				is_data = true;
				run_end = BFS_MIN(run_end, (inode->base_valid + BFS_PAGE_SIZE - 1) & ~(uint64_t)(BFS_PAGE_SIZE - 1));
			}
		}
		if (is_data == data) return (long)offset;
		offset = run_end;
	}
	return data ? -ENXIO : (long)inode->size;
}

long bfs_node_seek(bfs_node n, uint64_t offset, int whence) {
	struct bfs_attr a;
	long error = bfs_node_attr(n, &a);
	if (error != 0) return error;
	if ((whence != 3 && whence != 4) || (a.mode & S_IFMT) != S_IFREG) return -EINVAL;
	if (offset >= a.size) return -ENXIO;
	struct bfs_reader r;
	struct bfs_inode *inode;
	for (bfs_read_start(&r);;) {
		inode = bfs_inode_of(n);
		if (bfs_read_done(&r)) break;
	}
	if (inode == NULL) return size_seek_image(n, offset, whence == 3);
	inode = bfs_data_begin(n, &error);
	if (inode == NULL) return error;
	long result = offset >= inode->size ? -ENXIO : size_seek_overlay(inode, offset, whence == 3);
	bfs_data_done(inode);
	return result;
}
