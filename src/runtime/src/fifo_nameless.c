/* A FIFO of the kernel's that never has a name on the host: it is made in a tmpfs that is mounted nowhere (fsopen, fsmount: Linux 5.2), so nothing is left of it whoever is killed and
 * when. Mounting takes CAP_SYS_ADMIN in the mount namespace's user namespace. Who has none gets it from a child in namespaces of its own (user_namespaces(7)), which shares memory and
 * descriptors with its parent and is gone when this returns. */
#include "ops.h"

#include <linux/mman.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/wait.h>

#define NAMELESS_AREA 16384u /* bytes: the child's stack, its job on top */
#define NAMELESS_TRIES 8u

static long nameless_mount(void) {
	long context = bfs_raw2(__NR_fsopen, "tmpfs", FSOPEN_CLOEXEC);
	if (context < 0) return context;
	long r = bfs_raw5(__NR_fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
	if (r == 0) r = bfs_raw3(__NR_fsmount, context, FSMOUNT_CLOEXEC, 0);
	bfs_raw1(__NR_close, context);
	return r;
}

/* An O_PATH descriptor of the FIFO, or −errno. */
static long nameless_make(void) {
	long root = nameless_mount();
	if (root < 0) return root;
	long r = bfs_raw4(__NR_mknodat, root, "fifo", S_IFIFO, 0);
	/* Who may open it was decided by the node's mode. */
	if (r == 0) r = bfs_raw3(__NR_fchmodat, root, "fifo", 0666);
	if (r == 0) r = bfs_raw4(__NR_openat, root, "fifo", O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	bfs_raw1(__NR_close, root);
	return r;
}

/* ---- in namespaces of its own ---- */

struct nameless_job {
	void (*entry)(uint64_t, uint64_t, struct nameless_job *); /* where the gate returns to on the child's stack */
	uint64_t uid, gid;
	long fd;
};

static void nameless_write(const char *path, const char *text) {
	long fd = bfs_raw4(__NR_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
	if (fd < 0) return;
	bfs_raw3(__NR_write, fd, text, strlen(text));
	bfs_raw1(__NR_close, fd);
}

/* ID is itself in the new namespace: no file can be made there by one who is nobody. */
static void nameless_map(const char *path, uint64_t id) {
	char line[64];
	size_t n = bfs_u64_text(line, id);
	line[n] = ' ';
	n += 1 + bfs_u64_text(line + n + 1, id);
	memcpy(line + n, " 1", 3);
	nameless_write(path, line);
}

/* The child. The first two arguments are clone's own; it has what the gate left in the registers. */
static void nameless_child(uint64_t flags, uint64_t stack, struct nameless_job *job) {
	(void)flags, (void)stack;
	nameless_map("/proc/self/uid_map", job->uid);
	nameless_write("/proc/self/setgroups", "deny");
	nameless_map("/proc/self/gid_map", job->gid);
	job->fd = nameless_make();
	for (;;) bfs_raw1(__NR_exit_group, 0);
}

static long nameless_make_apart(void) {
	/* Not on the caller's stack: where the parent is killed, the child still uses it, and where the parent was a vfork child, its memory lives on. */
	long area = bfs_raw6(__NR_mmap, 0, NAMELESS_AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area < 0) return area;
	struct nameless_job *job = (struct nameless_job *)((uint64_t)area + NAMELESS_AREA) - 1;
	*job = (struct nameless_job){ .entry = nameless_child, .uid = (uint64_t)bfs_raw0(__NR_geteuid), .gid = (uint64_t)bfs_raw0(__NR_getegid), .fd = -EINTR };
	/* No signal at its end, so that no wait of the program sees it (__WCLONE). No debugger is told either, which may itself need the lock that the caller holds (so no CLONE_VFORK:
	 * PTRACE_EVENT_VFORK_DONE). */
	long child = bfs_raw5(__NR_clone, CLONE_VM | CLONE_FILES | CLONE_UNTRACED | CLONE_NEWUSER | CLONE_NEWNS, job, job, 0, 0);
	/* −ECHILD: another thread of the program waited for whatever ends (__WALL). */
	long over = child < 0 ? child : bfs_raw4(__NR_wait4, child, 0, __WALL, 0);
	if (over != child && over != -ECHILD) return over; /* a filter of the program's: the child may still use the area */
	long fd = child < 0 ? child : __atomic_load_n(&job->fd, __ATOMIC_RELAXED);
	bfs_raw2(__NR_munmap, area, NAMELESS_AREA);
	return fd;
}

long bfs_fifo_nameless(void) {
	long fd = nameless_make();
	if (fd != -EPERM) return fd;
	unsigned tries = NAMELESS_TRIES;
	do fd = nameless_make_apart();
	while (fd == -EINTR && --tries > 0); /* the child was killed; by a filter of the program's it always is */
	return fd;
}
