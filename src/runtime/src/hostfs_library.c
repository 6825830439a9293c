/* What the host may lend while a program is loaded: shared libraries and the loader's own lists. Data files of the host stay out. */
#include "providers.h"

#include <elf.h>

bool bfs_load_phase;

bool bfs_hermetic(void) { return bfs_pool_mounts()->hermetic != 0; }

/* The dynamic loader's lists of where libraries are: glibc's cache and musl's search path. */
static bool library_list(const char *path) { return bfs_str_eq(path, "/etc/ld.so.cache") || bfs_str_eq(path, "/etc/ld-musl-x86_64.path"); }

/* The file is there for the program only if it is lent: of everything else on the host not even that it exists, or why it cannot be opened, is told. */
static long library_absent(long error) { return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -EINTR ? error : -ENOENT; }

long bfs_host_lend(const char *absolute_path, uint32_t flags) {
	if (bfs_hermetic()) return -ENOENT;
	/* Asked before the open, which could block on a FIFO or act on a device. */
	struct bfs_kstat st = { 0 };
	long r = bfs_host_stat(AT_FDCWD, absolute_path, 0, &st);
	if (r < 0) return library_absent(r);
	if (BFS_S_TYPE(st.st_mode) != S_IFREG) return -ENOENT;
	long fd = bfs_raw4(__NR_openat, AT_FDCWD, absolute_path, flags, 0);
	if (fd < 0) return library_absent(fd);
	char magic[SELFMAG] = "";
	if (!library_list(absolute_path) && (bfs_raw4(__NR_pread64, fd, magic, sizeof magic, 0) != sizeof magic || memcmp(magic, ELFMAG, SELFMAG) != 0)) {
		bfs_host_close(fd);
		return -ENOENT;
	}
	return fd;
}

long bfs_host_library_open(const char *absolute_path, uint32_t flags) {
	if (!bfs_load_phase) return -ENOENT;
	if ((flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC | O_DIRECTORY | O_PATH)) != 0) return -ENOENT;
	long fd = bfs_host_lend(absolute_path, flags);
	if (fd >= 0) bfs_hostlog_path(absolute_path);
	return fd;
}
