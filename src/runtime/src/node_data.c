/* Data of overlay files: allocation, copy-up by pages, clearing. */
#include <linux/mman.h>
#include <linux/resource.h>

#include "image.h"
#include "pool.h"

#define DATA_BATCH 256u /* pages a transaction */

void bfs_data_lock(struct bfs_inode *inode) {
	if (!bfs_word_lock(&inode->lock)) return;
	/* The owner died. If it was in a transaction, that is undone before its pages are looked at. */
	bfs_pool_lock();
	bfs_pool_unlock();
	if ((inode->map_seq & 1) != 0) __atomic_store_n(&inode->map_seq, inode->map_seq + 1, __ATOMIC_RELEASE);
}

void bfs_data_done(struct bfs_inode *inode) { bfs_word_unlock(&inode->lock); }

static struct bfs_inode *data_find(bfs_node n) {
	struct bfs_reader r;
	struct bfs_inode *inode;
	for (bfs_read_start(&r);;) {
		inode = bfs_inode_of(n);
		if (bfs_read_done(&r)) return inode;
	}
}

static long data_copy_up(bfs_node n) {
	long error = 0;
	bfs_change_begin();
	bfs_inode_own(n, &error);
	return bfs_change_end(error);
}

struct bfs_inode *bfs_data_begin(bfs_node n, long *error) {
	for (*error = 0; *error == 0;) {
		struct bfs_inode *inode = data_find(n);
		if (inode == NULL) {
			*error = data_copy_up(n);
			continue;
		}
		bfs_data_lock(inode);
		if (data_find(n) == inode) {
			uint32_t type = inode->mode & S_IFMT;
			if (type == S_IFREG) return inode;
			*error = type == S_IFDIR ? -EISDIR : -EINVAL;
		}
		bfs_data_done(inode);
	}
	return NULL;
}

static void data_map_change(struct bfs_inode *inode) {
	__atomic_store_n(&inode->map_seq, inode->map_seq + 1, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

uint64_t bfs_data_size_limit(void) {
	struct rlimit64 limit = { RLIM64_INFINITY, RLIM64_INFINITY };
	bfs_raw4(__NR_prlimit64, 0, RLIMIT_FSIZE, 0, &limit);
	return limit.rlim_cur;
}

static long data_put_mapped(uint64_t pool_offset, const void *src, uint64_t size) {
	uint64_t inside = pool_offset % BFS_PAGE_SIZE;
	long window = bfs_raw6(__NR_mmap, 0, inside + size, PROT_READ | PROT_WRITE, MAP_SHARED, bfs_fd(BFS_FD_POOL), pool_offset - inside);
	if (window < 0 && window > -4096) return window;
	long error = bfs_copy_in((uint8_t *)window + inside, src, size);
	bfs_raw2(__NR_munmap, window, inside + size);
	return error != 0 ? error : (long)size;
}

long bfs_data_put(uint64_t pool_offset, const void *src, uint64_t size, bool limited) {
	return limited ? data_put_mapped(pool_offset, src, size) : bfs_raw4(__NR_pwrite64, bfs_fd(BFS_FD_POOL), src, size, pool_offset);
}

void bfs_data_modified(struct bfs_inode *inode) {
	uint64_t now = bfs_time_now();
	__atomic_store_n(&inode->mtime, now, __ATOMIC_RELAXED);
	__atomic_store_n(&inode->ctime, now, __ATOMIC_RELAXED);
	uint32_t ids = inode->mode & S_ISUID;
	if ((inode->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP)) ids |= S_ISGID;
	if (ids != 0 && !bfs_is_root()) {
		bfs_change_begin();
		bfs_store32(&inode->mode, inode->mode & ~ids);
		bfs_change_end(0);
	}
}

/* ---- allocation ---- */

/* Bytes of page INDEX that still come from the base. */
static uint64_t data_base_bytes(const struct bfs_inode *inode, uint64_t index) {
	uint64_t at = index * BFS_PAGE_SIZE;
	return inode->base == 0 || at >= inode->base_valid ? 0 : BFS_MIN(inode->base_valid - at, BFS_PAGE_SIZE);
}

static long data_fill_from_base(const struct bfs_inode *inode, uint64_t index, uint32_t page, bool limited) {
	uint64_t need = data_base_bytes(inode, index);
	struct bfs_inode_view v;
	long error = need > 0 ? bfs_image_inode(inode->base, &v) : 0;
	for (uint64_t done = 0; error == 0 && done < need;) {
		uint64_t at, len;
		error = bfs_image_extent(&v, index * BFS_PAGE_SIZE + done, &at, &len);
		if (error != 0) break;
		len = BFS_MIN(len, need - done);
		if (at != BFS_IMAGE_HOLE) {
			long put = bfs_data_put(bfs_page_offset(page) + done, v.image->base + at, len, limited);
			if (put != (long)len) error = put < 0 ? put : -EIO;
		}
		done += len;
	}
	return error;
}

/* One transaction: gives up to DATA_BATCH missing pages from INDEX on data pages. *NEXT: the first page not looked at. */
static long data_ensure_batch(struct bfs_inode *inode, uint64_t index, uint64_t last, bool limited, uint64_t *next) {
	long error = 0;
	uint32_t budget = DATA_BATCH;
	while (error == 0 && index <= last && budget > 0) {
		uint32_t entry = bfs_map_get(inode, index), run = 1, first = 0;
		if (entry != 0 && entry != BFS_MAP_HOLE) {
			index++;
			continue;
		}
		while (run < budget && index + run <= last && ((entry = bfs_map_get(inode, index + run)) == 0 || entry == BFS_MAP_HOLE)) run++;
		uint32_t got = bfs_page_alloc(run, &first);
		if (got == 0) return *next = index, -ENOSPC;
		for (uint32_t i = 0; i < got && error == 0; i++) {
			if (bfs_map_get(inode, index + i) == 0) error = data_fill_from_base(inode, index + i, first + i, limited);
			if (error == 0) error = bfs_map_set(inode, index + i, first + i + 1);
		}
		bfs_store32(&inode->pages, inode->pages + got);
		index += got;
		budget -= got;
	}
	*next = index;
	return error;
}

uint64_t bfs_data_ensure(struct bfs_inode *inode, uint64_t first, uint64_t last, long *error) {
	bool swept = false, limited = false, asked = false;
	*error = 0;
	for (uint64_t index = first; index <= last;) {
		uint32_t entry = bfs_map_get(inode, index);
		if (entry != 0 && entry != BFS_MAP_HOLE) {
			index++;
			continue;
		}
		if (!asked) {
			asked = true;
			limited = bfs_data_size_limit() != RLIM64_INFINITY;
		}
		uint64_t next = index;
		data_map_change(inode);
		bfs_change_begin();
		long e = data_ensure_batch(inode, index, last, limited, &next);
		/* Out of pages after some were found: those are kept. Any other failure takes the whole batch back. */
		e = bfs_change_end(e == -ENOSPC && next > index ? 0 : e);
		data_map_change(inode);
		if (e == 0) {
			index = next;
		} else if (e == -ENOSPC && !swept) {
			swept = true;
			bfs_ofd_sweep();
		} else {
			*error = e;
			return index - first;
		}
	}
	return last - first + 1;
}

/* ---- clearing ---- */

static long data_clear_edge(struct bfs_inode *inode, uint64_t from, uint64_t to) {
	uint64_t index = from / BFS_PAGE_SIZE;
	uint32_t entry = bfs_map_get(inode, index);
	if (entry == 0 && data_base_bytes(inode, index) > 0) {
		long error;
		if (bfs_data_ensure(inode, index, index, &error) == 0) return error;
		entry = bfs_map_get(inode, index);
	}
	return entry == 0 || entry == BFS_MAP_HOLE ? 0 : bfs_page_zero(bfs_page_offset(entry - 1) + from % BFS_PAGE_SIZE, to - from);
}

/* Pages [index, end) above a base become holes. One transaction; returns how far it came. */
static long data_hole_batch(struct bfs_inode *inode, uint64_t *index, uint64_t end, bool keep, struct bfs_freed *freed) {
	long error = 0;
	for (uint32_t n = 0; error == 0 && *index < end && n < DATA_BATCH; n++, ++*index) {
		uint32_t entry = bfs_map_get(inode, *index);
		if (entry == BFS_MAP_HOLE) continue;
		if (entry != 0 && keep) {
			error = bfs_page_zero(bfs_page_offset(entry - 1), BFS_PAGE_SIZE);
			continue;
		}
		if (entry != 0) {
			if (!bfs_page_free(freed, entry - 1)) break;
			bfs_store32(&inode->pages, inode->pages - 1);
		}
		error = bfs_map_set(inode, *index, BFS_MAP_HOLE);
	}
	return error;
}

static long data_clear_kept(struct bfs_inode *inode, uint64_t index, uint64_t end) {
	long error = 0;
	for (uint64_t at; error == 0 && bfs_map_next(inode, index, &at) && at < end; index = at + 1) {
		uint32_t entry = bfs_map_get(inode, at);
		if (entry != BFS_MAP_HOLE && entry != 0) error = bfs_page_zero(bfs_page_offset(entry - 1), BFS_PAGE_SIZE);
	}
	return error;
}

static long data_clear_pages(struct bfs_inode *inode, uint64_t index, uint64_t end) {
	bool keep = (inode->flags & BFS_INODE_MAPPED) != 0 && bfs_pin_alive(bfs_inode_index(inode));
	uint64_t base_end = inode->base != 0 ? (inode->base_valid + BFS_PAGE_SIZE - 1) / BFS_PAGE_SIZE : 0;
	bool done = false;
	long error = 0;
	data_map_change(inode);
	while (error == 0 && !done) {
		struct bfs_freed freed = { .count = 0 };
		bfs_change_begin();
		if (index < BFS_MIN(end, base_end)) {
			error = data_hole_batch(inode, &index, BFS_MIN(end, base_end), keep, &freed);
			done = index >= end;
		} else if (keep) {
			error = data_clear_kept(inode, index, end);
			done = true;
		} else {
			done = bfs_map_clear(inode, index, end, &freed);
		}
		error = bfs_change_end(error);
		if (error == 0) bfs_page_punch(&freed);
	}
	data_map_change(inode);
	return error;
}

long bfs_data_clear(struct bfs_inode *inode, uint64_t from, uint64_t to) {
	if (from >= to) return 0;
	uint64_t first = (from + BFS_PAGE_SIZE - 1) / BFS_PAGE_SIZE, last = to / BFS_PAGE_SIZE; /* whole pages [first, last) */
	long error = 0;
	if (from % BFS_PAGE_SIZE != 0) error = data_clear_edge(inode, from, BFS_MIN(to, first * BFS_PAGE_SIZE));
	if (error == 0 && to % BFS_PAGE_SIZE != 0 && last >= first) error = data_clear_edge(inode, last * BFS_PAGE_SIZE, to);
	return error == 0 && first < last ? data_clear_pages(inode, first, last) : error;
}

long bfs_data_extend(struct bfs_inode *inode, uint64_t end) {
	uint64_t dirty = (inode->flags & BFS_INODE_MAPPED) != 0 ? ~0ull : inode->dirty_end;
	return bfs_data_clear(inode, inode->size, BFS_MIN(end, dirty));
}
