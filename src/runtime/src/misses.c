/* BINARYFS_MISSES: the paths that a program asked for and that are nowhere, for the next --include. */
#include "ops.h"
#include "providers.h"

void bfs_miss(const char *absolute_path) { bfs_log_path_line(bfs_pool_mounts()->misses, absolute_path); }

/* Appends the components of PATH to the absolute path in DST, of length LEN, by their names alone. Returns the new length, 0 where it does not fit. */
static size_t misses_append(char *dst, size_t size, size_t len, const char *path) {
	while (len > 0 && dst[len - 1] == '/') len--;
	while (*path != '\0') {
		size_t name = 0;
		while (path[name] != '\0' && path[name] != '/') name++;
		if (name == 2 && path[0] == '.' && path[1] == '.') {
			while (len > 0 && dst[--len] != '/') {}
		} else if (name > 0 && !(name == 1 && path[0] == '.')) {
			if (len + name + 2 > size) return 0;
			dst[len++] = '/';
			memcpy(dst + len, path, name);
			len += name;
		}
		path += name;
		while (*path == '/') path++;
	}
	if (len == 0) dst[len++] = '/';
	dst[len] = '\0';
	return len;
}

void bfs_miss_at(int dirfd, const char *user_path) {
	char path[BFS_PATH_MAX], absolute[BFS_PATH_MAX];
	long len = 0;
	if (bfs_pool_mounts()->misses == 0 || user_path == NULL || bfs_copy_str(path, user_path, sizeof path) < 1) return;
	if (path[0] != '/') {
		const struct bfs_ofd *ofd = bfs_ofd_of(dirfd == AT_FDCWD ? bfs_fd(BFS_FD_CWD) : dirfd, NULL);
		if (ofd == NULL) return;
		len = bfs_ofd_path(ofd, absolute, sizeof absolute);
		if (len < 0) return;
	}
	if (misses_append(absolute, sizeof absolute, (size_t)len, path) > 0) bfs_miss(absolute);
}

void bfs_call_missed(const struct bfs_call *c, unsigned dirfd, unsigned path) {
	bfs_miss_at(dirfd == BFS_NO_DIRFD ? AT_FDCWD : bfs_arg_fd(c, dirfd), (const char *)c->a[path]);
}
