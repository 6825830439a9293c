/* Gives a file the mtime of a stat record, to the nanosecond, which Node's numbers cannot hold. */
#define _GNU_SOURCE
#include "addon.h"
#include <errno.h>
#include <fcntl.h>

napi_value bfs_set_mtime(napi_env env, napi_callback_info info) {
	napi_value arguments[2];
	struct bfs_bytes bytes;
	char path[PATH_MAX];
	void *data;
	size_t words;
	if (!bfs_arguments(env, info, 2, arguments) || !bfs_get_bytes(env, arguments[0], &bytes)) return NULL;
	if (!bfs_get_array(env, arguments[1], napi_uint32_array, &data, &words)) return NULL;
	if (words < BFS_STAT_WORDS) return bfs_bad_argument(env, "not a stat record");
	const uint32_t *record = data;
	int64_t seconds = (int64_t)((uint64_t)record[BFS_STAT_MTIME + 1] << 32 | record[BFS_STAT_MTIME]);
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = seconds, .tv_nsec = record[BFS_STAT_MTIME_NSEC] } };
	int error = bfs_path(&bytes, path);
	if (error == 0 && utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) != 0) error = errno;
	return bfs_number(env, error);
}
