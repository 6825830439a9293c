/* lseek, and where in a file an offset may stand. */
#include "ops.h"

#define SEEK_FROM_START 0
#define SEEK_FROM_HERE 1
#define SEEK_FROM_END 2
#define SEEK_TO_DATA 3
#define SEEK_TO_HOLE 4

/* BASE + DELTA where that is an offset. */
static long seek_sum(uint64_t base, int64_t delta) {
	int64_t sum;
	if (__builtin_add_overflow((int64_t)base, delta, &sum)) return -EOVERFLOW;
	return sum < 0 ? -EINVAL : sum;
}

static long seek_to(struct bfs_ofd *ofd, int64_t delta, uint32_t whence) {
	struct bfs_attr attr;
	uint64_t here = __atomic_load_n(&ofd->offset, __ATOMIC_ACQUIRE);
	long target;
	switch (whence) {
	case SEEK_FROM_START: target = seek_sum(0, delta); break;
	case SEEK_FROM_HERE:
		if (delta == 0) return (long)here;
		target = seek_sum(here, delta);
		break;
	case SEEK_FROM_END:
	case SEEK_TO_DATA:
	case SEEK_TO_HOLE:
		target = bfs_ofd_attr(ofd, &attr, NULL);
		if (target < 0) return target;
		if ((attr.mode & S_IFMT) != S_IFREG || ofd->kind != BFS_LOC_NODE)
			return -EINVAL; /* a directory's positions are cookies without an order of their own */
		if (whence == SEEK_FROM_END)
			target = seek_sum(attr.size, delta);
		else if (delta < 0 || (uint64_t)delta >= attr.size)
			return -ENXIO;
		else
			target = bfs_node_seek(ofd->node, (uint64_t)delta, (int)whence);
		break;
	default: return -EINVAL;
	}
	if (target >= 0) __atomic_store_n(&ofd->offset, (uint64_t)target, __ATOMIC_RELEASE);
	return target;
}

enum bfs_verdict bfs_op_lseek(struct bfs_call *c) {
	enum bfs_verdict verdict;
	struct bfs_ofd *ofd = bfs_own_data(c, 0, &verdict);
	return ofd == NULL ? verdict : bfs_done(c, seek_to(ofd, (int64_t)c->a[1], (uint32_t)c->a[2]));
}
