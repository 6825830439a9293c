/* Inherited descriptors that would lead into the host's file system. */
#include "launch.h"

/* An inherited directory (or O_PATH) descriptor would be a door to the host: it is closed. Pipes, sockets, terminals and regular files pass. */
static void launch_close_door(uint64_t fd) {
	struct {
		uint64_t dev, ino, nlink;
		uint32_t mode, rest[31];
	} st;
	long flags = bfs_raw3(__NR_fcntl, fd, F_GETFL, 0);
	if (flags < 0 || ((flags & O_PATH) == 0 && (bfs_raw2(__NR_fstat, fd, &st) < 0 || (st.mode & S_IFMT) != S_IFDIR))) return;
	if (fd > 2) {
		bfs_raw1(__NR_close, fd);
		return;
	}
	/* The standard three must stay open, or the next file opened would take their place. */
	long null_fd = bfs_raw4(__NR_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
	if (null_fd < 0) null_fd = bfs_raw2(__NR_memfd_create, "binaryfs-null", 1 /* MFD_CLOEXEC */);
	if (null_fd < 0 || bfs_raw3(__NR_dup3, null_fd, fd, 0) < 0)
		bfs_die(125, "not-armed", "an inherited directory descriptor cannot be replaced", "/dev/null", "close descriptors 0, 1 and 2 or open them on files");
	bfs_raw1(__NR_close, null_fd);
}

void bfs_launch_close_doors(void) {
	char buffer[4096];
	long dir = bfs_raw4(__NR_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (dir < 0) bfs_die(125, "not-armed", "/proc is not mounted: inherited descriptors cannot be checked", "/proc/self/fd", "mount proc in the container");
	for (;;) {
		long n = bfs_raw3(__NR_getdents64, dir, buffer, sizeof buffer);
		if (n <= 0) break;
		for (long at = 0; at < n;) { /* struct linux_dirent64: d_reclen at 16, d_name at 19 */
			uint16_t length;
			uint64_t fd;
			memcpy(&length, buffer + at + 16, sizeof length);
			if (bfs_text_u64(buffer + at + 19, &fd, NULL) && fd != (uint64_t)dir) launch_close_door(fd);
			at += length;
		}
	}
	bfs_raw1(__NR_close, dir);
}
