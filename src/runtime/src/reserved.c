/* Places reserved descriptors, also where the program's limit leaves no number for them. */
#include "vfs.h"

#include <linux/resource.h>

/* Raises the soft limit to the hard one for a moment; WAS is what to go back to. */
static bool reserved_widen(struct rlimit64 *was) {
	if (bfs_raw4(__NR_prlimit64, 0, RLIMIT_NOFILE, 0, was) < 0 || was->rlim_max <= was->rlim_cur) return false;
	struct rlimit64 wide = { was->rlim_max, was->rlim_max };
	return bfs_raw4(__NR_prlimit64, 0, RLIMIT_NOFILE, &wide, 0) == 0;
}

static void reserved_narrow(const struct rlimit64 *was) { bfs_raw4(__NR_prlimit64, 0, RLIMIT_NOFILE, was, 0); }

long bfs_reserved_put(int fd, int which) {
	struct rlimit64 was;
	long rc = bfs_raw3(__NR_dup3, fd, bfs_fd(which), 0);
	/* −EBADF: the program lowered its soft limit below the reserved numbers. */
	if (rc == -EBADF && reserved_widen(&was)) {
		rc = bfs_raw3(__NR_dup3, fd, bfs_fd(which), 0);
		reserved_narrow(&was);
	}
	if (rc == -EBADF) rc = -EMFILE;
	return rc < 0 ? rc : 0;
}

long bfs_reserved_open(const struct bfs_loc *loc, uint32_t flags) {
	struct rlimit64 was;
	long fd = bfs_ofd_open(loc, flags);
	if (fd == -EMFILE && reserved_widen(&was)) {
		fd = bfs_ofd_open(loc, flags);
		reserved_narrow(&was);
	}
	return fd;
}
