/* ioctl on image and overlay files: the generic ones of fs/ioctl.c; everything else is for devices. A terminal is often shared with a shell of the host, so that nothing is typed into it
 * from here: what TIOCSTI pushes back, and TIOCLINUX pastes, that shell would run. */
#include "notify.h"

#include <asm/ioctls.h>
#include <linux/fiemap.h>
#include <linux/fs.h>

static long ioctl_put(uint64_t user, const void *value, size_t size) { return bfs_copy_out((void *)user, value, size); }

static long ioctl_set_nonblock(struct bfs_ofd *ofd, uint64_t user) {
	int32_t on;
	if (bfs_copy_in(&on, (const void *)user, sizeof on) < 0) return -EFAULT;
	if (on != 0)
		__atomic_fetch_or(&ofd->flags, (uint32_t)O_NONBLOCK, __ATOMIC_ACQ_REL);
	else
		__atomic_fetch_and(&ofd->flags, ~(uint32_t)O_NONBLOCK, __ATOMIC_ACQ_REL);
	return 0;
}

static long ioctl_do(struct bfs_ofd *ofd, uint32_t request, uint64_t user) {
	struct bfs_attr attr;
	long r = bfs_ofd_attr(ofd, &attr, NULL);
	if (r < 0) return r;
	bool regular = (attr.mode & S_IFMT) == S_IFREG;
	switch (request) {
	case FIONBIO: return ioctl_set_nonblock(ofd, user);
	case FIONREAD: {
		int64_t left = (int64_t)(attr.size - __atomic_load_n(&ofd->offset, __ATOMIC_ACQUIRE));
		int32_t value = (int32_t)left;
		return regular ? ioctl_put(user, &value, sizeof value) : -ENOTTY;
	}
	case FIOQSIZE: return regular || (attr.mode & S_IFMT) == S_IFDIR ? ioctl_put(user, &attr.size, sizeof attr.size) : -ENOTTY;
	case FIGETBSZ: {
		int32_t block = (int32_t)BFS_BLOCK_SIZE;
		return ioctl_put(user, &block, sizeof block);
	}
	case FICLONE:
	case FICLONERANGE:
	case FIDEDUPERANGE:
	case FS_IOC_FIEMAP: return -EOPNOTSUPP;
	default: return -ENOTTY;
	}
}

/* FIONREAD of a descriptor of the kernel's own. */
static enum bfs_verdict ioctl_pending(struct bfs_call *c) {
	int fd = bfs_arg_fd(c, 0);
	long instance = bfs_instance_of(fd);
	if (instance < 0) return BFS_PASS;
	int32_t pending = (int32_t)bfs_instance_pending((uint32_t)instance, fd);
	return bfs_done(c, ioctl_put(c->a[2], &pending, sizeof pending));
}

enum bfs_verdict bfs_op_ioctl(struct bfs_call *c) {
	enum bfs_verdict verdict;
	uint32_t request = (uint32_t)c->a[1];
	struct bfs_ofd *ofd = bfs_own_data(c, 0, &verdict);
	if (ofd == NULL && verdict == BFS_PASS && (request == TIOCSTI || request == TIOCLINUX))
		return bfs_done(c, -EIO); /* as kernels without CONFIG_LEGACY_TIOCSTI */
	if (ofd == NULL) return verdict == BFS_PASS && request == FIONREAD ? ioctl_pending(c) : verdict;
	if (request == FIOCLEX || request == FIONCLEX) return BFS_PASS; /* of the descriptor, not of the file */
	return bfs_done(c, ioctl_do(ofd, request, c->a[2]));
}
