/* Which processes belong to the tree: those that hold the pool's memfd where the tree keeps it. Nothing has to be registered or cleaned up, and nobody else can look so. */
#include "providers.h"

#define PROCFS_MAX_ZOMBIE_CHAIN 8 /* ancestors asked about for a zombie whose parent is one too */

long bfs_proc_host_path(const char *rel, char *dst, size_t size) { return bfs_join(dst, size, "/proc", rel[0] == '\0' ? "" : "/", rel, NULL); }

uint64_t bfs_proc_self_pid(void) {
	/* By /proc's own account: it may have been mounted in another pid namespace than ours. */
	char text[24];
	uint64_t pid = 0;
	long n = bfs_raw4(__NR_readlinkat, AT_FDCWD, "/proc/self", text, sizeof text - 1);
	if (n > 0) {
		text[n] = '\0';
		bfs_text_u64(text, &pid, NULL);
	}
	return pid;
}

/* State letter and parent from /proc/PID/stat, "PID (name) STATE PPID …"; the name may hold any byte, so they are found from its end. */
static bool procfs_stat(const char *pid, char *state, uint64_t *parent) {
	char path[64], text[256];
	bfs_join(path, sizeof path, "/proc/", pid, "/stat", NULL);
	long fd = bfs_raw4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0) return false;
	long n = bfs_raw3(__NR_read, fd, text, sizeof text - 1);
	bfs_host_close(fd);
	if (n <= 0) return false;
	text[n] = '\0';
	size_t end = (size_t)n;
	while (end > 0 && text[end - 1] != ')') end--;
	if (end == 0 || (size_t)n < end + 4) return false;
	*state = text[end + 1];
	return bfs_text_u64(text + end + 3, parent, NULL);
}

bool bfs_proc_in_tree(uint64_t pid) {
	struct bfs_kstat pool = { 0 }, theirs = { 0 }; /* a filter of the program's may answer for the kernel: what was not filled in is no pool */
	if (pid == bfs_pool_supervisor()) return false;
	if (bfs_raw2(__NR_fstat, bfs_fd(BFS_FD_POOL), &pool) < 0) return false;
	char digits[24], fd[24], path[96];
	bfs_u64_text(fd, (uint64_t)bfs_fd(BFS_FD_POOL));
	for (int i = 0; i < PROCFS_MAX_ZOMBIE_CHAIN && pid != 0; i++) {
		bfs_u64_text(digits, pid);
		bfs_join(path, sizeof path, "/proc/", digits, "/fd/", fd, NULL);
		if (bfs_host_stat(AT_FDCWD, path, 0, &theirs) == 0) return theirs.st_ino != 0 && theirs.st_ino == pool.st_ino && theirs.st_dev == pool.st_dev;
		/* A zombie has no descriptors left; its parent, who waits for it, has. */
		char state;
		if (!procfs_stat(digits, &state, &pid) || (state != 'Z' && state != 'X')) return false;
	}
	return false;
}
