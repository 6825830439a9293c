/* Reading file data, without a lock. */
#include "image.h"
#include "pool.h"

/* A run of file bytes from one place: pool pages (contiguous there too), the base, or zeros. */
static long read_run(const struct bfs_inode *inode, uint8_t *dst, uint64_t size, uint64_t offset) {
	uint64_t index = offset / BFS_PAGE_SIZE, inside = offset % BFS_PAGE_SIZE, len = BFS_PAGE_SIZE - inside;
	uint32_t entry = bfs_map_get(inode, index);
	if (entry != 0 && entry != BFS_MAP_HOLE) {
		for (uint32_t n = 1; len < size && bfs_map_get(inode, index + n) == entry + n; n++) len += BFS_PAGE_SIZE;
		return bfs_raw4(__NR_pread64, bfs_fd(BFS_FD_POOL), dst, BFS_MIN(len, size), bfs_page_offset(entry - 1) + inside);
	}
	uint64_t next;
	if (entry == 0) len = bfs_map_next(inode, index, &next) ? next * BFS_PAGE_SIZE - offset : size;
	len = BFS_MIN(len, size);
	if (entry == 0 && inode->base != 0 && offset < inode->base_valid)
		return bfs_image_read(inode->base, dst, BFS_MIN(len, inode->base_valid - offset), offset);
	return bfs_zero_out(dst, len);
}

static long read_once(const struct bfs_inode *inode, uint8_t *dst, uint64_t size, uint64_t offset) {
	uint64_t end = __atomic_load_n(&inode->size, __ATOMIC_ACQUIRE), done = 0;
	if (offset >= end) return 0;
	size = BFS_MIN(size, end - offset);
	while (done < size) {
		long got = read_run(inode, dst + done, size - done, offset + done);
		if (got <= 0) return done > 0 ? (long)done : got;
		done += (uint64_t)got;
	}
	return (long)done;
}

#define READ_ROUNDS 8

static long read_overlay(bfs_node n, struct bfs_inode *inode, void *dst, uint64_t size, uint64_t offset) {
	uint32_t generation = inode->generation;
	for (int round = 0; round < READ_ROUNDS; round++) {
		uint32_t seq = __atomic_load_n(&inode->map_seq, __ATOMIC_ACQUIRE);
		if ((seq & 1) != 0) {
			bfs_raw0(__NR_sched_yield);
			continue;
		}
		long got = read_once(inode, dst, size, offset);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&inode->map_seq, __ATOMIC_RELAXED) == seq && __atomic_load_n(&inode->generation, __ATOMIC_RELAXED) == generation)
			return got;
	}
	long error;
	inode = bfs_data_begin(n, &error);
	if (inode == NULL) return error;
	long got = read_once(inode, dst, size, offset);
	bfs_data_done(inode);
	return got;
}

long bfs_node_read(bfs_node n, void *user_dst, size_t size, uint64_t offset) {
	struct bfs_reader r;
	struct bfs_inode *inode;
	uint32_t mode;
	size = BFS_MIN(size, 0x7FFFF000u); /* MAX_RW_COUNT */
	for (bfs_read_start(&r);;) {
		inode = bfs_inode_of(n);
		mode = bfs_mode_of(n);
		if (bfs_read_done(&r)) break;
	}
	if ((mode & S_IFMT) != S_IFREG) return mode == 0 ? -ENOENT : (mode & S_IFMT) == S_IFDIR ? -EISDIR : -EINVAL;
	return inode == NULL ? bfs_image_read(n, user_dst, size, offset) : read_overlay(n, inode, user_dst, size, offset);
}
