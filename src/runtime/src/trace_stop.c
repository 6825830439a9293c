/* Of which stops of its tracee a tracer of the tree hears: of those that there would be natively. Under PTRACE_SYSCALL a trapped call stops a tracee
 *
 *   at its entry                        told
 *   at its exit: the filter skipped it  not told; SIGSYS is pending, and the call goes on in the handler
 *   for SIGSYS                          not told, nor are the calls of the handler
 *   at the exit of rt_sigreturn         told as the exit of the call: the registers are the program's again, with the result. Not where the call is made again (BFS_AGAIN), nor
 *                                       where it is passed, which then is made in the gate: its entry is not told, and
 *   at its exit                         is told, after the registers have become what the gate's tail would make of them. A call that is to be restarted is restarted in the program, so.
 *                                       Where a signal is pending already, the exit of rt_sigreturn is told as that of a call which is to be restarted.
 *
 * Between SIGSYS and rt_sigreturn a tracee may hold locks of the pool. For SIGSTOP or PTRACE_INTERRUPT it then stops when it has left the runtime: the stop is not told and asked for once more.
 * The requests that this takes are the tracing thread's to make: after its wait (bfs_trace_hand_on), and while it waits for a lock itself (bfs_trace_help). Neither leaves a tracee
 * for long inside the runtime that could go on.
 */
#include "notify.h"
#include "ops.h"
#include "policy.h"
#include "pool.h"
#include "trace.h"
#include "trap.h"

#include <asm/stat.h>
#include <linux/ptrace.h>
#include <linux/time_types.h>
#include <linux/wait.h>

enum { TRACE_OUT, TRACE_IN, TRACE_TRAPPED, TRACE_PASSED, TRACE_REPEATS, TRACE_CARRIER };
/* out: in no call that was told; in: its exit comes next; trapped: in the handler; passed: in the gate; repeats: its entry comes once more; carrier: exec was told, the new program has not
 * begun. */

enum trace_settled { TRACE_RUNS, TRACE_TOLD, TRACE_WENT_ON };

enum { TRACE_NO_STOP, TRACE_SIGSTOP, TRACE_INTERRUPT };

/* struct user_regs_struct (sys/user.h) */
struct trace_regs {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax, rip, cs, eflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;
};

#define TRACE_SIGTRAP 5
#define TRACE_SIGSTOP_NUMBER 19
#define TRACE_GOOD 0x80                   /* PTRACE_O_TRACESYSGOOD */
#define TRACE_ENTERED ((uint64_t)-ENOSYS) /* rax at the entry of a call */
#define TRACE_LINKS_ALONE 3u              /* links of /proc/PID/task of a process of one thread */
#define TRACE_ERESTARTNOINTR 513l
#define TRACE_NO_CALL (~0ull)                                                          /* orig_rax after rt_sigreturn */
#define TRACE_SYSCALL_SIZE 2ul                                                         /* bytes of the instruction */
#define TRACE_AFTER_SIZE 6ul                                                           /* from bfs_after_call to behind its system call */
#define TRACE_RESTARTS(rax) ((uint64_t)(rax) >= -516ull && (uint64_t)(rax) <= -512ull) /* ERESTARTSYS … ERESTART_RESTARTBLOCK */

#define trace_ask(request, tid, address, data) bfs_raw4(__NR_ptrace, request, tid, address, data)

static uint64_t trace_signals_held(uint32_t tid) {
	uint64_t mask = 0;
	trace_ask(PTRACE_GETSIGMASK, tid, sizeof mask, &mask);
	return mask;
}

/* Programs never block SIGSYS (signal.c); the handler does, and what an exec starts until it has made its gate. */
static bool trace_inside(uint32_t tid) { return (trace_signals_held(tid) & BFS_SIGSYS_BIT) != 0; }

static enum trace_settled trace_go_on(const struct bfs_tracee *t, uint64_t signal) {
	uint64_t request = t->stop != TRACE_NO_STOP ? PTRACE_SYSCALL : t->request;
	return trace_ask(request, t->tid, 0, signal) == 0 ? TRACE_WENT_ON : TRACE_RUNS;
}

/* At the exit of a call that was trapped the signal is pending: a result alone could be the number by chance. */
static bool trace_skipped(uint32_t tid, const struct trace_regs *regs) {
	struct ptrace_peeksiginfo_args from = { .off = 0, .flags = 0, .nr = 1 };
	struct bfs_trace_siginfo info;
	if (regs->rax != regs->orig_rax) return false;
	for (; trace_ask(PTRACE_PEEKSIGINFO, tid, &from, &info) == 1; from.off++)
		if (bfs_trace_is_trap(&info)) return true;
	return false;
}

static bool trace_queued(uint32_t tid, uint32_t flags, uint64_t held) {
	struct ptrace_peeksiginfo_args from = { .off = 0, .flags = flags, .nr = 1 };
	struct bfs_trace_siginfo info;
	for (; trace_ask(PTRACE_PEEKSIGINFO, tid, &from, &info) == 1; from.off++)
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

/* Will it have a signal before it goes on in the program? One of the process's may be taken by another thread. */
static bool trace_signalled(uint32_t tid) {
	uint64_t held = trace_signals_held(tid);
	return trace_queued(tid, 0, held) || (trace_queued(tid, PTRACE_PEEKSIGINFO_SHARED, held) && trace_alone(tid));
}

static bool trace_frame(uint32_t tid, uint64_t at, struct bfs_trap_frame *frame) {
	for (uint64_t i = 0; i < sizeof *frame / sizeof(uint64_t); i++)
		if (trace_ask(PTRACE_PEEKDATA, tid, at + i * sizeof(uint64_t), (uint64_t *)frame + i) != 0) return false;
	return true;
}

/* The call by which the gate tells of a wait's result: bfs_after_call, wherever the runtime lies there. */
static bool trace_tells_after(uint32_t tid, const struct trace_regs *regs) {
	struct bfs_trap_frame frame;
	return (regs->orig_rax == __NR_wait4 || regs->orig_rax == __NR_waitid) && trace_frame(tid, regs->rsp, &frame) && frame.after + TRACE_AFTER_SIZE == regs->rip;
}

static bool trace_told(struct bfs_tracee *t, uint8_t phase) {
	t->phase = phase;
	return true;
}

static bool trace_hidden(struct bfs_tracee *t, uint8_t phase) {
	t->phase = phase;
	return false;
}

static bool trace_entered(struct bfs_tracee *t, const struct trace_regs *regs) {
	t->nr = (int32_t)regs->orig_rax;
	t->ip = regs->rip;
	return trace_told(t, TRACE_IN);
}

/* As behind the gate's tail, with result RESULT. */
static bool trace_leaves_gate(struct bfs_tracee *t, struct trace_regs *regs, const struct bfs_trap_frame *frame, uint64_t result) {
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
	trace_ask(PTRACE_SETREGS, t->tid, 0, regs);
	return trace_told(t, TRACE_OUT);
}

/* The exit of rt_sigreturn, behind which a call begins in the gate, or again. A signal that comes in between would be told between the call's entry and its exit. */
static bool trace_begins_call(struct bfs_tracee *t, struct trace_regs *regs) {
	struct bfs_trap_frame frame;
	if (!trace_signalled(t->tid)) return false;
	if (regs->rip - BFS_GATE_ADDR < BFS_GATE_SIZE)
		return trace_frame(t->tid, regs->rsp, &frame) && trace_leaves_gate(t, regs, &frame, (uint64_t)-TRACE_ERESTARTNOINTR);
	regs->rip = t->ip;
	regs->rax = (uint64_t)-TRACE_ERESTARTNOINTR;
	regs->orig_rax = (uint64_t)t->nr;
	trace_ask(PTRACE_SETREGS, t->tid, 0, regs);
	return trace_told(t, TRACE_OUT);
}

static bool trace_traces(uint32_t tid) {
	if ((__atomic_load_n(&bfs_p.control->tracers[tid % BFS_TRACEES / 64], __ATOMIC_RELAXED) >> (tid % 64) & 1) == 0) return false;
	for (uint32_t i = 0; i < BFS_TRACEES; i++)
		if (bfs_p.control->tracees[i].tid != 0 && bfs_p.control->tracees[i].tracer == tid) return true;
	return false;
}

/* The exit of a passed call, at stub STUB of the gate. */
static bool trace_passed(struct bfs_tracee *t, struct trace_regs *regs, uint64_t stub) {
	struct bfs_trap_frame frame;
	bool done = stub != bfs_gate_at(bfs_gate_after) || TRACE_RESTARTS(regs->rax);
	if (!trace_frame(t->tid, regs->rsp, &frame)) return trace_told(t, TRACE_OUT);
	t->ip = frame.rip;
	t->nr = (int32_t)frame.rax;
	if (!done && trace_traces(t->tid)) return trace_hidden(t, TRACE_TRAPPED); /* it may wait again */
	if (!done && bfs_notify_any()) return trace_told(t, TRACE_OUT);           /* the runtime is to hear of it */
	if (stub == bfs_gate_at(bfs_gate_wait) && regs->rax + frame.again == 0) return trace_hidden(t, TRACE_REPEATS);
	return trace_leaves_gate(t, regs, &frame, regs->rax);
}

/* A stop in the gate. */
static bool trace_in_gate(struct bfs_tracee *t, struct trace_regs *regs) {
	const char *const stubs[] = { bfs_gate_pass, bfs_gate_wait, bfs_gate_after };
	for (unsigned i = 0; i < sizeof stubs / sizeof *stubs; i++) {
		uint64_t stub = bfs_gate_at(stubs[i]);
		if (regs->rip == stub) return t->phase == TRACE_TRAPPED && trace_begins_call(t, regs);
		if (regs->rip != stub + TRACE_SYSCALL_SIZE) continue;
		if (t->phase == TRACE_PASSED) return trace_passed(t, regs, stub);
		if (regs->rax != TRACE_ENTERED) return false;
		bool first = t->phase != TRACE_TRAPPED && t->owed != regs->rip; /* of one that was attached in the midst of it */
		t->owed = 0;
		t->phase = TRACE_PASSED;
		return first;
	}
	return false; /* calls of the runtime */
}

/* Is a stop at the entry or exit of a call one to tell? */
static bool trace_tells(struct bfs_tracee *t, struct trace_regs *regs) {
	bool in_gate = regs->rip - BFS_GATE_ADDR < BFS_GATE_SIZE;
	bool entry = regs->rax == TRACE_ENTERED && (regs->orig_rax != TRACE_NO_CALL || t->phase != TRACE_TRAPPED);
	if (regs->rax == 0 && (regs->orig_rax == __NR_execve || regs->orig_rax == __NR_execveat)) return trace_told(t, TRACE_CARRIER);
	if (t->phase == TRACE_IN) return trace_skipped(t->tid, regs) ? trace_hidden(t, TRACE_TRAPPED) : trace_told(t, TRACE_OUT);
	if (in_gate) return trace_in_gate(t, regs);
	if (t->phase == TRACE_CARRIER)
		return entry && !(regs->orig_rax == __NR_read && regs->rdi == BFS_TRAP_PROBE_FD) && !trace_inside(t->tid) && trace_entered(t, regs);
	if (entry && ((t->phase == TRACE_REPEATS && regs->rip == t->ip) || regs->rip == t->owed)) {
		trace_entered(t, regs);
		t->owed = 0;
		return false;
	}
	if (entry) return !trace_tells_after(t->tid, regs) && trace_entered(t, regs);
	if (t->phase != TRACE_TRAPPED || regs->orig_rax != TRACE_NO_CALL)
		return false; /* of a signal that was the program's own; of the skipped call that told of a wait */
	if (regs->rip == t->ip - TRACE_SYSCALL_SIZE) return trace_begins_call(t, regs) || trace_hidden(t, TRACE_REPEATS);
	trace_ask(PTRACE_POKEUSR, t->tid, offsetof(struct trace_regs, orig_rax), t->nr);
	return trace_told(t, TRACE_OUT);
}

static enum trace_settled trace_syscall(struct bfs_tracee *t) {
	struct trace_regs regs;
	if (t->told) return TRACE_TOLD;
	if (trace_ask(PTRACE_GETREGS, t->tid, 0, &regs) != 0) return TRACE_RUNS;
	if (t->stop != TRACE_NO_STOP && !trace_inside(t->tid)) {
		if (t->stop == TRACE_INTERRUPT)
			trace_ask(PTRACE_INTERRUPT, t->tid, 0, 0);
		else
			bfs_raw2(__NR_tkill, t->tid, TRACE_SIGSTOP_NUMBER);
		t->stop = TRACE_NO_STOP;
	}
	t->told = t->request == PTRACE_SYSCALL && trace_tells(t, &regs);
	if (t->told) return TRACE_TOLD;
	if (t->request == 0 && t->stop == TRACE_NO_STOP)
		return trace_ask(PTRACE_CONT, t->tid, 0, 0) == 0 ? TRACE_WENT_ON : TRACE_RUNS; /* into the stop that is due */
	return trace_go_on(t, 0);
}

/* A signal that came right before the gate's call, or before the repetition: its entry was told. */
static void trace_interrupts(struct bfs_tracee *t) {
	struct trace_regs regs;
	if (trace_inside(t->tid) || trace_ask(PTRACE_GETREGS, t->tid, 0, &regs) != 0) return;
	t->owed = regs.rip + TRACE_SYSCALL_SIZE;
	t->phase = TRACE_OUT;
}

static enum trace_settled trace_settle(struct bfs_tracee *t) {
	struct bfs_trace_siginfo info = { 0 };
	long r = trace_ask(PTRACE_GETSIGINFO, t->tid, 0, &info);
	if (r == -ESRCH) return TRACE_RUNS;
	if (r == 0 && bfs_trace_is_trap(&info)) return t->request != 0 || t->stop != TRACE_NO_STOP ? trace_go_on(t, BFS_SIGSYS) : TRACE_TOLD;
	bool traps = r == 0 && info.signal == TRACE_SIGTRAP;
	if (traps && (info.code == TRACE_SIGTRAP || info.code == (TRACE_SIGTRAP | TRACE_GOOD))) return trace_syscall(t);
	if (r == 0 && (t->phase == TRACE_TRAPPED || t->phase == TRACE_REPEATS)) trace_interrupts(t);
	/* A stop of the whole process has no information where the tracer attached itself, as of old. */
	bool interrupt = r == 0 && info.code >> 8 == PTRACE_EVENT_STOP;
	if (!interrupt && r == 0 && info.signal != TRACE_SIGSTOP_NUMBER) return TRACE_TOLD;
	if (!trace_inside(t->tid)) return TRACE_TOLD;
	t->stop = interrupt ? TRACE_INTERRUPT : TRACE_SIGSTOP;
	return trace_go_on(t, 0);
}

/* Killed in the runtime, and its tracer wants to see it end (PTRACE_O_TRACEEXIT): what it holds is free when it has ended. */
static void trace_let_end(const struct bfs_tracee *t) {
	struct bfs_trace_siginfo info = { 0 };
	if (trace_ask(PTRACE_GETSIGINFO, t->tid, 0, &info) == 0 && info.code >> 8 == PTRACE_EVENT_EXIT && trace_inside(t->tid))
		trace_ask(PTRACE_CONT, t->tid, 0, 0);
}

bool bfs_trace_help(uint32_t tid) {
	if (__atomic_load_n(&bfs_p.control->tracing, __ATOMIC_RELAXED) == 0 || !trace_traces(tid)) return false;
	for (uint32_t i = 0; i < BFS_TRACEES; i++) {
		struct bfs_tracee *t = &bfs_p.control->tracees[i];
		if (t->tid != 0 && t->tracer == tid && trace_settle(t) == TRACE_TOLD) trace_let_end(t);
	}
	return true;
}

#define TRACE_YIELDS 64    /* looks at a tracee that runs, before it is left to itself for longer */
#define TRACE_LOOKS 512    /* and all */
#define TRACE_PAUSE 100000 /* nanoseconds between the later ones */

/* Leads a tracee through the runtime: who waits for another one only must not leave this one stopped with a lock that the other needs. Ends early where it is stopped for good reason or lasts. */
static void trace_lead(struct bfs_tracee *t) {
	uint32_t tid = t->tid;
	for (unsigned looks = 0; looks < TRACE_LOOKS && t->tid == tid && (t->phase == TRACE_TRAPPED || t->stop != TRACE_NO_STOP); looks++) {
		switch (trace_settle(t)) {
		case TRACE_TOLD: return;
		case TRACE_WENT_ON: looks = 0; break;
		case TRACE_RUNS:
			if (looks < TRACE_YIELDS) {
				bfs_raw0(__NR_sched_yield);
				break;
			}
			struct __kernel_timespec pause = { 0, TRACE_PAUSE };
			uint32_t info[32] = { 0 };
			if (bfs_raw5(__NR_waitid, P_PID, tid, info, WEXITED | WNOHANG | WNOWAIT | __WALL, 0) != 0 || info[0] != 0) return;
			bfs_trace_help(t->tracer);
			bfs_raw2(__NR_nanosleep, &pause, 0);
			break;
		}
	}
}

bool bfs_trace_hand_on(int32_t tid) {
	struct bfs_tracee *t = bfs_trace_place((uint32_t)tid);
	if (t->tid != (uint32_t)tid || trace_settle(t) != TRACE_WENT_ON) return false;
	trace_lead(t);
	return true;
}
