/* The host's directory that an export becomes: looked at before the run; written under a name of its own beside it, which takes its place when all is there, and removed where not. */
#include "export.h"

#include "pool.h"
#include "providers.h"

static long export_discard(int fd, const char *name);

/* One batch of the entries of directory DIR removed. False where there is none left. */
static bool export_discard_some(int dir) {
	_Alignas(8) uint8_t buffer[4096];
	bool any = false;
	bfs_raw3(__NR_lseek, dir, 0, 0);
	long n = bfs_raw3(__NR_getdents64, dir, buffer, sizeof buffer);
	for (long at = 0; at < n;) {
		const char *name = (const char *)buffer + at + 19; /* struct linux_dirent64: ino, off, reclen, type, name */
		uint16_t reclen;
		memcpy(&reclen, buffer + at + 16, sizeof reclen);
		at += reclen;
		if (bfs_str_eq(name, ".") || bfs_str_eq(name, "..")) continue;
		long r = bfs_raw3(__NR_unlinkat, dir, name, 0);
		if (r == -EISDIR) r = export_discard(dir, name);
		any |= r == 0;
	}
	return any;
}

/* Removes what a failed export wrote: NAME in the host's directory FD. Nobody else knows it yet. */
static long export_discard(int fd, const char *name) {
	long dir = bfs_raw4(__NR_openat, fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (dir >= 0) bfs_raw2(__NR_fchmod, dir, 0700);
	while (dir >= 0 && export_discard_some((int)dir)) {}
	bfs_host_close(dir);
	return bfs_raw3(__NR_unlinkat, fd, name, AT_REMOVEDIR);
}

static bool export_is_empty(int dir) {
	uint8_t buffer[128];
	long n = bfs_raw3(__NR_getdents64, dir, buffer, sizeof buffer);
	return n <= 48; /* . and .. take 24 bytes each */
}

/* Some file systems refuse whiteouts (overlayfs, where they are its own): better to say so before the run than after it. */
static long export_try_whiteout(int dir) {
	char name[48] = ".binaryfs-whiteout-";
	uint64_t number = 0;
	bfs_raw3(__NR_getrandom, &number, sizeof number, 0);
	bfs_u64_text(name + strlen(name), number);
	long r = bfs_raw4(__NR_mknodat, dir, name, S_IFCHR, 0);
	if (r == 0) bfs_raw3(__NR_unlinkat, dir, name, 0);
	return r;
}

long bfs_export_open(const char *path, struct bfs_export_target *target) {
	char parent[BFS_PATH_MAX];
	size_t len = strlen(path), at;
	while (len > 1 && path[len - 1] == '/') len--;
	for (at = len; at > 0 && path[at - 1] != '/';) at--;
	if (len >= sizeof parent || len - at > BFS_NAME_MAX - 32) return -ENAMETOOLONG;
	memcpy(target->name, path + at, len - at);
	target->name[len - at] = '\0';
	if (target->name[0] == '\0' || bfs_str_eq(target->name, ".") || bfs_str_eq(target->name, "..")) return -EINVAL;
	memcpy(parent, path, at);
	parent[at] = '\0';
	long fd = bfs_raw4(__NR_openat, AT_FDCWD, at == 0 ? "." : parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0) return fd;
	target->parent = (int)fd;
	long dir = bfs_raw4(__NR_openat, fd, target->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (dir >= 0 && !export_is_empty((int)dir)) return -ENOTEMPTY;
	bfs_host_close(dir);
	if (dir < 0 && dir != -ENOENT) return dir == -ELOOP ? -ENOTDIR : dir;
	long r = bfs_raw3(__NR_faccessat, fd, ".", 2 | 1);
	return r < 0 ? r : export_try_whiteout((int)fd);
}

long bfs_export(const struct bfs_export_target *target, char *where, size_t where_size) {
	char name[BFS_NAME_MAX + 1] = ".";
	bfs_join(name, sizeof name, ".", target->name, ".binaryfs-", NULL);
	size_t len = strlen(name);
	long r = -EEXIST;
	for (int attempt = 0; attempt < 16 && r == -EEXIST; attempt++) { /* a killed one may have left its own */
		uint64_t number = 0;
		bfs_raw3(__NR_getrandom, &number, sizeof number, 0);
		bfs_u64_text(name + len, number);
		r = bfs_raw3(__NR_mkdirat, target->parent, name, 0700);
	}
	long fd = r < 0 ? r : bfs_raw4(__NR_openat, target->parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0) return fd;
	bfs_pool_lock(); /* what a killed process left half done is put right */
	bfs_pool_unlock();
	r = bfs_export_difference((int)fd, where, where_size);
	bfs_host_close(fd);
	if (r == 0) r = bfs_raw4(__NR_renameat, target->parent, name, target->parent, target->name);
	if (r < 0) export_discard(target->parent, name);
	return r;
}
