/* Which inodes have their pool pages mapped by some process. The kernel keeps the books: a mapping holds its struct file, and that holds a lock. */
#include "pool.h"

/* Locks for inodes lie on bytes of the pool file, beyond any use by the descriptions, whose locks lie on the placeholder. */

static long pin_lock(int fd, int command, short type, uint32_t index, struct flock *out) {
	*out = (struct flock){ .l_type = type, .l_whence = 0 /* SEEK_SET */, .l_start = index, .l_len = 1 };
	return bfs_raw3(__NR_fcntl, fd, command, out);
}

long bfs_pin_open(uint32_t inode_index, bool writable) {
	char path[48] = "/proc/self/fd/";
	bfs_u64_text(path + 14, (uint64_t)bfs_fd(BFS_FD_POOL));
	long fd = bfs_raw4(__NR_openat, AT_FDCWD, path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC, 0);
	if (fd < 0) return fd;
	struct flock lock;
	long error = pin_lock((int)fd, F_OFD_SETLK, F_RDLCK, inode_index, &lock);
	if (error == 0) return fd;
	bfs_raw1(__NR_close, fd);
	return error;
}

bool bfs_pin_alive(uint32_t inode_index) {
	struct flock lock;
	long error = pin_lock(bfs_fd(BFS_FD_POOL), F_OFD_GETLK, F_WRLCK, inode_index, &lock);
	return error != 0 || lock.l_type != F_UNLCK;
}
