/* FIFOs of image and overlay. How an open waits for its partner, and what the pipe then does, is the kernel's: for every FIFO that is opened, a nameless one of the kernel's stands in.
 *
 * It is made without a name (fifo_nameless.c) or, where the kernel does not allow that, in a memory file system of the host and unlinked in the same call; an O_PATH descriptor of it is what
 * remains. All processes of the tree find it, by the FIFO's inode number, in a queue of descriptors (fd_queue.c). So nothing outlives the tree. An open is passed to the kernel as one of /proc/self/fd/SLOT, where SLOT is a
 * reserved descriptor that this process keeps for FIFOs lately opened. */
#include "pool.h"

#include "ops.h"

#include <asm/stat.h>

#define FIFO_QUEUE 500u /* FIFOs that are remembered; the oldest gives way */

/* A FIFO that has a name for a moment, where the kernel makes none without. Killed just then, it would stay, empty. */
static long fifo_named(void) {
	static const char directories[][16] = { "/dev/shm/", "/tmp/", "/var/tmp/", "/run/" };
	for (unsigned i = 0; i < sizeof directories / sizeof directories[0]; i++) {
		char path[64], magic[40] = "/proc/self/fd/";
		uint64_t number = 0;
		size_t len = strlen(directories[i]);
		memcpy(path, directories[i], len);
		memcpy(path + len, ".binaryfs-fifo-", 15);
		bfs_raw3(__NR_getrandom, &number, sizeof number, 0);
		bfs_u64_text(path + len + 15, number);
		if (bfs_raw4(__NR_mknodat, AT_FDCWD, path, S_IFIFO | 0600, 0) < 0) continue;
		long fd = bfs_raw4(__NR_openat, AT_FDCWD, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
		bfs_raw3(__NR_unlinkat, AT_FDCWD, path, 0);
		if (fd < 0) return fd;
		/* Who may open it was decided by the node's mode. */
		bfs_u64_text(magic + strlen(magic), (uint64_t)fd);
		bfs_raw3(__NR_fchmodat, AT_FDCWD, magic, 0666);
		return fd;
	}
	return -ENXIO;
}

static long fifo_make(struct bfs_queued *record) {
	struct stat st;
	long fd = bfs_fifo_nameless();
	if (fd < 0 && fd != -EMFILE && fd != -ENFILE) fd = fifo_named();
	if (fd < 0) return fd;
	if (bfs_raw2(__NR_fstat, fd, &st) == 0 && (st.st_mode & S_IFMT) == S_IFIFO) {
		record->host = st.st_dev;
		record->host_ino = st.st_ino;
		return fd;
	}
	bfs_raw1(__NR_close, fd);
	return -ENXIO;
}

static long fifo_remember(struct bfs_queued *record, int fd, uint32_t count) {
	for (; count >= FIFO_QUEUE; count--) bfs_queue_drop(BFS_FD_FIFO_QUEUE);
	long r = bfs_queue_put(BFS_FD_FIFO_QUEUE, record, fd);
	for (; r == -EAGAIN && count > 0; count--) {
		bfs_queue_drop(BFS_FD_FIFO_QUEUE);
		r = bfs_queue_put(BFS_FD_FIFO_QUEUE, record, fd);
	}
	return r;
}

static long fifo_stand_in(uint64_t ino, struct bfs_queued *record) {
	uint32_t count = 0;
	long fd = bfs_queue_find(BFS_FD_FIFO_QUEUE, ino, record, &count);
	if (fd != -EAGAIN) return fd;
	fd = fifo_make(record);
	if (fd < 0) return fd;
	record->key = ino;
	long r = fifo_remember(record, (int)fd, count);
	if (r == 0) return fd;
	bfs_raw1(__NR_close, fd);
	return r;
}

static struct bfs_fifo *fifo_place(uint64_t host, uint64_t host_ino) { return &bfs_p.control->fifos[(host ^ host >> 20 ^ host_ino * 31) % BFS_FIFOS]; }

/* Under the pool lock. One that has lost its place is known by what stands in for it. */
static void fifo_known(const struct bfs_queued *record, bfs_node node) {
	*fifo_place(record->host, record->host_ino) = (struct bfs_fifo){ record->host, record->host_ino, record->key, node };
	__atomic_store_n(&bfs_p.control->fifos_any, 1, __ATOMIC_RELAXED);
}

bool bfs_fifo_of(uint64_t host, uint64_t host_ino, struct bfs_loc *loc) {
	struct bfs_attr attr;
	if (__atomic_load_n(&bfs_p.control->fifos_any, __ATOMIC_RELAXED) == 0) return false;
	bfs_pool_lock();
	struct bfs_fifo fifo = *fifo_place(host, host_ino);
	bfs_pool_unlock();
	if (fifo.host != host || fifo.host_ino != host_ino) return false;
	/* Once it was removed the node may be another's. */
	if (bfs_node_attr(fifo.node, &attr) < 0 || attr.ino != fifo.ino || (attr.mode & S_IFMT) != S_IFIFO) return false;
	loc->kind = BFS_LOC_NODE;
	loc->node = fifo.node;
	loc->parent = 0;
	loc->mount = 0;
	loc->magic = loc->last_is_dot = loc->trailing_slash = false;
	loc->name_len = 0;
	loc->name[0] = loc->rel[0] = '\0';
	return true;
}

bool bfs_fifo_loc(int fd, struct bfs_loc *loc) {
	struct stat st;
	if (__atomic_load_n(&bfs_p.control->fifos_any, __ATOMIC_RELAXED) == 0 || bfs_fd_reserved(fd)) return false;
	return bfs_raw2(__NR_fstat, fd, &st) == 0 && (st.st_mode & S_IFMT) == S_IFIFO && bfs_fifo_of(st.st_dev, st.st_ino, loc);
}

long bfs_fifo_setup(void) {
	long r = bfs_queue_setup(BFS_FD_FIFO_QUEUE);
	/* No reserved number is left free: the kernel would give it to the program once the numbers below are used up. */
	for (int i = 0; i < BFS_FD_LENT_PLACES && r == 0; i++) r = bfs_reserved_put(bfs_fd(BFS_FD_LOCKS), BFS_FD_LENT + i);
	return r;
}

long bfs_fifo_open(struct bfs_call *c, bfs_node node, uint64_t ino, uint32_t flags) {
	struct bfs_queued record;
	char path[BFS_LENT_PATH];
	char *scratch = bfs_call_scratch(c, sizeof path);
	if (scratch == NULL) return -ENXIO;
	bfs_pool_lock();
	long fd = fifo_stand_in(ino, &record);
	if (fd >= 0) fifo_known(&record, node);
	bfs_pool_unlock();
	if (fd < 0) return fd;
	long r = bfs_reserved_lend((int)fd, path);
	bfs_raw1(__NR_close, fd);
	if (r < 0) return r;
	if (bfs_copy_out(scratch, path, sizeof path) < 0) return -EFAULT;
	c->nr = __NR_openat;
	c->a[0] = (uint64_t)(int64_t)AT_FDCWD;
	c->a[1] = (uint64_t)scratch;
	c->a[2] = flags & (O_ACCMODE | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | O_LARGEFILE);
	c->a[3] = 0;
	return 0;
}
