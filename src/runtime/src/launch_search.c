/* Finds the first program. */
#include "launch.h"

/* Tries CMD in the image, then on the host; with PATH where it has no slash. Returns only on failure, with the most telling errno. */
long bfs_launch_search(struct launch *l, const char *command, char **argv, uint64_t mask, bool host) {
	static char path[BFS_PATH_MAX];
	bool slash = false;
	for (const char *p = command; *p != 0; p++) slash = slash || *p == '/';
	if (slash) {
		const char *name = command;
		if (host && command[0] != '/') { /* the kernel's own directory is / by now */
			size_t at = strlen(l->cwd), len = strlen(command);
			if (at + len + 2 > sizeof path) return -ENAMETOOLONG;
			memcpy(path, l->cwd, at);
			path[at] = '/';
			memcpy(path + at + 1, command, len + 1);
			name = path;
		}
		return bfs_exec(AT_FDCWD, name, (uint64_t)argv, (uint64_t)l->stack.envp, 0, host, mask);
	}
	const char *dirs = bfs_env_get(l->stack.envp, "PATH");
	if (dirs == NULL || dirs[0] == 0) dirs = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	long worst = -ENOENT;
	size_t name_length = strlen(command);
	while (*dirs != 0) {
		const char *end = dirs;
		while (*end != 0 && *end != ':') end++;
		size_t len = (size_t)(end - dirs);
		if (len + name_length + 2 <= sizeof path) {
			memcpy(path, dirs, len);
			path[len] = '/';
			memcpy(path + len + (len > 0), command, name_length + 1);
			long rc = bfs_exec(AT_FDCWD, path, (uint64_t)argv, (uint64_t)l->stack.envp, 0, host, mask);
			if (rc != -ENOENT && rc != -ENOTDIR) worst = rc;
		}
		dirs = *end == ':' ? end + 1 : end;
	}
	return worst;
}
