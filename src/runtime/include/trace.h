/* Between op_trace.c, the requests of tracers, trace_stop.c, the stops of tracees, and trace_call.c, those of them at calls. */
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

/* phase of a tracee */
enum {
	BFS_TRACE_OUT,     /* in no call that was told */
	BFS_TRACE_IN,      /* its exit comes next */
	BFS_TRACE_TRAPPED, /* in the handler */
	BFS_TRACE_PASSED,  /* in the gate */
	BFS_TRACE_REPEATS, /* its entry comes once more */
	BFS_TRACE_CARRIER, /* exec was told, the new program has not begun */
};

/* struct user_regs_struct (sys/user.h) */
struct bfs_trace_regs {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax, rip, cs, eflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;
};

#define BFS_SYSCALL_SIZE 2ul /* bytes of the instruction */

#define bfs_ptrace(request, tid, address, data) bfs_raw4(__NR_ptrace, request, tid, address, data)

/* Does thread TID trace anybody? trace_stop.c */
bool bfs_trace_traces(uint32_t tid);
/* Is tracee TID, which is stopped, in the runtime? Programs never block SIGSYS (signal.c); the handler does, and what an exec starts until it has made its gate. */
bool bfs_trace_inside(uint32_t tid);
/* Is this stop at the entry or exit of a call, with registers REGS, one to tell? The registers may be changed. trace_call.c */
bool bfs_trace_tells(struct bfs_tracee *t, struct bfs_trace_regs *regs);

static inline struct bfs_tracee *bfs_trace_place(uint32_t tid) { return &bfs_p.control->tracees[tid % BFS_TRACEES]; }

#endif
