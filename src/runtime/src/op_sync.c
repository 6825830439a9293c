/* The calls that flush or advise. Image and overlay are memory: there is nothing to flush, and advice is checked and dropped. */
#include "ops.h"

static enum bfs_verdict sync_flush(struct bfs_call *c) {
	enum bfs_verdict verdict;
	return bfs_own_data(c, 0, &verdict) == NULL ? verdict : bfs_done(c, 0);
}

enum bfs_verdict bfs_op_fsync(struct bfs_call *c) { return sync_flush(c); }
enum bfs_verdict bfs_op_fdatasync(struct bfs_call *c) { return sync_flush(c); }
enum bfs_verdict bfs_op_syncfs(struct bfs_call *c) { return sync_flush(c); }

static long sync_is_regular(const struct bfs_ofd *ofd) {
	struct bfs_attr attr;
	long r = bfs_ofd_attr(ofd, &attr, NULL);
	return r < 0 ? r : (attr.mode & S_IFMT) == S_IFREG;
}

enum bfs_verdict bfs_op_sync_file_range(struct bfs_call *c) {
	enum bfs_verdict verdict;
	struct bfs_ofd *ofd = bfs_own_data(c, 0, &verdict);
	if (ofd == NULL) return verdict;
	int64_t offset = (int64_t)c->a[1], size = (int64_t)c->a[2];
	if (((uint32_t)c->a[3] & ~7u) != 0 || offset < 0 || size < 0 || offset > INT64_MAX - size) return bfs_done(c, -EINVAL);
	return bfs_done(c, 0);
}

enum bfs_verdict bfs_op_fadvise64(struct bfs_call *c) {
	enum bfs_verdict verdict;
	if (bfs_own_data(c, 0, &verdict) == NULL) return verdict;
	return bfs_done(c, (int64_t)c->a[2] < 0 || (uint32_t)c->a[3] > 5 ? -EINVAL : 0);
}

enum bfs_verdict bfs_op_readahead(struct bfs_call *c) {
	enum bfs_verdict verdict;
	struct bfs_ofd *ofd = bfs_own_data(c, 0, &verdict);
	if (ofd == NULL) return verdict;
	if (!bfs_ofd_readable(ofd)) return bfs_done(c, -EBADF);
	long r = sync_is_regular(ofd);
	return bfs_done(c, r < 0 ? r : r == 0 ? -EINVAL : 0);
}

enum bfs_verdict bfs_op_cachestat(struct bfs_call *c) {
	enum bfs_verdict verdict;
	return bfs_own_data(c, 0, &verdict) == NULL ? verdict : bfs_done(c, -EOPNOTSUPP);
}
