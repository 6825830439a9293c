/* Addresses that the program gives to calls on AF_UNIX sockets: what they stand for, and what the kernel shall see instead (socket_name.c). Below host paths and volumes that leads to the
 * host's own socket. */
#include "providers.h"
#include "sockets.h"

#include <linux/time_types.h>

#define SOCKET_SOL_SOCKET 1
#define SOCKET_SO_DOMAIN 39
#define SOCKET_SO_TYPE 3
#define SOCKET_CLOEXEC 02000000
#define SOCKET_PAUSE_NS 2000000

bool bfs_socket_is_unix(int fd) {
	uint32_t domain = 0, size = sizeof domain;
	return bfs_raw5(__NR_getsockopt, fd, SOCKET_SOL_SOCKET, SOCKET_SO_DOMAIN, &domain, &size) == 0 && domain == BFS_AF_UNIX;
}

long bfs_socket_take(int fd, uint64_t user, uint32_t len, struct bfs_unix_address *address, char path[BFS_SUN_PATH + 1]) {
	if (user == 0 || len <= sizeof address->family || len > sizeof *address) return BFS_SOCKET_AS_IS;
	memset(address, 0, sizeof *address);
	if (bfs_copy_in(address, (const void *)user, len) < 0) return -EFAULT;
	if (address->family != BFS_AF_UNIX || address->path[0] == '\0') return BFS_SOCKET_PLAIN;
	if (!bfs_socket_is_unix(fd)) {
		/* The kernel refuses it for its family alone, and another socket put in this one's place in the meantime finds no path. */
		address->path[0] = '\0';
		return BFS_SOCKET_PLAIN;
	}
	memcpy(path, address->path, BFS_SUN_PATH);
	path[BFS_SUN_PATH] = '\0';
	return BFS_SOCKET_PATH;
}

uint32_t bfs_socket_type(int fd) {
	uint32_t type = 0, size = sizeof type;
	return bfs_raw5(__NR_getsockopt, fd, SOCKET_SOL_SOCKET, SOCKET_SO_TYPE, &type, &size) < 0 ? 0 : type;
}

/* Abstract names of sockets of another type are other names to the kernel, paths are not. Whether a socket of TYPE is still bound to ADDRESS shows where one more cannot be. */
static long socket_other_type(uint32_t type, const struct bfs_unix_address *address, uint32_t len) {
	long probe = bfs_raw3(__NR_socket, BFS_AF_UNIX, type | SOCKET_CLOEXEC, 0);
	if (probe < 0) return -ECONNREFUSED;
	long r = bfs_raw3(__NR_bind, probe, address, len);
	bfs_raw1(__NR_close, probe);
	return r == -EADDRINUSE ? -EPROTOTYPE : -ECONNREFUSED;
}

long bfs_socket_find(int fd, const char *path, struct bfs_loc *loc, struct bfs_unix_address *address, uint32_t *len) {
	struct bfs_attr attr;
	char guest[BFS_PATH_MAX];
	long r = bfs_walk(AT_FDCWD, path, BFS_WALK_FOLLOW, loc);
	/* The kernel reports the sender of a datagram by its host path. */
	if (r == -ENOENT && bfs_mount_guest_path(path, guest, sizeof guest) > 0) r = bfs_walk(AT_FDCWD, guest, BFS_WALK_FOLLOW, loc);
	if (r < 0) return r;
	if (loc->kind != BFS_LOC_NODE) return loc->kind == BFS_LOC_HOST ? 0 : -ECONNREFUSED;
	r = bfs_node_attr(loc->node, &attr);
	if (r == 0) r = bfs_permission(&attr, 2, true);
	if (r < 0) return r;
	if ((attr.mode & S_IFMT) != S_IFSOCK) return -ECONNREFUSED;
	*len = bfs_socket_abstract(&attr, address);
	uint32_t bound = (uint32_t)(attr.rdev >> 32);
	return bound == 0 || bound == bfs_socket_type(fd) ? 1 : socket_other_type(bound, address, *len);
}

long bfs_socket_host(const struct bfs_loc *loc, struct bfs_unix_address *out, uint32_t *len) {
	char digits[24];
	bfs_hostlog_mount(loc->mount, loc->rel);
	long fd = bfs_hostfs_node(loc->mount, loc->rel);
	if (fd < 0) return fd == -ELOOP ? -ENOENT : fd; /* what is there now is not what the walk found */
	bfs_u64_text(digits, (uint64_t)fd);
	out->family = BFS_AF_UNIX;
	*len = (uint32_t)sizeof out->family + (uint32_t)bfs_join(out->path, sizeof out->path, "/proc/self/fd/", digits, NULL) + 1;
	return fd;
}

bool bfs_socket_blocks(int fd) {
	long flags = bfs_raw2(__NR_fcntl, fd, F_GETFL);
	return flags >= 0 && (flags & O_NONBLOCK) == 0;
}

enum bfs_verdict bfs_socket_later(void) {
	struct __kernel_timespec pause = { 0, SOCKET_PAUSE_NS };
	bfs_raw2(__NR_nanosleep, &pause, 0);
	return BFS_AGAIN;
}
