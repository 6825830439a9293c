/* Two names change places in one step. */
#define _GNU_SOURCE
#include "addon.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

napi_value bfs_exchange(napi_env env, napi_callback_info info) {
	napi_value arguments[2];
	struct bfs_bytes a, b;
	char a_path[PATH_MAX], b_path[PATH_MAX];
	if (!bfs_arguments(env, info, 2, arguments) || !bfs_get_bytes(env, arguments[0], &a) || !bfs_get_bytes(env, arguments[1], &b)) return NULL;
	int error = bfs_path(&a, a_path);
	if (error == 0) error = bfs_path(&b, b_path);
	if (error == 0 && renameat2(AT_FDCWD, a_path, AT_FDCWD, b_path, RENAME_EXCHANGE) != 0) error = errno;
	return bfs_number(env, error);
}
