/* Where this library lies on the host: the file of the mapping that holds its note. */
#include "self.h"

#include "trap.h"

static uint64_t self_hex(const char **p) {
	uint64_t v = 0;
	for (;; (*p)++) {
		char c = **p;
		if (c >= '0' && c <= '9')
			v = v << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint64_t)(c - 'a' + 10);
		else
			return v;
	}
}

/* One line of proc_pid_maps(5): "start-end perms offset dev inode   path". */
static bool self_line(char *line, uint64_t address, char *dst, size_t size) {
	const char *p = line;
	uint64_t start = self_hex(&p);
	if (*p++ != '-') return false;
	uint64_t end = self_hex(&p);
	if (address < start || address >= end) return false;
	while (*p != 0 && *p != '/') p++;
	size_t len = strlen(p);
	if (len == 0 || len >= size) return false;
	memcpy(dst, p, len + 1);
	return true;
}

long bfs_self_path(char *dst, size_t size) {
	BFS_SELDOM static char buffer[8192];
	size_t have = 0;
	long fd = bfs_raw4(__NR_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
	long result = -ENOENT;
	if (fd < 0) return fd;
	while (result == -ENOENT) {
		long n = bfs_raw3(__NR_read, fd, buffer + have, sizeof buffer - 1 - have);
		if (n <= 0) break;
		have += (size_t)n;
		buffer[have] = 0;
		char *line = buffer;
		for (char *p = buffer; *p != 0; p++) {
			if (*p != '\n') continue;
			*p = 0;
			if (self_line(line, (uint64_t)&bfs_self_path, dst, size)) result = 0;
			line = p + 1;
		}
		have -= (size_t)(line - buffer);
		memmove(buffer, line, have);
	}
	bfs_raw1(__NR_close, fd);
	return result;
}
