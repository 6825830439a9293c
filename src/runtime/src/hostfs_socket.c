/* Paths of AF_UNIX sockets below host paths and volumes as the kernel gets them: the host's own path, or, where an address has no room for that, one over a descriptor. */
#include "providers.h"

static long socket_host_path(const struct bfs_loc *loc, char *dst, size_t size) {
	return bfs_join(dst, size, bfs_pool_text(bfs_mount_get(loc->mount)->host), loc->rel[0] == '\0' ? "" : "/", loc->rel, NULL);
}

long bfs_hostfs_socket(const struct bfs_loc *loc, char *dst, size_t size) {
	long len = socket_host_path(loc, dst, size);
	if (len != -ENAMETOOLONG || size < BFS_LENT_PATH) return len;
	long fd = bfs_hostfs_node(loc->mount, loc->rel);
	if (fd < 0) return fd;
	long r = bfs_reserved_lend((int)fd, dst);
	bfs_host_close(fd);
	return r < 0 ? r : (long)strlen(dst);
}

long bfs_hostfs_socket_new(const struct bfs_loc *loc, struct bfs_host_at *at, char *dst, size_t size) {
	char digits[24];
	*at = (struct bfs_host_at){ .dirfd = AT_FDCWD };
	long r = socket_host_path(loc, dst, size);
	if (r != -ENAMETOOLONG) return r;
	r = bfs_hostfs_enter(loc->mount, loc->rel, at);
	if (r < 0) return r;
	bfs_u64_text(digits, (uint64_t)at->dirfd);
	r = bfs_join(dst, size, "/proc/self/fd/", digits, "/", at->name, NULL);
	if (r < 0) bfs_hostfs_leave(at);
	return r;
}
