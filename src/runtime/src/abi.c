/* The C ABI (binaryfs.h): the file system without a trap layer. */
#include "binaryfs.h"

#include "policy.h"
#include "self.h"
#include "trap.h"

#define ABI_MAX_DOORS 128u

static int abi_attached;
BFS_SELDOM static char abi_why[256];

static long abi_fail(long rc, const char *text) {
	size_t len = BFS_MIN(strlen(text), sizeof abi_why - 1);
	memcpy(abi_why, text, len);
	abi_why[len] = 0;
	__atomic_store_n(&abi_attached, 0, __ATOMIC_RELEASE);
	return rc;
}

BFS_EXPORT const char *binaryfs_error(void) { return abi_why; }

BFS_EXPORT long binaryfs_attach(const struct binaryfs_options *options) {
	static struct bfs_lib_config lib;
	BFS_SELDOM static struct bfs_door doors[ABI_MAX_DOORS];
	BFS_SELDOM static char own[BFS_PATH_MAX];
	struct bfs_config config = { .libs = &lib, .lib_count = 1, .doors = doors, .cwd = "/" };
	int expected = 0;
	if (!__atomic_compare_exchange_n(&abi_attached, &expected, 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) return -EALREADY;
	const char *path = NULL;
	if (options != NULL) {
		if (options->size < sizeof *options || (options->flags & ~BINARYFS_HERMETIC) != 0 || options->reserved != 0)
			return abi_fail(-EINVAL, "unknown options");
		path = options->library;
		config.hermetic = (options->flags & BINARYFS_HERMETIC) != 0;
		config.overlay_limit = options->overlay_bytes;
		for (const char *const *v = options->volumes; v != NULL && v[0] != NULL; v += 2) {
			if (v[1] == NULL) return abi_fail(-EINVAL, "a volume without its host directory");
			if (config.door_count == ABI_MAX_DOORS) return abi_fail(-EINVAL, "too many volumes and host paths");
			doors[config.door_count++] = (struct bfs_door){ v[0], v[1], true };
		}
		for (const char *const *h = options->host_paths; h != NULL && h[0] != NULL; h++) {
			if (config.door_count == ABI_MAX_DOORS) return abi_fail(-EINVAL, "too many volumes and host paths");
			doors[config.door_count++] = (struct bfs_door){ h[0], h[0], false };
		}
	}
	if (path == NULL) {
		long rc = bfs_self_path(own, sizeof own);
		if (rc < 0) return abi_fail(rc, "the library cannot find its own file");
		path = own;
	}
	long rc = bfs_library_open(path, &lib, abi_why, sizeof abi_why);
	if (rc == 0) rc = bfs_vfs_create(&config, abi_why, sizeof abi_why);
	if (rc < 0) {
		__atomic_store_n(&abi_attached, 0, __ATOMIC_RELEASE);
		return rc;
	}
	__atomic_store_n(&abi_attached, 2, __ATOMIC_RELEASE);
	return 0;
}

BFS_EXPORT long binaryfs_syscall(long nr, long a0, long a1, long a2, long a3, long a4, long a5) {
	if (__atomic_load_n(&abi_attached, __ATOMIC_ACQUIRE) != 2) return -ENOTCONN;
	if (bfs_policy_of(nr).class != BFS_CLASS_TRAP) return -ENOSYS;
	return bfs_syscall(nr, (uint64_t)a0, (uint64_t)a1, (uint64_t)a2, (uint64_t)a3, (uint64_t)a4, (uint64_t)a5);
}
