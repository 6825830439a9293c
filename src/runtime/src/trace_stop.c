/* The stops of tracees: which a tracer of the tree hears of, and what becomes of the others. SIGSYS of a trapped call is handed on; which stops at calls are told says trace_call.c.
 *
 * Between SIGSYS and rt_sigreturn a tracee may hold locks of the pool. For SIGSTOP or PTRACE_INTERRUPT it then stops when it has left the runtime: the stop is not told and asked for once more.
 * The requests that this takes are the tracing thread's to make: after its wait (bfs_trace_hand_on), and while it waits for a lock itself (bfs_trace_help). Neither leaves a tracee
 * for long inside the runtime that could go on.
 */
#include "ops.h"
#include "trace.h"
#include "trap.h"

#include <linux/ptrace.h>
#include <linux/time_types.h>
#include <linux/wait.h>

enum trace_settled { TRACE_RUNS, TRACE_TOLD, TRACE_WENT_ON };

enum { TRACE_NO_STOP, TRACE_SIGSTOP, TRACE_INTERRUPT };

#define TRACE_SIGTRAP 5
#define TRACE_SIGSTOP_NUMBER 19
#define TRACE_GOOD 0x80 /* PTRACE_O_TRACESYSGOOD */

static enum trace_settled trace_go_on(const struct bfs_tracee *t, uint64_t signal) {
	uint64_t request = t->stop != TRACE_NO_STOP ? PTRACE_SYSCALL : t->request;
	return bfs_ptrace(request, t->tid, 0, signal) == 0 ? TRACE_WENT_ON : TRACE_RUNS;
}

static enum trace_settled trace_syscall(struct bfs_tracee *t) {
	struct bfs_trace_regs regs;
	if (t->told) return TRACE_TOLD;
	if (bfs_ptrace(PTRACE_GETREGS, t->tid, 0, &regs) != 0) return TRACE_RUNS;
	if (t->stop != TRACE_NO_STOP && !bfs_trace_inside(t->tid)) {
		if (t->stop == TRACE_INTERRUPT)
			bfs_ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);
		else
			bfs_raw2(__NR_tkill, t->tid, TRACE_SIGSTOP_NUMBER);
		t->stop = TRACE_NO_STOP;
	}
	t->told = t->request == PTRACE_SYSCALL && bfs_trace_tells(t, &regs);
	if (t->told) return TRACE_TOLD;
	if (t->request == 0 && t->stop == TRACE_NO_STOP)
		return bfs_ptrace(PTRACE_CONT, t->tid, 0, 0) == 0 ? TRACE_WENT_ON : TRACE_RUNS; /* into the stop that is due */
	return trace_go_on(t, 0);
}

/* A signal that came right before the gate's call, or before the repetition: its entry was told. */
static void trace_interrupts(struct bfs_tracee *t) {
	struct bfs_trace_regs regs;
	if (bfs_trace_inside(t->tid) || bfs_ptrace(PTRACE_GETREGS, t->tid, 0, &regs) != 0) return;
	t->owed = regs.rip + BFS_SYSCALL_SIZE;
	t->phase = BFS_TRACE_OUT;
}

static enum trace_settled trace_settle(struct bfs_tracee *t) {
	struct bfs_trace_siginfo info = { 0 };
	long r = bfs_ptrace(PTRACE_GETSIGINFO, t->tid, 0, &info);
	if (r == -ESRCH) return TRACE_RUNS;
	if (r == 0 && bfs_trace_is_trap(&info)) return t->request != 0 || t->stop != TRACE_NO_STOP ? trace_go_on(t, BFS_SIGSYS) : TRACE_TOLD;
	bool traps = r == 0 && info.signal == TRACE_SIGTRAP;
	if (traps && (info.code == TRACE_SIGTRAP || info.code == (TRACE_SIGTRAP | TRACE_GOOD))) return trace_syscall(t);
	bool interrupt = r == 0 && info.code >> 8 == PTRACE_EVENT_STOP;
	if (interrupt && t->interrupted && t->request != 0) {
		t->interrupted = 0;
		if (traps) return trace_go_on(t, 0); /* else the whole process is stopped, too */
	}
	if (r == 0 && (t->phase == BFS_TRACE_TRAPPED || t->phase == BFS_TRACE_REPEATS)) trace_interrupts(t);
	/* A stop of the whole process has no information where the tracer attached itself, as of old. */
	if (!interrupt && r == 0 && info.signal != TRACE_SIGSTOP_NUMBER) return TRACE_TOLD;
	if (!bfs_trace_inside(t->tid)) return TRACE_TOLD;
	t->stop = interrupt ? TRACE_INTERRUPT : TRACE_SIGSTOP;
	return trace_go_on(t, 0);
}

/* Killed in the runtime, and its tracer wants to see it end (PTRACE_O_TRACEEXIT): what it holds is free when it has ended. */
static void trace_let_end(const struct bfs_tracee *t) {
	struct bfs_trace_siginfo info = { 0 };
	if (bfs_ptrace(PTRACE_GETSIGINFO, t->tid, 0, &info) == 0 && info.code >> 8 == PTRACE_EVENT_EXIT && bfs_trace_inside(t->tid))
		bfs_ptrace(PTRACE_CONT, t->tid, 0, 0);
}

bool bfs_trace_traces(uint32_t tid) {
	if ((__atomic_load_n(&bfs_p.control->tracers[tid % BFS_TRACEES / 64], __ATOMIC_RELAXED) >> (tid % 64) & 1) == 0) return false;
	for (uint32_t i = 0; i < BFS_TRACEES; i++)
		if (bfs_p.control->tracees[i].tid != 0 && bfs_p.control->tracees[i].tracer == tid) return true;
	return false;
}

bool bfs_trace_help(uint32_t tid) {
	if (!bfs_trace_traces(tid)) return false;
	for (uint32_t i = 0; i < BFS_TRACEES; i++) {
		struct bfs_tracee *t = &bfs_p.control->tracees[i];
		if (t->tid != 0 && t->tracer == tid && trace_settle(t) == TRACE_TOLD) trace_let_end(t);
	}
	return true;
}

#define TRACE_STEPS 8192   /* stops of one call */
#define TRACE_LOOKS 512    /* at a tracee that runs, from one to the next */
#define TRACE_YIELDS 64    /* before it is left to itself for longer */
#define TRACE_PAUSE 100000 /* nanoseconds */

/* False where it has ended. */
static bool trace_pause(const struct bfs_tracee *t, unsigned looks) {
	struct __kernel_timespec pause = { 0, TRACE_PAUSE };
	uint32_t info[32] = { 0 };
	if (looks < TRACE_YIELDS) return bfs_raw0(__NR_sched_yield) == 0;
	if (bfs_raw5(__NR_waitid, P_PID, t->tid, info, WEXITED | WNOHANG | WNOWAIT | __WALL, 0) != 0 || info[0] != 0) return false;
	bfs_trace_help(t->tracer);
	return bfs_raw2(__NR_nanosleep, &pause, 0) == 0;
}

/* Leads a tracee through the runtime: who waits for another one only must not leave this one stopped with a lock that the other needs. Ends early where it is stopped for good reason or lasts. */
static void trace_lead(struct bfs_tracee *t) {
	uint32_t tid = t->tid;
	unsigned steps = 0, looks = 0;
	while (steps < TRACE_STEPS && looks < TRACE_LOOKS && t->tid == tid && (t->phase == BFS_TRACE_TRAPPED || t->stop != TRACE_NO_STOP)) {
		enum trace_settled settled = trace_settle(t);
		if (settled == TRACE_TOLD || (settled == TRACE_RUNS && !trace_pause(t, looks))) return;
		looks = settled == TRACE_RUNS ? looks + 1 : 0;
		steps++;
	}
}

bool bfs_trace_hand_on(int32_t tid) {
	struct bfs_tracee *t = bfs_trace_place((uint32_t)tid);
	if (t->tid != (uint32_t)tid || trace_settle(t) != TRACE_WENT_ON) return false;
	trace_lead(t);
	return true;
}
