/* RLIMIT_CORE: a core file would lie on the host, so the soft limit is and stays BFS_CORE_LIMIT; the hard one is the program's.
 * RLIMIT_FSIZE bounds image and overlay files as it does every file. The limit is asked for once; from the first time that the program changes it, at every write: a vfork child
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

/* Sets RLIMIT_CORE of process PID from struct rlimit64 at USER_NEW: the kernel checks what is asked for, and is then told the soft limit that holds here. */
static enum bfs_verdict rlimit_core(struct bfs_call *c, int pid, uint64_t user_new, uint64_t user_old) {
	struct rlimit64 limit, old;
	if (bfs_copy_in(&limit, (const void *)user_new, sizeof limit) < 0) return bfs_done(c, -EFAULT);
	if (limit.rlim_cur > limit.rlim_max) return bfs_done(c, -EINVAL);
	limit.rlim_cur = BFS_MIN(limit.rlim_max, BFS_CORE_LIMIT);
	long r = bfs_raw4(__NR_prlimit64, pid, RLIMIT_CORE, &limit, &old);
	if (r == 0 && user_old != 0 && bfs_copy_out((void *)user_old, &old, sizeof old) < 0) r = -EFAULT;
	return bfs_done(c, r);
}

enum bfs_verdict bfs_op_setrlimit(struct bfs_call *c) {
	if ((uint32_t)c->a[0] == RLIMIT_CORE) return rlimit_core(c, 0, c->a[1], 0);
	if ((uint32_t)c->a[0] == RLIMIT_FSIZE) __atomic_store_n(&rlimit_state, RLIMIT_CHANGES, __ATOMIC_RELEASE);
	return BFS_PASS;
}

enum bfs_verdict bfs_op_prlimit64(struct bfs_call *c) {
	if ((uint32_t)c->a[1] == RLIMIT_CORE && c->a[2] != 0) return rlimit_core(c, (int)c->a[0], c->a[2], c->a[3]);
	if ((uint32_t)c->a[1] == RLIMIT_FSIZE && c->a[2] != 0) __atomic_store_n(&rlimit_state, RLIMIT_CHANGES, __ATOMIC_RELEASE);
	return BFS_PASS;
}
