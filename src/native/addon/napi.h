/* The part of Node-API that the addon uses: Node's own headers are often absent where a checkout is built.
 *
 * Names, values and signatures as documented at https://nodejs.org/docs/latest-v20.x/api/n-api.html (node_api.h, js_native_api.h);
 * Node promises that this binary interface does not change. All of it is of Node-API version 1. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct napi_env__ *napi_env;
typedef struct napi_value__ *napi_value;
typedef struct napi_callback_info__ *napi_callback_info;
typedef int napi_status; /* an enumeration: 0 is napi_ok, positive says what failed */
typedef int napi_typedarray_type;
typedef napi_value (*napi_callback)(napi_env env, napi_callback_info info);

enum { napi_ok = 0 };
enum { napi_uint8_array = 1, napi_uint32_array = 6, napi_float64_array = 8 };

#define NAPI_AUTO_LENGTH SIZE_MAX

napi_status napi_create_function(napi_env env, const char *name, size_t length, napi_callback callback, void *data, napi_value *result);
napi_status napi_set_named_property(napi_env env, napi_value object, const char *name, napi_value value);
napi_status napi_get_cb_info(napi_env env, napi_callback_info info, size_t *count, napi_value *arguments, napi_value *receiver, void **data);
napi_status napi_get_value_double(napi_env env, napi_value value, double *result);
napi_status napi_get_value_int32(napi_env env, napi_value value, int32_t *result);
napi_status napi_get_typedarray_info(napi_env env, napi_value array, napi_typedarray_type *type, size_t *length, void **data, napi_value *buffer, size_t *offset);
napi_status napi_is_typedarray(napi_env env, napi_value value, bool *result);
napi_status napi_create_double(napi_env env, double value, napi_value *result);
napi_status napi_create_object(napi_env env, napi_value *result);
napi_status napi_create_arraybuffer(napi_env env, size_t size, void **data, napi_value *result);
napi_status napi_create_typedarray(napi_env env, napi_typedarray_type type, size_t length, napi_value buffer, size_t offset, napi_value *result);
napi_status napi_get_undefined(napi_env env, napi_value *result);
napi_status napi_throw_error(napi_env env, const char *code, const char *message);
napi_status napi_throw_type_error(napi_env env, const char *code, const char *message);
