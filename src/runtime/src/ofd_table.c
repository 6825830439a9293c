/* The table of open file descriptions: which entries are free, and which ones the dead left.
 *
 * An entry's index says which placeholder inode its struct file is of, so the table is cut into as many stripes, and each file has its entries in one of them. A closed descriptor frees its
 * entry; what ends with its process, at an exec or in a socket is found by its missing lock. Nobody is made to look for all of them at once, as each look lets the kernel walk the
 * locks of an inode: from the time that a stripe has TABLE_GROWTH times as many rows in use as were live when it was looked through last, each open that would take another row looks at a
 * few, until all were seen. */
#include "image.h"
#include "pool.h"

#define TABLE_GROWTH 16u
#define TABLE_LOOKS 4u        /* entries that an open looks at */
#define TABLE_LOOKS_FULL 256u /* where no row is left: before ENFILE */

uint32_t bfs_ofd_index(uint32_t stripe, uint32_t row) {
	return (row / BFS_OFD_RUN << bfs_p.control->placeholder_bits | stripe) * BFS_OFD_RUN + row % BFS_OFD_RUN;
}
static uint32_t table_row(uint32_t index) { return (index / BFS_OFD_RUN >> bfs_p.control->placeholder_bits) * BFS_OFD_RUN + index % BFS_OFD_RUN; }
static uint32_t table_stripe(uint32_t index) { return index / BFS_OFD_RUN & (bfs_placeholder_count() - 1); }
/* Rows of a stripe in a table of so many entries. */
static uint32_t table_rows(uint32_t entries) { return entries >> bfs_p.control->placeholder_bits; }

uint32_t bfs_ofd_stripe(uint64_t ino) { return (uint32_t)((ino * 0x9E3779B97F4A7C15ull >> 32) * bfs_placeholder_count() >> 32); }
uint32_t bfs_ofd_stripe_of_mount(uint32_t mount) { return bfs_ofd_stripe(mount + 1u); }

int bfs_ofd_placeholder(const struct bfs_ofd *ofd) { return bfs_placeholder_fd(table_stripe((uint32_t)(ofd - bfs_p.ofds))); }

/* ---- locks ---- */

static bool table_lock(int fd, uint32_t index) {
	struct flock lock = { .l_type = F_WRLCK, .l_whence = 0, .l_start = index, .l_len = 1 };
	return bfs_raw3(__NR_fcntl, fd, F_OFD_SETLK, &lock) == 0;
}

bool bfs_ofd_alive(uint32_t index) {
	struct flock lock = { .l_type = F_WRLCK, .l_whence = 0, .l_start = index, .l_len = 1 };
	return bfs_raw3(__NR_fcntl, bfs_ofd_placeholder(&bfs_p.ofds[index]), F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

/* ---- the dead ---- */

void bfs_ofd_freed(uint32_t index) {
	uint32_t row = table_row(index), *hint = &bfs_p.control->stripes[table_stripe(index)].hint;
	for (uint32_t known = __atomic_load_n(hint, __ATOMIC_RELAXED); row < known;)
		if (__atomic_compare_exchange_n(hint, &known, row, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) break;
}

/* All rows of a stripe were looked at: the next round begins when it has grown. */
static void table_seen(struct bfs_stripe *s) {
	__atomic_store_n(&s->look, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&s->due, __atomic_exchange_n(&s->alive, 0, __ATOMIC_RELAXED) * TABLE_GROWTH, __ATOMIC_RELAXED);
	__atomic_store_n(&s->hint, 0, __ATOMIC_RELAXED);
}

/* Looks at the entries of a stripe that come next. True as soon as one was dead: it is free now. */
static bool table_collect(uint32_t stripe, bool full) {
	struct bfs_stripe *s = &bfs_p.control->stripes[stripe];
	uint32_t top = __atomic_load_n(&bfs_p.control->ofd_top, __ATOMIC_RELAXED);
	uint32_t rows = top == 0 ? 0 : (table_row(top - 1) / BFS_OFD_RUN + 1) * BFS_OFD_RUN;
	uint32_t looks = full ? TABLE_LOOKS_FULL : TABLE_LOOKS;
	for (uint32_t visited = 0; looks > 0 && visited <= rows; visited++) {
		uint32_t row = __atomic_fetch_add(&s->look, 1, __ATOMIC_RELAXED);
		if (row >= rows) {
			table_seen(s);
			if (!full) break;
			continue;
		}
		uint32_t index = bfs_ofd_index(stripe, row), seen = bfs_ofd_word(index);
		if (BFS_OFD_STATE(seen) == BFS_OFD_FREE) continue;
		if (!bfs_ofd_alive(index)) {
			bfs_ofd_free(index, seen);
			return true;
		}
		__atomic_fetch_add(&s->alive, 1, __ATOMIC_RELAXED);
		looks--;
	}
	return false;
}

/* ---- the free ---- */

static uint32_t table_free_row(uint32_t stripe, uint32_t row, uint32_t rows) {
	while (row < rows && BFS_OFD_STATE(bfs_ofd_word(bfs_ofd_index(stripe, row))) != BFS_OFD_FREE) row++;
	return row;
}

static void table_raise(uint32_t *at, uint32_t used) {
	for (uint32_t top = __atomic_load_n(at, __ATOMIC_RELAXED); top <= used;)
		if (__atomic_compare_exchange_n(at, &top, used + 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) break;
}

static void table_taken(uint32_t index) {
	table_raise(&bfs_p.control->ofd_top, index);
	table_raise(&bfs_p.control->stripes[table_stripe(index)].top, table_row(index));
}

uint32_t bfs_ofd_rows(uint32_t stripe) { return __atomic_load_n(&bfs_p.control->stripes[stripe].top, __ATOMIC_RELAXED); }

long bfs_ofd_claim(int fd, uint32_t stripe, uint32_t *index) {
	struct bfs_stripe *s = &bfs_p.control->stripes[stripe];
	uint32_t rows = table_rows(bfs_p.control->ofd_limit);
	uint32_t hint = __atomic_load_n(&s->hint, __ATOMIC_RELAXED), row = hint;
	for (bool looked = false;; row++) {
		row = table_free_row(stripe, row, rows);
		uint32_t due = BFS_MAX(__atomic_load_n(&s->due, __ATOMIC_RELAXED), table_rows(BFS_OFD_MIN));
		if (!looked && row >= BFS_MIN(due, rows)) {
			looked = true;
			if (table_collect(stripe, row == rows))
				row = hint = __atomic_load_n(&s->hint, __ATOMIC_RELAXED);
			else if (row == rows)
				row = 0; /* one may have become free below the hint */
			row = table_free_row(stripe, row, rows);
		}
		if (row == rows) return -ENFILE;
		*index = bfs_ofd_index(stripe, row);
		if (table_lock(fd, *index)) break;
	}
	/* The lock was free, so whoever used the entry is gone; it may have been taken and left since we looked. */
	uint32_t seen = bfs_ofd_word(*index);
	if (BFS_OFD_STATE(seen) != BFS_OFD_FREE) bfs_ofd_free(*index, seen);
	__atomic_compare_exchange_n(&s->hint, &hint, row + 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	table_taken(*index);
	return 0;
}

/* ---- questions ---- */

bool bfs_ofd_refers(bfs_node n) {
	struct bfs_attr attr;
	if (bfs_image_attr(n, &attr) != 0) return false; /* nobody could open it */
	uint32_t stripe = bfs_ofd_stripe(attr.ino), rows = bfs_ofd_rows(stripe);
	for (uint32_t row = 0; row < rows; row++) {
		const struct bfs_ofd *ofd = &bfs_p.ofds[bfs_ofd_index(stripe, row)];
		if (__atomic_load_n(&ofd->node, __ATOMIC_RELAXED) == n && BFS_OFD_STATE(__atomic_load_n(&ofd->state, __ATOMIC_RELAXED)) == BFS_OFD_LIVE)
			return true;
	}
	return false;
}
