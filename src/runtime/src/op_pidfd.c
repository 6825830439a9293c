/* pidfd_send_signal through a directory of /proc, which the kernel takes for a pidfd and which is a placeholder here. */
#include "ops.h"
#include "providers.h"

/* A descriptor of the kernel's for the process whose directory OFD is; −EBADF for anything else. */
static long pidfd_open_directory(const struct bfs_ofd *ofd) {
	struct bfs_loc loc;
	struct bfs_proc_entry entry;
	char path[BFS_PATH_MAX + 8];
	if (ofd->kind != BFS_LOC_PROC || bfs_ofd_loc(ofd, &loc) < 0) return -EBADF;
	for (const char *p = loc.rel; *p != '\0'; p++)
		if (*p < '0' || *p > '9') return -EBADF;
	if (loc.rel[0] == '\0' || bfs_proc_classify(loc.rel, &entry) < 0) return -EBADF;
	long r = bfs_proc_host_path(loc.rel, path, sizeof path);
	return r < 0 ? r : bfs_raw4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
}

enum bfs_verdict bfs_op_pidfd_send_signal(struct bfs_call *c) {
	int fd = bfs_arg_fd(c, 0);
	struct bfs_ofd *ofd = bfs_own(fd, NULL);
	if (ofd == NULL) return bfs_foreign(c, fd);
	long directory = pidfd_open_directory(ofd);
	if (directory < 0) return bfs_done(c, directory == -ENOENT ? -ESRCH : directory);
	long r = bfs_raw4(c->nr, directory, c->a[1], c->a[2], c->a[3]);
	bfs_raw1(__NR_close, directory);
	return bfs_done(c, r);
}
