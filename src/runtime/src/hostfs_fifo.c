/* Opening a FIFO of the host, which waits for the other end: the program waits in its own context, where its signals reach it, not inside the runtime. */
#include "providers.h"

#include <linux/openat2.h>

#define HOSTFS_S_IFIFO 0010000u

/* What lies in the call's scratch area until the kernel has answered: on the program's stack, so not more than most paths need. */
#define HOSTFS_FIFO_OPEN_SIZE 1024u
struct hostfs_fifo_open {
	struct open_how how;
	char path[HOSTFS_FIFO_OPEN_SIZE - sizeof(struct open_how)];
};

/* REL below MOUNT as a host path without symlinks; where the declared path leads over some, the kernel says where to. */
static long hostfs_fifo_path(uint32_t mount, const char *rel, char *dst, size_t size) {
	const char *host = bfs_pool_text(bfs_mount_get(mount)->host);
	long r = bfs_join(dst, size, host, rel[0] == '\0' ? "" : "/", rel, NULL);
	if (r < 0 || rel[0] == '\0') return r;
	long fd = bfs_host_open_strict(AT_FDCWD, dst, O_PATH | O_CLOEXEC | O_NOFOLLOW, 0);
	bfs_host_close(fd);
	if (fd != -ELOOP) return BFS_MIN(fd, 0);
	char digits[24], magic[48], root[HOSTFS_FIFO_OPEN_SIZE];
	long root_fd = bfs_raw4(__NR_openat, AT_FDCWD, host, O_PATH | O_CLOEXEC, 0);
	if (root_fd < 0) return root_fd;
	bfs_u64_text(digits, (uint64_t)root_fd);
	bfs_join(magic, sizeof magic, "/proc/self/fd/", digits, NULL);
	r = bfs_raw4(__NR_readlinkat, AT_FDCWD, magic, root, sizeof root);
	bfs_host_close(root_fd);
	if (r < 0) return r;
	if ((size_t)r >= sizeof root) return -ENAMETOOLONG;
	root[r] = '\0';
	return bfs_join(dst, size, root, "/", rel, NULL);
}

bool bfs_hostfs_pass_open(struct bfs_call *c, const struct bfs_loc *loc, uint32_t type, uint32_t flags) {
	bool waits = (flags & (O_NONBLOCK | O_PATH)) == 0 && (flags & O_ACCMODE) != O_RDWR;
	struct hostfs_fifo_open *pass = bfs_call_scratch(c, sizeof *pass);
	if (loc->kind != BFS_LOC_HOST || BFS_S_TYPE(type) != HOSTFS_S_IFIFO || !waits || pass == NULL) return false;
	if (hostfs_fifo_path(loc->mount, loc->rel, pass->path, sizeof pass->path) < 0) return false;
	bfs_hostlog_mount(loc->mount, loc->rel);
	flags &= O_ACCMODE | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NOATIME;
	c->a[0] = (uint64_t)(int64_t)AT_FDCWD;
	c->a[1] = (uint64_t)pass->path;
	if (loc->rel[0] == '\0') { /* the declared path may be a symlink */
		c->nr = __NR_openat;
		c->a[2] = flags;
		return true;
	}
	pass->how = (struct open_how){ .flags = flags | O_LARGEFILE, .resolve = RESOLVE_NO_SYMLINKS };
	c->nr = __NR_openat2;
	c->a[2] = (uint64_t)&pass->how;
	c->a[3] = sizeof pass->how;
	return true;
}
