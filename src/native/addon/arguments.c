/* JavaScript values to C and back. */
#include "addon.h"
#include <errno.h>
#include <string.h>

bool bfs_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *arguments) {
	size_t given = count;
	if (napi_get_cb_info(env, info, &given, arguments, NULL, NULL) == napi_ok && given >= count) return true;
	bfs_bad_argument(env, "too few arguments");
	return false;
}

bool bfs_get_array(napi_env env, napi_value value, napi_typedarray_type type, void **data, size_t *length) {
	bool typed = false;
	napi_typedarray_type actual = -1;
	if (napi_is_typedarray(env, value, &typed) == napi_ok && typed && napi_get_typedarray_info(env, value, &actual, length, data, NULL, NULL) == napi_ok && actual == type)
		return true;
	bfs_bad_argument(env, "not a typed array of the right type");
	return false;
}

bool bfs_get_bytes(napi_env env, napi_value value, struct bfs_bytes *bytes) {
	void *data = NULL;
	if (!bfs_get_array(env, value, napi_uint8_array, &data, &bytes->size)) return false;
	bytes->data = data;
	return true;
}

int bfs_path(const struct bfs_bytes *bytes, char path[PATH_MAX]) {
	if (bytes->size >= PATH_MAX) return ENAMETOOLONG;
	if (memchr(bytes->data, '\0', bytes->size) != NULL) return EINVAL;
	memcpy(path, bytes->data, bytes->size);
	path[bytes->size] = '\0';
	return 0;
}

bool bfs_get_fd(napi_env env, napi_value value, int *fd) {
	int32_t number;
	if (napi_get_value_int32(env, value, &number) != napi_ok) {
		bfs_bad_argument(env, "not a file descriptor");
		return false;
	}
	*fd = number;
	return true;
}

bool bfs_is_size(double number) { return number >= 0 && number <= 0x1p53 && (double)(uint64_t)number == number; }

bool bfs_get_size(napi_env env, napi_value value, uint64_t *size) {
	double number;
	if (napi_get_value_double(env, value, &number) != napi_ok || !bfs_is_size(number)) {
		bfs_bad_argument(env, "not a whole number from 0 to 2^53");
		return false;
	}
	*size = (uint64_t)number;
	return true;
}

napi_value bfs_out_of_memory(napi_env env) {
	napi_throw_error(env, "ENOMEM", "out of memory");
	return NULL;
}

napi_value bfs_bad_argument(napi_env env, const char *message) {
	napi_throw_type_error(env, "ERR_INVALID_ARG_VALUE", message);
	return NULL;
}

napi_value bfs_number(napi_env env, double number) {
	napi_value value;
	return napi_create_double(env, number, &value) == napi_ok ? value : NULL;
}

napi_value bfs_undefined(napi_env env) {
	napi_value value;
	return napi_get_undefined(env, &value) == napi_ok ? value : NULL;
}
