/* The process that waits for the program, where something is left to do after it. To whoever started it, it is the program: signals go through, stops and the end look the same. It is no
 * member of the tree: it is not armed, and /proc of the tree does not show it. */
#include "export.h"
#include "pool.h"
#include "trap.h"

#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/wait.h>

#define SUPERVISE_SIGCHLD 17
#define SUPERVISE_SIGCONT 18
#define SUPERVISE_SIGSTOP 19
#define SUPERVISE_SIGKILL 9
#define SUPERVISE_LAST_SIGNAL 64
#define SUPERVISE_SI_KERNEL 0x80 /* siginfo's si_code: a terminal's signal goes to the whole foreground group */

struct supervise_info {
	int32_t signal, error, code;
	uint8_t rest[116];
};

static void supervise_say(const char *s) { bfs_raw3(__NR_write, 2, s, strlen(s)); }

static void supervise_complain(const struct bfs_export_target *target, long error, const char *where) {
	char number[24];
	bfs_u64_text(number, (uint64_t)-error);
	supervise_say("binaryfs: export-failed: what the run wrote was not saved (");
	supervise_say(target->name);
	if (where[0] != '\0') {
		supervise_say(": ");
		supervise_say(strlen(where) <= 512 ? where : "a path too long to print");
	}
	supervise_say(": ");
	supervise_say(error == -ENOSPC      ? "no space left"
		      : error == -EDQUOT    ? "disk quota exceeded"
		      : error == -EACCES    ? "permission denied"
		      : error == -EPERM     ? "not permitted"
		      : error == -EROFS     ? "read-only file system"
		      : error == -ENOTEMPTY ? "the directory is not empty any more"
					    : "errno ");
	if (error != -ENOSPC && error != -EDQUOT && error != -EACCES && error != -EPERM && error != -EROFS && error != -ENOTEMPTY) supervise_say(number);
	supervise_say(")\n  make room or give another directory, and run again\n");
}

/* Ends as the program did. */
static void supervise_end(const struct bfs_export_target *target, int status) {
	char where[BFS_PATH_MAX] = "";
	int signal = status & 0x7f, code = status >> 8 & 0xff;
	long r = bfs_export(target, where, sizeof where);
	if (r < 0) supervise_complain(target, r, where);
	if (r < 0 && status == 0) code = 125;
	if (signal != 0) {
		struct bfs_ksigaction action = { .handler = 0 };
		bfs_raw5(__NR_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
		bfs_raw4(__NR_rt_sigaction, signal, &action, 0, 8);
		bfs_sigmask_set(0);
		bfs_raw2(__NR_kill, bfs_raw0(__NR_getpid), signal);
		code = 128 + signal;
	}
	for (;;) bfs_raw1(__NR_exit_group, code);
}

/* The program stopped or ended. */
static void supervise_child(const struct bfs_export_target *target, long child) {
	int32_t status;
	while (bfs_raw4(__NR_wait4, child, &status, WNOHANG | WUNTRACED, 0) == child) {
		if ((status & 0xff) == 0x7f) { /* stopped by the terminal: so are we, until somebody continues us */
			if ((status >> 8 & 0xff) != SUPERVISE_SIGSTOP) bfs_raw2(__NR_kill, bfs_raw0(__NR_getpid), SUPERVISE_SIGSTOP);
		} else
			supervise_end(target, status);
	}
}

/* What a terminal sends to its whole foreground group. A hang-up it sends to the session's leader alone. */
static bool supervise_of_terminal(long signal) { return signal == 2 || signal == 3 || signal == 20 || signal == 21 || signal == 22 || signal == 28; }

long bfs_supervise(const struct bfs_export_target *target) {
	uint64_t all = ~0ull;
	long parent = bfs_raw0(__NR_getpid);
	struct bfs_ksigaction usual = { .handler = 0 }, was;
	bfs_sigmask_set(all);
	bfs_p.control->supervisor = (uint32_t)parent;
	bfs_raw4(__NR_rt_sigaction, SUPERVISE_SIGCHLD, &usual, &was, 8); /* ignored, it would take the child's status along */
	long child = bfs_raw0(__NR_fork);
	if (child <= 0) bfs_raw4(__NR_rt_sigaction, SUPERVISE_SIGCHLD, &was, 0, 8);
	if (child == 0) {
		bfs_raw1(__NR_close, target->parent);
		/* The run is over when its supervisor is killed. */
		bfs_raw5(__NR_prctl, PR_SET_PDEATHSIG, SUPERVISE_SIGKILL, 0, 0, 0);
		if (bfs_raw0(__NR_getppid) != parent) bfs_raw1(__NR_exit_group, 128 + SUPERVISE_SIGKILL);
	}
	if (child <= 0) return child;
	struct rlimit64 files; /* the exporter has a directory open for every level */
	if (bfs_raw4(__NR_prlimit64, 0, RLIMIT_NOFILE, 0, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		bfs_raw4(__NR_prlimit64, 0, RLIMIT_NOFILE, &files, 0);
	}
	/* Whoever waits for the other end of what the program closes waits for the program alone. */
	long null = bfs_raw4(__NR_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
	for (int fd = 0; fd < 2; fd++)
		if (null >= 0) bfs_raw3(__NR_dup3, null, fd, 0);
	for (int fd = 3; fd < bfs_fd_base; fd++)
		if (fd != target->parent) bfs_raw1(__NR_close, fd);
	for (;;) {
		struct supervise_info info = { 0 };
		long signal = bfs_raw4(__NR_rt_sigtimedwait, &all, &info, 0, 8);
		if (signal == SUPERVISE_SIGCHLD)
			supervise_child(target, child);
		else if (signal > 0 && signal <= SUPERVISE_LAST_SIGNAL && !(info.code == SUPERVISE_SI_KERNEL && supervise_of_terminal(signal)))
			bfs_raw2(__NR_kill, child, signal);
	}
}
