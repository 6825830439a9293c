/* Reading and writing an open file description, for every call that does.
 *
 * The shared offset has no lock, which a killed process could leave locked: a read reads first and then moves the offset from where it read, once more if another one moved it
 * meanwhile; a write moves it first, so that the range is its own, and moves it back when less was written. Each range is thus read or written by one call.
 */
#include "notify.h"

static long rw_read_at(struct bfs_ofd *ofd, void *user_dst, size_t size, uint64_t offset) {
	if (ofd->kind == BFS_LOC_NODE) {
		long n = bfs_node_read(ofd->node, user_dst, size, offset);
		if (n >= 0 && size != 0 && (ofd->flags & O_NOATIME) == 0) bfs_node_accessed(ofd->node);
		return n;
	}
	return bfs_provider_of((enum bfs_loc_kind)ofd->kind)->read(ofd, user_dst, size, offset);
}

static long rw_read(struct bfs_ofd *ofd, void *user_dst, size_t size, const uint64_t *position) {
	if (position != NULL) return rw_read_at(ofd, user_dst, size, *position);
	uint64_t offset = __atomic_load_n(&ofd->offset, __ATOMIC_ACQUIRE);
	for (;;) {
		long n = rw_read_at(ofd, user_dst, size, offset);
		if (n <= 0 || __atomic_compare_exchange_n(&ofd->offset, &offset, offset + (uint64_t)n, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) return n;
	}
}

long bfs_ofd_read(struct bfs_ofd *ofd, void *user_dst, size_t size, const uint64_t *position) {
	if (!bfs_ofd_readable(ofd)) return -EBADF;
	if ((ofd->flags & O_DIRECTORY) != 0 || ofd->kind == BFS_LOC_HOST) return -EISDIR;
	long n = rw_read(ofd, user_dst, BFS_MIN(size, BFS_RW_MAX), position);
	if (n > 0) bfs_notify_ofd(ofd, IN_ACCESS);
	return n;
}

/* RLIMIT_FSIZE, and set-ID bits. Bytes that may be written, or −errno. */
static long rw_prepare_write(struct bfs_ofd *ofd, uint64_t offset, size_t size, bool append) {
	struct bfs_attr attr;
	long r = bfs_node_attr(ofd->node, &attr);
	if (r == 0 && (attr.mode & (S_ISUID | S_ISGID)) != 0) r = bfs_drop_privileges(ofd->node, &attr);
	if (r < 0) return r;
	offset = append ? attr.size : offset;
	if (offset >= BFS_OFFSET_MAX) return -EFBIG;
	return bfs_room_to_write(offset, BFS_MIN(size, BFS_OFFSET_MAX - offset));
}

static long rw_append(struct bfs_ofd *ofd, const void *user_src, size_t size, bool moves) {
	uint64_t end = 0;
	long n = rw_prepare_write(ofd, 0, size, true);
	if (n <= 0) return n;
	n = bfs_node_append(ofd->node, user_src, (size_t)n, &end);
	if (n > 0 && moves) __atomic_store_n(&ofd->offset, end, __ATOMIC_RELEASE);
	return n;
}

static long rw_write(struct bfs_ofd *ofd, const void *user_src, size_t size, const uint64_t *position, bool append) {
	if (size == 0) return 0;
	if (append || (ofd->flags & O_APPEND) != 0) return rw_append(ofd, user_src, size, position == NULL);
	if (position != NULL) {
		long n = rw_prepare_write(ofd, *position, size, false);
		return n <= 0 ? n : bfs_node_write(ofd->node, user_src, (size_t)n, *position);
	}
	uint64_t offset = __atomic_load_n(&ofd->offset, __ATOMIC_ACQUIRE), end;
	long n;
	do {
		n = rw_prepare_write(ofd, offset, size, false);
		if (n <= 0) return n;
		end = offset + (uint64_t)n;
	} while (!__atomic_compare_exchange_n(&ofd->offset, &offset, end, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
	long written = bfs_node_write(ofd->node, user_src, (size_t)n, offset);
	if (written < n) __atomic_compare_exchange_n(&ofd->offset, &end, offset + (uint64_t)BFS_MAX(written, 0), false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
	return written;
}

long bfs_ofd_write(struct bfs_ofd *ofd, const void *user_src, size_t size, const uint64_t *position, bool append) {
	if (!bfs_ofd_writable(ofd)) return -EBADF;
	if (ofd->kind != BFS_LOC_NODE) return -EINVAL; /* texts of /proc that take writes are descriptors of the kernel */
	long n = rw_write(ofd, user_src, BFS_MIN(size, BFS_RW_MAX), position, append);
	if (n > 0) bfs_notify_ofd(ofd, IN_MODIFY);
	return n;
}

/* A descriptor of the kernel's own: of inotify, or one that we have nothing to do with. */
static enum bfs_verdict rw_foreign(struct bfs_call *c) {
	int fd = bfs_arg_fd(c, 0);
	long instance = bfs_instance_of(fd);
	return instance < 0 ? BFS_PASS : bfs_instance_read(c, (uint32_t)instance, fd, (void *)c->a[1], c->a[2]);
}

static enum bfs_verdict rw_call(struct bfs_call *c, bool write, bool positioned) {
	const uint64_t *position = positioned ? &c->a[3] : NULL;
	enum bfs_verdict verdict;
	struct bfs_ofd *ofd = bfs_own_data(c, 0, &verdict);
	if (ofd == NULL) return verdict == BFS_PASS && !write ? rw_foreign(c) : verdict;
	if (positioned && c->a[3] > BFS_OFFSET_MAX) return bfs_done(c, -EINVAL);
	if (c->a[2] > BFS_OFFSET_MAX) return bfs_done(c, -EINVAL);
	if (write) return bfs_done(c, bfs_ofd_write(ofd, (const void *)c->a[1], c->a[2], position, false));
	return bfs_done(c, bfs_ofd_read(ofd, (void *)c->a[1], c->a[2], position));
}

enum bfs_verdict bfs_op_read(struct bfs_call *c) { return rw_call(c, false, false); }
enum bfs_verdict bfs_op_write(struct bfs_call *c) { return rw_call(c, true, false); }
enum bfs_verdict bfs_op_pread64(struct bfs_call *c) { return rw_call(c, false, true); }
enum bfs_verdict bfs_op_pwrite64(struct bfs_call *c) { return rw_call(c, true, true); }
