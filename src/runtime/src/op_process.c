/* Calls that read or steer another process's memory: the tree's own processes are as open to each other as natively, so debuggers work; an outsider's memory holds the host's files, and an
 * outsider that is made to make a call makes it on the host. Other calls by process numbers (signals, scheduling, limits) reach no file and are the kernel's.
 */
#include "ops.h"
#include "providers.h"

/* A thread of the tree. Where /proc counts processes of another namespace than ours, nobody can be told from an outsider but this process itself. */
static bool process_ours(uint64_t arg) {
	uint32_t pid = (uint32_t)arg;
	long self = bfs_raw0(__NR_getpid);
	if (pid == (uint32_t)self || pid == (uint32_t)bfs_raw0(__NR_gettid)) return true;
	return (int32_t)pid > 0 && bfs_proc_self_pid() == (uint64_t)self && bfs_proc_in_tree(pid);
}

bool bfs_process_may(struct bfs_call *c, unsigned pid) {
	if (process_ours(c->a[pid])) return true;
	bool absent = (int32_t)c->a[pid] <= 0 || bfs_raw2(__NR_kill, c->a[pid], 0) == -ESRCH;
	c->result = absent ? -ESRCH : -EPERM;
	return false;
}

static enum bfs_verdict process_judge(struct bfs_call *c, unsigned pid) { return bfs_process_may(c, pid) ? BFS_PASS : BFS_DONE; }

enum bfs_verdict bfs_op_process_vm(struct bfs_call *c) { return process_judge(c, 0); }

enum bfs_verdict bfs_op_kcmp(struct bfs_call *c) { return process_ours(c->a[0]) ? process_judge(c, 1) : process_judge(c, 0); }
