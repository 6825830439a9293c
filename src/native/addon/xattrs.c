/* Extended attributes of many paths, for each path its errno (0: none) and the number of attributes, then for each attribute
 * the name's length and bytes, the value's length and bytes. Symlinks are not followed. A file system without attributes counts as a node that has none. */
#define _GNU_SOURCE
#include "addon.h"
#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

/* Both calls say how much room is needed; the answer may have grown until the second call, so ask until it fits. `size` of the buffer is the answer's. */
static int list_names(const char *path, struct bfs_buffer *names) {
	names->size = 0;
	for (;;) {
		ssize_t size = llistxattr(path, NULL, 0);
		if (size < 0) return errno == ENOTSUP ? 0 : errno;
		if (size == 0) return 0;
		if (!bfs_reserve(names, (size_t)size)) return ENOMEM;
		size = llistxattr(path, (char *)names->bytes, names->capacity);
		if (size >= 0) {
			names->size = (size_t)size;
			return 0;
		}
		if (errno != ERANGE) return errno;
	}
}

static int get_value(const char *path, const char *name, struct bfs_buffer *value) {
	value->size = 0;
	for (;;) {
		ssize_t size = lgetxattr(path, name, NULL, 0);
		if (size < 0) return errno;
		if (!bfs_reserve(value, (size_t)size + 1)) return ENOMEM;
		size = lgetxattr(path, name, value->bytes, value->capacity);
		if (size >= 0) {
			value->size = (size_t)size;
			return 0;
		}
		if (errno != ERANGE) return errno;
	}
}

static bool append_sized(struct bfs_buffer *out, const void *bytes, size_t size) { return bfs_append_u32(out, (uint32_t)size) && bfs_append(out, bytes, size); }

/* False: no memory. */
static bool append_attributes(const char *path, struct bfs_buffer *out, struct bfs_buffer *names, struct bfs_buffer *value) {
	size_t start = out->size;
	uint32_t header[2] = { 0, 0 };
	if (!bfs_append(out, header, sizeof header)) return false;
	int error = list_names(path, names);
	for (size_t at = 0; error == 0 && at < names->size;) {
		const char *name = (const char *)names->bytes + at;
		size_t length = strlen(name);
		at += length + 1;
		error = get_value(path, name, value);
		/* Removed in between. */
		if (error == ENODATA) {
			error = 0;
			continue;
		}
		if (error != 0) break;
		if (!append_sized(out, name, length) || !append_sized(out, value->bytes, value->size)) return false;
		header[1]++;
	}
	if (error == ENOMEM) return false;
	if (error != 0) {
		out->size = start + sizeof header;
		header[0] = (uint32_t)error;
		header[1] = 0;
	}
	memcpy(out->bytes + start, header, sizeof header);
	return true;
}

napi_value bfs_read_xattrs(napi_env env, napi_callback_info info) {
	napi_value arguments[2];
	struct bfs_bytes paths;
	uint64_t count;
	if (!bfs_arguments(env, info, 2, arguments) || !bfs_get_bytes(env, arguments[0], &paths) || !bfs_get_size(env, arguments[1], &count)) return NULL;
	struct bfs_buffer out = { 0 }, names = { 0 }, value = { 0 };
	bool is_short = false, failed = false;
	for (size_t at = 0; count > 0 && !is_short && !failed; count--) {
		const uint8_t *nul = at < paths.size ? memchr(paths.data + at, '\0', paths.size - at) : NULL;
		is_short = nul == NULL;
		if (is_short) break;
		failed = !append_attributes((const char *)paths.data + at, &out, &names, &value);
		at = (size_t)(nul - paths.data) + 1;
	}
	bfs_free(&names);
	bfs_free(&value);
	napi_value result = NULL;
	uint8_t *bytes;
	if (is_short)
		bfs_bad_argument(env, "fewer paths than said");
	else if (failed)
		bfs_out_of_memory(env);
	else
		result = bfs_new_bytes(env, out.size, &bytes);
	if (result != NULL && out.size > 0) memcpy(bytes, out.bytes, out.size);
	bfs_free(&out);
	return result;
}
