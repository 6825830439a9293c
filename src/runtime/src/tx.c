/* Transactions on the pool's metadata: an undo log of old values. */
#include "pool.h"

/* Of the thread that holds the pool lock. */
static bool tx_overflowed;
static uint32_t tx_freed_count;
#define TX_FREED_MAX 1024u
BFS_SELDOM static struct {
	enum bfs_tx_freed what;
	uint32_t index;
} tx_freed[TX_FREED_MAX];

static void tx_recycle(enum bfs_tx_freed what, uint32_t index) {
	if (what == BFS_TX_TEXT)
		bfs_text_recycle(index);
	else
		bfs_dentry_recycle(index);
}

void bfs_tx_free(enum bfs_tx_freed what, uint32_t index) {
	/* Only the end of an inode lets go of so many, and it takes nothing. */
	if (tx_freed_count == TX_FREED_MAX) {
		tx_recycle(what, index);
		return;
	}
	tx_freed[tx_freed_count].what = what;
	tx_freed[tx_freed_count++].index = index;
}

/* On one machine memory order between processes is kept by the lock; against SIGKILL alone the order of the stores in the program counts. */
#define TX_ORDER() __atomic_signal_fence(__ATOMIC_SEQ_CST)

void bfs_tx_begin(void) {
	struct bfs_control *c = bfs_p.control;
	tx_overflowed = false;
	tx_freed_count = 0;
	__atomic_store_n(&c->sequence, c->sequence + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static void tx_end(void) {
	struct bfs_control *c = bfs_p.control;
	__atomic_store_n(&c->sequence, c->sequence + 1, __ATOMIC_RELEASE);
}

long bfs_tx_commit(void) {
	for (uint32_t i = 0; i < tx_freed_count; i++) tx_recycle(tx_freed[i].what, tx_freed[i].index);
	tx_freed_count = 0;
	if (tx_overflowed) return bfs_tx_abort(-ENOSPC);
	TX_ORDER();
	__atomic_store_n(&bfs_p.control->undo_count, 0, __ATOMIC_RELEASE);
	tx_end();
	return 0;
}

/* Idempotent: a replay that is killed is replayed from where it stood. */
void bfs_tx_replay(void) {
	struct bfs_control *c = bfs_p.control;
	uint64_t n = BFS_MIN(c->undo_count, (uint64_t)BFS_UNDO_COUNT);
	while (n > 0) {
		const struct bfs_undo *u = &bfs_p.undo[n - 1];
		uint8_t *at = (uint8_t *)c + (u->at & ~1ull);
		if ((u->at & 1) != 0)
			__atomic_store_n((uint32_t *)at, (uint32_t)u->old, __ATOMIC_RELAXED);
		else
			__atomic_store_n((uint64_t *)at, u->old, __ATOMIC_RELAXED);
		TX_ORDER();
		__atomic_store_n(&c->undo_count, --n, __ATOMIC_RELEASE);
	}
}

long bfs_tx_abort(long error) {
	bfs_tx_replay();
	tx_end();
	return error;
}

static bool tx_note(uint64_t at, uint64_t old) {
	struct bfs_control *c = bfs_p.control;
	uint64_t n = c->undo_count;
	if (n >= BFS_UNDO_COUNT) {
		tx_overflowed = true;
		return false;
	}
	bfs_p.undo[n] = (struct bfs_undo){ .at = at, .old = old };
	TX_ORDER();
	__atomic_store_n(&c->undo_count, n + 1, __ATOMIC_RELEASE);
	return true;
}

void bfs_store32(uint32_t *at, uint32_t value) {
	if (*at != value && tx_note((uint64_t)((uint8_t *)at - (uint8_t *)bfs_p.control) | 1, *at)) __atomic_store_n(at, value, __ATOMIC_RELEASE);
}

void bfs_store64(uint64_t *at, uint64_t value) {
	if (*at != value && tx_note((uint64_t)((uint8_t *)at - (uint8_t *)bfs_p.control), *at)) __atomic_store_n(at, value, __ATOMIC_RELEASE);
}
