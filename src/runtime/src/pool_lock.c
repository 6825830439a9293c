/* Locks in shared memory that survive their owner's death, and the lock-free readers' side of the pool. */
#include <linux/futex.h>
#include <linux/time_types.h>

#include "notify.h"
#include "pool.h"

#define LOCK_PATIENCE_NS 1000000000l
#define LOCK_TRACER_PATIENCE_NS 500000l /* of who traces: a tracee that owns the lock may be stopped again and again before it gives it up */
#define LOCK_SECOND_NS 1000000000l

/* A number that is no longer a thread of this tree may have been given to a stranger. True where /proc shows that thread TID does not map the pool. */
static bool lock_owner_is_stranger(uint32_t tid) {
	char path[40] = "/proc/", text[512];
	size_t n = 6 + bfs_u64_text(path + 6, tid);
	memcpy(path + n, "/maps", 6);
	long fd = bfs_raw4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0) return false;
	static const char mark[] = "memfd:binaryfs-overlay";
	size_t matched = 0;
	bool stranger = true, any = false;
	long got;
	while (stranger && (got = bfs_raw3(__NR_read, fd, text, sizeof text)) > 0) {
		any = true;
		for (long i = 0; i < got && matched < sizeof mark - 1; i++) matched = text[i] == mark[matched] ? matched + 1 : (text[i] == mark[0]);
		stranger = matched < sizeof mark - 1;
	}
	bfs_raw1(__NR_close, fd);
	return stranger && any;
}

/* Takes WORD from the dead owner seen as SEEN. */
static bool lock_steal(uint32_t *word, uint32_t seen, uint32_t tid) {
	return __atomic_compare_exchange_n(word, &seen, tid | (seen & FUTEX_WAITERS), false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* Where the kernel offers no priority-inheritance futexes: polls. True: stolen. */
static bool lock_poll(uint32_t *word, uint32_t seen, uint32_t tid) {
	struct __kernel_timespec pause = { 0, 200000 };
	if (bfs_raw2(__NR_kill, seen & FUTEX_TID_MASK, 0) == -ESRCH) return lock_steal(word, seen, tid);
	bfs_raw2(__NR_nanosleep, &pause, 0);
	return false;
}

static struct __kernel_timespec lock_until(long patience) {
	struct __kernel_timespec until;
	bfs_raw2(__NR_clock_gettime, 0 /* CLOCK_REALTIME */, &until);
	until.tv_nsec += patience;
	until.tv_sec += until.tv_nsec / LOCK_SECOND_NS;
	until.tv_nsec %= LOCK_SECOND_NS;
	return until;
}

static bool lock_slow(uint32_t *word, uint32_t tid) {
	long waited = 0;
	for (;;) {
		uint32_t seen = __atomic_load_n(word, __ATOMIC_RELAXED);
		if (seen == 0) {
			if (__atomic_compare_exchange_n(word, &seen, tid, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return false;
			continue;
		}
		if ((seen & FUTEX_TID_MASK) == tid) /* locks are not recursive: an earlier thread of our number died with it */
			return true;
		long patience = bfs_trace_help(tid) ? LOCK_TRACER_PATIENCE_NS : LOCK_PATIENCE_NS;
		struct __kernel_timespec until = lock_until(patience);
		long r = bfs_raw4(__NR_futex, word, FUTEX_LOCK_PI, 0, &until);
		if (r == 0) {
			uint32_t now = __atomic_load_n(word, __ATOMIC_RELAXED);
			if ((now & FUTEX_OWNER_DIED) == 0) return false;
			__atomic_fetch_and(word, ~FUTEX_OWNER_DIED, __ATOMIC_RELAXED);
			return true;
		}
		if (r == -ESRCH && lock_steal(word, seen, tid)) return true;
		if (r == -ETIMEDOUT) waited += patience;
		if (waited >= LOCK_PATIENCE_NS && lock_owner_is_stranger(seen & FUTEX_TID_MASK) && lock_steal(word, seen, tid)) return true;
		if (waited >= LOCK_PATIENCE_NS) waited = 0;
		if ((r == -ENOSYS || r == -EPERM || r == -EINVAL) && lock_poll(word, seen, tid)) return true;
	}
}

bool bfs_word_lock(uint32_t *word) {
	uint32_t tid = (uint32_t)bfs_raw0(__NR_gettid), expected = 0;
	if (__atomic_compare_exchange_n(word, &expected, tid, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return false;
	return lock_slow(word, tid);
}

bool bfs_word_trylock(uint32_t *word) {
	uint32_t tid = (uint32_t)bfs_raw0(__NR_gettid), seen = 0;
	if (__atomic_compare_exchange_n(word, &seen, tid, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return true;
	return (seen & FUTEX_WAITERS) == 0 && bfs_raw2(__NR_kill, seen & FUTEX_TID_MASK, 0) == -ESRCH && lock_steal(word, seen, tid);
}

void bfs_word_unlock(uint32_t *word) {
	uint32_t seen = __atomic_load_n(word, __ATOMIC_RELAXED);
	if ((seen & (FUTEX_WAITERS | FUTEX_OWNER_DIED)) == 0 && __atomic_compare_exchange_n(word, &seen, 0, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) return;
	if (bfs_raw2(__NR_futex, word, FUTEX_UNLOCK_PI) != 0) __atomic_store_n(word, 0, __ATOMIC_RELEASE);
}

void bfs_pool_lock(void) {
	struct bfs_control *c = bfs_p.control;
	if (!bfs_word_lock(&c->lock)) return;
	bfs_log(BFS_LOG_INFO, "the overlay's lock is taken over from a thread that died (undone: %u stores)", c->undo_count);
	bfs_tx_replay();
	if ((c->sequence & 1) != 0) __atomic_store_n(&c->sequence, c->sequence + 1, __ATOMIC_RELEASE);
	bfs_orphans_run(false);
	bfs_bells_recover();
}

void bfs_pool_unlock(void) { bfs_word_unlock(&bfs_p.control->lock); }

#define LOCK_READ_ROUNDS 16u

/* Waits a moment for an even sequence; takes the lock once patience is gone. */
static void lock_read_begin(struct bfs_reader *r) {
	while (r->rounds < LOCK_READ_ROUNDS) {
		for (int spin = 0; spin < 64; spin++) {
			r->sequence = __atomic_load_n(&bfs_p.control->sequence, __ATOMIC_ACQUIRE);
			if ((r->sequence & 1) == 0) return;
			__builtin_ia32_pause();
		}
		r->rounds++;
		bfs_raw0(__NR_sched_yield);
	}
	bfs_pool_lock();
	r->locked = true;
}

void bfs_read_start(struct bfs_reader *r) {
	r->rounds = 0;
	r->locked = false;
	lock_read_begin(r);
}

bool bfs_read_done(struct bfs_reader *r) {
	if (r->locked) {
		bfs_pool_unlock();
		return true;
	}
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (__atomic_load_n(&bfs_p.control->sequence, __ATOMIC_RELAXED) == r->sequence) return true;
	r->rounds++;
	lock_read_begin(r);
	return false;
}
