/* Clears the program's memory, which may be no memory. */
#include "format.h"
#include "sys.h"

static const uint8_t zero_block[BFS_BLOCK_SIZE];

long bfs_zero_out(void *user_dst, uint64_t size) {
	for (uint64_t done = 0; done < size; done += BFS_BLOCK_SIZE) {
		if (bfs_copy_out((uint8_t *)user_dst + done, zero_block, BFS_MIN(size - done, BFS_BLOCK_SIZE)) != 0) return done > 0 ? (long)done : -EFAULT;
	}
	return (long)size;
}
