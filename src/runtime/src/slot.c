/* The pool of private stacks. */
#include "trap.h"

#include <linux/futex.h>
#include <linux/kcmp.h>
#include <linux/mman.h>
#include <linux/time_types.h>

/* Mapped, not in .bss: the library's head has room for 2 MiB only. */
static struct bfs_slot *slot_pool;
uint32_t *bfs_slot_waiting;

long bfs_slot_setup(void) {
	long at = bfs_raw6(__NR_mmap, 0, BFS_SLOT_COUNT * BFS_SLOT_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at < 0) return at;
	slot_pool = (struct bfs_slot *)at;
	bfs_slot_waiting = &slot_pool[0].waiting;
	slot_pool[0].waiting = 0; /* a page that is read first and then written takes two faults */
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

static struct bfs_slot *slot_try(uint32_t tid) {
	for (unsigned i = 0; i < BFS_SLOT_COUNT; i++) {
		uint32_t expected = 0;
		if (__atomic_load_n(&slot_pool[i].owner, __ATOMIC_RELAXED) == 0 &&
			__atomic_compare_exchange_n(&slot_pool[i].owner, &expected, tid, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
			return &slot_pool[i];
	}
	return NULL;
}

#define SLOT_PATIENCE_NS 100000000

/* The kernel frees a slot without a word (exec of a vfork child), the dead not at all: once a period one of those that wait looks for such slots. */
static struct bfs_slot *slot_look(uint32_t tid) {
	struct __kernel_timespec now = { 0, 0 };
	bfs_raw2(__NR_clock_gettime, 6 /* CLOCK_MONOTONIC_COARSE */, &now);
	uint32_t period = (uint32_t)(now.tv_sec * 10 + now.tv_nsec / SLOT_PATIENCE_NS), last = __atomic_load_n(&slot_pool[0].looked, __ATOMIC_RELAXED);
	if (period == last || !__atomic_compare_exchange_n(&slot_pool[0].looked, &last, period, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) return NULL;
	slot_reclaim();
	return slot_try(tid);
}

/* Who waits sleeps: hundreds that look for a slot again and again would keep those that hold one from the processors. */
static struct bfs_slot *slot_wait(uint32_t tid) {
	struct bfs_slot *queue = &slot_pool[0], *slot;
	__atomic_fetch_add(&queue->waiting, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		struct __kernel_timespec patience = { 0, SLOT_PATIENCE_NS };
		uint32_t seen = __atomic_load_n(&queue->woken, __ATOMIC_SEQ_CST);
		slot = slot_try(tid);
		while (slot == NULL && bfs_raw4(__NR_futex, &queue->woken, FUTEX_WAIT_PRIVATE, seen, &patience) == -ETIMEDOUT) slot = slot_look(tid);
		if (slot != NULL) break;
	}
	__atomic_fetch_sub(&queue->waiting, 1, __ATOMIC_SEQ_CST);
	return slot;
}

/* The first call in this memory: a child of fork(2) may have a vfork child before it makes one itself, whose memory it is not. (Where kcmp(2) is not to be had, it is taken for its own.) */
static uint32_t slot_memory(void) {
	long own = bfs_raw0(__NR_getpid), parent = bfs_raw0(__NR_getppid);
	return (uint32_t)(bfs_raw5(__NR_kcmp, own, parent, KCMP_VM, 0, 0) == 0 ? parent : own);
}

struct bfs_slot *bfs_slot_take(void) {
	if (__atomic_load_n(&slot_pool[0].memory, __ATOMIC_RELAXED) == 0) __atomic_store_n(&slot_pool[0].memory, slot_memory(), __ATOMIC_RELAXED);
	uint32_t tid = (uint32_t)bfs_raw0(__NR_gettid);
	struct bfs_slot *slot = slot_try(tid);
	return slot != NULL ? slot : slot_wait(tid);
}

void bfs_slot_wake(void) {
	__atomic_fetch_add(&slot_pool[0].woken, 1, __ATOMIC_SEQ_CST);
	bfs_raw3(__NR_futex, &slot_pool[0].woken, FUTEX_WAKE_PRIVATE, 1);
}

bool bfs_memory_lent(void) { return slot_pool != NULL && __atomic_load_n(&slot_pool[0].memory, __ATOMIC_RELAXED) != (uint32_t)bfs_raw0(__NR_getpid); }

void bfs_memory_leaving(void) {
	uint32_t own = (uint32_t)bfs_raw0(__NR_getpid);
	if (slot_pool != NULL) __atomic_compare_exchange_n(&slot_pool[0].memory, &own, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

struct bfs_slot *bfs_slot_current(void) {
	uint64_t sp = (uint64_t)__builtin_frame_address(0), base = (uint64_t)slot_pool;
	if (base == 0 || sp < base || sp >= base + BFS_SLOT_COUNT * BFS_SLOT_SIZE) return NULL;
	return &slot_pool[(sp - base) / BFS_SLOT_SIZE];
}
