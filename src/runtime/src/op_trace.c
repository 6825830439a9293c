/* Tracers and tracees of the tree: the requests that make somebody a tracee or let one go on. What is known of a tracee stands in the pool, in the place of its number; trace_stop.c goes by it
 * where a tracee stops.
 *
 * PTRACE_TRACEME of a vfork child, as a debugger starts its program: its tracer waits in vfork for its exec and cannot hand on anything. Natively, too, whatever stopped such a child
 * before its exec would stop both for good. So it becomes a tracee at its exec alone. That it shall is kept where the kernel keeps it for each process: in the close-on-exec flag of a
 * reserved descriptor.
 */
#include "ops.h"
#include "policy.h"
#include "trace.h"
#include "trap.h"

#include <linux/ptrace.h>
#include <linux/resource.h>

#define TRACE_TEXT_MAX 131072ul    /* MAX_ARG_STRLEN */
#define TRACE_ARGS_MAX (6ul << 20) /* and what all may have where the stack has no less (bprm_stack_limits) */
#define TRACE_ARGS_OTHER 64l       /* the name under which the kernel executes */

bool bfs_trace_is_trap(const struct bfs_trace_siginfo *info) {
	return info->signal == BFS_SIGSYS && bfs_trap_is_ours(info->code, info->error, info->address, info->nr);
}

/* TID, of which TRACER hears, is let go on by REQUEST (0: not known, or another than these). Who has only become a tracee is known for nothing else. */
static void trace_note(uint32_t tid, uint32_t tracer, uint64_t request, bool begins) {
	struct bfs_tracee *t = bfs_trace_place(tid);
	if (begins || t->tid != tid) *t = (struct bfs_tracee){ .tid = tid };
	bool calls = request == PTRACE_SYSCALL, known = calls || request == PTRACE_CONT;
	if (!calls) t->phase = BFS_TRACE_OUT, t->owed = 0;
	t->tracer = tracer;
	t->request = known ? (uint8_t)request : 0;
	t->told = t->stop = 0;
	__atomic_fetch_or(&bfs_p.control->tracers[tracer % BFS_TRACEES / 64], 1ull << (tracer % 64), __ATOMIC_RELAXED);
	__atomic_store_n(&bfs_p.control->tracing, 1, __ATOMIC_RELEASE);
}

static void trace_forget(uint32_t tid) {
	struct bfs_tracee *t = bfs_trace_place(tid);
	if (t->tid == tid) t->tid = 0;
}

/* The tracer asks TID to stop: that is to be told, also where the runtime has asked already. */
static void trace_asked(uint32_t tid) {
	struct bfs_tracee *t = bfs_trace_place(tid);
	if (t->tid == tid) t->interrupted = 0;
}

static void trace_begins(uint64_t tid, long tracer) { trace_note((uint32_t)tid, (uint32_t)tracer, PTRACE_CONT, true); }

/* proc_pid_status(5) */
static bool trace_is_tracee(void) {
	char text[1024];
	uint64_t tracer = 0;
	long fd = bfs_raw4(__NR_openat, AT_FDCWD, "/proc/thread-self/status", O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0) return false;
	long n = bfs_raw3(__NR_read, fd, text, sizeof text - 1);
	bfs_raw1(__NR_close, fd);
	text[n < 0 ? 0 : n] = '\0';
	for (const char *p = text; *p != '\0'; p++)
		if (bfs_starts_with(p, "\nTracerPid:\t")) bfs_text_u64(p + 12, &tracer, NULL);
	return tracer != 0;
}

static long trace_me(void) {
	long r = bfs_raw1(__NR_ptrace, PTRACE_TRACEME);
	if (r == 0) trace_begins((uint64_t)bfs_raw0(__NR_gettid), bfs_raw0(__NR_getppid));
	return r;
}

static bool trace_me_asked(void) { return bfs_raw2(__NR_fcntl, bfs_fd(BFS_FD_LOCKS), F_GETFD) == FD_CLOEXEC; }

static long trace_me_later(void) { return trace_me_asked() ? -EPERM : bfs_raw3(__NR_fcntl, bfs_fd(BFS_FD_LOCKS), F_SETFD, FD_CLOEXEC); }

/* Bytes of TEXT with its NUL; −E2BIG, −EFAULT. */
static long trace_text(const char *text) {
	char part[512];
	for (size_t size = 0; size < TRACE_TEXT_MAX; size += sizeof part) {
		long n = bfs_copy_str(part, text + size, sizeof part);
		if (n >= 0) return (long)size + n + 1;
		if (n != -ENAMETOOLONG) return n;
	}
	return -E2BIG;
}

/* Takes what the texts of VECTOR and their pointers need from *ROOM. */
static long trace_vector(const char *const *vector, long *room) {
	const char *text;
	for (; vector != NULL; vector++) {
		if (bfs_copy_in(&text, vector, sizeof text) < 0) return -EFAULT;
		if (text == NULL) break;
		long n = trace_text(text);
		if (n < 0) return n;
		*room -= n + (long)sizeof text;
		if (*room < 0) return -E2BIG;
	}
	return 0;
}

/* Nobody can take back that he is a tracee: the kernel must not find the arguments too many afterwards. execve(2) */
static long trace_exec_fits(const char *const *argv, const char *const *envp) {
	struct rlimit64 stack = { RLIM64_INFINITY, RLIM64_INFINITY };
	bfs_raw4(__NR_prlimit64, 0, RLIMIT_STACK, 0, &stack);
	long room = (long)BFS_MAX(BFS_MIN(stack.rlim_cur / 4, TRACE_ARGS_MAX), TRACE_TEXT_MAX) - TRACE_ARGS_OTHER;
	long rc = trace_vector(argv, &room);
	return rc < 0 ? rc : trace_vector(envp, &room);
}

long bfs_trace_exec(const char *const *argv, const char *const *envp) {
	if (!trace_me_asked()) return 0;
	long rc = trace_exec_fits(argv, envp);
	if (rc < 0) return rc;
	bfs_raw3(__NR_fcntl, bfs_fd(BFS_FD_LOCKS), F_SETFD, 0);
	if (bfs_memory_lent()) trace_me(); /* a child of the child's is none that asked */
	return 0;
}

/* Is thread TID stopped by a call that was trapped? 1, 0, or −ESRCH where it is not stopped or no tracee. */
static long trace_trapped(uint64_t tid) {
	struct bfs_trace_siginfo info = { 0 };
	long r = bfs_raw4(__NR_ptrace, PTRACE_GETSIGINFO, tid, 0, &info);
	if (r != 0) return r == -ESRCH ? r : 0;
	return bfs_trace_is_trap(&info);
}

/* Without the signal a call that was trapped would be lost, also that of one who stops between the look and the request. */
static long trace_resume(const struct bfs_call *c) {
	long trapped = c->a[3] == 0 ? trace_trapped(c->a[1]) : 0;
	if (trapped < 0) return trapped;
	uint64_t signal = trapped > 0 ? BFS_SIGSYS : c->a[3];
	long r = bfs_raw4(c->nr, c->a[0], c->a[1], c->a[2], signal);
	if (r == 0 && c->a[0] == PTRACE_DETACH)
		trace_forget((uint32_t)c->a[1]);
	else if (r == 0)
		trace_note((uint32_t)c->a[1], (uint32_t)bfs_raw0(__NR_gettid), c->a[0], false);
	return r;
}

enum bfs_verdict bfs_op_ptrace(struct bfs_call *c) {
	long r;
	switch (c->a[0]) {
	case PTRACE_TRACEME: return bfs_done(c, bfs_memory_lent() && !trace_is_tracee() ? trace_me_later() : trace_me());
	case PTRACE_ATTACH:
	case PTRACE_SEIZE:
		/* Of the requests only those that make somebody a tracee need a look at who that is: the others act on who is one, and a tracee of a tracer in the tree is in the tree. */
		if (!bfs_process_may(c, 1)) return BFS_DONE;
		r = bfs_raw4(c->nr, c->a[0], c->a[1], c->a[2], c->a[3]);
		if (r == 0) trace_begins(c->a[1], bfs_raw0(__NR_gettid));
		return bfs_done(c, r);
	case PTRACE_INTERRUPT: trace_asked((uint32_t)c->a[1]); return BFS_PASS;
	case PTRACE_CONT:
	case PTRACE_DETACH:
	case PTRACE_SYSCALL:
	case PTRACE_SINGLESTEP:
	case PTRACE_SINGLEBLOCK:
	case PTRACE_SYSEMU:
	case PTRACE_SYSEMU_SINGLESTEP: return bfs_done(c, trace_resume(c));
	default: return BFS_PASS;
	}
}
