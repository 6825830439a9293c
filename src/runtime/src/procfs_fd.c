/* Magic links of /proc: descriptors, exe, cwd, root and namespaces. Their targets are never reached through the kernel's own link where that could lead to a file of the host that the
 * tree was not given: a placeholder stands for its node, exe, cwd and root for the virtual ones; what is left are pipes, sockets, terminals and files of the kernel's own descriptors.
 */
#include "ops.h"
#include "providers.h"

/* The decimal or octal number after KEY in /proc/PID/fdinfo/N. */
static bool procfs_fdinfo_number(const char *text, const char *key, uint64_t base, uint64_t *out) {
	for (const char *line = text; *line != '\0';) {
		if (bfs_starts_with(line, key)) {
			const char *p = line + strlen(key);
			while (*p == '\t' || *p == ' ') p++;
			uint64_t value = 0;
			for (; *p >= '0' && *p <= '9'; p++) value = value * base + (uint64_t)(*p - '0');
			*out = value;
			return true;
		}
		while (*line != '\0' && *line++ != '\n')
			;
	}
	return false;
}

static long procfs_fdinfo(const struct bfs_proc_entry *entry, char *text, size_t size) {
	char digits[24], path[96];
	bfs_u64_text(digits, entry->fd);
	bfs_join(path, sizeof path, "/proc/", entry->base, "/fdinfo/", digits, NULL);
	long fd = bfs_raw4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
	if (fd < 0) return fd;
	long n = bfs_raw3(__NR_read, fd, text, size - 1);
	bfs_host_close(fd);
	if (n >= 0) text[n] = '\0';
	return n;
}

struct bfs_ofd *bfs_proc_fd_ofd(const struct bfs_proc_entry *entry) {
	if (entry->pid == bfs_proc_self_pid()) return bfs_ofd_of((int)entry->fd, NULL);
	/* Another process of the tree: its descriptor says by its inode that it is a placeholder, and by its position which one; the entry lies in the pool that we share. */
	char digits[24], path[96], text[1024];
	struct bfs_kstat st;
	bfs_u64_text(digits, entry->fd);
	bfs_join(path, sizeof path, "/proc/", entry->base, "/fd/", digits, NULL);
	if (bfs_host_stat(AT_FDCWD, path, 0, &st) < 0 || !bfs_placeholder_is(st.st_dev, st.st_ino)) return NULL;
	uint64_t pos;
	if (procfs_fdinfo(entry, text, sizeof text) < 0 || !procfs_fdinfo_number(text, "pos:", 10, &pos) || (pos & BFS_OFD_MAGIC_MASK) != BFS_OFD_MAGIC)
		return NULL;
	return bfs_ofd_at((uint32_t)pos);
}

static struct bfs_ofd *procfs_reserved_ofd(const struct bfs_proc_entry *entry, int which) {
	struct bfs_proc_entry reserved = *entry;
	reserved.fd = (uint32_t)bfs_fd(which);
	return bfs_proc_fd_ofd(&reserved);
}

static long procfs_kernel_text(const char *rel, char *dst, size_t size) {
	char path[BFS_PATH_MAX];
	long r = bfs_proc_host_path(rel, path, sizeof path);
	if (r < 0) return r;
	r = bfs_raw4(__NR_readlinkat, AT_FDCWD, path, dst, size);
	if (r < 0) return r;
	if ((size_t)r >= size) return -ENAMETOOLONG;
	dst[r] = '\0';
	return r;
}

long bfs_proc_link_text(const char *rel, const struct bfs_proc_entry *entry, char *dst, size_t size) {
	struct bfs_ofd *ofd = NULL;
	char digits[24], own[80];
	switch (entry->rule) {
	case BFS_PROC_ROOT: return bfs_join(dst, size, "/", NULL);
	case BFS_PROC_EXE: {
		if (entry->pid == bfs_proc_self_pid()) return bfs_proc_exe(dst, size);
		long loading = bfs_proc_loading_exe(entry, dst, size);
		if (loading != -ENOENT) return loading;
		ofd = procfs_reserved_ofd(entry, BFS_FD_EXEC);
		if (ofd != NULL) return bfs_ofd_path(ofd, dst, size);
		bfs_u64_text(digits, (uint64_t)bfs_fd(BFS_FD_EXEC)); /* a program of the host or of a volume */
		bfs_join(own, sizeof own, entry->base, "/fd/", digits, NULL);
		rel = own;
		break;
	}
	case BFS_PROC_CWD: ofd = procfs_reserved_ofd(entry, BFS_FD_CWD); return ofd == NULL ? -ENOENT : bfs_ofd_path(ofd, dst, size);
	case BFS_PROC_FD:
		ofd = bfs_proc_fd_ofd(entry);
		if (ofd != NULL) return bfs_ofd_path(ofd, dst, size);
		break;
	default: break;
	}
	char text[BFS_PATH_MAX];
	long r = procfs_kernel_text(rel, text, sizeof text);
	if (r < 0) return r;
	if (text[0] == '/') {
		long guest = bfs_mount_guest_path(text, dst, size);
		if (guest != -ENOENT) return guest;
	}
	return bfs_join(dst, size, text, NULL);
}

/* A kernel object is the end of a walk: LOC keeps the link, marked as followed. */
static long procfs_follow_kernel(uint32_t mount, const char *rel, struct bfs_loc *loc) {
	char path[BFS_PATH_MAX];
	struct bfs_kstat st;
	long r = bfs_proc_host_path(rel, path, sizeof path);
	if (r >= 0) r = bfs_host_stat(AT_FDCWD, path, 0, &st);
	if (r < 0) return r;
	if (BFS_S_TYPE(st.st_mode) == S_IFIFO && bfs_fifo_of(st.st_dev, st.st_ino, loc)) return 0;
	if (BFS_S_TYPE(st.st_mode) == S_IFDIR) return -EACCES; /* a directory of the host that somebody sent here would be a door to all of it */
	size_t len = strlen(rel);
	memmove(loc->rel, rel, len + 1); /* REL may be LOC's own */
	loc->kind = BFS_LOC_PROC;
	loc->node = loc->parent = 0;
	loc->mount = mount;
	loc->magic = true;
	loc->last_is_dot = false;
	loc->name_len = 0;
	loc->name[0] = '\0';
	return 1;
}

static void procfs_loc_root(struct bfs_loc *loc) {
	loc->kind = BFS_LOC_NODE;
	loc->node = bfs_node_root();
	loc->parent = 0;
	loc->mount = 0;
	loc->magic = false;
	loc->last_is_dot = false;
	loc->name_len = 0;
	loc->name[0] = loc->rel[0] = '\0';
}

long bfs_procfs_follow(uint32_t mount, const char *rel, struct bfs_loc *loc) {
	struct bfs_proc_entry entry;
	long r = bfs_proc_classify(rel, &entry);
	if (r < 0) return r;
	struct bfs_ofd *ofd = NULL;
	switch (entry.rule) {
	case BFS_PROC_ROOT: procfs_loc_root(loc); return 0;
	case BFS_PROC_EXE: {
		char path[BFS_PATH_MAX];
		ofd = bfs_proc_loading(&entry) ? NULL : procfs_reserved_ofd(&entry, BFS_FD_EXEC);
		if (ofd != NULL) return bfs_ofd_loc(ofd, loc);
		/* A program of the host or of a volume, or one that is being loaded. A magic link put in its place must not lead here again. */
		r = bfs_proc_link_text(rel, &entry, path, sizeof path);
		return r < 0 ? r : bfs_walk(AT_FDCWD, path, BFS_WALK_FOLLOW | BFS_WALK_NO_MAGICLINKS, loc);
	}
	case BFS_PROC_CWD: ofd = procfs_reserved_ofd(&entry, BFS_FD_CWD); return ofd == NULL ? -ENOENT : bfs_ofd_loc(ofd, loc);
	case BFS_PROC_FD: ofd = bfs_proc_fd_ofd(&entry); return ofd != NULL ? bfs_ofd_loc(ofd, loc) : procfs_follow_kernel(mount, rel, loc);
	case BFS_PROC_NS: return procfs_follow_kernel(mount, rel, loc);
	default: return -EINVAL;
	}
}

/* A regular file of the host that lies below no mount was inherited at the start, or lent while the program was loaded: it is opened again for no more than it is open for. */
static long procfs_reopen_allowed(const char *rel, const struct bfs_proc_entry *entry, uint32_t flags) {
	char text[BFS_PATH_MAX], guest[BFS_PATH_MAX];
	long r = procfs_kernel_text(rel, text, sizeof text);
	if (r < 0) return r;
	if (text[0] != '/' || bfs_starts_with(text, "/memfd:") || bfs_mount_guest_path(text, guest, sizeof guest) > 0) return 0;
	uint64_t open_flags;
	if (procfs_fdinfo(entry, text, sizeof text) < 0 || !procfs_fdinfo_number(text, "flags:", 8, &open_flags) || (open_flags & O_PATH) != 0) return -EACCES;
	uint32_t have = (uint32_t)open_flags & O_ACCMODE, want = flags & O_ACCMODE;
	if ((flags & O_TRUNC) != 0 && have == O_RDONLY) return -EACCES;
	return have == want || have == O_RDWR ? 0 : -EACCES;
}

static bool procfs_is_mount_namespace(const char *rel) {
	size_t n = strlen(rel);
	return n > 4 && bfs_str_eq(rel + n - 4, "/mnt");
}

long bfs_proc_open_target(const char *rel, const struct bfs_proc_entry *entry, uint32_t flags) {
	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) return -EEXIST;
	char path[BFS_PATH_MAX];
	struct bfs_kstat st;
	long r = bfs_proc_host_path(rel, path, sizeof path);
	if (r >= 0) r = bfs_host_stat(AT_FDCWD, path, 0, &st);
	if (r < 0) return r;
	if (BFS_S_TYPE(st.st_mode) == S_IFDIR || (entry->rule == BFS_PROC_NS && procfs_is_mount_namespace(rel))) return -EACCES;
	if (entry->rule == BFS_PROC_FD && BFS_S_TYPE(st.st_mode) == S_IFREG && (flags & O_PATH) == 0) {
		r = procfs_reopen_allowed(rel, entry, flags);
		if (r < 0) return r;
	}
	return bfs_raw4(__NR_openat, AT_FDCWD, path, flags & ~(uint32_t)(O_CREAT | O_EXCL | O_NOFOLLOW), 0);
}
