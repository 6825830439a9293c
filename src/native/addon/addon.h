/* What the addon's files share: operations, arguments, stat records, growing buffers.
 *
 * Each operation is a Node-API callback; what it takes and returns is documented in ../addon.ts. Nothing here keeps state between
 * calls, so that any number of worker threads may call at once. */
#pragma once
#include "napi.h"
#include <limits.h>
#include <sys/stat.h>
#include <sys/types.h>

napi_value bfs_scan_directories(napi_env env, napi_callback_info info);
napi_value bfs_stat_record(napi_env env, napi_callback_info info);
napi_value bfs_read_files(napi_env env, napi_callback_info info);
napi_value bfs_write_blocks(napi_env env, napi_callback_info info);
napi_value bfs_write_masked(napi_env env, napi_callback_info info);
napi_value bfs_try_lock(napi_env env, napi_callback_info info);
napi_value bfs_unlock(napi_env env, napi_callback_info info);
napi_value bfs_lease(napi_env env, napi_callback_info info);
napi_value bfs_release_lease(napi_env env, napi_callback_info info);
napi_value bfs_exchange(napi_env env, napi_callback_info info);
napi_value bfs_set_mtime(napi_env env, napi_callback_info info);
napi_value bfs_clone(napi_env env, napi_callback_info info);
napi_value bfs_copy_range(napi_env env, napi_callback_info info);
napi_value bfs_punch_hole(napi_env env, napi_callback_info info);
napi_value bfs_read_xattrs(napi_env env, napi_callback_info info);
napi_value bfs_mark_blocks(napi_env env, napi_callback_info info);
napi_value bfs_place_bytes(napi_env env, napi_callback_info info);
napi_value bfs_clear_zero_blocks(napi_env env, napi_callback_info info);
napi_value bfs_clear_same_blocks(napi_env env, napi_callback_info info);

/* arguments.c: each throws a TypeError and returns false when the value is not what the operation takes. */
struct bfs_bytes {
	uint8_t *data;
	size_t size;
};
bool bfs_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *arguments);
bool bfs_get_bytes(napi_env env, napi_value value, struct bfs_bytes *bytes);
/* Data and number of elements of a typed array of that type. */
bool bfs_get_array(napi_env env, napi_value value, napi_typedarray_type type, void **data, size_t *length);
/* As a C string; 0 or errno. */
int bfs_path(const struct bfs_bytes *bytes, char path[PATH_MAX]);
bool bfs_get_fd(napi_env env, napi_value value, int *fd);
/* A whole number, 0–2^53. */
bool bfs_get_size(napi_env env, napi_value value, uint64_t *size);
/* Whole, 0–2^53; throws nothing. */
bool bfs_is_size(double number);

/* Thrown as Error with `code`; NULL, for the operation to return. */
napi_value bfs_out_of_memory(napi_env env);
napi_value bfs_bad_argument(napi_env env, const char *message);
napi_value bfs_number(napi_env env, double number);
napi_value bfs_undefined(napi_env env);

/* stat-record.c: 16 little-endian words, `STAT` of src/model.ts. */
enum {
	BFS_STAT_DEV = 0,
	BFS_STAT_RDEV = 1,
	BFS_STAT_INO = 2,
	BFS_STAT_SIZE = 4,
	BFS_STAT_MTIME = 6,
	BFS_STAT_MTIME_NSEC = 8,
	BFS_STAT_CTIME_NSEC = 9,
	BFS_STAT_CTIME = 10,
	BFS_STAT_MODE = 12,
	BFS_STAT_NLINK = 13,
	BFS_STAT_UID = 14,
	BFS_STAT_GID = 15,
	BFS_STAT_WORDS = 16,
};
/* No link is followed. 0 or errno; the record is zero then. */
int bfs_lstat_at(int directory, const char *name, uint32_t record[BFS_STAT_WORDS]);
int bfs_fstat(int fd, uint32_t record[BFS_STAT_WORDS]);

/* buffer.c: memory that grows. */
struct bfs_buffer {
	uint8_t *bytes;
	size_t size, capacity;
};
/* Room for that many bytes beyond `size`; false: no memory, nothing has changed. */
bool bfs_reserve(struct bfs_buffer *buffer, size_t more);
bool bfs_append(struct bfs_buffer *buffer, const void *bytes, size_t size);
bool bfs_append_u32(struct bfs_buffer *buffer, uint32_t value);
void bfs_free(struct bfs_buffer *buffer);
/* A Uint8Array in JavaScript's own memory: memory handed over would be freed only between events, too late for a loop. NULL: thrown. */
napi_value bfs_new_bytes(napi_env env, size_t size, uint8_t **bytes);

/* write.c: all of it, at a position; 0 or errno. A block is 4096 bytes, the unit of writes (see write.c). */
enum { BFS_BLOCK = 4096 };
int bfs_write_at(int fd, const uint8_t *bytes, size_t size, uint64_t position);

/* blocks.c: of at least one byte; a bit of a mask; a mask that has a bit for every block of so many bytes (throws a TypeError otherwise). */
bool bfs_is_zero(const uint8_t *bytes, size_t size);
bool bfs_has_bit(const uint8_t *mask, size_t block);
bool bfs_get_mask(napi_env env, napi_value value, size_t bytes, struct bfs_bytes *mask);

/* scan-directory.c */
struct bfs_scanner {
	/* getdents64 records of one directory, and an array of references to them. */
	struct bfs_buffer records, entries;
	/* Blocks of all directories that this thread listed. */
	struct bfs_buffer out;
};
/* Appends a directory's block to `out`; false: no memory. */
bool bfs_scan_directory(struct bfs_scanner *scanner, const char *path);
