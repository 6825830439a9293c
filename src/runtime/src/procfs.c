/* /proc of the process tree: a provider over the host's /proc that shows the tree's own processes, harmless facts about the machine, and the runtime's own answers where the kernel's
 * would speak of the carrier or lead to the host. What is offered stands in procfs_entry.c. Also the few read-only places of /sys from which runtimes learn how many
 * processors and how much memory they may use; they are kernel interfaces, not files of the host, and are there in a hermetic tree too.
 */
#include "providers.h"

struct procfs_dirent64 {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

static const char *const procfs_sys[] = { "/sys/fs/cgroup", "/sys/devices/system/cpu", "/sys/devices/system/node", "/sys/kernel/mm/transparent_hugepage",
	"/sys/kernel/mm/hugepages" };

long bfs_procfs_setup(void) {
	long r = bfs_mount_add("/proc", "/proc", BFS_MOUNT_PROC | BFS_MOUNT_DIRECTORY);
	struct bfs_kstat st;
	for (size_t i = 0; r == 0 && i < sizeof procfs_sys / sizeof procfs_sys[0]; i++)
		if (bfs_host_stat(AT_FDCWD, procfs_sys[i], 0, &st) == 0 && BFS_S_TYPE(st.st_mode) == S_IFDIR)
			r = bfs_mount_add(procfs_sys[i], procfs_sys[i], BFS_MOUNT_DIRECTORY | BFS_MOUNT_READ_ONLY);
	return r;
}

static bool procfs_is_magic(enum bfs_proc_rule rule) {
	return rule == BFS_PROC_EXE || rule == BFS_PROC_CWD || rule == BFS_PROC_ROOT || rule == BFS_PROC_FD || rule == BFS_PROC_NS;
}

static bool procfs_read_only(enum bfs_proc_rule rule) { return rule != BFS_PROC_FILE && rule != BFS_PROC_PROGRAM && rule != BFS_PROC_TREE_RW; }

/* Classifies REL and asks the kernel about it; symlinks as they are, unless FOLLOW (a followed magic link). */
static long procfs_stat_rel(const char *rel, struct bfs_proc_entry *entry, bool follow, struct bfs_kstat *st) {
	char path[BFS_PATH_MAX];
	long r = bfs_proc_classify(rel, entry);
	if (r == 0) r = bfs_proc_host_path(rel, path, sizeof path);
	return r < 0 ? r : bfs_host_stat(AT_FDCWD, path, follow ? 0 : AT_SYMLINK_NOFOLLOW, st);
}

static long procfs_probe(uint32_t mount, const char *rel, uint32_t *mode, char *link, size_t link_size, size_t *link_len) {
	(void)mount;
	struct bfs_proc_entry entry;
	struct bfs_kstat st;
	*link_len = 0;
	long r = procfs_stat_rel(rel, &entry, false, &st);
	if (r < 0) return r;
	*mode = st.st_mode;
	if (link == NULL || BFS_S_TYPE(st.st_mode) != S_IFLNK) return 0;
	r = bfs_proc_link_text(rel, &entry, link, link_size);
	if (r < 0) return r;
	*link_len = (size_t)r;
	return procfs_is_magic(entry.rule) ? 1 : 0;
}

static long procfs_attr(const struct bfs_loc *loc, struct bfs_attr *out, uint64_t *st_dev) {
	struct bfs_proc_entry entry;
	char path[BFS_PATH_MAX];
	long r = bfs_proc_classify(loc->rel, &entry);
	if (r == 0) r = bfs_proc_host_path(loc->rel, path, sizeof path);
	return r < 0 ? r : bfs_host_attr(AT_FDCWD, path, loc->magic ? 0 : AT_SYMLINK_NOFOLLOW, out, st_dev);
}

/* What is told of the machine is the host's, of the tree's own processes it is not; their networks' is the machine's. */
static void procfs_log(const char *rel, const struct bfs_proc_entry *entry) {
	char path[BFS_PATH_MAX];
	if (entry->pid != 0 && entry->rule != BFS_PROC_TREE) return;
	if (bfs_proc_host_path(entry->pid == 0 ? rel : rel + strlen(entry->base) + 1, path, sizeof path) > 0) bfs_hostlog_path(path);
}

static long procfs_open(const struct bfs_loc *loc, uint32_t flags, uint32_t mode) {
	(void)mode;
	struct bfs_proc_entry entry;
	struct bfs_kstat st;
	long r = procfs_stat_rel(loc->rel, &entry, false, &st);
	if (r < 0) return r;
	if (loc->magic) return bfs_proc_open_target(loc->rel, &entry, flags);
	if ((flags & O_PATH) != 0) return bfs_ofd_open(loc, flags);
	if (BFS_S_TYPE(st.st_mode) == S_IFLNK) return -ELOOP;
	if (BFS_S_TYPE(st.st_mode) == S_IFDIR) return -EISDIR;
	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) return -EEXIST;
	if ((flags & O_DIRECTORY) != 0) return -ENOTDIR;
	if (procfs_read_only(entry.rule) && (flags & O_ACCMODE) != O_RDONLY) return -EACCES;
	bool own_text = entry.rule == BFS_PROC_MAPS || entry.rule == BFS_PROC_AUXV || entry.rule == BFS_PROC_MOUNTS || entry.rule == BFS_PROC_MOUNTINFO ||
			(entry.rule == BFS_PROC_PROGRAM && (flags & O_ACCMODE) == O_RDONLY && bfs_proc_loading(&entry));
	if (own_text || (entry.rule == BFS_PROC_FDINFO && bfs_proc_fd_ofd(&entry) != NULL)) return bfs_proc_open_text(loc->rel, &entry, flags);
	char path[BFS_PATH_MAX];
	r = bfs_proc_host_path(loc->rel, path, sizeof path);
	if (r < 0) return r;
	procfs_log(loc->rel, &entry);
	return bfs_raw4(__NR_openat, AT_FDCWD, path, (flags & ~(uint32_t)(O_CREAT | O_EXCL)) | O_NOFOLLOW, 0);
}

/* Whether entry NAME of directory REL is shown. OWN_FD is the descriptor that reads the directory, which may find itself. */
static bool procfs_shown(const char *rel, const char *name, long own_fd, uint64_t self) {
	char child[BFS_PATH_MAX];
	struct bfs_proc_entry entry;
	if (bfs_str_eq(name, ".") || bfs_str_eq(name, "..")) return true;
	if (bfs_join(child, sizeof child, rel, rel[0] == '\0' ? "" : "/", name, NULL) < 0 || bfs_proc_classify(child, &entry) < 0) return false;
	bool descriptor = entry.rule == BFS_PROC_FD || entry.rule == BFS_PROC_FDINFO;
	return !descriptor || entry.pid != self || entry.fd != (uint64_t)own_fd;
}

/* Fills DST (in the runtime's memory) with the next entries that are shown: at least one, or 0 at the end. */
static long procfs_scan(const char *rel, uint64_t *cookie, uint8_t *dst, size_t size, bool one) {
	char path[BFS_PATH_MAX];
	struct bfs_proc_entry entry;
	long r = bfs_proc_classify(rel, &entry);
	if (r == 0) r = bfs_proc_host_path(rel, path, sizeof path);
	if (r < 0) return r;
	bool filter = entry.rule == BFS_PROC_FILTER;
	uint64_t self = filter ? bfs_proc_self_pid() : 0;
	long fd = bfs_raw4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0);
	if (fd < 0) return fd;
	long kept = 0;
	if (*cookie != 0) r = bfs_raw3(__NR_lseek, fd, *cookie, 0);
	while (r >= 0 && kept == 0) {
		r = bfs_raw3(__NR_getdents64, fd, dst, size);
		if (r <= 0) break;
		for (long at = 0; at < r && !(one && kept != 0);) {
			const struct procfs_dirent64 *d = (const struct procfs_dirent64 *)(dst + at);
			uint16_t reclen = d->reclen;
			*cookie = (uint64_t)d->off;
			if (!filter || procfs_shown(rel, d->name, fd, self)) {
				memmove(dst + kept, dst + at, reclen);
				kept += reclen;
			}
			at += reclen;
		}
	}
	bfs_host_close(fd);
	return r < 0 ? r : kept;
}

static long procfs_getdents(const struct bfs_loc *loc, uint64_t *cookie, void *user_dst, size_t size) {
	uint8_t buffer[2048] __attribute__((aligned(8)));
	uint64_t next = *cookie;
	long n = procfs_scan(loc->rel, &next, buffer, BFS_MIN(size, sizeof buffer), false);
	if (n < 0) return n;
	long r = bfs_copy_out(user_dst, buffer, (size_t)n);
	if (r < 0) return r;
	*cookie = next;
	return n;
}

static long procfs_readdir(const struct bfs_loc *loc, uint64_t *cookie, struct bfs_dirent *out) {
	uint8_t buffer[320] __attribute__((aligned(8)));
	long n = procfs_scan(loc->rel, cookie, buffer, sizeof buffer, true);
	if (n <= 0) return n;
	const struct procfs_dirent64 *d = (const struct procfs_dirent64 *)buffer;
	size_t len = strlen(d->name);
	*out = (struct bfs_dirent){ .ino = d->ino, .cookie = (uint64_t)d->off, .type = d->type, .name_len = (uint8_t)len };
	memcpy(out->name, d->name, len);
	return 1;
}

static long procfs_readlink(const struct bfs_loc *loc, char *dst, size_t size) {
	char text[BFS_PATH_MAX];
	struct bfs_proc_entry entry;
	struct bfs_kstat st;
	long r = procfs_stat_rel(loc->rel, &entry, false, &st);
	if (r < 0) return r;
	if (BFS_S_TYPE(st.st_mode) != S_IFLNK) return -EINVAL;
	r = bfs_proc_link_text(loc->rel, &entry, text, sizeof text);
	if (r > 0) memcpy(dst, text, BFS_MIN((size_t)r, size));
	return r < 0 ? r : BFS_MIN(r, (long)size);
}

static long procfs_access(const struct bfs_loc *loc, uint32_t mask, bool effective) {
	struct bfs_proc_entry entry;
	struct bfs_kstat st;
	char path[BFS_PATH_MAX];
	long r = procfs_stat_rel(loc->rel, &entry, loc->magic, &st);
	if (r == 0) r = bfs_proc_host_path(loc->rel, path, sizeof path);
	if (r < 0) return r;
	if (BFS_S_TYPE(st.st_mode) == S_IFLNK) return 0;
	if ((mask & 2u) != 0 && !loc->magic && procfs_read_only(entry.rule)) return -EACCES;
	return bfs_host_access(AT_FDCWD, path, mask, effective, 0);
}

/* Synthesised texts are overlay files, so a placeholder of this kind is a directory or was opened with O_PATH. */
static long procfs_read(struct bfs_ofd *ofd, void *user_dst, size_t size, uint64_t offset) {
	(void)ofd, (void)user_dst, (void)size, (void)offset;
	return -EISDIR;
}

static long procfs_change(long nr, const struct bfs_loc *loc, struct bfs_call *c) {
	struct bfs_proc_entry entry;
	struct bfs_kstat st;
	char path[BFS_PATH_MAX];
	long r = procfs_stat_rel(loc->rel, &entry, loc->magic, &st);
	bool make = nr == __NR_mkdirat || nr == __NR_mknodat || nr == __NR_symlinkat;
	if (r < 0) return make && r == -ENOENT ? -EPERM : r;
	if (make) return -EEXIST;
	if (nr == __NR_unlinkat) return loc->rel[0] == '\0' ? -EBUSY : -EPERM;
	if (nr == __NR_chdir) return BFS_S_TYPE(st.st_mode) == S_IFDIR ? 0 : -ENOTDIR;
	r = bfs_proc_host_path(loc->rel, path, sizeof path);
	if (r < 0) return r;
	/* A descriptor's own file may be changed through its link, as fchmod would; entries of /proc may not. */
	if (nr != __NR_statfs && !(loc->magic && entry.rule == BFS_PROC_FD))
		return nr == __NR_fchmodat || nr == __NR_fchownat || nr == __NR_utimensat || nr == __NR_truncate ? -EPERM : -EOPNOTSUPP;
	if (nr == __NR_truncate) {
		/* Not by the link's text: the descriptor that it opens says whether it may be written. */
		long fd = bfs_proc_open_target(loc->rel, &entry, O_WRONLY | O_CLOEXEC);
		if (fd < 0) return fd;
		r = bfs_raw2(__NR_ftruncate, fd, c->a[1]);
		bfs_host_close(fd);
		return r;
	}
	return bfs_host_change_path(nr, path, c);
}

static long procfs_change2(long nr, const struct bfs_loc *from, const struct bfs_loc *to, struct bfs_call *c) {
	if (to->kind == BFS_LOC_HOST) return bfs_hostfs_change2(nr, from, to, c);
	return nr == __NR_linkat && from->kind != to->kind ? -EXDEV : -EPERM;
}

const struct bfs_provider bfs_procfs = {
	.probe = procfs_probe,
	.attr = procfs_attr,
	.open = procfs_open,
	.readdir = procfs_readdir,
	.getdents = procfs_getdents,
	.readlink = procfs_readlink,
	.access = procfs_access,
	.read = procfs_read,
	.change = procfs_change,
	.change2 = procfs_change2,
};
