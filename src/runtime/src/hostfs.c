/* Host paths and volumes: the provider for places of the host that the image lets through. Nothing is cached: every use resolves the host path anew, so a file that the
 * host replaces (a resolv.conf renamed into place) or that appears later is seen at once. Permissions are the kernel's own.
 *
 * A directory of the host never becomes a descriptor of the program: descriptors of directories are placeholders, and their entries are read through short-lived ones.
 * On file systems whose directory positions are plain ordinals (overlayfs merged directories, tmpfs before Linux 6.6) entries removed between two reads of one listing
 * can make the second skip others, which POSIX leaves unspecified there.
 */
#include "providers.h"

#include <linux/inotify.h>

#define HOSTFS_AT_EMPTY_PATH 0x1000u
#define HOSTFS_DT_DIR 4u
#define HOSTFS_DT_REG 8u
/* Entries for mounts that the host's own directory lacks come last. No file system uses these positions: ext4's largest hash is 0x7FFFFFFE_…, its end 2^63 − 1. */
#define HOSTFS_NESTED_COOKIE 0x7FFFFFFF42460000ull

struct hostfs_dirent64 {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

static long hostfs_probe(uint32_t mount, const char *rel, uint32_t *mode, char *link, size_t link_size, size_t *link_len) {
	struct bfs_kstat st;
	*link_len = 0;
	if (rel[0] == '\0') {
		long r = bfs_host_stat(AT_FDCWD, bfs_pool_text(bfs_mount_get(mount)->host), 0, &st);
		if (r == 0) *mode = st.st_mode;
		return r;
	}
	long fd = bfs_hostfs_node(mount, rel);
	if (fd < 0) return fd;
	long r = bfs_host_stat((int)fd, "", HOSTFS_AT_EMPTY_PATH, &st);
	if (r == 0) {
		*mode = st.st_mode;
		if (link != NULL && BFS_S_TYPE(st.st_mode) == S_IFLNK) {
			r = bfs_raw4(__NR_readlinkat, fd, "", link, link_size);
			if (r >= 0 && (size_t)r >= link_size) r = -ENAMETOOLONG;
			if (r >= 0) {
				link[r] = '\0';
				*link_len = (size_t)r;
				r = 0;
			}
		}
	}
	bfs_host_close(fd);
	return r;
}

static long hostfs_attr(const struct bfs_loc *loc, struct bfs_attr *out, uint64_t *st_dev) {
	bfs_hostlog_mount(loc->mount, loc->rel);
	if (loc->rel[0] == '\0') return bfs_host_attr(AT_FDCWD, bfs_pool_text(bfs_mount_get(loc->mount)->host), 0, out, st_dev);
	long fd = bfs_hostfs_node(loc->mount, loc->rel);
	if (fd < 0) return fd;
	long r = bfs_host_attr((int)fd, "", HOSTFS_AT_EMPTY_PATH, out, st_dev);
	bfs_host_close(fd);
	return r;
}

bool bfs_hostfs_no_device(const struct bfs_loc *loc, uint32_t mode) {
	return loc->rel[0] != '\0' && bfs_mount_get(loc->mount)->volume && (BFS_S_TYPE(mode) == S_IFCHR || BFS_S_TYPE(mode) == S_IFBLK);
}

static long hostfs_open(const struct bfs_loc *loc, uint32_t flags, uint32_t mode) {
	bool read_only = bfs_mount_get(loc->mount)->read_only;
	if (read_only && (flags & O_PATH) == 0 && ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0 || (flags & __O_TMPFILE) != 0)) return -EROFS;
	if (read_only) flags &= ~(uint32_t)(O_CREAT | O_EXCL);
	bfs_hostlog_mount(loc->mount, loc->rel);
	long fd = bfs_hostfs_open_at(loc->mount, loc->rel, flags, mode);
	if (fd < 0) return fd;
	/* The walk saw no directory here, but the host may have put one in the meantime. */
	struct bfs_kstat st;
	long r = bfs_host_stat((int)fd, "", HOSTFS_AT_EMPTY_PATH, &st);
	if (r == 0 && BFS_S_TYPE(st.st_mode) == S_IFDIR) r = -EISDIR;
	if (r == 0 && (flags & O_PATH) == 0 && bfs_hostfs_no_device(loc, st.st_mode)) r = -EACCES;
	if (r < 0) {
		bfs_host_close(fd);
		return r;
	}
	return fd;
}

/* The directory for one read of its entries, standing at COOKIE. */
static long hostfs_list_open(const struct bfs_loc *loc, uint64_t cookie) {
	long fd = bfs_hostfs_open_at(loc->mount, loc->rel, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0 || cookie == 0) return fd;
	long r = bfs_raw3(__NR_lseek, fd, cookie, 0);
	if (r >= 0) return fd;
	bfs_host_close(fd);
	return r;
}

/* Name of mount INDEX where it lies directly in directory LOC, else NULL. */
static const char *hostfs_nested_name(const struct bfs_loc *loc, uint32_t index) {
	if (index == loc->mount) return NULL;
	const char *guest = bfs_pool_text(bfs_mount_get(index)->guest);
	const char *parts[2] = { bfs_pool_text(bfs_mount_get(loc->mount)->guest), loc->rel };
	for (int i = 0; i < 2; i++) {
		if (parts[i][0] == '\0') continue;
		if (!bfs_starts_with(guest, parts[i])) return NULL;
		guest += strlen(parts[i]);
		if (*guest++ != '/') return NULL;
	}
	for (const char *p = guest; *p != '\0'; p++)
		if (*p == '/') return NULL;
	return *guest != '\0' ? guest : NULL;
}

/* Entries for mounts that stand in this directory though the host has nothing of that name. */
static long hostfs_nested_entry(const struct bfs_loc *loc, uint64_t *cookie, struct bfs_dirent *out) {
	uint32_t first = *cookie < HOSTFS_NESTED_COOKIE ? 0 : (uint32_t)(*cookie - HOSTFS_NESTED_COOKIE);
	for (uint32_t i = first; i < bfs_mount_count(); i++) {
		const char *name = hostfs_nested_name(loc, i);
		if (name == NULL) continue;
		char rel[BFS_PATH_MAX];
		struct bfs_host_at at;
		struct bfs_kstat st;
		if (bfs_join(rel, sizeof rel, loc->rel, loc->rel[0] == '\0' ? "" : "/", name, NULL) < 0 || bfs_hostfs_enter(loc->mount, rel, &at) < 0) continue;
		long there = bfs_host_stat(at.dirfd, at.name, AT_SYMLINK_NOFOLLOW, &st);
		bfs_hostfs_leave(&at);
		size_t len = strlen(name);
		if (there == 0 || len > BFS_NAME_MAX) continue;
		*out = (struct bfs_dirent){ .ino = 1, .type = bfs_mount_get(i)->directory ? HOSTFS_DT_DIR : HOSTFS_DT_REG, .name_len = (uint8_t)len };
		memcpy(out->name, name, len);
		*cookie = out->cookie = HOSTFS_NESTED_COOKIE + i + 1;
		return 1;
	}
	return 0;
}

static long hostfs_readdir(const struct bfs_loc *loc, uint64_t *cookie, struct bfs_dirent *out) {
	bool nested = bfs_mount_get(loc->mount)->has_nested;
	if (*cookie == 0) bfs_hostlog_mount(loc->mount, loc->rel);
	if (nested && *cookie >= HOSTFS_NESTED_COOKIE) return hostfs_nested_entry(loc, cookie, out);
	uint8_t buffer[320] __attribute__((aligned(8))); /* holds at least one entry of 255 bytes */
	long fd = hostfs_list_open(loc, *cookie);
	if (fd < 0) return fd;
	long n = bfs_raw3(__NR_getdents64, fd, buffer, sizeof buffer);
	bfs_host_close(fd);
	if (n == 0 && nested) return hostfs_nested_entry(loc, cookie, out);
	if (n <= 0) return n;
	const struct hostfs_dirent64 *entry = (const struct hostfs_dirent64 *)buffer;
	size_t len = strlen(entry->name);
	*out = (struct bfs_dirent){ .ino = entry->ino, .cookie = (uint64_t)entry->off, .type = entry->type, .name_len = (uint8_t)len };
	memcpy(out->name, entry->name, len);
	*cookie = out->cookie;
	return 1;
}

static long hostfs_getdents(const struct bfs_loc *loc, uint64_t *cookie, void *user_dst, size_t size) {
	if (bfs_mount_get(loc->mount)->has_nested) return -EOPNOTSUPP;
	if (*cookie == 0) bfs_hostlog_mount(loc->mount, loc->rel);
	long fd = hostfs_list_open(loc, *cookie);
	if (fd < 0) return fd;
	long n = bfs_raw3(__NR_getdents64, fd, user_dst, BFS_MIN(size, 0x7FFFFFFFu));
	if (n > 0) {
		long next = bfs_raw3(__NR_lseek, fd, 0, 1);
		if (next >= 0)
			*cookie = (uint64_t)next;
		else
			n = next;
	}
	bfs_host_close(fd);
	return n;
}

static long hostfs_readlink(const struct bfs_loc *loc, char *dst, size_t size) {
	bfs_hostlog_mount(loc->mount, loc->rel);
	if (loc->rel[0] == '\0') return -EINVAL; /* the mount itself stands for what the declared path leads to */
	long fd = bfs_hostfs_node(loc->mount, loc->rel);
	if (fd < 0) return fd;
	long r = bfs_raw4(__NR_readlinkat, fd, "", dst, size);
	bfs_host_close(fd);
	return r == -ENOENT ? -EINVAL : r; /* what the kernel says of an O_PATH descriptor that is no symlink */
}

static long hostfs_access(const struct bfs_loc *loc, uint32_t mask, bool effective) {
	if ((mask & 2u) != 0 && bfs_mount_get(loc->mount)->read_only) return -EROFS;
	bfs_hostlog_mount(loc->mount, loc->rel);
	if (loc->rel[0] == '\0') return bfs_host_access(AT_FDCWD, bfs_pool_text(bfs_mount_get(loc->mount)->host), mask, effective, 0);
	long fd = bfs_hostfs_node(loc->mount, loc->rel);
	if (fd < 0) return fd;
	long r = bfs_host_access((int)fd, "", mask, effective, HOSTFS_AT_EMPTY_PATH);
	bfs_host_close(fd);
	return r;
}

static long hostfs_watch(const struct bfs_loc *loc, int fd, uint32_t mask) {
	char path[40] = "/proc/self/fd/";
	bfs_hostlog_mount(loc->mount, loc->rel);
	long place = bfs_hostfs_open_at(loc->mount, loc->rel, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	if (place < 0) return place;
	bfs_u64_text(path + strlen(path), (uint64_t)place);
	long r = bfs_raw3(__NR_inotify_add_watch, fd, path, mask & ~(uint32_t)IN_DONT_FOLLOW);
	bfs_host_close(place);
	return r;
}

/* Host files are the kernel's own descriptors: only directories are placeholders here. */
static long hostfs_read(struct bfs_ofd *ofd, void *user_dst, size_t size, uint64_t offset) {
	(void)ofd, (void)user_dst, (void)size, (void)offset;
	return -EISDIR;
}

const struct bfs_provider bfs_hostfs = {
	.probe = hostfs_probe,
	.attr = hostfs_attr,
	.open = hostfs_open,
	.readdir = hostfs_readdir,
	.getdents = hostfs_getdents,
	.readlink = hostfs_readlink,
	.access = hostfs_access,
	.read = hostfs_read,
	.change = bfs_hostfs_change,
	.watch = hostfs_watch,
	.change2 = bfs_hostfs_change2,
};
