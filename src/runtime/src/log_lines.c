/* The lines of BINARYFS_MISSES and BINARYFS_HOST_LOG: a path with its control characters and backslashes as \ooo, and what is said about it after a tab. */
#include "providers.h"

static bool log_escaped(char c) { return (uint8_t)c < ' ' || c == '\177' || c == '\\'; }

void bfs_log_octal(struct bfs_textbuf *t, char c) {
	const char octal[4] = { '\\', (char)('0' + ((uint8_t)c >> 6)), (char)('0' + ((uint8_t)c >> 3 & 7)), (char)('0' + ((uint8_t)c & 7)) };
	bfs_textbuf_add(t, octal, sizeof octal);
}

/* One write with O_APPEND a line: lines of concurrent processes do not mix. The file is opened anew each time, for its descriptor would otherwise have to be kept from the program. */
void bfs_log_line(enum bfs_log_kind kind, const char *path, bfs_log_remark *remark) {
	const struct bfs_mount_table *table = bfs_pool_mounts();
	uint32_t log = kind == BFS_LOG_MISSES ? table->misses : table->host_log;
	if (log == 0 || !bfs_log_first(bfs_log_hash(kind, path))) return;
	struct bfs_textbuf line = { 0 };
	for (const char *p = path; *p != '\0'; p++) {
		if (log_escaped(*p))
			bfs_log_octal(&line, *p);
		else
			bfs_textbuf_add(&line, p, 1);
	}
	if (remark != NULL) remark(&line, path);
	bfs_textbuf_add(&line, "\n", 1);
	long fd = line.failed ? -ENOMEM : bfs_raw4(__NR_openat, AT_FDCWD, bfs_pool_text(log), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
	if (fd >= 0) bfs_raw3(__NR_write, fd, line.data, line.len);
	bfs_host_close(fd);
	bfs_textbuf_free(&line);
}

/* The paths that stand in the file LOG from earlier runs are not written again. */
static void log_remember(enum bfs_log_kind kind, uint32_t log) {
	char chunk[4096];
	long fd = log == 0 ? -1 : bfs_raw4(__NR_openat, AT_FDCWD, bfs_pool_text(log), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0), n;
	struct bfs_kstat st = { 0 };
	if (fd < 0 || bfs_host_stat((int)fd, "", 0x1000 /* AT_EMPTY_PATH */, &st) < 0 || BFS_S_TYPE(st.st_mode) != S_IFREG) {
		bfs_host_close(fd);
		return;
	}
	uint64_t hash = BFS_LOG_HASH_START + kind;
	bool path = true;
	uint32_t digits = 0, value = 0;
	while ((n = bfs_raw3(__NR_read, fd, chunk, sizeof chunk)) > 0) {
		for (long i = 0; i < n; i++) {
			char c = chunk[i];
			if (c == '\n') {
				bfs_log_first(hash);
				hash = BFS_LOG_HASH_START + kind;
				path = true;
				digits = 0;
			} else if (c == '\t' || !path) {
				path = false;
			} else if (c == '\\') {
				digits = 3;
				value = 0;
			} else if (digits > 0) {
				value = value * 8 + (uint32_t)(c - '0');
				if (--digits == 0) hash = bfs_log_hash_step(hash, (char)value);
			} else {
				hash = bfs_log_hash_step(hash, c);
			}
		}
	}
	bfs_host_close(fd);
}

/* An absolute host path of NAME as of now; 0 for none or where it does not fit. */
static uint32_t log_absolute(const char *name) {
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
	table->misses = log_absolute(config->misses_path);
	table->host_log = log_absolute(config->host_log_path);
	if (table->misses == 0 && table->host_log == 0) return 0;
	table->log_seen = bfs_log_seen_new();
	log_remember(BFS_LOG_MISSES, table->misses);
	log_remember(BFS_LOG_HOST, table->host_log);
	return 0;
}
