/* Data pages: a bitmap of used ones, and one of those that may hold something other than zeros. */
#include <linux/falloc.h>

#include "pool.h"

/* A page is marked dirty, outside the transaction, before it can be written, and clean only after it was punched. So a page that is free but dirty (its freer or its
 * allocator was killed) is punched before it is used again, and an allocated page always starts as zeros. */

static bool page_bit(const uint64_t *map, uint32_t page) { return (map[page / 64] >> (page % 64) & 1) != 0; }
static void page_mark(uint64_t *map, uint32_t page) { map[page / 64] |= 1ull << (page % 64); }

long bfs_page_zero(uint64_t pool_offset, uint64_t size) {
	return size == 0 ? 0 : bfs_raw4(__NR_fallocate, bfs_fd(BFS_FD_POOL), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, pool_offset, size);
}

static uint32_t page_find_free(uint32_t from, uint32_t to) {
	for (uint32_t page = from; page < to;) {
		uint64_t free = ~bfs_p.used[page / 64] >> (page % 64);
		if (free != 0) {
			page += (uint32_t)__builtin_ctzll(free);
			return BFS_MIN(page, to);
		}
		page = (page / 64 + 1) * 64;
	}
	return to;
}

static void page_clean(uint32_t first, uint32_t count) {
	for (uint32_t i = 0; i < count;) {
		uint32_t run = 0;
		while (i + run < count && page_bit(bfs_p.dirty, first + i + run)) run++;
		if (run > 0) bfs_page_zero(bfs_page_offset(first + i), (uint64_t)run * BFS_PAGE_SIZE);
		i += run + 1;
	}
	for (uint32_t i = 0; i < count; i++) page_mark(bfs_p.dirty, first + i);
}

uint32_t bfs_page_alloc(uint32_t want, uint32_t *first) {
	struct bfs_control *c = bfs_p.control;
	if (c->pages_used >= c->page_limit) return 0;
	uint32_t page = page_find_free(c->page_hint, c->page_limit);
	if (page >= c->page_limit) page = page_find_free(0, c->page_limit);
	if (page >= c->page_limit) return 0;
	uint32_t count = 0;
	while (count < want && page + count < c->page_limit && !page_bit(bfs_p.used, page + count)) count++;
	for (uint32_t at = page; at < page + count;) {
		uint32_t in_word = BFS_MIN(64 - at % 64, page + count - at);
		uint64_t mask = (in_word == 64 ? ~0ull : (1ull << in_word) - 1) << (at % 64);
		bfs_store64(&bfs_p.used[at / 64], bfs_p.used[at / 64] | mask);
		at += in_word;
	}
	bfs_store32(&c->pages_used, c->pages_used + count);
	bfs_store32(&c->page_hint, page + count < c->page_limit ? page + count : 0);
	page_clean(page, count);
	*first = page;
	return count;
}

bool bfs_page_free(struct bfs_freed *f, uint32_t page) {
	struct bfs_control *c = bfs_p.control;
	uint32_t n = f->count;
	if (n > 0 && f->run[n - 1].first + f->run[n - 1].pages == page) {
		f->run[n - 1].pages++;
	} else if (n < BFS_FREED_RUNS) {
		f->run[n].first = page;
		f->run[n].pages = 1;
		f->count++;
	} else {
		return false;
	}
	bfs_store64(&bfs_p.used[page / 64], bfs_p.used[page / 64] & ~(1ull << (page % 64)));
	bfs_store32(&c->pages_used, c->pages_used - 1);
	return true;
}

void bfs_page_punch(const struct bfs_freed *f) {
	for (uint32_t i = 0; i < f->count; i++) {
		uint32_t first = f->run[i].first, pages = f->run[i].pages;
		if (bfs_page_zero(bfs_page_offset(first), (uint64_t)pages * BFS_PAGE_SIZE) != 0) continue; /* stays dirty */
		for (uint32_t k = 0; k < pages; k++) bfs_p.dirty[(first + k) / 64] &= ~(1ull << ((first + k) % 64));
	}
}
