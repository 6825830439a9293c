/* fcntl. Duplicating and FD_CLOEXEC are the kernel's on placeholders too; status flags live in the open file description; record locks are op_lock.c's. */
#include "ops.h"

#define FCNTL_DUPFD_QUERY 1027   /* F_DUPFD_QUERY */
#define FCNTL_CREATED_QUERY 1028 /* F_CREATED_QUERY */
#define FCNTL_SETTABLE (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME)
#define FCNTL_SHOWN (O_ACCMODE | O_APPEND | O_NONBLOCK | O_SYNC | O_DIRECT | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_PATH | __O_TMPFILE)

static long fcntl_set_flags(struct bfs_ofd *ofd, uint32_t wanted) {
	uint32_t flags = __atomic_load_n(&ofd->flags, __ATOMIC_ACQUIRE);
	if ((wanted & O_NOATIME) != 0 && (flags & O_NOATIME) == 0) {
		struct bfs_attr attr;
		long r = bfs_ofd_attr(ofd, &attr, NULL);
		if (r < 0 || !bfs_is_owner(&attr)) return r < 0 ? r : -EPERM;
	}
	uint32_t changed;
	do {
		changed = (flags & ~(uint32_t)FCNTL_SETTABLE) | (wanted & FCNTL_SETTABLE);
	} while (!__atomic_compare_exchange_n(&ofd->flags, &flags, changed, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
	return 0;
}

static long fcntl_get_flags(const struct bfs_ofd *ofd) {
	uint32_t flags = __atomic_load_n(&ofd->flags, __ATOMIC_ACQUIRE) & FCNTL_SHOWN;
	return (long)((flags & O_PATH) != 0 ? flags : flags | O_LARGEFILE);
}

/* F_NOTIFY: to watch for nothing ends watching, which is always possible. */
static long fcntl_notify(const struct bfs_ofd *ofd, uint32_t events) {
	struct bfs_attr attr;
	long r = bfs_ofd_attr(ofd, &attr, NULL);
	if (r < 0) return r;
	if ((attr.mode & S_IFMT) != S_IFDIR) return -ENOTDIR;
	return (events & ~(uint32_t)DN_MULTISHOT) == 0 ? 0 : -EINVAL;
}

enum bfs_verdict bfs_op_fcntl(struct bfs_call *c) {
	int fd = bfs_arg_fd(c, 0);
	uint32_t cmd = (uint32_t)c->a[1];
	struct bfs_ofd *ofd = bfs_own(fd, NULL);
	if (ofd == NULL) return bfs_foreign(c, fd);
	switch (cmd) { /* allowed on O_PATH descriptors too */
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
	case F_GETFD:
	case F_SETFD:
	case FCNTL_DUPFD_QUERY: return BFS_PASS;
	case F_GETFL: return bfs_done(c, fcntl_get_flags(ofd));
	default: break;
	}
	if ((ofd->flags & O_PATH) != 0) return bfs_done(c, -EBADF);
	switch (cmd) {
	case F_SETFL: return bfs_done(c, fcntl_set_flags(ofd, (uint32_t)c->a[2]));
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW: return bfs_lock_fcntl(c, ofd);
	case F_SETOWN: /* who gets SIGIO, which regular files never send */
	case F_GETOWN:
	case F_SETOWN_EX:
	case F_GETOWN_EX:
	case F_SETSIG:
	case F_GETSIG:
	case F_GETOWNER_UIDS: return BFS_PASS;
	case F_GETLEASE: return bfs_done(c, F_UNLCK);
	case F_SETPIPE_SZ:
	case F_GETPIPE_SZ: return bfs_done(c, -EBADF);
	case F_NOTIFY: return bfs_done(c, fcntl_notify(ofd, (uint32_t)c->a[2]));
	case FCNTL_CREATED_QUERY: return bfs_done(c, (__atomic_load_n(&ofd->reserved, __ATOMIC_RELAXED) & BFS_OFD_CREATED) != 0);
	default: /* leases, seals, write hints: not offered */ return bfs_done(c, -EINVAL);
	}
}
