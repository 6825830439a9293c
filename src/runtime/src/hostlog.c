/* BINARYFS_HOST_LOG and the lines of both logs: which places of the host a program used. */
#include "providers.h"

/* An absolute host path of NAME as of now; 0 for none or where it does not fit. */
static uint32_t hostlog_absolute(const char *name) {
	if (name == NULL || name[0] == '\0') return 0;
	if (name[0] == '/') return bfs_pool_string(name, strlen(name));
	char cwd[BFS_PATH_MAX], path[BFS_PATH_MAX];
	long n = bfs_raw2(__NR_getcwd, cwd, sizeof cwd);
	if (n <= 0 || cwd[0] != '/') return 0;
	long len = bfs_join(path, sizeof path, cwd, "/", name, NULL);
	return len < 0 ? 0 : bfs_pool_string(path, (size_t)len);
}

long bfs_logs_setup(const struct bfs_config *config) {
	struct bfs_mount_table *table = bfs_pool_mounts();
	table->misses = hostlog_absolute(config->misses_path);
	table->host_log = hostlog_absolute(config->host_log_path);
	return 0;
}

/* One write with O_APPEND a line: lines of concurrent processes do not mix. The file is opened anew each time, for its descriptor would otherwise have to be kept from the program. */
void bfs_log_path_line(uint32_t log, const char *path) {
	if (log == 0) return;
	char line[BFS_PATH_MAX + 64];
	size_t len = 0;
	for (; *path != '\0' && len < sizeof line - 8; path++) {
		if (*path == '\n' || *path == '\\') {
			memcpy(line + len, *path == '\n' ? "\\012" : "\\134", 4);
			len += 4;
		} else
			line[len++] = *path;
	}
	line[len++] = '\n';
	long fd = bfs_raw4(__NR_openat, AT_FDCWD, bfs_pool_text(log), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
	if (fd < 0) return;
	bfs_raw3(__NR_write, fd, line, len);
	bfs_host_close(fd);
}

void bfs_hostlog_path(const char *host_path) { bfs_log_path_line(bfs_pool_mounts()->host_log, host_path); }

void bfs_hostlog_mount(uint32_t mount, const char *rel) {
	if (bfs_pool_mounts()->host_log == 0) return;
	char path[BFS_PATH_MAX];
	const char *host = bfs_pool_text(bfs_mount_get(mount)->host);
	if (bfs_join(path, sizeof path, host, rel[0] == '\0' ? "" : "/", rel, NULL) > 0) bfs_hostlog_path(path);
}
