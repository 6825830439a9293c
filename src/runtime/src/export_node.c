/* One node of the tree, written to the host. */
#include "export.h"

#include "ops.h"
#include "providers.h"

#include <linux/time_types.h>

#define EXPORT_BUFFER 262144u
#define EXPORT_LIST_MAX 65536u /* XATTR_LIST_MAX */
#define EXPORT_SEEK_DATA 3
#define EXPORT_SEEK_HOLE 4

/* Memory of the exporter alone: every program of a tree starts with the runtime's static data. */
static uint8_t *export_buffer;
static char *export_list;

long bfs_export_prepare(void) {
	export_buffer = bfs_temp_take(EXPORT_BUFFER);
	export_list = bfs_temp_take(EXPORT_LIST_MAX);
	return export_buffer != NULL && export_list != NULL ? 0 : -ENOMEM;
}

/* Data only: holes stay holes. */
static long export_data(int fd, bfs_node n, uint64_t size) {
	for (uint64_t at = 0; at < size;) {
		long data = bfs_node_seek(n, at, EXPORT_SEEK_DATA);
		if (data == -ENXIO) break;
		long hole = data < 0 ? data : bfs_node_seek(n, (uint64_t)data, EXPORT_SEEK_HOLE);
		if (hole < 0) return hole;
		for (at = (uint64_t)data; at < (uint64_t)hole;) {
			long got = bfs_node_read(n, export_buffer, BFS_MIN(EXPORT_BUFFER, (uint64_t)hole - at), at);
			if (got == 0) return 0; /* it became shorter meanwhile */
			long put = got < 0 ? got : bfs_raw4(__NR_pwrite64, fd, export_buffer, got, at);
			if (put <= 0) return put < 0 ? put : -EIO;
			at += (uint64_t)put;
		}
	}
	return bfs_raw2(__NR_ftruncate, fd, size);
}

/* What this user may not set stays behind: another owner's trusted and security attributes. */
static bool export_denied(long error) { return error == -EPERM || error == -EOPNOTSUPP || error == -EACCES; }

static long export_xattrs(int fd, bfs_node n) {
	char *list = export_list;
	long len = bfs_node_listxattr(n, list, EXPORT_LIST_MAX);
	for (long at = 0; at < len; at += (long)strlen(list + at) + 1) {
		long size = bfs_node_getxattr(n, list + at, export_buffer, EXPORT_BUFFER);
		long r = size < 0 ? size : bfs_raw5(__NR_fsetxattr, fd, list + at, export_buffer, size, 0);
		if (r < 0 && !export_denied(r) && r != -ENODATA) return r;
	}
	return len < 0 ? len : 0;
}

static void export_times(const struct bfs_attr *attr, struct __kernel_timespec times[2]) {
	times[0] = (struct __kernel_timespec){ attr->atime_sec, attr->atime_nsec };
	times[1] = (struct __kernel_timespec){ attr->mtime_sec, attr->mtime_nsec };
}

long bfs_export_attributes(int fd, bfs_node n, const struct bfs_attr *attr) {
	struct __kernel_timespec times[2];
	export_times(attr, times);
	long r = bfs_raw3(__NR_fchown, fd, attr->uid, attr->gid);
	if (r < 0 && !export_denied(r)) return r;
	long set = export_xattrs(fd, n); /* after the owner, whose change takes capabilities away */
	if (set < 0) return set;
	/* Set-ID bits of what now belongs to somebody else would be a present to whoever runs it. */
	r = bfs_raw2(__NR_fchmod, fd, r < 0 ? attr->mode & 01777u : attr->mode & 07777u);
	return r < 0 ? r : bfs_raw4(__NR_utimensat, fd, 0, times, 0);
}

static long export_file(int dir, const char *name, bfs_node n, const struct bfs_attr *attr) {
	long fd = bfs_raw4(__NR_openat, dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) return fd;
	long r = export_data((int)fd, n, attr->size);
	if (r == 0) r = bfs_export_attributes((int)fd, n, attr);
	bfs_host_close(fd);
	return r;
}

static long export_symlink(int dir, const char *name, bfs_node n) {
	char body[BFS_PATH_MAX];
	long len = bfs_node_readlink(n, body, sizeof body - 1);
	if (len < 0) return len;
	body[len] = '\0';
	return bfs_raw3(__NR_symlinkat, body, dir, name);
}

/* Symbolic links, FIFOs, sockets, devices: there is nothing to open, so their attributes are set by name. */
static long export_special(int dir, const char *name, bfs_node n, const struct bfs_attr *attr) {
	struct __kernel_timespec times[2];
	uint32_t type = attr->mode & S_IFMT;
	long r = type == S_IFLNK ? export_symlink(dir, name, n) : bfs_raw4(__NR_mknodat, dir, name, attr->mode, attr->rdev);
	if (r < 0) return r;
	r = bfs_raw5(__NR_fchownat, dir, name, attr->uid, attr->gid, AT_SYMLINK_NOFOLLOW);
	if (r < 0 && !export_denied(r)) return r;
	if (type != S_IFLNK) r = bfs_raw3(__NR_fchmodat, dir, name, attr->mode & 07777u);
	export_times(attr, times);
	return r < 0 && !export_denied(r) ? r : bfs_raw4(__NR_utimensat, dir, name, times, AT_SYMLINK_NOFOLLOW);
}

long bfs_export_node(int fd, const char *name, bfs_node n, const struct bfs_attr *attr) {
	return (attr->mode & S_IFMT) == S_IFREG ? export_file(fd, name, n, attr) : export_special(fd, name, n, attr);
}
