/* Locks between builds (flock) and leases, which say that nobody else has a file open. */
#define _GNU_SOURCE
#include "addon.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>

static bool get_only_fd(napi_env env, napi_callback_info info, int *fd) {
	napi_value argument;
	return bfs_arguments(env, info, 1, &argument) && bfs_get_fd(env, argument, fd);
}

static int lock(int fd, int operation) {
	int failed;
	do failed = flock(fd, operation);
	while (failed != 0 && errno == EINTR);
	return failed != 0 ? errno : 0;
}

/* 0 or errno. */
napi_value bfs_try_lock(napi_env env, napi_callback_info info) {
	int fd;
	return get_only_fd(env, info, &fd) ? bfs_number(env, lock(fd, LOCK_EX | LOCK_NB)) : NULL;
}

/* 0 or errno. */
napi_value bfs_unlock(napi_env env, napi_callback_info info) {
	int fd;
	return get_only_fd(env, info, &fd) ? bfs_number(env, lock(fd, LOCK_UN)) : NULL;
}

/* The kernel signals whoever holds a lease that another open waits for. SIGIO would end the process; SIGURG is ignored unless asked for. */
napi_value bfs_lease(napi_env env, napi_callback_info info) {
	int fd;
	if (!get_only_fd(env, info, &fd)) return NULL;
	bool taken = fcntl(fd, F_SETSIG, SIGURG) == 0 && fcntl(fd, F_SETLEASE, F_WRLCK) == 0;
	return bfs_number(env, taken ? 0 : errno);
}

napi_value bfs_release_lease(napi_env env, napi_callback_info info) {
	int fd;
	if (!get_only_fd(env, info, &fd)) return NULL;
	return bfs_number(env, fcntl(fd, F_SETLEASE, F_UNLCK) == 0 ? 0 : errno);
}
