/* umask(2), and the umask that new nodes obey.
 *
 * The kernel keeps the umask and has no call that reads it without setting it, which other threads would notice. So it is remembered when the program sets it, and read from
 * /proc/self/status where it was not yet. The memory of it is marked with the process it belongs to: a vfork child runs in its parent's memory, and what it sets must not be
 * taken for the parent's, nor the other way round; a fork child reads afresh. Threads that gave up sharing it (unshare(CLONE_FS)) are not told apart.
 */
#include "ops.h"

/* pid << 32 | umask; 0: not known. */
static uint64_t umask_cache;

static void umask_remember(uint32_t pid, uint32_t mask) { __atomic_store_n(&umask_cache, (uint64_t)pid << 32 | mask, __ATOMIC_RELAXED); }

/* The octal number after "Umask:", or −1. */
static long umask_from_status(void) {
	static const char key[] = "\nUmask:\t";
	char text[512]; /* the line is the second one, after a name of at most 64 characters */
	long fd = bfs_raw4(__NR_openat, AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0) return -1;
	long n = bfs_raw3(__NR_read, fd, text, sizeof text);
	bfs_raw1(__NR_close, fd);
	for (long i = 0; i + (long)sizeof key < n; i++) {
		if (memcmp(text + i, key, sizeof key - 1) != 0) continue;
		long mask = 0;
		for (long k = i + (long)sizeof key - 1; k < n && text[k] >= '0' && text[k] <= '7'; k++) mask = mask * 8 + (text[k] - '0');
		return mask & 0777;
	}
	return -1;
}

uint32_t bfs_umask(void) {
	uint32_t pid = (uint32_t)bfs_raw0(__NR_getpid);
	uint64_t known = __atomic_load_n(&umask_cache, __ATOMIC_RELAXED);
	if (known >> 32 == pid) return (uint32_t)known;
	long mask = umask_from_status();
	if (mask < 0) { /* no /proc, or no descriptor left: set the strictest for a moment, so that a file made meanwhile is at worst too private */
		mask = bfs_raw1(__NR_umask, 0777);
		bfs_raw1(__NR_umask, mask);
	}
	umask_remember(pid, (uint32_t)mask);
	return (uint32_t)mask;
}

enum bfs_verdict bfs_op_umask(struct bfs_call *c) {
	uint32_t mask = (uint32_t)c->a[0] & 0777;
	long old = bfs_raw1(__NR_umask, mask);
	umask_remember((uint32_t)bfs_raw0(__NR_getpid), mask);
	return bfs_done(c, old);
}
