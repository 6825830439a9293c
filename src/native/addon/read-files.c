/* Reads the files of a batch to their places, and compares each with what selection saw. */
#define _GNU_SOURCE
#include "addon.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PART_NUMBERS = 3, FILE_NUMBERS = 2 * PART_NUMBERS, CHANGED = -1 };

/* A stretch of a file and its place in the output. */
struct part {
	uint64_t from, size, to;
};

/* Links say nothing of content and change with other names: nlink, uid and gid are left out, as ctime covers them. */
static bool is_same(const uint32_t *a, const uint32_t *b) {
	return a[BFS_STAT_DEV] == b[BFS_STAT_DEV] && a[BFS_STAT_MODE] == b[BFS_STAT_MODE] &&
	       /* ino, size, mtime, both nanoseconds and ctime are neighbours. */
	       memcmp(a + BFS_STAT_INO, b + BFS_STAT_INO, (BFS_STAT_MODE - BFS_STAT_INO) * sizeof *a) == 0;
}

/* 0, CHANGED (ends early) or errno. */
static int read_part(int fd, const struct part *part, uint8_t *out) {
	for (uint64_t done = 0; done < part->size;) {
		/* By number, as in write.c. */
		long got = syscall(SYS_pread64, fd, out + part->to + done, (size_t)(part->size - done), (off_t)(part->from + done));
		if (got == 0) return CHANGED;
		if (got > 0)
			done += (uint64_t)got;
		else if (errno != EINTR)
			return errno;
	}
	return 0;
}

/* 0, CHANGED or errno. The stat record is taken last: as it equals the one that selection saw, nothing happened in between, as far as times tell. */
static int read_file(const char *path, const struct part *parts, const uint32_t *expected, uint8_t *out) {
	int fd;
	/* Not followed: a symlink put in a file's place is a change. Not blocking: so is a fifo. */
	do fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	if (fd < 0) return errno;
	int error = read_part(fd, &parts[0], out);
	if (error == 0) error = read_part(fd, &parts[1], out);
	uint32_t record[BFS_STAT_WORDS];
	int failed = bfs_fstat(fd, record);
	if (failed == 0 && !is_same(record, expected)) error = CHANGED;
	if (error == 0) error = failed;
	close(fd);
	return error;
}

static bool get_parts(const double *numbers, size_t out_size, struct part parts[2]) {
	for (size_t k = 0; k < 2; k++, numbers += PART_NUMBERS) {
		for (size_t n = 0; n < PART_NUMBERS; n++)
			if (!bfs_is_size(numbers[n])) return false;
		parts[k] = (struct part){ (uint64_t)numbers[0], (uint64_t)numbers[1], (uint64_t)numbers[2] };
		if (parts[k].size > 0 && (parts[k].to > out_size || parts[k].size > out_size - parts[k].to)) return false;
	}
	return true;
}

static napi_value failure(napi_env env, size_t index, int error) {
	napi_value object;
	if (napi_create_object(env, &object) != napi_ok) return NULL;
	napi_set_named_property(env, object, "index", bfs_number(env, (double)index));
	napi_set_named_property(env, object, "errno", bfs_number(env, error == CHANGED ? 0 : error));
	return object;
}

napi_value bfs_read_files(napi_env env, napi_callback_info info) {
	napi_value arguments[5];
	struct bfs_bytes paths, out;
	void *ends_data, *stats_data, *parts_data;
	size_t count, stat_words, part_numbers;
	if (!bfs_arguments(env, info, 5, arguments) || !bfs_get_bytes(env, arguments[0], &paths) ||
		!bfs_get_array(env, arguments[1], napi_uint32_array, &ends_data, &count) || !bfs_get_array(env, arguments[2], napi_uint32_array, &stats_data, &stat_words) ||
		!bfs_get_array(env, arguments[3], napi_float64_array, &parts_data, &part_numbers) || !bfs_get_bytes(env, arguments[4], &out))
		return NULL;
	if (stat_words / BFS_STAT_WORDS < count || part_numbers / FILE_NUMBERS < count) return bfs_bad_argument(env, "stats or parts of fewer files");
	const uint32_t *ends = ends_data, *stats = stats_data;
	const double *numbers = parts_data;
	size_t start = 0;
	for (size_t k = 0; k < count; k++) {
		struct part parts[2];
		char path[PATH_MAX];
		if (ends[k] < start || ends[k] > paths.size) return bfs_bad_argument(env, "end of a path");
		if (!get_parts(numbers + k * FILE_NUMBERS, out.size, parts)) return bfs_bad_argument(env, "part outside of the output");
		size_t length = ends[k] - start;
		if (length >= sizeof path) return failure(env, k, ENAMETOOLONG);
		memcpy(path, paths.data + start, length);
		path[length] = '\0';
		start = ends[k];
		int error = read_file(path, parts, stats + k * BFS_STAT_WORDS, out.data);
		if (error != 0) return failure(env, k, error);
	}
	return bfs_undefined(env);
}
