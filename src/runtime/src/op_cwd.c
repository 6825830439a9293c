/* chdir, fchdir and getcwd. The current directory is the placeholder at the reserved descriptor BFS_FD_CWD; the kernel's own stays where it was put at the start. */
#include "ops.h"

/* The placeholder FD becomes the current directory. */
static long cwd_set(int fd) {
	uint32_t old;
	bool had = bfs_ofd_of(bfs_fd(BFS_FD_CWD), &old) != NULL;
	long r = bfs_reserved_put(fd, BFS_FD_CWD);
	if (r < 0) return r;
	if (had) bfs_ofd_closed(old);
	return 0;
}

/* A directory that may be searched. */
static long cwd_check(const struct bfs_loc *loc) {
	struct bfs_attr attr;
	long r = bfs_loc_attr(loc, &attr, NULL);
	if (r < 0) return r;
	if ((attr.mode & S_IFMT) != S_IFDIR) return -ENOTDIR;
	if (loc->kind != BFS_LOC_NODE) return bfs_provider_of(loc->kind)->access(loc, 1, true);
	return bfs_permission(&attr, 1, true);
}

enum bfs_verdict bfs_op_chdir(struct bfs_call *c) {
	struct bfs_loc loc;
	long r = bfs_call_walk(c, BFS_NO_DIRFD, 0, BFS_WALK_FOLLOW, &loc);
	if (r == 0) r = cwd_check(&loc);
	if (r < 0) return bfs_done(c, r);
	long fd = bfs_reserved_open(&loc, O_PATH | O_DIRECTORY | O_CLOEXEC); /* chdir(2) knows no EMFILE */
	if (fd < 0) return bfs_done(c, fd);
	r = cwd_set((int)fd);
	if (r < 0)
		bfs_close_fd((int)fd);
	else
		bfs_raw1(__NR_close, fd); /* the entry lives on at BFS_FD_CWD */
	return bfs_done(c, r);
}

enum bfs_verdict bfs_op_fchdir(struct bfs_call *c) {
	struct bfs_loc loc;
	int fd = bfs_arg_fd(c, 0);
	struct bfs_ofd *ofd = bfs_own(fd, NULL);
	if (ofd == NULL) {
		/* Never passed: no descriptor of the kernel's own is a directory, unless somebody outside sent one. */
		bool open = fd >= 0 && !bfs_fd_reserved(fd) && bfs_raw2(__NR_fcntl, fd, F_GETFD) >= 0;
		return bfs_done(c, open ? -ENOTDIR : -EBADF);
	}
	long r = bfs_ofd_loc(ofd, &loc);
	if (r == 0) r = cwd_check(&loc);
	return bfs_done(c, r < 0 ? r : cwd_set(fd));
}

enum bfs_verdict bfs_op_getcwd(struct bfs_call *c) {
	char path[BFS_PATH_MAX];
	const struct bfs_ofd *cwd = bfs_ofd_of(bfs_fd(BFS_FD_CWD), NULL);
	if (cwd == NULL) return bfs_done(c, -ENOENT);
	long len = cwd->kind == BFS_LOC_NODE ? bfs_node_dir_path(cwd->node, path, sizeof path) : bfs_ofd_path(cwd, path, sizeof path);
	if (len < 0) return bfs_done(c, len == -ERANGE ? -ENAMETOOLONG : len);
	if ((uint64_t)len + 1 > c->a[1]) return bfs_done(c, -ERANGE);
	if (bfs_copy_out((char *)c->a[0], path, (size_t)len + 1) < 0) return bfs_done(c, -EFAULT);
	return bfs_done(c, len + 1);
}
