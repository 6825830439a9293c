/* The carrier: the ELF file with the runtime that every exec of the tree executes. */
#include "launch.h"

bool bfs_launch_same_file(int a, int b) {
	struct {
		uint64_t dev, ino, rest[32];
	} x, y;
	return bfs_raw2(__NR_fstat, a, &x) == 0 && bfs_raw2(__NR_fstat, b, &y) == 0 && x.dev == y.dev && x.ino == y.ino;
}

/* A file that every user of the tree may execute, holding the runtime: the launcher itself, or a copy in memory where that one is not executable for all or lies on a noexec mount. */
int bfs_launch_carrier(const struct launch *l) {
	struct {
		uint64_t dev, ino, nlink;
		uint32_t mode, uid, gid, pad;
		uint64_t rdev, size, rest[12];
	} st;
	struct {
		uint64_t type, bsize, blocks, bfree, bavail, files, ffree, fsid, namelen, frsize, flags, spare[4];
	} fs;
	long fd = bfs_raw4(__NR_openat, AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0) fd = bfs_raw4(__NR_openat, AT_FDCWD, l->carrier_path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0) bfs_die(125, "carrier", "the launcher cannot read its own file", l->carrier_path, "make it readable, or mount /proc");
	if (bfs_raw2(__NR_fstat, fd, &st) == 0 && (st.mode & 0111) == 0111 && bfs_raw2(__NR_fstatfs, fd, &fs) == 0 && (fs.flags & 8 /* ST_NOEXEC */) == 0)
		return (int)fd;
	long copy = bfs_raw2(__NR_memfd_create, "binaryfs-carrier", 1 | 0x10 /* MFD_CLOEXEC | MFD_EXEC */);
	if (copy == -EINVAL) copy = bfs_raw2(__NR_memfd_create, "binaryfs-carrier", 1);
	uint64_t want = st.size;
	if (l->config.lib_count > 0 && bfs_launch_same_file((int)fd, l->libs[0].fd)) want = l->libs[0].file_offset; /* the runtime stands before the image */
	BFS_SELDOM static char chunk[65536];
	for (uint64_t at = 0; copy >= 0 && at < want;) {
		long n = bfs_raw4(__NR_pread64, fd, chunk, BFS_MIN(sizeof chunk, want - at), at);
		if (n <= 0 || bfs_raw4(__NR_pwrite64, copy, chunk, n, at) != n) copy = -EIO;
		at += (uint64_t)n;
	}
	if (copy < 0)
		bfs_die(125, "carrier", "the launcher is not executable for all users here, and a copy in memory is refused", l->carrier_path,
			"chmod 755 it, on a file system mounted without noexec");
	bfs_raw1(__NR_close, fd);
	return (int)copy;
}
