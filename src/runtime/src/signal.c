/* Signal masks and actions: SIGSYS must stay deliverable (the kernel kills a thread that traps while it is blocked) and stay ours, without the program noticing either. */
#include "trap.h"

#define SIGNAL_SET_SIZE 8ul
#define SIGNAL_HANDLER_DEFAULT 0ul
#define SIGNAL_HANDLER_IGNORE 1ul
#define SIGNAL_RESETHAND 0x80000000ul /* SA_RESETHAND */
enum { SIGNAL_BLOCK = 0, SIGNAL_UNBLOCK = 1, SIGNAL_SETMASK = 2 };

/* What the program believes the action of SIGSYS to be. */
static struct bfs_ksigaction signal_sigsys_action;

uint64_t bfs_sigmask_set(uint64_t mask) {
	uint64_t old = 0;
	mask &= ~BFS_SIGSYS_BIT;
	bfs_raw4(__NR_rt_sigprocmask, SIGNAL_SETMASK, &mask, &old, SIGNAL_SET_SIZE);
	return old;
}

static long signal_action(uint32_t sig, uint64_t user_act, uint64_t user_old, uint64_t size) {
	struct bfs_ksigaction act, old;
	if (size != SIGNAL_SET_SIZE) return -EINVAL;
	if (user_act != 0) {
		if (bfs_copy_in(&act, (const void *)user_act, sizeof act) < 0) return -EFAULT;
		act.mask &= ~BFS_SIGSYS_BIT;
	}
	if (sig == BFS_SIGSYS) {
		old = signal_sigsys_action;
		if (user_act != 0) {
			/* A vfork child resets all actions (posix_spawn does), which must not change its parent's. */
			if (act.handler > SIGNAL_HANDLER_IGNORE || !bfs_memory_lent()) signal_sigsys_action = act;
		}
	} else {
		long rc = bfs_raw4(__NR_rt_sigaction, sig, user_act != 0 ? BFS_ARG(&act) : 0, BFS_ARG(&old), SIGNAL_SET_SIZE);
		if (rc < 0) return rc;
	}
	if (user_old != 0 && bfs_copy_out((void *)user_old, &old, sizeof old) < 0) return -EFAULT;
	return 0;
}

/* The mask in the signal frame is the thread's: rt_sigreturn installs it. */
static long signal_mask(struct bfs_ucontext *uc, uint64_t how, uint64_t user_set, uint64_t user_old, uint64_t size) {
	uint64_t set, old = uc->sigmask;
	if (size != SIGNAL_SET_SIZE) return -EINVAL;
	if (user_set != 0) {
		if (bfs_copy_in(&set, (const void *)user_set, sizeof set) < 0) return -EFAULT;
		uint64_t mask;
		switch ((int)how) {
		case SIGNAL_BLOCK: mask = old | set; break;
		case SIGNAL_UNBLOCK: mask = old & ~set; break;
		case SIGNAL_SETMASK: mask = set; break;
		default: return -EINVAL;
		}
		uc->sigmask = mask & ~BFS_SIGSYS_BIT;
	}
	if (user_old != 0 && bfs_copy_out((void *)user_old, &old, sizeof old) < 0) return -EFAULT;
	return 0;
}

static enum bfs_verdict signal_done(struct bfs_trap *t, long result) {
	t->call.result = result;
	return BFS_DONE;
}

/* A call whose argument INDEX points to a mask that holds while it waits. */
static enum bfs_verdict signal_wait(struct bfs_trap *t, unsigned index) {
	uint64_t mask;
	if (t->call.a[index] == 0) return BFS_PASS;
	if (bfs_copy_in(&mask, (const void *)t->call.a[index], sizeof mask) < 0) return signal_done(t, -EFAULT);
	/* Always a copy: the program's other threads may write to the original between this look and the kernel's. */
	uint64_t *copy = bfs_call_scratch(&t->call, sizeof mask);
	*copy = mask & ~BFS_SIGSYS_BIT;
	t->call.a[index] = (uint64_t)copy;
	return BFS_PASS;
}

/* pselect6's sixth argument points to { mask pointer, size }. */
static enum bfs_verdict signal_pselect(struct bfs_trap *t) {
	uint64_t pair[2], mask;
	if (t->call.a[5] == 0) return BFS_PASS;
	if (bfs_copy_in(pair, (const void *)t->call.a[5], sizeof pair) < 0) return signal_done(t, -EFAULT);
	if (pair[0] == 0) return BFS_PASS;
	if (bfs_copy_in(&mask, (const void *)pair[0], sizeof mask) < 0) return signal_done(t, -EFAULT);
	uint64_t *copy = bfs_call_scratch(&t->call, 3 * sizeof(uint64_t));
	copy[0] = (uint64_t)&copy[2];
	copy[1] = pair[1];
	copy[2] = mask & ~BFS_SIGSYS_BIT;
	t->call.a[5] = (uint64_t)copy;
	return BFS_PASS;
}

enum bfs_verdict bfs_signal_call(struct bfs_trap *t) {
	const uint64_t *a = t->call.a;
	switch (t->call.nr) {
	case __NR_rt_sigaction: return signal_done(t, signal_action((uint32_t)a[0], a[1], a[2], a[3]));
	case __NR_rt_sigprocmask: return signal_done(t, signal_mask(t->uc, a[0], a[1], a[2], a[3]));
	case __NR_rt_sigsuspend: return signal_wait(t, 0);
	case __NR_ppoll: return signal_wait(t, 3);
	case __NR_epoll_pwait:
	case 441: /* epoll_pwait2 */ return signal_wait(t, 4);
	case __NR_pselect6: return signal_pselect(t);
	default: return signal_done(t, -ENOSYS);
	}
}

uint64_t bfs_signal_own_sigsys(bool forced) {
	uint64_t handler = signal_sigsys_action.handler;
	if (handler > SIGNAL_HANDLER_IGNORE) {
		if ((signal_sigsys_action.flags & SIGNAL_RESETHAND) != 0) signal_sigsys_action.handler = SIGNAL_HANDLER_DEFAULT;
		return handler;
	}
	if (handler == SIGNAL_HANDLER_IGNORE && !forced) return 0;
	struct bfs_ksigaction deadly = { .handler = SIGNAL_HANDLER_DEFAULT };
	bfs_raw4(__NR_rt_sigaction, BFS_SIGSYS, &deadly, 0, SIGNAL_SET_SIZE);
	bfs_raw3(__NR_tgkill, bfs_raw0(__NR_getpid), bfs_raw0(__NR_gettid), BFS_SIGSYS); /* pending until the frame's mask is back */
	return 0;
}

void bfs_signal_enter(const struct bfs_ucontext *uc) { bfs_sigmask_set(uc->sigmask | signal_sigsys_action.mask); }

enum bfs_verdict bfs_process_call(struct bfs_trap *t) {
	const uint64_t *a = t->call.a;
	switch (t->call.nr) {
	case __NR_execve: return signal_done(t, bfs_exec(AT_FDCWD, (const char *)a[0], a[1], a[2], 0, false, t->uc->sigmask));
	case __NR_execveat: return signal_done(t, bfs_exec((int)a[0], (const char *)a[1], a[2], a[3], (uint32_t)a[4], false, t->uc->sigmask));
	case __NR_prctl:
	case __NR_seccomp: return bfs_filter_call(t);
	default: return bfs_signal_call(t);
	}
}
