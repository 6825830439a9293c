/* Limits that mean something else, or less, in the tree than natively.
 * RLIMIT_CORE: a core file would lie on the host, so the soft limit is and stays BFS_CORE_LIMIT; the hard one is the program's.
 * RLIMIT_FSIZE bounds image and overlay files as it does every file. The limit is asked for once; from the first time that the program changes it, at every write: a vfork child
 * may have changed its own alone, in memory that it shares with its parent.
 * RLIMIT_AS and RLIMIT_DATA: what the runtime itself takes comes on top of what the program sets, and is taken off again where it asks. It is the same in every process of the tree.
 * RLIMIT_NOFILE: the hard limit stays above the reserved descriptors, which could not be replaced any more. The soft one is what bounds the program's own.
 */
#include "ops.h"
#include "pool.h"
#include "providers.h"

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

static uint64_t rlimit_carrier_space, rlimit_carrier_data; /* bytes; constant after start */

void bfs_rlimit_carrier(uint64_t space, uint64_t data) {
	rlimit_carrier_space = space;
	rlimit_carrier_data = data;
}

/* How much of RESOURCE the runtime takes. */
static uint64_t rlimit_own(uint32_t resource) {
	if (resource == RLIMIT_DATA) return rlimit_carrier_data;
	if (resource != RLIMIT_AS) return 0;
	uint64_t own = rlimit_carrier_space + bfs_p.control->meta_size;
	for (uint32_t i = 0; i < bfs_p.control->lib_count; i++) own += bfs_p.control->libs[i].size;
	return own;
}

static uint64_t rlimit_with(uint64_t value, uint64_t own) { return value < RLIM64_INFINITY - own ? value + own : RLIM64_INFINITY; }
static uint64_t rlimit_without(uint64_t value, uint64_t own) {
	if (value == RLIM64_INFINITY) return value;
	return value > own ? value - own : 0;
}

/* A hard limit that was given up cannot be had again, and the places of the current directory and others are above it (reserved.c). */
static void rlimit_keep_reserved(int pid, struct rlimit64 *limit) {
	struct rlimit64 now;
	uint64_t top = (uint64_t)bfs_fd_base + bfs_fd_count();
	if (limit->rlim_max < top && bfs_raw4(__NR_prlimit64, pid, RLIMIT_NOFILE, 0, &now) == 0)
		limit->rlim_max = BFS_MAX(limit->rlim_max, BFS_MIN(now.rlim_max, top));
}

/* What the kernel is told instead of what the program asks for. */
static void rlimit_translate(int pid, uint32_t resource, struct rlimit64 *limit) {
	uint64_t own = rlimit_own(resource);
	if (resource == RLIMIT_CORE) limit->rlim_cur = BFS_MIN(limit->rlim_max, BFS_CORE_LIMIT);
	if (resource == RLIMIT_NOFILE) rlimit_keep_reserved(pid, limit);
	limit->rlim_cur = rlimit_with(limit->rlim_cur, own);
	limit->rlim_max = rlimit_with(limit->rlim_max, own);
}

/* prlimit(2) of process PID, with pointers of the program, each of which may be NULL. */
static enum bfs_verdict rlimit_call(struct bfs_call *c, int pid, uint32_t resource, uint64_t user_new, uint64_t user_old) {
	struct rlimit64 limit, old;
	if (user_new != 0) {
		if (bfs_copy_in(&limit, (const void *)user_new, sizeof limit) < 0) return bfs_done(c, -EFAULT);
		if (limit.rlim_cur > limit.rlim_max) return bfs_done(c, -EINVAL);
		rlimit_translate(pid, resource, &limit);
	}
	long r = bfs_raw4(__NR_prlimit64, pid, resource, user_new != 0 ? (uint64_t)&limit : 0, &old);
	if (r < 0 || user_old == 0) return bfs_done(c, r);
	uint64_t own = rlimit_own(resource);
	old.rlim_cur = rlimit_without(old.rlim_cur, own);
	old.rlim_max = rlimit_without(old.rlim_max, own);
	return bfs_done(c, bfs_copy_out((void *)user_old, &old, sizeof old) < 0 ? -EFAULT : 0);
}

/* Is RESOURCE of process PID the kernel's own affair? */
static bool rlimit_native(int pid, uint32_t resource) {
	if (resource == RLIMIT_CORE) return false;
	if (resource != RLIMIT_AS && resource != RLIMIT_DATA && resource != RLIMIT_NOFILE) return true;
	return pid != 0 && pid != (int)bfs_raw0(__NR_getpid) && !bfs_proc_in_tree((uint64_t)(uint32_t)pid);
}

enum bfs_verdict bfs_op_getrlimit(struct bfs_call *c) {
	if (rlimit_native(0, (uint32_t)c->a[0])) return BFS_PASS;
	if (c->a[1] == 0) return bfs_done(c, -EFAULT);
	return rlimit_call(c, 0, (uint32_t)c->a[0], 0, c->a[1]);
}

enum bfs_verdict bfs_op_setrlimit(struct bfs_call *c) {
	uint32_t resource = (uint32_t)c->a[0];
	if (resource == RLIMIT_FSIZE) __atomic_store_n(&rlimit_state, RLIMIT_CHANGES, __ATOMIC_RELEASE);
	if (rlimit_native(0, resource)) return BFS_PASS;
	if (c->a[1] == 0) return bfs_done(c, -EFAULT);
	return rlimit_call(c, 0, resource, c->a[1], 0);
}

enum bfs_verdict bfs_op_prlimit64(struct bfs_call *c) {
	uint32_t resource = (uint32_t)c->a[1];
	if (resource == RLIMIT_FSIZE && c->a[2] != 0) __atomic_store_n(&rlimit_state, RLIMIT_CHANGES, __ATOMIC_RELEASE);
	if (rlimit_native((int)c->a[0], resource)) return BFS_PASS;
	return rlimit_call(c, (int)c->a[0], resource, c->a[2], c->a[3]);
}
