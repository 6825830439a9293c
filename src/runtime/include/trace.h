/* Between op_trace.c, the requests of tracers, and trace_stop.c, the stops of tracees. */
#ifndef BINARYFS_TRACE_H
#define BINARYFS_TRACE_H

#include "pool.h"

struct bfs_trace_siginfo {
	int32_t signal, error, code, pad;
	uint64_t address; /* behind the instruction */
	int32_t nr;
	uint32_t arch;
	uint8_t rest[96];
};
_Static_assert(sizeof(struct bfs_trace_siginfo) == 128, "siginfo_t");

/* Is it the SIGSYS of a call that was trapped? op_trace.c */
bool bfs_trace_is_trap(const struct bfs_trace_siginfo *info);

static inline struct bfs_tracee *bfs_trace_place(uint32_t tid) { return &bfs_p.control->tracees[tid % BFS_TRACEES]; }

#endif
