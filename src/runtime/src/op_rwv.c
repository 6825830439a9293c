/* The vectored reads and writes. Vectors are taken in whole before anything moves; a write of several pieces that has to be one (at the shared offset, or at the end of the file)
 * is gathered first.
 */
#include "notify.h"

#include <linux/fs.h>
#include <linux/uio.h>

#define RWV_MAX 1024u         /* UIO_MAXIOV */
#define RWV_ON_STACK 4096u    /* bytes gathered on the stack */
#define RWV_GATHER 0x1000000u /* bytes gathered in one piece: 16 MiB; longer writes are done in several */
#define RWV_NOAPPEND 0x20u    /* RWF_NOAPPEND */

struct rwv {
	struct iovec vec[RWV_MAX];
	uint32_t count;
	size_t total; /* at most BFS_RW_MAX */
};

static long rwv_in(struct rwv *v, const struct bfs_call *c) {
	uint64_t count = c->a[2];
	if (count > RWV_MAX) return -EINVAL;
	v->count = (uint32_t)count;
	v->total = 0;
	if (bfs_copy_in(v->vec, (const void *)c->a[1], count * sizeof v->vec[0]) < 0) return -EFAULT;
	for (uint32_t i = 0; i < v->count; i++) {
		if (v->vec[i].iov_len > BFS_OFFSET_MAX) return -EINVAL;
		v->vec[i].iov_len = BFS_MIN(v->vec[i].iov_len, BFS_RW_MAX - v->total);
		v->total += v->vec[i].iov_len;
	}
	return 0;
}

static long rwv_read(struct bfs_ofd *ofd, const struct rwv *v, const uint64_t *position) {
	uint64_t at = position != NULL ? *position : 0;
	long done = 0;
	if (v->total == 0) return bfs_ofd_read(ofd, NULL, 0, position);
	for (uint32_t i = 0; i < v->count; i++) {
		if (v->vec[i].iov_len == 0) continue;
		long n = bfs_ofd_read(ofd, v->vec[i].iov_base, v->vec[i].iov_len, position != NULL ? &at : NULL);
		if (n < 0) return done > 0 ? done : n;
		done += n;
		at += (uint64_t)n;
		if ((size_t)n < v->vec[i].iov_len) break;
	}
	return done;
}

/* Up to SIZE bytes of the vector from byte FROM into BUFFER; how many were readable. */
static size_t rwv_gather(uint8_t *buffer, size_t size, const struct rwv *v, size_t from) {
	size_t filled = 0;
	for (uint32_t i = 0; i < v->count && filled < size; i++) {
		size_t len = v->vec[i].iov_len;
		if (from >= len) {
			from -= len;
			continue;
		}
		size_t take = BFS_MIN(len - from, size - filled);
		if (bfs_copy_in(buffer + filled, (const uint8_t *)v->vec[i].iov_base + from, take) < 0) break;
		filled += take;
		from = 0;
	}
	return filled;
}

static long rwv_write_gathered(struct bfs_ofd *ofd, const struct rwv *v, const uint64_t *position, bool append) {
	uint8_t small[RWV_ON_STACK];
	size_t room = BFS_MIN(v->total, RWV_GATHER);
	uint8_t *buffer = room <= sizeof small ? small : bfs_temp_take(room);
	uint64_t at = position != NULL ? *position : 0;
	long done = 0;
	if (buffer == NULL) return -ENOMEM;
	while ((size_t)done < v->total) {
		size_t have = rwv_gather(buffer, room, v, (size_t)done);
		long n = have == 0 ? -EFAULT : bfs_ofd_write(ofd, buffer, have, position != NULL ? &at : NULL, append);
		if (n < 0 && done == 0) done = n;
		if (n <= 0) break;
		done += n;
		at += (uint64_t)n;
		if ((size_t)n < room) break;
	}
	if (buffer != small) bfs_temp_free(buffer, room);
	return done;
}

static long rwv_write(struct bfs_ofd *ofd, const struct rwv *v, const uint64_t *position, bool append) {
	if (v->total == 0) return bfs_ofd_write(ofd, NULL, 0, position, append);
	for (uint32_t i = 0; i < v->count; i++) /* the usual case: one piece */
		if (v->vec[i].iov_len == v->total) return bfs_ofd_write(ofd, v->vec[i].iov_base, v->total, position, append);
	if (!bfs_ofd_writable(ofd)) return -EBADF;
	return rwv_write_gathered(ofd, v, position, append);
}

/* Vectors of an inotify descriptor: its events go to the first piece that has room, which is all that a read need give. */
static enum bfs_verdict rwv_foreign(struct bfs_call *c) {
	struct rwv v;
	int fd = bfs_arg_fd(c, 0);
	long instance = bfs_instance_of(fd);
	if (instance < 0) return BFS_PASS;
	long r = rwv_in(&v, c);
	if (r < 0) return bfs_done(c, r);
	uint32_t i = 0;
	while (i + 1 < v.count && v.vec[i].iov_len == 0) i++;
	return v.total == 0 ? bfs_done(c, 0) : bfs_instance_read(c, (uint32_t)instance, fd, v.vec[i].iov_base, v.vec[i].iov_len);
}

static enum bfs_verdict rwv_call(struct bfs_call *c, bool write, bool positioned, uint32_t flags) {
	const uint64_t *position = positioned ? &c->a[3] : NULL;
	struct rwv v;
	enum bfs_verdict verdict;
	struct bfs_ofd *ofd = bfs_own_data(c, 0, &verdict);
	if (ofd == NULL) return verdict == BFS_PASS && !write ? rwv_foreign(c) : verdict;
	if (positioned && c->a[3] > BFS_OFFSET_MAX) return bfs_done(c, -EINVAL);
	if (write ? !bfs_ofd_writable(ofd) : !bfs_ofd_readable(ofd)) return bfs_done(c, -EBADF);
	if ((flags & ~(uint32_t)(RWF_SUPPORTED | RWV_NOAPPEND)) != 0) return bfs_done(c, -EOPNOTSUPP);
	long r = rwv_in(&v, c);
	if (r < 0) return bfs_done(c, r);
	return bfs_done(c, write ? rwv_write(ofd, &v, position, (flags & RWF_APPEND) != 0) : rwv_read(ofd, &v, position));
}

enum bfs_verdict bfs_op_readv(struct bfs_call *c) { return rwv_call(c, false, false, 0); }
enum bfs_verdict bfs_op_writev(struct bfs_call *c) { return rwv_call(c, true, false, 0); }
enum bfs_verdict bfs_op_preadv(struct bfs_call *c) { return rwv_call(c, false, true, 0); }
enum bfs_verdict bfs_op_pwritev(struct bfs_call *c) { return rwv_call(c, true, true, 0); }

/* preadv2 and pwritev2: offset −1 is the shared offset. */
static bool rwv_positioned(const struct bfs_call *c) { return c->a[3] != ~0ull; }

enum bfs_verdict bfs_op_preadv2(struct bfs_call *c) { return rwv_call(c, false, rwv_positioned(c), (uint32_t)c->a[5]); }
enum bfs_verdict bfs_op_pwritev2(struct bfs_call *c) { return rwv_call(c, true, rwv_positioned(c), (uint32_t)c->a[5]); }
