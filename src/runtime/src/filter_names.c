/* The filter of processes that use names of AF_UNIX sockets. accept, recvfrom, recvmsg and recvmmsg name the other side, which may be bound to a path that the kernel knows by another name
 * (op_receive.c); a filter cannot see of which family a socket is, and most programs never meet such a one. So these calls are native until a process binds an AF_UNIX socket, or
 * connects or sends to one by its name: from then on they trap, in that process and in those that it starts, where there is an address to fill in. That they do is known to the kernel
 * alone, which says so when it is asked as bfs_judge asks.
 */
#include "sockets.h"
#include "trap.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>

#define NAMES_NO_FD 0xFFFFFFFFul
#define NAMES_NR_ACCEPT4 288
#define NAMES_NR_RECVMMSG 299
#define NAMES_LOAD_AT(offset)                                                                                                                                  \
	{ BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)(offset) }
#define NAMES_LOAD(member) NAMES_LOAD_AT(offsetof(struct seccomp_data, member))
#define NAMES_LOAD_ARG(index, half) NAMES_LOAD_AT(offsetof(struct seccomp_data, args) + 8u * (index) + 4u * (half))
/* Where the loaded word is VALUE, as many instructions as YES says are skipped, else as many as NO says. */
#define NAMES_IF(value, yes, no)                                                                                                                               \
	{ BPF_JMP | BPF_JEQ | BPF_K, (yes), (no), (uint32_t)(value) }
#define NAMES_RETURN(value)                                                                                                                                    \
	{ BPF_RET | BPF_K, 0, 0, (uint32_t)(value) }

static long names_add(uint32_t flags) {
	struct sock_filter code[] = {
		NAMES_LOAD(arch),
		NAMES_IF(AUDIT_ARCH_X86_64, 0, 21), /* else allowed: the tree's filter answers */
		NAMES_LOAD(nr),
		NAMES_IF(__NR_accept, 4, 0),
		NAMES_IF(NAMES_NR_ACCEPT4, 3, 0),
		NAMES_IF(__NR_recvfrom, 6, 0),
		NAMES_IF(__NR_recvmsg, 9, 0),
		NAMES_IF(NAMES_NR_RECVMMSG, 8, 15),
		NAMES_LOAD_ARG(1, 0), /* accept: without an address it is allowed */
		NAMES_IF(0, 0, 6),
		NAMES_LOAD_ARG(1, 1),
		NAMES_IF(0, 11, 4),
		NAMES_LOAD_ARG(4, 0), /* recvfrom: likewise, which is recv */
		NAMES_IF(0, 0, 2),
		NAMES_LOAD_ARG(4, 1),
		NAMES_IF(0, 7, 0),
		NAMES_LOAD_AT(offsetof(struct seccomp_data, instruction_pointer) + 4u), /* as in filter.c: from the gate it is allowed, and bfs_judge is answered */
		NAMES_IF(0, 0, 4),
		NAMES_LOAD(instruction_pointer),
		NAMES_IF(bfs_gate_at(bfs_gate_judged), 4, 0),
		{ BPF_ALU | BPF_AND | BPF_K, 0, 0, ~(uint32_t)(BFS_GATE_SIZE - 1) },
		NAMES_IF(BFS_GATE_ADDR, 1, 0),
		NAMES_RETURN(SECCOMP_RET_TRAP | BFS_FILTER_TRAPS),
		NAMES_RETURN(SECCOMP_RET_ALLOW),
		NAMES_RETURN(SECCOMP_RET_ERRNO | (uint32_t)-BFS_JUDGED_ALLOWED),
	};
	struct sock_fprog program = { .len = sizeof code / sizeof code[0], .filter = code };
	return bfs_raw3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

/* For all threads where that can be, as the socket is theirs as well. True: it is known that all have it. */
static bool names_install(void) {
	long r = names_add(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	if (r == -EINVAL) r = names_add(SECCOMP_FILTER_FLAG_TSYNC);
	if (r == 0) return true;
	if (names_add(SECCOMP_FILTER_FLAG_SPEC_ALLOW) == -EINVAL) names_add(0);
	return false;
}

void bfs_names_used(void) {
	static uint32_t known;
	if (bfs_gate_entry == 0 || __atomic_load_n(&known, __ATOMIC_RELAXED) != 0) return;
	/* A filter of the program that traps one of these calls must stay the newer of the two: only of that one the program hears. */
	if (bfs_pool_filters()) return;
	bool all = bfs_judge(__NR_recvmsg, NAMES_NO_FD, 0, 0, 0, 0, 0) == BFS_JUDGED_ALLOWED || names_install();
	if (all && !bfs_memory_lent()) __atomic_store_n(&known, 1, __ATOMIC_RELAXED);
}
