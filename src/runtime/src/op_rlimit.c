/* RLIMIT_FSIZE bounds image and overlay files as it does every file. The limit is asked for once; from the first time that the program changes it, at every write: a vfork child
 * may have changed its own alone, in memory that it shares with its parent.
 */
#include "ops.h"

#include <asm/signal.h>
#include <linux/resource.h>

enum { RLIMIT_UNKNOWN, RLIMIT_KNOWN, RLIMIT_CHANGES };
static uint32_t rlimit_state;
static uint64_t rlimit_value;

static uint64_t rlimit_ask(void) {
	struct rlimit64 limit;
	if (bfs_raw4(__NR_prlimit64, 0, RLIMIT_FSIZE, 0, &limit) < 0) return ~0ull;
	return limit.rlim_cur;
}

long bfs_room_to_write(uint64_t offset, uint64_t size) {
	uint32_t state = __atomic_load_n(&rlimit_state, __ATOMIC_ACQUIRE);
	uint64_t limit;
	if (state == RLIMIT_KNOWN) {
		limit = __atomic_load_n(&rlimit_value, __ATOMIC_RELAXED);
	} else {
		limit = rlimit_ask();
		if (state == RLIMIT_UNKNOWN) {
			__atomic_store_n(&rlimit_value, limit, __ATOMIC_RELAXED);
			__atomic_compare_exchange_n(&rlimit_state, &state, RLIMIT_KNOWN, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
		}
	}
	if (offset < limit) return (long)BFS_MIN(size, limit - offset);
	bfs_raw3(__NR_tgkill, bfs_raw0(__NR_getpid), bfs_raw0(__NR_gettid), SIGXFSZ);
	return -EFBIG;
}

enum bfs_verdict bfs_op_setrlimit(struct bfs_call *c) {
	if ((uint32_t)c->a[0] == RLIMIT_FSIZE) __atomic_store_n(&rlimit_state, RLIMIT_CHANGES, __ATOMIC_RELEASE);
	return BFS_PASS;
}

enum bfs_verdict bfs_op_prlimit64(struct bfs_call *c) {
	if ((uint32_t)c->a[1] == RLIMIT_FSIZE && c->a[2] != 0) __atomic_store_n(&rlimit_state, RLIMIT_CHANGES, __ATOMIC_RELEASE);
	return BFS_PASS;
}
