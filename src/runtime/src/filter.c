/* The seccomp filter: from the table of policy.h to BPF.
 *
 * Order matters. Architecture and number come first, and a number of class NATIVE is decided by them alone, so that the kernel keeps it in its bitmap of calls that need no filter run
 * (seccomp_cache_check_allow). Only trapping numbers look at the instruction pointer: from the gate they pass. A few look at arguments, so that the common harmless form does not trap. */
#include "policy.h"
#include "trap.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/ptrace.h>
#include <linux/resource.h>
#include <linux/seccomp.h>

#define FILTER_MAX 2048u
#define FILTER_X32_BIT 0x40000000u

#define FILTER_OFF_NR offsetof(struct seccomp_data, nr)
#define FILTER_OFF_ARCH offsetof(struct seccomp_data, arch)
#define FILTER_OFF_IP offsetof(struct seccomp_data, instruction_pointer)
#define FILTER_OFF_ARG(i) (offsetof(struct seccomp_data, args) + 8u * (i))

BFS_SELDOM static struct sock_filter filter_code[FILTER_MAX];
static unsigned filter_length;
static int filter_fd_base;

static void filter_put(uint16_t code, uint8_t jt, uint8_t jf, uint32_t k) {
	if (filter_length < FILTER_MAX) filter_code[filter_length++] = (struct sock_filter){ code, jt, jf, k };
}
static void filter_return(uint32_t action) { filter_put(BPF_RET | BPF_K, 0, 0, action); }
static void filter_load(size_t offset) { filter_put(BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset); }

/* Allows the call where the program's 64-bit argument INDEX is zero. */
static void filter_allow_if_zero(unsigned index) {
	filter_load(FILTER_OFF_ARG(index));
	filter_put(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0);
	filter_load(FILTER_OFF_ARG(index) + 4);
	filter_put(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
	filter_return(SECCOMP_RET_ALLOW);
}
/* Skips the rest of the argument tests of this number (COUNT instructions) where descriptor argument INDEX is not below the reserved ones. */
static void filter_require_plain_fd(unsigned index, uint8_t count) {
	filter_load(FILTER_OFF_ARG(index));
	filter_put(BPF_JMP | BPF_JGE | BPF_K, count, 0, (uint32_t)filter_fd_base);
}

/* Native calls with one form that is refused. */
static bool filter_judged(unsigned nr) { return nr == __NR_clone || nr == __NR_unshare; }
static void filter_refuse(void) {
	filter_load(FILTER_OFF_ARG(0));
	/* Locks in shared memory know their owners by thread numbers, which must mean the same in the whole tree. */
	filter_put(BPF_JMP | BPF_JSET | BPF_K, 0, 1, 0x20000000 /* CLONE_NEWPID */);
	filter_return(SECCOMP_RET_ERRNO | EPERM);
	filter_return(SECCOMP_RET_ALLOW);
}

/* What neither makes a tracee nor lets one go on or stops it. */
static void filter_ptrace(void) {
	static const uint16_t trapped[] = { PTRACE_TRACEME, PTRACE_ATTACH, PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_CONT, PTRACE_DETACH, PTRACE_SYSCALL,
		PTRACE_SINGLESTEP, PTRACE_SINGLEBLOCK, PTRACE_SYSEMU, PTRACE_SYSEMU_SINGLESTEP };
	filter_load(FILTER_OFF_ARG(0));
	for (unsigned left = sizeof trapped / sizeof trapped[0]; left-- > 0;) filter_put(BPF_JMP | BPF_JEQ | BPF_K, (uint8_t)(left + 1), 0, trapped[left]);
	filter_return(SECCOMP_RET_ALLOW);
}

/* The harmless forms of trapping calls. */
static void filter_arguments(unsigned nr) {
	switch (nr) {
	case __NR_mmap: /* anonymous memory has no file, whatever descriptor is given */
		filter_load(FILTER_OFF_ARG(3));
		filter_put(BPF_JMP | BPF_JSET | BPF_K, 0, 1, MAP_ANONYMOUS);
		filter_return(SECCOMP_RET_ALLOW);
		break;
	case __NR_fcntl: /* descriptor flags and duplicates: the kernel's own, placeholder or not */
		filter_require_plain_fd(0, 6);
		filter_load(FILTER_OFF_ARG(1));
		filter_put(BPF_JMP | BPF_JEQ | BPF_K, 3, 0, F_DUPFD);
		filter_put(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, F_GETFD);
		filter_put(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, F_SETFD);
		filter_put(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 1030 /* F_DUPFD_CLOEXEC */);
		filter_return(SECCOMP_RET_ALLOW);
		break;
	case __NR_ptrace: filter_ptrace(); break;
	case __NR_dup:
		filter_require_plain_fd(0, 1);
		filter_return(SECCOMP_RET_ALLOW);
		break;
	case __NR_rt_sigprocmask: /* a question, or unblocking only */
		filter_allow_if_zero(1);
		filter_load(FILTER_OFF_ARG(0));
		filter_put(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 1 /* SIG_UNBLOCK */);
		filter_return(SECCOMP_RET_ALLOW);
		break;
	case __NR_rt_sigaction: /* a question: posix_spawn asks for every signal. SIGSYS has an action that only the runtime knows */
		filter_load(FILTER_OFF_ARG(0));
		filter_put(BPF_JMP | BPF_JEQ | BPF_K, 5, 0, BFS_SIGSYS);
		filter_allow_if_zero(1);
		break;
	case __NR_ppoll: filter_allow_if_zero(3); break;
	case __NR_pselect6: filter_allow_if_zero(5); break;
	case __NR_epoll_pwait:
	case 441: /* epoll_pwait2 */ filter_allow_if_zero(4); break;
	case __NR_getrlimit: /* of all but what the runtime takes its part of */
		filter_load(FILTER_OFF_ARG(0));
		filter_put(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, RLIMIT_DATA);
		filter_put(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, RLIMIT_AS);
		filter_return(SECCOMP_RET_ALLOW);
		break;
	case __NR_prlimit64: /* a question, as with getrlimit */
		filter_load(FILTER_OFF_ARG(1));
		filter_put(BPF_JMP | BPF_JEQ | BPF_K, 6, 0, RLIMIT_DATA);
		filter_put(BPF_JMP | BPF_JEQ | BPF_K, 5, 0, RLIMIT_AS);
		filter_allow_if_zero(2);
		break;
	case __NR_prctl:
		filter_load(FILTER_OFF_ARG(0));
		filter_put(BPF_JMP | BPF_JEQ | BPF_K, 3, 0, PR_SET_SECCOMP);
		filter_put(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, BFS_PR_SET_SYSCALL_USER_DISPATCH);
		filter_put(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, BFS_PR_SET_MDWE);
		filter_return(SECCOMP_RET_ALLOW);
		break;
	case __NR_seccomp:
		filter_load(FILTER_OFF_ARG(0));
		filter_put(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, SECCOMP_SET_MODE_FILTER);
		filter_return(SECCOMP_RET_ALLOW);
		break;
	case __NR_sendto: /* connected sockets give no address */ filter_allow_if_zero(4); break;
	default: break;
	}
}

static struct bfs_policy filter_policy(unsigned nr) {
	struct bfs_policy policy = bfs_policy_of(nr);
	if (policy.class == BFS_CLASS_LATER) policy.class = BFS_CLASS_NATIVE; /* filter_names.c */
	return policy;
}

static void filter_leaf(unsigned nr) {
	struct bfs_policy policy = filter_policy(nr);
	uint32_t refused = SECCOMP_RET_ERRNO | (policy.errno & SECCOMP_RET_DATA);
	switch ((enum bfs_class)policy.class) {
	case BFS_CLASS_NATIVE:
		if (filter_judged(nr))
			filter_refuse();
		else
			filter_return(SECCOMP_RET_ALLOW);
		return;
	case BFS_CLASS_DENY: filter_return(refused); return;
	case BFS_CLASS_TRAP:
	case BFS_CLASS_PROCESS: filter_arguments(nr); break;
	case BFS_CLASS_LATER:
	case BFS_CLASS_OWN: break;
	}
	/* BFS_GATE_ADDR ≤ instruction pointer < BFS_GATE_ADDR + page; but a question of bfs_judge is answered. */
	filter_load(FILTER_OFF_IP + 4);
	filter_put(BPF_JMP | BPF_JEQ | BPF_K, 0, 6, 0);
	filter_load(FILTER_OFF_IP);
	filter_put(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)bfs_gate_at(bfs_gate_judged));
	filter_return(SECCOMP_RET_ERRNO | (uint32_t)-BFS_JUDGED_ALLOWED);
	filter_put(BPF_ALU | BPF_AND | BPF_K, 0, 0, ~(uint32_t)(BFS_GATE_SIZE - 1));
	filter_put(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)BFS_GATE_ADDR);
	filter_return(SECCOMP_RET_ALLOW);
	filter_return(policy.class == BFS_CLASS_OWN ? refused : SECCOMP_RET_TRAP | BFS_FILTER_TRAPS);
}

/* Numbers that the filter treats with the same instructions. */
static bool filter_same(unsigned a, unsigned b) {
	struct bfs_policy x = filter_policy(a), y = filter_policy(b);
	if (x.class != y.class) return false;
	if (x.class == BFS_CLASS_DENY || x.class == BFS_CLASS_OWN) return x.errno == y.errno;
	if (x.class == BFS_CLASS_NATIVE) return !filter_judged(a) && !filter_judged(b);
	unsigned start = filter_length;
	filter_arguments(a);
	filter_arguments(b);
	bool plain = filter_length == start;
	filter_length = start;
	return plain;
}

/* Binary decision over [FIRST, LAST], number in the accumulator. */
static void filter_tree(unsigned first, unsigned last) {
	unsigned same = first;
	while (same < last && filter_same(first, same + 1)) same++;
	if (same == last) {
		filter_leaf(first);
		return;
	}
	unsigned middle = first + (last - first + 1) / 2;
	filter_put(BPF_JMP | BPF_JGE | BPF_K, 0, 1, middle); /* ≥ middle: to the far half */
	unsigned far = filter_length;
	filter_put(BPF_JMP | BPF_JA, 0, 0, 0);
	filter_tree(first, middle - 1);
	filter_code[far].k = filter_length - far - 1;
	filter_tree(middle, last);
}

long bfs_filter_install(int fd_base, int fd_count) {
	(void)fd_count;
	filter_fd_base = fd_base;
	filter_length = 0;
	filter_load(FILTER_OFF_ARCH);
	filter_put(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, AUDIT_ARCH_X86_64);
	filter_return(SECCOMP_RET_ERRNO | ENOSYS); /* int 0x80 */
	filter_load(FILTER_OFF_NR);
	filter_put(BPF_JMP | BPF_JGE | BPF_K, 0, 1, BFS_NR_LIMIT); /* unknown, or x32 */
	filter_return(SECCOMP_RET_ERRNO | ENOSYS);
	filter_tree(0, BFS_NR_LIMIT - 1);
	if (filter_length >= FILTER_MAX) return -E2BIG;
	struct sock_fprog program = { .len = (unsigned short)filter_length, .filter = filter_code };
	long rc = bfs_raw5(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (rc < 0) return rc;
	/* SPEC_ALLOW: a filter must not switch speculative store bypass off for the program (kernels before 5.16 do). */
	rc = bfs_raw3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program);
	if (rc == -EINVAL) rc = bfs_raw3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
	return rc;
}
