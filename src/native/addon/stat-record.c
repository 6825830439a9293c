/* Stat records. The system calls by number: the C library's newer wrappers would tie a prebuilt addon to its newest versions. */
#define _GNU_SOURCE
#include "addon.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void put_u64(uint32_t *words, uint64_t value) {
	words[0] = (uint32_t)value;
	words[1] = (uint32_t)(value >> 32);
}

/* st_dev and st_rdev come in the kernel's 32-bit form (cp_new_stat, fs/stat.c). */
static void put_record(const struct stat *st, uint32_t *record) {
	record[BFS_STAT_DEV] = (uint32_t)st->st_dev;
	record[BFS_STAT_RDEV] = (uint32_t)st->st_rdev;
	put_u64(record + BFS_STAT_INO, st->st_ino);
	put_u64(record + BFS_STAT_SIZE, (uint64_t)st->st_size);
	put_u64(record + BFS_STAT_MTIME, (uint64_t)st->st_mtim.tv_sec);
	record[BFS_STAT_MTIME_NSEC] = (uint32_t)st->st_mtim.tv_nsec;
	record[BFS_STAT_CTIME_NSEC] = (uint32_t)st->st_ctim.tv_nsec;
	put_u64(record + BFS_STAT_CTIME, (uint64_t)st->st_ctim.tv_sec);
	record[BFS_STAT_MODE] = st->st_mode;
	record[BFS_STAT_NLINK] = (uint32_t)st->st_nlink;
	record[BFS_STAT_UID] = st->st_uid;
	record[BFS_STAT_GID] = st->st_gid;
}

int bfs_lstat_at(int directory, const char *name, uint32_t record[BFS_STAT_WORDS]) {
	struct stat st;
	if (syscall(SYS_newfstatat, directory, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
		memset(record, 0, BFS_STAT_WORDS * sizeof *record);
		return errno;
	}
	put_record(&st, record);
	return 0;
}

int bfs_fstat(int fd, uint32_t record[BFS_STAT_WORDS]) {
	struct stat st;
	if (syscall(SYS_fstat, fd, &st) != 0) {
		memset(record, 0, BFS_STAT_WORDS * sizeof *record);
		return errno;
	}
	put_record(&st, record);
	return 0;
}

/* The record, or errno as a number. */
napi_value bfs_stat_record(napi_env env, napi_callback_info info) {
	napi_value argument, buffer, result;
	struct bfs_bytes bytes;
	if (!bfs_arguments(env, info, 1, &argument) || !bfs_get_bytes(env, argument, &bytes)) return NULL;
	char path[PATH_MAX];
	if (bytes.size >= sizeof path) return bfs_number(env, ENAMETOOLONG);
	if (memchr(bytes.data, '\0', bytes.size) != NULL) return bfs_number(env, EINVAL);
	memcpy(path, bytes.data, bytes.size);
	path[bytes.size] = '\0';
	uint32_t record[BFS_STAT_WORDS];
	int error = bfs_lstat_at(AT_FDCWD, path, record);
	if (error != 0) return bfs_number(env, error);
	void *data;
	if (napi_create_arraybuffer(env, sizeof record, &data, &buffer) != napi_ok) return bfs_out_of_memory(env);
	memcpy(data, record, sizeof record);
	if (napi_create_typedarray(env, napi_uint32_array, BFS_STAT_WORDS, buffer, 0, &result) != napi_ok) return bfs_out_of_memory(env);
	return result;
}
