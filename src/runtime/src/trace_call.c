/* Which stops of a tracee at the entry and exit of a call a tracer of the tree hears of: of those that there would be natively. Under PTRACE_SYSCALL a trapped call stops a tracee
 *
 *   at its entry                        told
 *   at its exit: the filter skipped it  not told; SIGSYS is pending, and the call goes on in the handler
 *   for SIGSYS                          not told, nor are the calls of the handler
 *   at the exit of rt_sigreturn         told as the exit of the call: the registers are the program's again, with the result. Not where the call is made again (BFS_AGAIN), nor
 *                                       where it is passed, which then is made in the gate: its entry is not told, and
 *   at its exit                         is told, after the registers have become what the gate's tail would make of them. A call that is to be restarted is restarted in the program, so.
 *                                       Where a signal is pending already, the exit of rt_sigreturn is told as that of a call which is to be restarted.
 */
#include "notify.h"
#include "policy.h"
#include "trace.h"
#include "trap.h"

#include <asm/stat.h>
#include <linux/ptrace.h>

#define TRACE_ENTERED ((uint64_t)-ENOSYS) /* rax at the entry of a call */
#define TRACE_LINKS_ALONE 3u              /* links of /proc/PID/task of a process of one thread */
#define TRACE_ERESTARTNOINTR 513l
#define TRACE_NO_CALL (~0ull)                                                          /* orig_rax after rt_sigreturn */
#define TRACE_AFTER_SIZE 6ul                                                           /* from bfs_after_call to behind its system call */
#define TRACE_RESTARTS(rax) ((uint64_t)(rax) >= -516ull && (uint64_t)(rax) <= -512ull) /* ERESTARTSYS … ERESTART_RESTARTBLOCK */

static uint64_t trace_signals_held(uint32_t tid) {
	uint64_t mask = 0;
	bfs_ptrace(PTRACE_GETSIGMASK, tid, sizeof mask, &mask);
	return mask;
}

bool bfs_trace_inside(uint32_t tid) { return (trace_signals_held(tid) & BFS_SIGSYS_BIT) != 0; }

/* At the exit of a call that was trapped the signal is pending: a result alone could be the number by chance. */
static bool trace_skipped(uint32_t tid, const struct bfs_trace_regs *regs) {
	struct ptrace_peeksiginfo_args from = { .off = 0, .flags = 0, .nr = 1 };
	struct bfs_trace_siginfo info;
	if (regs->rax != regs->orig_rax) return false;
	for (; bfs_ptrace(PTRACE_PEEKSIGINFO, tid, &from, &info) == 1; from.off++)
		if (bfs_trace_is_trap(&info)) return true;
	return false;
}

static bool trace_queued(uint32_t tid, uint32_t flags, uint64_t held) {
	struct ptrace_peeksiginfo_args from = { .off = 0, .flags = flags, .nr = 1 };
	struct bfs_trace_siginfo info;
	for (; bfs_ptrace(PTRACE_PEEKSIGINFO, tid, &from, &info) == 1; from.off++)
		if ((held >> (info.signal - 1) & 1) == 0) return true;
	return false;
}

/* proc_pid_task(5) */
static bool trace_alone(uint32_t tid) {
	char path[40] = "/proc/";
	struct stat st;
	memcpy(path + 6 + bfs_u64_text(path + 6, tid), "/task", 6);
	return bfs_raw2(__NR_stat, path, &st) == 0 && st.st_nlink == TRACE_LINKS_ALONE;
}

/* Will it have a signal before it goes on in the program? One of the process's may be taken by another thread: then it must look for one all the same, or the result of a call to be restarted
 * would be the program's. */
static bool trace_signalled(struct bfs_tracee *t) {
	uint64_t held = trace_signals_held(t->tid);
	if (trace_queued(t->tid, 0, held)) return true;
	if (!trace_queued(t->tid, PTRACE_PEEKSIGINFO_SHARED, held)) return false;
	if (trace_alone(t->tid)) return true;
	if (bfs_ptrace(PTRACE_INTERRUPT, t->tid, 0, 0) != 0) return false; /* was not attached by PTRACE_SEIZE */
	t->interrupted = 1;
	return true;
}

static bool trace_frame(uint32_t tid, uint64_t at, struct bfs_trap_frame *frame) {
	for (uint64_t i = 0; i < sizeof *frame / sizeof(uint64_t); i++)
		if (bfs_ptrace(PTRACE_PEEKDATA, tid, at + i * sizeof(uint64_t), (uint64_t *)frame + i) != 0) return false;
	return true;
}

/* The call by which the gate tells of a result: bfs_after_call, wherever the runtime lies there. */
static bool trace_tells_after(uint32_t tid, const struct bfs_trace_regs *regs) {
	struct bfs_trap_frame frame;
	bool may = regs->orig_rax == __NR_wait4 || regs->orig_rax == __NR_waitid || bfs_policy_of((long)regs->orig_rax).class == BFS_CLASS_LATER;
	return may && trace_frame(tid, regs->rsp, &frame) && frame.after + TRACE_AFTER_SIZE == regs->rip;
}

static bool trace_told(struct bfs_tracee *t, uint8_t phase) {
	t->phase = phase;
	return true;
}

static bool trace_hidden(struct bfs_tracee *t, uint8_t phase) {
	t->phase = phase;
	return false;
}

static bool trace_entered(struct bfs_tracee *t, const struct bfs_trace_regs *regs) {
	t->nr = (int32_t)regs->orig_rax;
	t->ip = regs->rip;
	return trace_told(t, BFS_TRACE_IN);
}

/* As behind the gate's tail, with result RESULT. */
static bool trace_leaves_gate(struct bfs_tracee *t, struct bfs_trace_regs *regs, const struct bfs_trap_frame *frame, uint64_t result) {
	regs->rdi = frame->rdi;
	regs->rsi = frame->rsi;
	regs->rdx = frame->rdx;
	regs->r10 = frame->r10;
	regs->r8 = frame->r8;
	regs->r9 = frame->r9;
	regs->rcx = regs->rip = frame->rip;
	regs->rsp = frame->rsp;
	regs->rax = result;
	regs->orig_rax = frame->rax;
	bfs_ptrace(PTRACE_SETREGS, t->tid, 0, regs);
	return trace_told(t, BFS_TRACE_OUT);
}

/* The exit of rt_sigreturn, behind which a call begins in the gate, or again. A signal that comes in between would be told between the call's entry and its exit. */
static bool trace_begins_call(struct bfs_tracee *t, struct bfs_trace_regs *regs) {
	struct bfs_trap_frame frame;
	bool in_gate = regs->rip - BFS_GATE_ADDR < BFS_GATE_SIZE;
	if ((in_gate && !trace_frame(t->tid, regs->rsp, &frame)) || !trace_signalled(t)) return false;
	if (in_gate) return trace_leaves_gate(t, regs, &frame, (uint64_t)-TRACE_ERESTARTNOINTR);
	regs->rip = t->ip;
	regs->rax = (uint64_t)-TRACE_ERESTARTNOINTR;
	regs->orig_rax = (uint64_t)t->nr;
	bfs_ptrace(PTRACE_SETREGS, t->tid, 0, regs);
	return trace_told(t, BFS_TRACE_OUT);
}

/* The exit of a passed call, at stub STUB of the gate. */
static bool trace_passed(struct bfs_tracee *t, struct bfs_trace_regs *regs, uint64_t stub) {
	struct bfs_trap_frame frame;
	bool done = stub != bfs_gate_at(bfs_gate_after) || TRACE_RESTARTS(regs->rax);
	if (!trace_frame(t->tid, regs->rsp, &frame)) return trace_told(t, BFS_TRACE_OUT);
	t->ip = frame.rip;
	t->nr = (int32_t)frame.rax;
	if (!done && (frame.kept != 0 || bfs_trace_traces(t->tid)))
		return trace_hidden(t, BFS_TRACE_TRAPPED);                  /* it has yet to be put in its place; it may wait again */
	if (!done && bfs_notify_any()) return trace_told(t, BFS_TRACE_OUT); /* the runtime is to hear of it */
	if (stub == bfs_gate_at(bfs_gate_wait) && regs->rax + frame.again == 0) return trace_hidden(t, BFS_TRACE_REPEATS);
	return trace_leaves_gate(t, regs, &frame, regs->rax);
}

/* A stop in the gate. */
static bool trace_in_gate(struct bfs_tracee *t, struct bfs_trace_regs *regs) {
	const char *const stubs[] = { bfs_gate_pass, bfs_gate_wait, bfs_gate_after };
	for (unsigned i = 0; i < sizeof stubs / sizeof *stubs; i++) {
		uint64_t stub = bfs_gate_at(stubs[i]);
		if (regs->rip == stub) return t->phase == BFS_TRACE_TRAPPED && trace_begins_call(t, regs);
		if (regs->rip != stub + BFS_SYSCALL_SIZE) continue;
		if (t->phase == BFS_TRACE_PASSED) return trace_passed(t, regs, stub);
		if (regs->rax != TRACE_ENTERED) return false;
		bool first = t->phase != BFS_TRACE_TRAPPED && t->owed != regs->rip; /* of one that was attached in the midst of it */
		t->owed = 0;
		t->phase = BFS_TRACE_PASSED;
		return first;
	}
	return false; /* calls of the runtime */
}

bool bfs_trace_tells(struct bfs_tracee *t, struct bfs_trace_regs *regs) {
	bool in_gate = regs->rip - BFS_GATE_ADDR < BFS_GATE_SIZE;
	bool entry = regs->rax == TRACE_ENTERED && (regs->orig_rax != TRACE_NO_CALL || t->phase != BFS_TRACE_TRAPPED);
	if (regs->rax == 0 && (regs->orig_rax == __NR_execve || regs->orig_rax == __NR_execveat)) return trace_told(t, BFS_TRACE_CARRIER);
	if (t->phase == BFS_TRACE_IN) return trace_skipped(t->tid, regs) ? trace_hidden(t, BFS_TRACE_TRAPPED) : trace_told(t, BFS_TRACE_OUT);
	if (in_gate) return trace_in_gate(t, regs);
	if (t->phase == BFS_TRACE_CARRIER)
		return entry && !(regs->orig_rax == __NR_read && regs->rdi == BFS_TRAP_PROBE_FD) && !bfs_trace_inside(t->tid) && trace_entered(t, regs);
	if (entry && ((t->phase == BFS_TRACE_REPEATS && regs->rip == t->ip) || regs->rip == t->owed)) {
		trace_entered(t, regs);
		t->owed = 0;
		return false;
	}
	if (entry) return !trace_tells_after(t->tid, regs) && trace_entered(t, regs);
	if (t->phase != BFS_TRACE_TRAPPED || regs->orig_rax != TRACE_NO_CALL)
		return false; /* of a signal that was the program's own; of the skipped call that told of a wait */
	if (regs->rip == t->ip - BFS_SYSCALL_SIZE) return trace_begins_call(t, regs) || trace_hidden(t, BFS_TRACE_REPEATS);
	bfs_ptrace(PTRACE_POKEUSR, t->tid, offsetof(struct bfs_trace_regs, orig_rax), t->nr);
	return trace_told(t, BFS_TRACE_OUT);
}
