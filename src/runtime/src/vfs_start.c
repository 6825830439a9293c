/* Start of a tree, and of each later program in it: pool, reserved descriptors, libraries, first directory. */
#include <linux/mman.h>
#include <linux/resource.h>

#include "image.h"
#include "pool.h"

/* The kernel sizes every process's descriptor table by its highest descriptor: the reserved ones stay moderate. */
#define START_FD_TOP 4096u

static bool start_range_free(int base, uint32_t count) {
	for (uint32_t i = 0; i < count; i++) {
		if (bfs_raw2(__NR_fcntl, base + (int)i, F_GETFD) != -EBADF) return false;
	}
	return true;
}

/* Where a row of so many descriptors is free; −1: nowhere. */
static int start_base(long top, uint32_t count) {
	for (long base = top - (long)count; base >= 16; base--)
		if (start_range_free((int)base, count)) return (int)base;
	return -1;
}

/* 1 << *BITS: how many placeholders there is room for. */
static long start_reserve(uint32_t lib_count, uint32_t *bits, char *why, size_t why_size) {
	struct rlimit64 limit = { START_FD_TOP, START_FD_TOP };
	bfs_raw4(__NR_prlimit64, 0, RLIMIT_NOFILE, 0, &limit);
	for (*bits = bfs_placeholder_wish(limit.rlim_cur);; --*bits) {
		bfs_fd_base = start_base((long)BFS_MIN(limit.rlim_cur, START_FD_TOP), BFS_FD_LIBS + lib_count + (1u << *bits) - 1);
		if (bfs_fd_base >= 0) return 0;
		if (*bits == 0) break;
	}
	bfs_why(why, why_size, "too few file descriptors (ulimit -n) for those that the file system reserves", "");
	return -EMFILE;
}

/* Moves FD to its reserved place. */
static long start_place(long fd, int which, char *why, size_t why_size, const char *what) {
	long error = fd < 0 ? fd : bfs_raw3(__NR_dup3, fd, bfs_fd(which), 0);
	if (fd >= 0) bfs_raw1(__NR_close, fd);
	if (error >= 0) return 0;
	bfs_why(why, why_size, "a reserved descriptor cannot be made: ", what);
	return error;
}

static long start_descriptors(const struct bfs_config *config, char *why, size_t why_size) {
	uint32_t bits;
	long error = start_reserve(config->lib_count, &bits, why, why_size);
	if (error != 0) return error;
	long fd = bfs_pool_make(config->overlay_limit, config->lib_count, why, why_size);
	if (fd < 0) return fd;
	bfs_p.control->placeholder_bits = bits;
	error = start_place(fd, BFS_FD_POOL, why, why_size, "overlay");
	if (error == 0) {
		error = bfs_placeholders_make();
		if (error != 0) bfs_why(why, why_size, "a reserved descriptor cannot be made: ", "placeholder");
	}
	if (error == 0) error = start_place(bfs_memfd("binaryfs-locks", false), BFS_FD_LOCKS, why, why_size, "locks");
	if (error == 0) {
		error = bfs_fifo_setup();
		if (error == 0) error = bfs_queue_setup(BFS_FD_BELLS);
		if (error != 0) bfs_why(why, why_size, "a reserved descriptor cannot be made: ", "queue");
	}
	for (uint32_t i = 0; error == 0 && i < config->lib_count; i++)
		error = start_place(config->libs[i].fd, BFS_FD_LIBS + (int)i, why, why_size, config->libs[i].path);
	return error;
}

/* A message "LIBRARY cannot be used: REASON". */
static long start_bad_library(char *why, size_t why_size, const char *path, const char *reason) {
	bfs_why(why, why_size, path != NULL ? path : "a library", "");
	size_t n = strlen(why);
	bfs_why(why + n, why_size - n, ": the image cannot be used: ", reason);
	return -EUCLEAN;
}

static long start_images(const struct bfs_config *config, char *why, size_t why_size) {
	if (config->lib_count == 0 || config->lib_count > BFS_MAX_LIBS) {
		bfs_why(why, why_size, config->lib_count == 0 ? "no library was given" : "more libraries than 64 were given", "");
		return -EINVAL;
	}
	for (uint32_t i = 0; i < config->lib_count; i++) {
		const struct bfs_lib_config *lib = &config->libs[i];
		const char *reason;
		if (lib->file_offset % BFS_BLOCK_SIZE != 0) return start_bad_library(why, why_size, lib->path, "it does not begin on a page of the library");
		if (bfs_image_check(lib->image, lib->image_size, &reason) != 0 || bfs_image_attach(i, lib->image, lib->image_size, lib->file_offset, &reason) != 0)
			return start_bad_library(why, why_size, lib->path, reason);
	}
	return 0;
}

/* Makes LOC the current directory of this process. */
static long start_set_cwd(const struct bfs_loc *loc) {
	long fd = bfs_ofd_open(loc, O_RDONLY | O_DIRECTORY);
	if (fd < 0) return fd;
	struct bfs_ofd *old = bfs_ofd_of(bfs_fd(BFS_FD_CWD), NULL);
	long error = bfs_raw3(__NR_dup3, fd, bfs_fd(BFS_FD_CWD), 0);
	bfs_raw1(__NR_close, fd);
	if (old != NULL) bfs_ofd_closed((uint32_t)(old - bfs_p.ofds));
	return error < 0 ? error : 0;
}

static long start_cwd(const char *wished) {
	struct bfs_loc loc;
	loc.kind = BFS_LOC_NODE;
	loc.node = bfs_node_root();
	loc.parent = 0;
	loc.mount = 0;
	loc.name_len = 0;
	loc.name[0] = loc.rel[0] = 0;
	long error = start_set_cwd(&loc);
	if (error != 0 || wished == NULL || wished[0] != '/') return error;
	if (bfs_walk(AT_FDCWD, wished, BFS_WALK_FOLLOW, &loc) != 0) return 0;
	struct bfs_attr attr;
	uint64_t device;
	long found = loc.kind == BFS_LOC_NODE ? bfs_node_attr(loc.node, &attr) : bfs_provider_of(loc.kind)->attr(&loc, &attr, &device);
	if (found == 0 && (attr.mode & S_IFMT) == S_IFDIR) start_set_cwd(&loc);
	return 0;
}

long bfs_vfs_create(const struct bfs_config *config, char *why, size_t why_size) {
	bfs_why(why, why_size, "", "");
	long error = start_images(config, why, why_size);
	if (error == 0) error = start_descriptors(config, why, why_size);
	if (error != 0) return error;
	struct bfs_control *c = bfs_p.control;
	c->starter_uid = (uint32_t)bfs_raw0(__NR_getuid);
	for (uint32_t i = 0; i < config->lib_count; i++)
		c->libs[i] = (struct bfs_pool_lib){ .file_offset = config->libs[i].file_offset, .size = config->libs[i].image_size };
	error = bfs_merge_build(why, why_size);
	if (error == 0) error = bfs_devfs_setup();
	if (error == 0) error = bfs_procfs_setup();
	if (error == 0) error = bfs_doors_setup(config, why, why_size);
	if (error == 0) error = start_cwd(config->cwd);
	c->start_inodes = c->next_ino;
	if (error != 0 && why_size > 0 && why[0] == 0)
		bfs_why(why, why_size, "the first directories cannot be made (is /proc there? is the overlay too small?)", "");
	return error;
}

long bfs_vfs_join(int fd_base, char *why, size_t why_size) {
	bfs_fd_base = fd_base;
	long error = bfs_pool_attach(bfs_fd(BFS_FD_POOL), why, why_size);
	for (uint32_t i = 0; error == 0 && i < bfs_p.control->lib_count; i++) {
		const struct bfs_pool_lib *lib = &bfs_p.control->libs[i];
		long at = bfs_raw6(__NR_mmap, 0, lib->size, PROT_READ, MAP_SHARED | MAP_NORESERVE, bfs_fd(BFS_FD_LIBS) + (int)i, lib->file_offset);
		const char *reason = "";
		if (at < 0 && at > -4096) {
			bfs_why(why, why_size, "a library cannot be mapped: the address space limit (ulimit -v) is too small", "");
			error = at;
		} else if (bfs_image_attach(i, (const uint8_t *)at, lib->size, lib->file_offset, &reason) != 0) {
			error = start_bad_library(why, why_size, NULL, reason);
		}
	}
	return error;
}
