/* mmap of image and overlay files. Mappings, once made, are real: mremap, msync, mprotect, madvise and munmap are the kernel's. */
#include "ops.h"

#include <linux/mman.h>

#define MAP_DENYWRITE_OLD 0x0800u
#define MAP_LEGACY_MASK                                                                                                                                        \
	(MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_DENYWRITE_OLD | 0x1000u /* MAP_EXECUTABLE */ | 0x0100u /* MAP_GROWSDOWN */ |               \
		0x2000u /* MAP_LOCKED */ | 0x4000u /* MAP_NORESERVE */ | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | 0x40u /* MAP_32BIT */)

/* In the order of do_mmap. */
static long map_check(const struct bfs_ofd *ofd, uint64_t size, uint32_t prot, uint32_t flags, uint64_t offset) {
	if ((offset & (BFS_BLOCK_SIZE - 1)) != 0) return -EINVAL;
	if ((flags & MAP_HUGETLB) != 0 || size == 0) return -EINVAL;
	uint64_t rounded = (size + BFS_BLOCK_SIZE - 1) & ~(uint64_t)(BFS_BLOCK_SIZE - 1);
	if (rounded == 0) return -ENOMEM;
	if (offset > BFS_OFFSET_MAX || rounded > BFS_OFFSET_MAX - offset) return -EOVERFLOW;
	switch (flags & MAP_TYPE) {
	case MAP_SHARED_VALIDATE:
		if ((flags & ~(uint32_t)(MAP_LEGACY_MASK | MAP_TYPE)) != 0) return -EOPNOTSUPP;
		__attribute__((fallthrough));
	case MAP_SHARED:
		if ((prot & PROT_WRITE) != 0 && (ofd->flags & O_ACCMODE) != O_RDWR) return -EACCES;
		break;
	case MAP_PRIVATE: break;
	default: return -EINVAL;
	}
	return bfs_ofd_readable(ofd) ? 0 : -EACCES;
}

enum bfs_verdict bfs_op_mmap(struct bfs_call *c) {
	struct bfs_attr attr;
	enum bfs_verdict verdict;
	uint32_t prot = (uint32_t)c->a[2], flags = (uint32_t)c->a[3];
	if ((flags & MAP_ANONYMOUS) != 0) return BFS_PASS;
	struct bfs_ofd *ofd = bfs_own_data(c, 4, &verdict);
	if (ofd == NULL) return verdict;
	long r = map_check(ofd, c->a[1], prot, flags, c->a[5]);
	if (r == 0) r = bfs_ofd_attr(ofd, &attr, NULL);
	if (r == 0 && (ofd->kind != BFS_LOC_NODE || (attr.mode & S_IFMT) != S_IFREG)) r = -ENODEV;
	if (r == 0) r = bfs_node_mmap(ofd->node, c->a[0], c->a[1], prot, flags, c->a[5], bfs_ofd_writable(ofd));
	if (r >= 0 || r < -4095) bfs_mapped_note(ofd);
	return bfs_done(c, r);
}
