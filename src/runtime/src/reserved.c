/* Places reserved descriptors. */
#include "vfs.h"

#include <linux/resource.h>

long bfs_reserved_put(int fd, int which) {
	long rc = bfs_raw3(__NR_dup3, fd, bfs_fd(which), 0);
	if (rc != -EBADF) return rc < 0 ? rc : 0;
	/* The program lowered its soft limit below the reserved numbers. */
	struct rlimit64 was, wide;
	if (bfs_raw4(__NR_prlimit64, 0, RLIMIT_NOFILE, 0, &was) < 0 || was.rlim_max <= was.rlim_cur) return -EBADF;
	wide = was;
	wide.rlim_cur = was.rlim_max;
	bfs_raw4(__NR_prlimit64, 0, RLIMIT_NOFILE, &wide, 0);
	rc = bfs_raw3(__NR_dup3, fd, bfs_fd(which), 0);
	bfs_raw4(__NR_prlimit64, 0, RLIMIT_NOFILE, &was, 0);
	return rc < 0 ? rc : 0;
}
