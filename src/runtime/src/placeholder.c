/* The placeholder inodes: empty sealed memfds whose struct files the program's descriptors are. They are made once, at the start of the tree; who they are is kept in the pool. */
#include "pool.h"

#include <asm/stat.h>
#include <linux/memfd.h>

#define PLACEHOLDER_SHARE 32u /* of so many descriptors that a process may have one is a placeholder's */
#define PLACEHOLDER_FEW 128u  /* who may have fewer has need of each */

uint32_t bfs_placeholder_count(void) { return 1u << bfs_p.control->placeholder_bits; }

int bfs_placeholder_fd(uint32_t i) { return bfs_fd(i == 0 ? BFS_FD_PLACEHOLDER : (int)(BFS_FD_LIBS + bfs_p.control->lib_count + i - 1)); }

bool bfs_placeholder_is(uint64_t st_dev, uint64_t st_ino) {
	const struct bfs_control *c = bfs_p.control;
	for (uint32_t i = 0; st_dev == c->placeholder_dev && i < bfs_placeholder_count(); i++)
		if (st_ino == c->placeholder_ino[i]) return true;
	return false;
}

uint32_t bfs_placeholder_wish(uint64_t limit) {
	uint32_t bits = 0;
	while (limit >= PLACEHOLDER_FEW && 2u << bits <= BFS_MIN(BFS_MAX_PLACEHOLDERS, limit / PLACEHOLDER_SHARE)) bits++;
	return bits;
}

long bfs_memfd(const char *name, bool sealed) {
	long fd = bfs_raw2(__NR_memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd == -EACCES) /* vm.memfd_noexec = 2 */
		fd = bfs_raw2(__NR_memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING | 8u /* MFD_NOEXEC_SEAL */);
	if (fd < 0 || !sealed) return fd;
	long error = bfs_raw3(__NR_fcntl, fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
	if (error == 0) return fd;
	bfs_raw1(__NR_close, fd);
	return error;
}

static long placeholder_make(uint32_t i) {
	struct bfs_control *c = bfs_p.control;
	struct stat st;
	long fd = bfs_memfd("binaryfs-file", true);
	if (fd < 0) return fd;
	long error = bfs_raw2(__NR_fstat, fd, &st);
	if (error == 0) error = bfs_reserved_put((int)fd, bfs_placeholder_fd(i) - bfs_fd_base);
	bfs_raw1(__NR_close, fd);
	c->placeholder_dev = st.st_dev;
	c->placeholder_ino[i] = st.st_ino;
	return error;
}

long bfs_placeholders_make(void) {
	long error = 0;
	for (uint32_t i = 0; error == 0 && i < bfs_placeholder_count(); i++) error = placeholder_make(i);
	return error;
}
