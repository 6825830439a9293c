/* The minimal /dev, and /tmp: what programs take for granted whatever the image holds. The devices are single-file mounts of the host's, so that stat, fstat and open agree and the
 * kernel decides who may; a device that the host lacks is absent. /dev/shm and /tmp are directories of the overlay, shared by the process tree.
 */
#include "providers.h"

#define DEVFS_RDEV(major, minor) (((uint64_t)(major) << 8) | (minor))

static const struct devfs_device {
	const char *path;
	uint64_t rdev;
} devfs_devices[] = {
	{ "/dev/null", DEVFS_RDEV(1, 3) },
	{ "/dev/zero", DEVFS_RDEV(1, 5) },
	{ "/dev/full", DEVFS_RDEV(1, 7) },
	{ "/dev/random", DEVFS_RDEV(1, 8) },
	{ "/dev/urandom", DEVFS_RDEV(1, 9) },
	{ "/dev/tty", DEVFS_RDEV(5, 0) },
	{ "/dev/ptmx", DEVFS_RDEV(5, 2) },
};
static const struct devfs_link {
	const char *name, *body;
} devfs_links[] = {
	{ "fd", "/proc/self/fd" },
	{ "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" },
};
#define DEVFS_COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool devfs_is(const struct bfs_kstat *st, const struct devfs_device *device) {
	return BFS_S_TYPE(st->st_mode) == S_IFCHR && st->st_rdev == device->rdev;
}

/* Directory NAME in DIR that everybody may write to, unless the image has something of that name. */
static long devfs_shared_directory(bfs_node dir, const char *name) {
	struct bfs_new what = { .mode = S_IFDIR | 01777, .uid = bfs_fs_uid(), .gid = bfs_fs_gid() };
	bfs_node node;
	long r = bfs_node_create(dir, name, strlen(name), &what, &node);
	return r == -EEXIST ? 0 : r;
}

static long devfs_make_links(bfs_node dev) {
	for (size_t i = 0; i < DEVFS_COUNT(devfs_links); i++) {
		const struct devfs_link *link = &devfs_links[i];
		struct bfs_new what = {
			.mode = S_IFLNK | 0777,
			.uid = bfs_fs_uid(),
			.gid = bfs_fs_gid(),
			.symlink = link->body,
			.symlink_len = strlen(link->body),
		};
		bfs_node node;
		long r = bfs_node_create(dev, link->name, strlen(link->name), &what, &node);
		if (r < 0 && r != -EEXIST) return r;
	}
	return 0;
}

long bfs_devfs_setup(void) {
	long r = devfs_shared_directory(bfs_node_root(), "tmp");
	if (r == 0) r = bfs_mount_directory("/dev");
	bfs_node dev;
	if (r == 0) r = bfs_node_lookup(bfs_node_root(), "dev", 3, &dev);
	struct bfs_kstat st;
	for (size_t i = 0; r == 0 && i < DEVFS_COUNT(devfs_devices); i++) {
		const char *path = devfs_devices[i].path;
		if (bfs_host_stat(AT_FDCWD, path, 0, &st) == 0 && devfs_is(&st, &devfs_devices[i])) r = bfs_mount_add(path, path, 0);
	}
	/* Terminals that /dev/ptmx makes; ttyname and ptsname look for them here. */
	if (r == 0 && bfs_host_stat(AT_FDCWD, "/dev/pts", 0, &st) == 0 && BFS_S_TYPE(st.st_mode) == S_IFDIR)
		r = bfs_mount_add("/dev/pts", "/dev/pts", BFS_MOUNT_DIRECTORY);
	if (r == 0) r = devfs_make_links(dev);
	return r == 0 ? devfs_shared_directory(dev, "shm") : r;
}

long bfs_device_open(uint32_t mode, uint64_t rdev, uint32_t flags) {
	if (BFS_S_TYPE(mode) != S_IFCHR) return -ENXIO;
	for (size_t i = 0; i < DEVFS_COUNT(devfs_devices); i++) {
		const struct devfs_device *device = &devfs_devices[i];
		if (device->rdev != rdev) continue;
		struct bfs_kstat st;
		if (bfs_host_stat(AT_FDCWD, device->path, 0, &st) < 0 || !devfs_is(&st, device)) return -ENXIO;
		bfs_hostlog_path(device->path);
		return bfs_raw4(__NR_openat, AT_FDCWD, device->path, flags & ~(uint32_t)(O_CREAT | O_EXCL | O_NOFOLLOW), 0);
	}
	return -ENXIO;
}
