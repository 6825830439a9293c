/* Makes a file's stretches the same as another's: shared where the file system can, copied elsewhere, holes as holes. */
#define _GNU_SOURCE
#include "addon.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { COPY_BYTES = 64 * 1024 };

napi_value bfs_clone(napi_env env, napi_callback_info info) {
	napi_value arguments[2];
	int source, target;
	if (!bfs_arguments(env, info, 2, arguments) || !bfs_get_fd(env, arguments[0], &source) || !bfs_get_fd(env, arguments[1], &target)) return NULL;
	return bfs_number(env, ioctl(target, FICLONE, source) == 0 ? 0 : errno);
}

static int punch(int fd, uint64_t position, uint64_t size) {
	int failed;
	do failed = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)position, (off_t)size);
	while (failed != 0 && errno == EINTR);
	return failed != 0 ? errno : 0;
}

/* Data reads as zero afterwards; nothing is done where there is none. */
static int clear(int fd, uint64_t position, uint64_t end) {
	off_t data = lseek(fd, (off_t)position, SEEK_DATA);
	if (data < 0 && errno == ENXIO) return 0;
	if (data >= 0 && (uint64_t)data >= end) return 0;
	int error = punch(fd, position, end - position);
	if (error != EOPNOTSUPP) return error;
	static const uint8_t zeros[BFS_BLOCK];
	while (position < end && error == EOPNOTSUPP) {
		size_t size = end - position < sizeof zeros ? (size_t)(end - position) : sizeof zeros;
		int failed = bfs_write_at(fd, zeros, size, position);
		if (failed != 0) return failed;
		position += size;
	}
	return 0;
}

/* By way of memory. Moves `position`; stops at the source's end. */
static int copy_bytes(int source, int target, uint64_t *position, uint64_t end) {
	uint8_t bytes[COPY_BYTES];
	while (*position < end) {
		size_t size = end - *position < sizeof bytes ? (size_t)(end - *position) : sizeof bytes;
		ssize_t got = pread(source, bytes, size, (off_t)*position);
		if (got < 0 && errno == EINTR) continue;
		if (got < 0) return errno;
		if (got == 0) return 0;
		int error = bfs_write_at(target, bytes, (size_t)got, *position);
		if (error != 0) return error;
		*position += (uint64_t)got;
	}
	return 0;
}

/* Moves `position` to `end`, or to where the source ends if that comes first. */
static int copy_data(int source, int target, uint64_t *position, uint64_t end) {
	while (*position < end) {
		off_t from = (off_t)*position, to = from;
		ssize_t got = copy_file_range(source, &from, target, &to, end - *position, 0);
		if (got < 0 && errno == EINTR) continue;
		if (got < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG || errno == EIO || errno == EBADF)) return errno;
		/* Two file systems, a file system without it, or a kernel that says 0 for files that it cannot copy. */
		if (got <= 0) return copy_bytes(source, target, position, end);
		*position += (uint64_t)got;
	}
	return 0;
}

static int copy_range(int source, int target, uint64_t position, uint64_t end) {
	while (position < end) {
		off_t data = lseek(source, (off_t)position, SEEK_DATA);
		if (data < 0 && errno != ENXIO) return errno;
		uint64_t start = data < 0 || (uint64_t)data > end ? end : (uint64_t)data;
		int error = start > position ? clear(target, position, start) : 0;
		if (error != 0 || start == end) return error;
		off_t hole = lseek(source, (off_t)start, SEEK_HOLE);
		if (hole < 0) return errno;
		uint64_t stop = (uint64_t)hole > end ? end : (uint64_t)hole;
		position = start;
		error = copy_data(source, target, &position, stop);
		if (error != 0) return error;
		/* The source became shorter. */
		if (position < stop) return clear(target, position, end);
	}
	return 0;
}

napi_value bfs_copy_range(napi_env env, napi_callback_info info) {
	napi_value arguments[4];
	int source, target;
	uint64_t position, size;
	if (!bfs_arguments(env, info, 4, arguments) || !bfs_get_fd(env, arguments[0], &source) || !bfs_get_fd(env, arguments[1], &target) ||
		!bfs_get_size(env, arguments[2], &position) || !bfs_get_size(env, arguments[3], &size))
		return NULL;
	return bfs_number(env, copy_range(source, target, position, position + size));
}

napi_value bfs_punch_hole(napi_env env, napi_callback_info info) {
	napi_value arguments[3];
	int fd;
	uint64_t position, size;
	if (!bfs_arguments(env, info, 3, arguments) || !bfs_get_fd(env, arguments[0], &fd) || !bfs_get_size(env, arguments[1], &position) ||
		!bfs_get_size(env, arguments[2], &size))
		return NULL;
	return bfs_number(env, size > 0 ? punch(fd, position, size) : 0);
}
