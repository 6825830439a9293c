/* Maps the gate page. */
#include "trap.h"

#include <linux/mman.h>

/* Read by bfs_raw; 0 until the gate is mapped. Among the data: relocation has touched their page already. */
BFS_HIDDEN uint64_t bfs_gate_entry __attribute__((section(".data")));

long bfs_gate_map(void) {
	/* Only the anonymous mmap passes the filter from anywhere, so a program after exec can make its gate before it has one. */
	long addr = bfs_raw6(__NR_mmap, BFS_GATE_ADDR, BFS_GATE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (addr < 0) return addr;
	if ((uint64_t)addr != BFS_GATE_ADDR) { /* kernels before 4.17 take the flag for a hint */
		bfs_raw2(__NR_munmap, addr, BFS_GATE_SIZE);
		return -EEXIST;
	}
	memcpy((void *)BFS_GATE_ADDR, bfs_gate_code, (size_t)(bfs_gate_code_end - bfs_gate_code));
	long rc = bfs_raw3(__NR_mprotect, BFS_GATE_ADDR, BFS_GATE_SIZE, PROT_READ | PROT_EXEC);
	if (rc < 0) return rc;
	bfs_gate_entry = BFS_GATE_ADDR;
	return 0;
}
