/* BINARYFS_HOST_LOG: which places of the host a program used. */
#include "providers.h"

void bfs_hostlog_path(const char *host_path) { bfs_log_line(BFS_LOG_HOST, host_path, NULL); }

void bfs_hostlog_fd(int fd) {
	if (bfs_pool_mounts()->host_log == 0) return;
	char digits[24], magic[48], path[BFS_PATH_MAX];
	bfs_u64_text(digits, (uint64_t)fd);
	bfs_join(magic, sizeof magic, "/proc/self/fd/", digits, NULL);
	long n = bfs_raw4(__NR_readlinkat, AT_FDCWD, magic, path, sizeof path - 1);
	if (n <= 0) return;
	path[n] = '\0';
	bfs_hostlog_path(path);
}

void bfs_hostlog_mount(uint32_t mount, const char *rel) {
	if (bfs_pool_mounts()->host_log == 0) return;
	char path[BFS_PATH_MAX];
	const char *host = bfs_pool_text(bfs_mount_get(mount)->host);
	if (bfs_join(path, sizeof path, host, rel[0] == '\0' ? "" : "/", rel, NULL) > 0) bfs_hostlog_path(path);
}
