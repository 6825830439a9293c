/* flock, POSIX record locks and open file description locks of image and overlay files, made of real kernel locks, so that blocking, deadlock detection and release at the
 * death of a process are the kernel's.
 *
 * All descriptions of a file are one inode to the kernel, but so are those of others, so every file gets byte ranges of its own there: file number S (a row of the table in the memory of
 * BFS_FD_LOCKS) owns [S << 43, (S + 1) << 43); number 0 is left to ofd.c, which keeps a lock for each description. A file's last byte is its flock, the others are its bytes; offsets past 8 TiB
 * share one byte.
 *   - flock and OFD locks belong to the description, so they are OFD locks of the placeholder itself.
 *   - POSIX locks belong to the process, which loses them all when it closes any descriptor of the inode: they are kept on BFS_FD_LOCKS, which is never closed, and taken back
 *     by bfs_lock_closing.
 * POSIX and OFD locks of one file exclude each other on Linux: each kind looks at the other's before it is set. (A request that waits, waits for its own kind alone.)
 */
#include "ops.h"

#include <linux/mman.h>
#include <linux/resource.h>

#define LOCK_REGION_BITS 43u
#define LOCK_REGION_LAST ((1ull << LOCK_REGION_BITS) - 1) /* the flock byte */
#define LOCK_TABLE_BITS 19u
#define LOCK_TABLE_ROWS (1u << LOCK_TABLE_BITS)
#define LOCK_TABLE_BYTES (LOCK_TABLE_ROWS * sizeof(uint64_t))
#define LOCK_PROBES 4096u
#define LOCK_POSIX_TAKEN 1u /* bit of bfs_ofd.reserved: a POSIX lock was taken through this description */
#define LOCK_SEEK_SET 0
#define LOCK_SEEK_CUR 1
#define LOCK_SEEK_END 2
#define LOCK_FLOCK_SH 1u
#define LOCK_FLOCK_EX 2u
#define LOCK_FLOCK_NB 4u
#define LOCK_FLOCK_UN 8u

static uint64_t *lock_table;      /* inode numbers by row; shared with every process of the tree */
static uint32_t lock_posix_taken; /* a POSIX lock was taken from this memory: closing has to look */

static uint64_t *lock_table_get(void) {
	uint64_t *table = __atomic_load_n(&lock_table, __ATOMIC_ACQUIRE);
	if (table != NULL) return table;
	struct rlimit64 limit;
	if (bfs_raw4(__NR_prlimit64, 0, RLIMIT_FSIZE, 0, &limit) < 0 || limit.rlim_cur < LOCK_TABLE_BYTES) return NULL;
	if (bfs_raw2(__NR_ftruncate, bfs_fd(BFS_FD_LOCKS), LOCK_TABLE_BYTES) < 0) return NULL;
	long at = bfs_raw6(__NR_mmap, 0, LOCK_TABLE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, bfs_fd(BFS_FD_LOCKS), 0);
	if (at < 0) return NULL;
	uint64_t *expected = NULL;
	if (!__atomic_compare_exchange_n(&lock_table, &expected, (uint64_t *)at, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		bfs_temp_free((void *)at, LOCK_TABLE_BYTES);
		return expected;
	}
	return (uint64_t *)at;
}

/* The file number of inode INO: 1 and up. Rows are never given back; when half a million files have been locked in the life of a tree, numbers are shared. */
static uint64_t lock_number(uint64_t ino) {
	uint64_t *table = lock_table_get();
	uint32_t home = (uint32_t)(ino * 0x9E3779B97F4A7C15ull >> (64 - LOCK_TABLE_BITS));
	for (uint32_t i = 0; table != NULL && i < LOCK_PROBES; i++) {
		uint32_t row = (home + i) & (LOCK_TABLE_ROWS - 1);
		uint64_t there = __atomic_load_n(&table[row], __ATOMIC_ACQUIRE);
		if (there == 0) __atomic_compare_exchange_n(&table[row], &there, ino, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
		if (there == 0 || there == ino) return row + 1u;
	}
	return home + 1u;
}

static long lock_number_of(const struct bfs_ofd *ofd, uint64_t *number) {
	struct bfs_attr attr;
	long r = bfs_ofd_attr(ofd, &attr, NULL);
	if (r == 0) *number = lock_number(ofd->kind == BFS_LOC_NODE ? attr.ino : attr.ino ^ (uint64_t)(ofd->mount + 1u) << 48);
	return r;
}

/* ---- record locks ---- */

struct lock_range {
	uint64_t start, end; /* in the file, end inclusive */
};

/* The bytes that FL means, as flock_to_posix_lock. */
static long lock_range_of(struct bfs_ofd *ofd, const struct flock *fl, struct lock_range *out) {
	struct bfs_attr attr;
	int64_t base = 0, start, end;
	switch (fl->l_whence) {
	case LOCK_SEEK_SET: break;
	case LOCK_SEEK_CUR: base = (int64_t)__atomic_load_n(&ofd->offset, __ATOMIC_ACQUIRE); break;
	case LOCK_SEEK_END:
		if (bfs_ofd_attr(ofd, &attr, NULL) < 0) return -EINVAL;
		base = (int64_t)attr.size;
		break;
	default: return -EINVAL;
	}
	if (__builtin_add_overflow(base, fl->l_start, &start)) return -EOVERFLOW;
	if (start < 0) return -EINVAL;
	if (fl->l_len > 0) {
		if (__builtin_add_overflow(start, fl->l_len - 1, &end)) return -EOVERFLOW;
	} else if (fl->l_len < 0) {
		end = start - 1;
		if (start + fl->l_len < 0) return -EINVAL;
		start += fl->l_len;
	} else {
		end = INT64_MAX;
	}
	out->start = BFS_MIN((uint64_t)start, LOCK_REGION_LAST - 1);
	out->end = BFS_MIN((uint64_t)end, LOCK_REGION_LAST - 1);
	return 0;
}

static struct flock lock_kernel(uint64_t number, const struct lock_range *range, short type) {
	return (struct flock){
		.l_type = type,
		.l_whence = LOCK_SEEK_SET,
		.l_start = (int64_t)((number << LOCK_REGION_BITS) + range->start),
		.l_len = (int64_t)(range->end - range->start + 1),
	};
}

/* Whom a lock would meet among the locks that FD shows. *FOUND.l_type is F_UNLCK where nobody. */
static long lock_query(int fd, int cmd, uint64_t number, const struct lock_range *range, short type, struct flock *found) {
	*found = lock_kernel(number, range, type);
	return bfs_raw3(__NR_fcntl, fd, cmd, found);
}

/* The kernel's range back to the file's. */
static void lock_to_program(const struct flock *found, uint64_t number, struct flock *out) {
	uint64_t start = (uint64_t)found->l_start - (number << LOCK_REGION_BITS);
	bool to_end = found->l_len == 0 || start + (uint64_t)found->l_len >= LOCK_REGION_LAST;
	out->l_type = found->l_type;
	out->l_whence = LOCK_SEEK_SET;
	out->l_start = (int64_t)start;
	out->l_len = to_end ? 0 : found->l_len;
	out->l_pid = found->l_pid;
}

/* A descriptor that shows the locks of the other kind than the one asked for, and holds none itself. */
static int lock_other(const struct bfs_ofd *ofd, bool posix) { return posix ? bfs_ofd_placeholder(ofd) : bfs_fd(BFS_FD_LOCKS); }

static long lock_get(int fd, int cmd, int other, uint64_t number, const struct lock_range *range, void *user, struct flock *fl) {
	struct flock found;
	bool posix = cmd == F_GETLK;
	/* Its own kind first. */
	long r = lock_query(posix ? bfs_fd(BFS_FD_LOCKS) : fd, cmd, number, range, fl->l_type, &found);
	if (r == 0 && found.l_type == F_UNLCK) r = lock_query(other, F_OFD_GETLK, number, range, fl->l_type, &found);
	if (r < 0) return r;
	if (found.l_type == F_UNLCK)
		fl->l_type = F_UNLCK;
	else
		lock_to_program(&found, number, fl);
	return bfs_copy_out(user, fl, sizeof *fl);
}

/* Puts the rewritten request where it outlives this op, and lets the kernel wait. */
static enum bfs_verdict lock_pass(struct bfs_call *c, int fd, int cmd, const struct flock *request) {
	void *scratch = bfs_call_scratch(c, sizeof *request);
	if (scratch == NULL || bfs_copy_out(scratch, request, sizeof *request) < 0) return bfs_done(c, -ENOLCK);
	c->nr = __NR_fcntl;
	c->a[0] = (uint64_t)fd;
	c->a[1] = (uint64_t)cmd;
	c->a[2] = (uint64_t)scratch;
	return BFS_PASS;
}

enum bfs_verdict bfs_lock_fcntl(struct bfs_call *c, struct bfs_ofd *ofd) {
	struct flock fl, found;
	struct lock_range range;
	uint64_t number;
	int fd = bfs_arg_fd(c, 0), cmd = (int)c->a[1];
	bool posix = cmd == F_GETLK || cmd == F_SETLK || cmd == F_SETLKW;
	if (bfs_copy_in(&fl, (const void *)c->a[2], sizeof fl) < 0) return bfs_done(c, -EFAULT);
	bool query = cmd == F_GETLK || cmd == F_OFD_GETLK;
	if ((fl.l_type != F_RDLCK && fl.l_type != F_WRLCK && (query || fl.l_type != F_UNLCK)) || (!posix && fl.l_pid != 0)) return bfs_done(c, -EINVAL);
	long r = lock_range_of(ofd, &fl, &range);
	if (r == 0) r = lock_number_of(ofd, &number);
	if (r != 0) return bfs_done(c, r);
	if (query) return bfs_done(c, lock_get(fd, cmd, lock_other(ofd, posix), number, &range, (void *)c->a[2], &fl));
	if ((fl.l_type == F_RDLCK && !bfs_ofd_readable(ofd)) || (fl.l_type == F_WRLCK && !bfs_ofd_writable(ofd))) return bfs_done(c, -EBADF);
	if (posix) {
		__atomic_store_n(&lock_posix_taken, 1, __ATOMIC_RELAXED);
		__atomic_fetch_or(&ofd->reserved, LOCK_POSIX_TAKEN, __ATOMIC_RELAXED);
	}
	int lock_fd = posix ? bfs_fd(BFS_FD_LOCKS) : fd;
	struct flock request = lock_kernel(number, &range, fl.l_type);
	bool waits = cmd == F_SETLKW || cmd == F_OFD_SETLKW;
	if (!waits && fl.l_type != F_UNLCK) {
		r = lock_query(lock_other(ofd, posix), F_OFD_GETLK, number, &range, fl.l_type, &found);
		if (r < 0 || found.l_type != F_UNLCK) return bfs_done(c, r < 0 ? r : -EAGAIN);
	}
	return waits ? lock_pass(c, lock_fd, cmd, &request) : bfs_done(c, bfs_raw3(__NR_fcntl, lock_fd, cmd, &request));
}

bool bfs_lock_any(void) { return __atomic_load_n(&lock_posix_taken, __ATOMIC_RELAXED) != 0; }

void bfs_lock_closing(struct bfs_ofd *ofd) {
	const struct lock_range all = { 0, LOCK_REGION_LAST - 1 };
	uint64_t number;
	if (ofd->kind != BFS_LOC_NODE || (ofd->flags & O_PATH) != 0) return;
	/* The memory knows of locks taken since the program was started, the description of those taken through it before an exec. */
	if (__atomic_load_n(&lock_posix_taken, __ATOMIC_RELAXED) == 0 && (__atomic_load_n(&ofd->reserved, __ATOMIC_RELAXED) & LOCK_POSIX_TAKEN) == 0) return;
	if (lock_number_of(ofd, &number) != 0) return;
	struct flock request = lock_kernel(number, &all, F_UNLCK);
	bfs_raw3(__NR_fcntl, bfs_fd(BFS_FD_LOCKS), F_SETLK, &request);
}

/* ---- flock ---- */

enum bfs_verdict bfs_op_flock(struct bfs_call *c) {
	const struct lock_range byte = { LOCK_REGION_LAST, LOCK_REGION_LAST };
	enum bfs_verdict verdict;
	uint64_t number;
	uint32_t operation = (uint32_t)c->a[1];
	short type;
	struct bfs_ofd *ofd = bfs_own_data(c, 0, &verdict);
	if (ofd == NULL) return verdict;
	switch (operation & ~LOCK_FLOCK_NB) {
	case LOCK_FLOCK_SH: type = F_RDLCK; break;
	case LOCK_FLOCK_EX: type = F_WRLCK; break;
	case LOCK_FLOCK_UN: type = F_UNLCK; break;
	default: return bfs_done(c, -EINVAL);
	}
	long r = lock_number_of(ofd, &number);
	if (r != 0) return bfs_done(c, r);
	int fd = bfs_arg_fd(c, 0);
	struct flock request = lock_kernel(number, &byte, type);
	r = bfs_raw3(__NR_fcntl, fd, F_OFD_SETLK, &request);
	if (r != -EAGAIN || (operation & LOCK_FLOCK_NB) != 0) return bfs_done(c, r);
	/* A conversion that has to wait gives up the lock it has first (flock(2)). */
	struct flock drop = lock_kernel(number, &byte, F_UNLCK);
	bfs_raw3(__NR_fcntl, fd, F_OFD_SETLK, &drop);
	return lock_pass(c, fd, F_OFD_SETLKW, &request);
}
