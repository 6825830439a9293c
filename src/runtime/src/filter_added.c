/* Filters that programs add (seccomp(2)): they judge the program's calls and not those that the runtime makes for it.
 *
 * A filter sees a call's address. Before the program's own instructions stand some that allow what comes from the gate, so that a sandbox which forbids, say, rt_sigreturn and lseek does not end the program at
 * its next file call. In exchange every call that traps is shown to the program's filters first, from a place in the gate that those instructions do not know: bfs_judge. A filter that kills or traps
 * has done so before: killing goes before our trap, and of two that trap the newer one is heard. */
#include "trap.h"

#include <linux/filter.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>

#define FILTER_IP (uint32_t) offsetof(struct seccomp_data, instruction_pointer)
#define FILTER_LOAD(offset)                                                                                                                                    \
	{ BPF_LD | BPF_W | BPF_ABS, 0, 0, (offset) }
#define FILTER_PREFIX 8u

/* The prefix; ends as a filter begins, with nothing in the accumulator. */
static void filter_prefix(struct sock_filter code[FILTER_PREFIX]) {
	const struct sock_filter prefix[FILTER_PREFIX] = {
		FILTER_LOAD(FILTER_IP + 4),
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 5, 0 },
		FILTER_LOAD(FILTER_IP),
		{ BPF_JMP | BPF_JEQ | BPF_K, 3, 0, (uint32_t)bfs_gate_at(bfs_gate_judged) },
		{ BPF_JMP | BPF_JGE | BPF_K, 0, 2, BFS_GATE_ADDR },
		{ BPF_JMP | BPF_JGE | BPF_K, 1, 0, BFS_GATE_ADDR + BFS_GATE_SIZE },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW },
		{ BPF_LD | BPF_IMM, 0, 0, 0 },
	};
	memcpy(code, prefix, sizeof prefix);
}

/* Copies the program's instructions behind the prefix at CODE and adds the filter. */
static long filter_add(struct sock_filter *code, const struct sock_fprog *program, uint64_t flags) {
	long rc = bfs_copy_in(code + FILTER_PREFIX, program->filter, program->len * sizeof *code);
	if (rc < 0) return rc;
	filter_prefix(code);
	struct sock_fprog longer = { .len = (unsigned short)(program->len + FILTER_PREFIX), .filter = code };
	bfs_pool_filters_note(); /* first: with SECCOMP_FILTER_FLAG_TSYNC it holds for other threads at once */
	return bfs_raw3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &longer);
}

static long filter_copy_and_add(uint64_t user_program, uint64_t flags) {
	struct sock_fprog program;
	if ((flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0)
		return -EINVAL; /* a supervisor would be asked about the runtime's own calls: kernels before 5.0 say that */
	if (bfs_copy_in(&program, (const void *)user_program, sizeof program) < 0) return -EFAULT;
	if (program.len == 0 || program.len > BPF_MAXINSNS) return -EINVAL;
	if (program.len > BPF_MAXINSNS - FILTER_PREFIX) return -ENOMEM; /* as where all filters together are too long */
	size_t size = (program.len + FILTER_PREFIX) * sizeof(struct sock_filter);
	long at = bfs_raw6(__NR_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at < 0) return at;
	long rc = filter_add((struct sock_filter *)at, &program, flags);
	bfs_raw2(__NR_munmap, at, size);
	return rc;
}

/* What the filter lets trap of the two: SECCOMP_SET_MODE_FILTER and PR_SET_SECCOMP; PR_SET_SYSCALL_USER_DISPATCH, which would send the runtime's own calls to the program, and PR_SET_MDWE, under
 * which no later program could make its gate. Kernels without these two say EINVAL. */
enum bfs_verdict bfs_filter_call(struct bfs_trap *t) {
	const uint64_t *a = t->call.a;
	if (t->call.nr == __NR_seccomp)
		t->call.result = filter_copy_and_add(a[2], (uint32_t)a[1]);
	else if ((int)a[0] == PR_SET_SECCOMP && a[1] == SECCOMP_MODE_FILTER)
		t->call.result = filter_copy_and_add(a[2], 0);
	else
		t->call.result = -EINVAL;
	return BFS_DONE;
}
