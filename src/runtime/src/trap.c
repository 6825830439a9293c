/* One trapped system call, from signal frame to signal frame.
 *
 * The kernel delivered SIGSYS instead of performing a call made outside the gate. The handler runs with every signal blocked; rt_sigreturn restores the program's registers and mask
 * in one step, so nothing of the program ever runs while the runtime holds something. A call that the runtime answered gets its result in the frame's rax. A call that the kernel
 * shall perform (it may block, be interrupted, be restarted) is not performed here: the frame is made to return to the gate, where it happens in the program's normal context:
 *
 *   program's stack   │ …in use… │ red zone 128 │ (signal frame) │ scratch (if asked for) │ frame: rdi rsi rdx r10 r8 r9 rip rsp rax again after kept │ ← rsp during the call
 *
 * Without an alternate stack the kernel's signal frame lies there too, and rt_sigreturn has yet to read it: what is written stays below.
 */
#include "trap.h"
#include "policy.h"

#include <linux/audit.h>

uint64_t bfs_trap_main(void *info, struct bfs_ucontext *uc) BFS_HIDDEN;
void bfs_sigsys_handler(void) BFS_HIDDEN;
long bfs_plain(long nr, uint64_t a0) BFS_HIDDEN;

#define TRAP_RED_ZONE 128ul
#define TRAP_SYSCALL_SIZE 2ul /* bytes of the instruction that trapped */
#define TRAP_SI_ERRNO 1       /* 32-bit words before si_errno in siginfo_t */
#define TRAP_SI_CODE 2        /* and before si_code */
#define TRAP_SYS_SECCOMP 1    /* its value for SECCOMP_RET_TRAP */
#define TRAP_PROBE_RESULT 0x42464Bl

extern const char bfs_after_call[] BFS_HIDDEN, bfs_after_trapped[] BFS_HIDDEN;

/* Where the program's stack is free from, downwards, until rt_sigreturn is done. */
static uint64_t trap_free_top(const struct bfs_ucontext *uc) {
	uint64_t frame = (uint64_t)uc - sizeof(uint64_t); /* the handler's return address is its lowest word */
	bool on_other_stack = frame - uc->stack_sp < uc->stack_size && uc->mc.rsp - uc->stack_sp >= uc->stack_size;
	return on_other_stack ? uc->mc.rsp - TRAP_RED_ZONE : frame;
}

static void trap_pass(struct bfs_trap *t, const char *stub, uint64_t again) {
	struct bfs_sigcontext *mc = &t->uc->mc;
	/* A goroutine has little room below its stack pointer: of the scratch area only what an argument lies in stays above the frame. */
	uint64_t top = trap_free_top(t->uc);
	for (unsigned i = 0; i < 6; i++)
		if (t->call.a[i] - t->call.scratch < BFS_SCRATCH_SIZE) top = BFS_MIN(top, t->call.a[i]);
	uint64_t base = (top - sizeof(struct bfs_trap_frame)) & ~15ul;
	struct bfs_trap_frame *frame = (struct bfs_trap_frame *)base;
	*frame = (struct bfs_trap_frame){ mc->rdi, mc->rsi, mc->rdx, mc->r10, mc->r8, mc->r9, mc->rip, mc->rsp, mc->rax, again, (uint64_t)bfs_after_call, t->call.kept };
	mc->rax = (uint64_t)t->call.nr;
	mc->rdi = t->call.a[0];
	mc->rsi = t->call.a[1];
	mc->rdx = t->call.a[2];
	mc->r10 = t->call.a[3];
	mc->r8 = t->call.a[4];
	mc->r9 = t->call.a[5];
	mc->rsp = base;
	mc->rip = bfs_gate_at(stub);
}

/* The call that the frame at the stack pointer is of has been performed. */
static void trap_after(struct bfs_sigcontext *mc) {
	const struct bfs_trap_frame *frame = (const struct bfs_trap_frame *)mc->rsp;
	struct bfs_call call = {
		.nr = (int32_t)frame->rax, .a = { frame->rdi, frame->rsi, frame->rdx, frame->r10, frame->r8, frame->r9 }, .result = (long)frame->again, .kept = frame->kept
	};
	bool again = bfs_after(&call);
	mc->rdi = frame->rdi;
	mc->rsi = frame->rsi;
	mc->rdx = frame->rdx;
	mc->r10 = frame->r10;
	mc->r8 = frame->r8;
	mc->r9 = frame->r9;
	mc->rip = again ? frame->rip - TRAP_SYSCALL_SIZE : frame->rip;
	mc->rax = again ? frame->rax : (uint64_t)call.result;
	mc->rsp = frame->rsp;
}

/* Ours traps nothing that is made from the gate or that the table calls native. */
bool bfs_trap_is_ours(int32_t code, int32_t error, uint64_t address, long nr) {
	uint8_t class = bfs_policy_of(nr).class;
	return code == TRAP_SYS_SECCOMP && error == BFS_FILTER_TRAPS && address - BFS_GATE_ADDR >= BFS_GATE_SIZE &&
	       (class == BFS_CLASS_TRAP || class == BFS_CLASS_LATER || class == BFS_CLASS_PROCESS);
}

/* Returns the program's own handler where the signal is for it, else 0. */
uint64_t bfs_trap_main(void *info, struct bfs_ucontext *uc) {
	const int32_t *words = info;
	struct bfs_sigcontext *mc = &uc->mc;
	long nr = (int32_t)mc->rax; /* as the kernel reads it */
	int32_t error = words[TRAP_SI_ERRNO], code = words[TRAP_SI_CODE];
	if (!bfs_trap_is_ours(code, error, mc->rip, nr)) return bfs_signal_own_sigsys(code == TRAP_SYS_SECCOMP);
	if (mc->rip == (uint64_t)bfs_after_trapped) {
		trap_after(mc);
		return 0;
	}
	struct bfs_trap t = {
		.call = { .nr = nr, .a = { mc->rdi, mc->rsi, mc->rdx, mc->r10, mc->r8, mc->r9 } },
		.uc = uc,
	};
	if (t.call.nr == __NR_read && t.call.a[0] == BFS_TRAP_PROBE_FD) {
		mc->rax = (uint64_t)TRAP_PROBE_RESULT;
		return 0;
	}
	if (bfs_pool_filters()) {
		long judged = bfs_judge(nr, mc->rdi, mc->rsi, mc->rdx, mc->r10, mc->r8, mc->r9);
		if (judged != BFS_JUDGED_ALLOWED) {
			mc->rax = (uint64_t)judged;
			return 0;
		}
	}
	t.call.scratch = (trap_free_top(uc) - BFS_SCRATCH_SIZE) & ~15ul;
	enum bfs_verdict verdict = bfs_policy_of(t.call.nr).class == BFS_CLASS_PROCESS ? bfs_process_call(&t) : bfs_dispatch(&t.call);
	switch (verdict) {
	case BFS_DONE: mc->rax = (uint64_t)t.call.result; break;
	case BFS_PASS: trap_pass(&t, bfs_gate_pass, 0); break;
	case BFS_WAIT: trap_pass(&t, bfs_gate_wait, (uint64_t)-t.call.again); break;
	case BFS_AFTER: trap_pass(&t, bfs_gate_after, (uint64_t)bfs_after_heeded(&t.call)); break;
	case BFS_LAST:
		uc->sigmask = ~BFS_SIGSYS_BIT;
		trap_pass(&t, bfs_gate_pass, 0);
		break;
	case BFS_AGAIN: mc->rip -= TRAP_SYSCALL_SIZE; break; /* rax is still the number */
	}
	bfs_log(BFS_LOG_TRACE, "call %d(%x, %x, %x) %s %d", t.call.nr, mc->rdi, mc->rsi, mc->rdx,
		verdict == BFS_DONE    ? "="
		: verdict == BFS_AGAIN ? "again"
				       : "passed",
		t.call.result);
	return 0;
}

long bfs_trap_install(void) {
	struct bfs_ksigaction action = {
		.handler = (uint64_t)bfs_sigsys_handler,
		.flags = 0x4u | 0x04000000u | 0x08000000u, /* SA_SIGINFO | SA_RESTORER | SA_ONSTACK: a goroutine's stack has no room for the kernel's frame */
		.restorer = bfs_gate_at(bfs_gate_sigreturn),
		.mask = ~0ull,
	};
	long rc = bfs_slot_setup();
	return rc < 0 ? rc : bfs_raw4(__NR_rt_sigaction, BFS_SIGSYS, &action, 0, 8);
}

long bfs_trap_probe(void) { return bfs_plain(__NR_read, BFS_TRAP_PROBE_FD) == TRAP_PROBE_RESULT ? 0 : -EOPNOTSUPP; }
