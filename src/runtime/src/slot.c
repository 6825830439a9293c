/* The pool of private stacks. */
#include "trap.h"

#include <linux/mman.h>

/* Mapped, not in .bss: the library's head has room for 2 MiB only. */
static struct bfs_slot *slot_pool;

long bfs_slot_setup(void) {
	long at = bfs_raw6(__NR_mmap, 0, BFS_SLOT_COUNT * BFS_SLOT_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at < 0) return at;
	slot_pool = (struct bfs_slot *)at;
	/* A forked child has none of the threads that were in calls: it starts with every slot free. (A vfork child shares them, and this does not touch it.) Linux 4.14. */
	bfs_raw3(__NR_madvise, at, BFS_SLOT_COUNT * BFS_SLOT_SIZE, MADV_WIPEONFORK);
	return 0;
}

/* Frees the slots of threads that no longer exist: vfork children that were killed in the middle of a call. */
static void slot_reclaim(void) {
	for (unsigned i = 0; i < BFS_SLOT_COUNT; i++) {
		uint32_t owner = __atomic_load_n(&slot_pool[i].owner, __ATOMIC_RELAXED);
		/* Any live thread counts: a vfork child is a process of its own that runs in this memory. */
		if (owner != 0 && bfs_raw2(__NR_kill, owner, 0) == -ESRCH)
			__atomic_compare_exchange_n(&slot_pool[i].owner, &owner, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	}
}

struct bfs_slot *bfs_slot_take(void) {
	uint32_t tid = (uint32_t)bfs_raw0(__NR_gettid);
	for (;;) {
		for (unsigned i = 0; i < BFS_SLOT_COUNT; i++) {
			uint32_t expected = 0;
			if (__atomic_load_n(&slot_pool[i].owner, __ATOMIC_RELAXED) == 0 &&
				__atomic_compare_exchange_n(&slot_pool[i].owner, &expected, tid, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
				return &slot_pool[i];
		}
		slot_reclaim();
		bfs_raw0(__NR_sched_yield);
	}
}

uint32_t *bfs_slot_fork_word(void) { return &slot_pool[0].word; }

struct bfs_slot *bfs_slot_current(void) {
	uint64_t sp = (uint64_t)__builtin_frame_address(0), base = (uint64_t)slot_pool;
	if (base == 0 || sp < base || sp >= base + BFS_SLOT_COUNT * BFS_SLOT_SIZE) return NULL;
	return &slot_pool[(sp - base) / BFS_SLOT_SIZE];
}
