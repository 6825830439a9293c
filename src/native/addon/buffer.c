/* Memory that grows, and memory of JavaScript's. */
#include "addon.h"
#include <stdlib.h>
#include <string.h>

bool bfs_reserve(struct bfs_buffer *buffer, size_t more) {
	if (more <= buffer->capacity - buffer->size) return true;
	if (more > SIZE_MAX / 2 - buffer->size) return false;
	size_t capacity = buffer->capacity * 2 > buffer->size + more ? buffer->capacity * 2 : buffer->size + more;
	uint8_t *bytes = realloc(buffer->bytes, capacity);
	if (bytes == NULL) return false;
	buffer->bytes = bytes;
	buffer->capacity = capacity;
	return true;
}

bool bfs_append(struct bfs_buffer *buffer, const void *bytes, size_t size) {
	if (!bfs_reserve(buffer, size)) return false;
	if (size > 0) memcpy(buffer->bytes + buffer->size, bytes, size);
	buffer->size += size;
	return true;
}

bool bfs_append_u32(struct bfs_buffer *buffer, uint32_t value) { return bfs_append(buffer, &value, sizeof value); }

void bfs_free(struct bfs_buffer *buffer) {
	free(buffer->bytes);
	*buffer = (struct bfs_buffer){ 0 };
}

napi_value bfs_new_bytes(napi_env env, size_t size, uint8_t **bytes) {
	napi_value buffer, result;
	void *data = NULL;
	if (napi_create_arraybuffer(env, size, &data, &buffer) != napi_ok) return bfs_out_of_memory(env);
	*bytes = data;
	return napi_create_typedarray(env, napi_uint8_array, size, buffer, 0, &result) == napi_ok ? result : bfs_out_of_memory(env);
}
