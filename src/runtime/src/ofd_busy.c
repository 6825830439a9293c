/* ETXTBSY: a program that runs is not opened for writing nor truncated, and a file that is open for writing is not executed (execve(2), open(2), truncate(2); the kernel's
 * exe_file_deny_write_access and get_write_access).
 *
 * Nothing is counted. Who executes a file has a description of it in a reserved place, which says so, and that lives as long as the kernel says that somebody has it: with its last process it ends,
 * however that ended, and a writer's with its last descriptor. Libraries, loaders, mappings and scripts that run keep nobody from writing, as natively.
 *
 * A process that is between fork and exec, or between the kernel's exec and the loader's end, has what its parent had for longer than natively. So the answer is given only when it has stayed
 * the same for a moment.
 */
#include "pool.h"

#include <linux/time_types.h>

#define BUSY_LOOKS 32u
#define BUSY_PAUSE_NS 1000000

static bool busy_is(const struct bfs_ofd *ofd, uint64_t ino, bool executed) {
	struct bfs_attr attr;
	uint32_t access = ofd->flags & (O_ACCMODE | O_PATH);
	bool counts = executed ? (__atomic_load_n(&ofd->reserved, __ATOMIC_RELAXED) & BFS_OFD_EXECUTED) != 0 : access == O_WRONLY || access == O_RDWR;
	return counts && ofd->kind == BFS_LOC_NODE && bfs_node_attr(ofd->node, &attr) == 0 && attr.ino == ino;
}

static bool busy_now(uint64_t ino, bool executed) {
	uint32_t stripe = bfs_ofd_stripe(ino), rows = bfs_ofd_rows(stripe);
	for (uint32_t row = 0; row < rows; row++) {
		uint32_t i = bfs_ofd_index(stripe, row), seen = bfs_ofd_word(i);
		if (BFS_OFD_STATE(seen) == BFS_OFD_LIVE && busy_is(&bfs_p.ofds[i], ino, executed) && bfs_ofd_alive(i) && bfs_ofd_word(i) == seen) return true;
	}
	return false;
}

long bfs_ofd_text_busy(uint64_t ino, bool executed) {
	struct __kernel_timespec pause = { 0, BUSY_PAUSE_NS };
	for (unsigned looks = 0; looks < BUSY_LOOKS; looks++) {
		if (!busy_now(ino, executed)) return 0;
		bfs_raw2(__NR_nanosleep, &pause, 0);
	}
	return -ETXTBSY;
}
