/* Writing file data. */
#include <asm/signal.h>

#include "pool.h"

#define WRITE_CHUNK (1u << 20)

/* Applies RLIMIT_FSIZE as the kernel does: shortens SIZE, or −EFBIG with SIGXFSZ. */
static long write_limit(uint64_t limit, uint64_t offset, uint64_t *size) {
	if (offset >= BFS_MAX_FILE_SIZE) return -EFBIG;
	*size = BFS_MIN(*size, BFS_MAX_FILE_SIZE - offset);
	if (offset >= limit) {
		bfs_raw3(__NR_tgkill, bfs_raw0(__NR_getpid), bfs_raw0(__NR_gettid), SIGXFSZ);
		return -EFBIG;
	}
	*size = BFS_MIN(*size, limit - offset);
	return 0;
}

/* Bytes into pages that exist. */
static long write_pages(const struct bfs_inode *inode, const uint8_t *src, uint64_t size, uint64_t offset, bool limited) {
	uint64_t done = 0;
	while (done < size) {
		uint64_t index = (offset + done) / BFS_PAGE_SIZE, inside = (offset + done) % BFS_PAGE_SIZE, len = BFS_PAGE_SIZE - inside;
		uint32_t entry = bfs_map_get(inode, index);
		for (uint32_t n = 1; len < size - done && bfs_map_get(inode, index + n) == entry + n; n++) len += BFS_PAGE_SIZE;
		len = BFS_MIN(len, size - done);
		long put = bfs_data_put(bfs_page_offset(entry - 1) + inside, src + done, len, limited);
		if (put <= 0) return done > 0 ? (long)done : put;
		done += (uint64_t)put;
		if ((uint64_t)put < len) break;
	}
	return (long)done;
}

static long write_chunk(struct bfs_inode *inode, const uint8_t *src, uint64_t size, uint64_t offset, bool limited) {
	uint64_t first = offset / BFS_PAGE_SIZE;
	long error;
	uint64_t pages = bfs_data_ensure(inode, first, (offset + size - 1) / BFS_PAGE_SIZE, &error);
	if (pages == 0) return error;
	size = BFS_MIN(size, (first + pages) * BFS_PAGE_SIZE - offset);
	if (offset + size > inode->size && offset + size > inode->dirty_end) __atomic_store_n(&inode->dirty_end, offset + size, __ATOMIC_RELEASE);
	long put = write_pages(inode, src, size, offset, limited);
	if (put > 0 && offset + (uint64_t)put > inode->size) __atomic_store_n(&inode->size, offset + (uint64_t)put, __ATOMIC_RELEASE);
	return put;
}

static long write_locked(struct bfs_inode *inode, const uint8_t *src, uint64_t size, uint64_t offset) {
	uint64_t limit = bfs_data_size_limit(), done = 0;
	if (size == 0) return 0;
	long error = write_limit(limit, offset, &size);
	if (error == 0 && offset + size > inode->size) error = bfs_data_extend(inode, offset + size);
	while (error == 0 && done < size) {
		/* Chunks end on page boundaries. */
		uint64_t len = BFS_MIN(size - done, WRITE_CHUNK - (offset + done) % BFS_PAGE_SIZE);
		long put = write_chunk(inode, src + done, len, offset + done, limit != ~0ull);
		if (put > 0) done += (uint64_t)put;
		if (put < (long)len) error = put < 0 ? put : -EFAULT;
	}
	if (done == 0) return error;
	bfs_data_modified(inode);
	return (long)done;
}

long bfs_node_write(bfs_node n, const void *user_src, size_t size, uint64_t offset) {
	long error;
	struct bfs_inode *inode = bfs_data_begin(n, &error);
	if (inode == NULL) return error;
	long done = write_locked(inode, user_src, BFS_MIN(size, 0x7FFFF000u), offset);
	bfs_data_done(inode);
	return done;
}

long bfs_node_append(bfs_node n, const void *user_src, size_t size, uint64_t *end) {
	long error;
	struct bfs_inode *inode = bfs_data_begin(n, &error);
	if (inode == NULL) return error;
	uint64_t offset = inode->size;
	long done = write_locked(inode, user_src, BFS_MIN(size, 0x7FFFF000u), offset);
	*end = offset + (done > 0 ? (uint64_t)done : 0);
	bfs_data_done(inode);
	return done;
}
