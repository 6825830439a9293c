/* wait4, waitid and exit_group, where somebody watches files: what a process had open when it ended is told (IN_CLOSE_*) at the latest when its parent hears of the end. A process of one
 * thread tells it itself, whoever waits for it. Without watchers the calls are the kernel's. */
#include "notify.h"
#include "pool.h"

#include <asm/stat.h>
#include <linux/sched.h>
#include <linux/wait.h>

#define WAIT_SIGINFO_SIZE 128u /* sizeof(siginfo_t) */
#define WAIT_SI_HEAD 12u       /* bytes that the kernel fills: to si_code; the padding behind them stays the program's */
#define WAIT_SI_FIELDS 16u     /* and from here, to si_status */
#define WAIT_SI_PID 4u         /* its word with the process number */
#define WAIT_LINKS_ALONE 3u    /* links of /proc/self/task of a process of one thread */

/* Lets the program wait, in the kernel, until a process is there to be waited for; it stays so (WNOWAIT), and the call is made again. */
static enum bfs_verdict wait_wait(struct bfs_call *c, uint64_t type, int64_t id, uint32_t options) {
	*c = (struct bfs_call){ .nr = __NR_waitid, .a = { type, (uint64_t)id, 0, options | WNOWAIT, 0 }, .scratch = c->scratch, .again = 0 };
	return BFS_WAIT;
}

enum bfs_verdict bfs_op_wait4(struct bfs_call *c) {
	int32_t pid = (int32_t)c->a[0];
	uint32_t options = (uint32_t)c->a[2];
	if (!bfs_notify_any()) return BFS_PASS;
	long r = bfs_raw4(__NR_wait4, pid, c->a[1], options | WNOHANG, c->a[3]);
	if (r > 0 || r == -EFAULT) bfs_ofd_look_watched(); /* with a bad pointer, too, the process is gone */
	if (r != 0 || (options & WNOHANG) != 0) return bfs_done(c, r);
	uint64_t type = pid == -1 ? P_ALL : pid > 0 ? P_PID : P_PGID;
	int64_t id = pid == 0 ? bfs_raw0(__NR_getpgrp) : pid < 0 ? -(int64_t)pid : pid;
	return wait_wait(c, type, type == P_ALL ? 0 : id, options | WEXITED);
}

/* What the kernel fills, whatever waitid's result is. */
static long wait_info_out(uint64_t user, const uint32_t *info) {
	long r = user == 0 ? 0 : bfs_copy_out((void *)user, info, WAIT_SI_HEAD);
	return user == 0 || r < 0 ? r : bfs_copy_out((void *)(user + WAIT_SI_FIELDS), &info[WAIT_SI_PID], WAIT_SI_HEAD);
}

enum bfs_verdict bfs_op_waitid(struct bfs_call *c) {
	uint32_t info[WAIT_SIGINFO_SIZE / 4] = { 0 }, options = (uint32_t)c->a[3];
	if (!bfs_notify_any()) return BFS_PASS;
	long r = bfs_raw5(__NR_waitid, c->a[0], c->a[1], info, options | WNOHANG, c->a[4]);
	bool found = r == -EFAULT || (r == 0 && info[WAIT_SI_PID] != 0);
	if (found) bfs_ofd_look_watched();
	if (r == -EFAULT) return bfs_done(c, r);
	long out = wait_info_out(c->a[2], info);
	if (r == 0 && !found && (options & WNOHANG) == 0) return wait_wait(c, c->a[0], (int64_t)c->a[1], options);
	return bfs_done(c, out < 0 ? out : r);
}

enum bfs_verdict bfs_op_exit_group(struct bfs_call *c) {
	struct stat st;
	(void)c;
	/* The descriptors of other threads, and of processes that share the table (CLONE_FILES), stay theirs: after unshare the table is this one thread's. */
	if (!bfs_notify_any() || bfs_raw2(__NR_stat, "/proc/self/task", &st) != 0 || st.st_nlink > WAIT_LINKS_ALONE || bfs_raw1(__NR_unshare, CLONE_FILES) != 0)
		return BFS_PASS;
	bfs_close_ours();
	return BFS_LAST; /* a handler would find its files closed */
}
