/* wait4, waitid and exit_group. Where somebody watches files, what a process had open when it ended is told (IN_CLOSE_*) at the latest when its parent hears of the end; one of one thread
 * tells it itself, whoever waits for it. Where somebody traces, that a tracee stopped for a trapped call is not told (op_trace.c). The kernel waits; afterwards is soon enough to look
 * at what it found, and as both may begin while it waits, only then can be known whether there is a need.
 */
#include "notify.h"
#include "pool.h"

#include <asm/stat.h>
#include <linux/sched.h>
#include <linux/wait.h>

#define WAIT_SI_PID 16u     /* offset of si_pid in siginfo_t */
#define WAIT_LINKS_ALONE 3u /* links of /proc/self/task of a process of one thread */

_Static_assert(
	offsetof(struct bfs_control, tracing) == offsetof(struct bfs_control, instances) + 4 && offsetof(struct bfs_control, instances) % 8 == 0, "one word");

const uint64_t *bfs_wait_heeded(void) { return (const uint64_t *)(const void *)&bfs_p.control->instances; }

enum bfs_verdict bfs_op_wait4(struct bfs_call *c) {
	(void)c;
	return BFS_AFTER;
}

enum bfs_verdict bfs_op_waitid(struct bfs_call *c) {
	(void)c;
	return BFS_AFTER;
}

/* Who was found; 0 where nobody was, or where the program itself cannot know who. */
static int32_t wait_found(const struct bfs_call *c) {
	bool one = c->nr == __NR_wait4 ? (int32_t)c->a[0] > 0 : c->a[0] == P_PID;
	int32_t pid = 0, asked = one ? (int32_t)c->a[c->nr == __NR_wait4 ? 0 : 1] : 0;
	if (c->result < 0) return c->result == -EFAULT ? asked : 0;
	if (c->nr == __NR_wait4) return (int32_t)c->result;
	return c->a[2] != 0 && bfs_copy_in(&pid, (const void *)(c->a[2] + WAIT_SI_PID), sizeof pid) == 0 ? pid : asked;
}

bool bfs_wait_after(const struct bfs_call *c) {
	int32_t pid = wait_found(c);
	if (pid > 0 && bfs_trace_hand_on(pid)) return true;
	if (c->result >= 0 || c->result == -EFAULT) bfs_ofd_look_watched(); /* with a bad pointer, too, the process is gone */
	return false;
}

enum bfs_verdict bfs_op_exit_group(struct bfs_call *c) {
	struct stat st;
	(void)c;
	bfs_memory_leaving();
	/* The descriptors of other threads, and of processes that share the table (CLONE_FILES), stay theirs: after unshare the table is this one thread's. */
	if (!bfs_notify_any() || bfs_raw2(__NR_stat, "/proc/self/task", &st) != 0 || st.st_nlink > WAIT_LINKS_ALONE || bfs_raw1(__NR_unshare, CLONE_FILES) != 0)
		return BFS_PASS;
	bfs_close_ours();
	return BFS_LAST; /* a handler would find its files closed */
}
