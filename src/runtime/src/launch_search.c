/* Finds the first program. */
#include "launch.h"

/* Puts DIR[0..LEN), a slash and NAME (left out where it is "") into DST; on the host relative to where the launcher was started, for the kernel's own directory is / by now. An empty DIR is the
 * current directory (execvp). */
static bool search_join(char *dst, const struct launch *l, bool host, const char *dir, size_t len, const char *name) {
	size_t at = host && (len == 0 || dir[0] != '/') ? strlen(l->cwd) : 0, name_length = strlen(name);
	if (at + len + name_length + 3 > BFS_PATH_MAX) return false;
	memcpy(dst, l->cwd, at);
	if (at > 0) dst[at++] = '/';
	memcpy(dst + at, dir, len);
	at += len;
	if (len > 0 && name_length > 0) dst[at++] = '/';
	memcpy(dst + at, name, name_length + 1);
	return true;
}

/* A directory of PATH that may not be searched does not make a missing program a forbidden one. */
static bool search_exists(const char *path, bool host) {
	return (host ? bfs_raw3(__NR_faccessat, AT_FDCWD, path, 0) : bfs_syscall(__NR_faccessat, (uint64_t)AT_FDCWD, BFS_ARG(path), 0, 0, 0, 0)) == 0;
}

/* Tries CMD in the image, then on the host; with PATH where it has no slash. Returns only on failure, with the most telling errno. */
long bfs_launch_search(struct launch *l, const char *command, char **argv, uint64_t mask, bool host) {
	BFS_SELDOM static char path[BFS_PATH_MAX];
	bool slash = false;
	for (const char *p = command; *p != 0; p++) slash = slash || *p == '/';
	if (slash) {
		if (!search_join(path, l, host, command, strlen(command), "")) return -ENAMETOOLONG;
		return bfs_exec(AT_FDCWD, path, (uint64_t)argv, (uint64_t)l->stack.envp, 0, host, mask);
	}
	const char *dirs = bfs_env_get(l->stack.envp, "PATH");
	if (dirs == NULL || dirs[0] == 0) dirs = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	long worst = -ENOENT;
	for (;;) {
		const char *end = dirs;
		while (*end != 0 && *end != ':') end++;
		if (search_join(path, l, host, dirs, (size_t)(end - dirs), command)) {
			long rc = bfs_exec(AT_FDCWD, path, (uint64_t)argv, (uint64_t)l->stack.envp, 0, host, mask);
			if (rc != -ENOENT && rc != -ENOTDIR && (rc != -EACCES || search_exists(path, host))) worst = rc;
		}
		if (*end == 0) return worst;
		dirs = end + 1;
	}
}
