/* What the host may lend while a program is loaded: shared libraries and the loader's own lists. Data files of the host stay out. */
#include "providers.h"

#include <elf.h>

bool bfs_load_phase;

bool bfs_hermetic(void) { return bfs_pool_mounts()->hermetic != 0; }

/* The dynamic loader's lists of where libraries are: glibc's cache and musl's search path. */
static bool library_list(const char *path) { return bfs_str_eq(path, "/etc/ld.so.cache") || bfs_str_eq(path, "/etc/ld-musl-x86_64.path"); }

long bfs_host_library_open(const char *absolute_path, uint32_t flags) {
	if (!bfs_load_phase || bfs_hermetic()) return -ENOENT;
	if ((flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC | O_DIRECTORY | O_PATH)) != 0) return -ENOENT;
	/* Asked before the open, which could block on a FIFO or act on a device. */
	struct bfs_kstat st;
	long r = bfs_host_stat(AT_FDCWD, absolute_path, 0, &st);
	if (r < 0) return r;
	if (BFS_S_TYPE(st.st_mode) != S_IFREG) return -ENOENT;
	long fd = bfs_raw4(__NR_openat, AT_FDCWD, absolute_path, flags, 0);
	if (fd < 0) return fd;
	char magic[SELFMAG];
	if (!library_list(absolute_path) && (bfs_raw4(__NR_pread64, fd, magic, sizeof magic, 0) != sizeof magic || memcmp(magic, ELFMAG, SELFMAG) != 0)) {
		bfs_host_close(fd);
		return -ENOENT;
	}
	bfs_hostlog_path(absolute_path);
	return fd;
}
