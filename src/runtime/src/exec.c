/* execve(2): everything that can fail is checked first; then the carrier is really executed, with the program's file in a descriptor and its state in four arguments. */
#include "providers.h"
#include "trap.h"

#include <linux/mman.h>
#include <linux/prctl.h>

#define EXEC_HEAD 256u        /* bytes of a script's first line that count (BINPRM_BUF_SIZE) */
#define EXEC_MAX_SCRIPTS 5u   /* depth of interpreters (fs/exec.c) */
#define EXEC_LOCAL_ARGS 1024u /* pointers that fit the private stack */
#define EXEC_MAX_ARGS (1u << 22)
#define EXEC_NR_FACCESSAT2 439

struct exec_script {
	char head[EXEC_HEAD + 1]; /* cut into interpreter and argument by NULs */
	const char *argument;     /* or NULL */
};

struct exec_plan {
	int fd;
	bool host_program;
	unsigned script_count;
	struct exec_script scripts[EXEC_MAX_SCRIPTS];
	char script_path[BFS_PATH_MAX]; /* of the first script, as its interpreter gets it */
	char exe[BFS_PATH_MAX], execfn[BFS_PATH_MAX], state[64];
};

static void exec_close(int fd) { bfs_syscall(__NR_close, (uint64_t)fd, 0, 0, 0, 0, 0); }

/* Opens PATH for execution: a regular file that the caller may execute. */
static long exec_open(int dirfd, const char *path, uint32_t flags, bool host_program) {
	long fd;
	if (host_program) {
		fd = bfs_raw4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
		if (fd >= 0) bfs_hostlog_fd((int)fd);
	} else
		fd = bfs_syscall(__NR_openat, (uint64_t)dirfd, BFS_ARG(path),
			O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | ((flags & AT_SYMLINK_NOFOLLOW) ? O_NOFOLLOW : 0), 0, 0, 0);
	return fd;
}

static long exec_check_mode(int fd) {
	struct {
		uint64_t dev, ino, nlink;
		uint32_t mode, uid, gid, pad;
		uint64_t rest[16];
	} st; /* struct stat, x86-64 */
	long rc = bfs_syscall(__NR_fstat, (uint64_t)fd, BFS_ARG(&st), 0, 0, 0, 0);
	if (rc < 0) return rc;
	if ((st.mode & S_IFMT) != S_IFREG) return -EACCES;
	rc = bfs_syscall(EXEC_NR_FACCESSAT2, (uint64_t)fd, BFS_ARG(""), 1, AT_EMPTY_PATH | AT_EACCESS, 0, 0);
	if (rc == -ENOSYS || rc == -EPERM) rc = (st.mode & 0111) != 0 ? 0 : -EACCES;
	struct bfs_ofd *ofd = bfs_ofd_of(fd, NULL);
	if (rc == 0 && ofd != NULL && ofd->kind == BFS_LOC_NODE) rc = bfs_ofd_text_busy(st.ino, false);
	return rc;
}

/* Splits "#! interpreter [argument]" (fs/binfmt_script.c). 1: it is a script. */
static long exec_parse_script(int fd, struct exec_script *script) {
	long n = bfs_syscall(__NR_pread64, (uint64_t)fd, BFS_ARG(script->head), EXEC_HEAD, 0, 0, 0);
	if (n < 0) return n;
	if (n < 2 || script->head[0] != '#' || script->head[1] != '!') return 0;
	script->head[n] = 0;
	char *end = script->head;
	while (*end != 0 && *end != '\n') end++;
	if (*end == 0 && n == EXEC_HEAD) { /* a line cut short must at least hold the whole interpreter */
		char *blank = script->head + 2;
		while (*blank == ' ' || *blank == '\t') blank++;
		while (*blank != 0 && *blank != ' ' && *blank != '\t') blank++;
		if (*blank == 0) return -ENOEXEC;
	}
	while (end > script->head + 2 && (end[-1] == ' ' || end[-1] == '\t')) end--;
	*end = 0;
	char *p = script->head + 2;
	while (*p == ' ' || *p == '\t') p++;
	if (*p == 0) return -ENOEXEC;
	memmove(script->head, p, (size_t)(end - p) + 1);
	script->argument = NULL;
	for (p = script->head; *p != 0; p++) {
		if (*p != ' ' && *p != '\t') continue;
		*p++ = 0;
		while (*p == ' ' || *p == '\t') p++;
		script->argument = *p != 0 ? p : NULL;
		break;
	}
	return 1;
}

/* The name of descriptor FD in /proc; DST holds at least 40 bytes. */
static const char *exec_link(char *dst, int fd) {
	bfs_join(dst, 40, "/proc/self/fd/", NULL);
	bfs_u64_text(dst + strlen(dst), (uint64_t)fd);
	return dst;
}

/* The path that /proc/self/exe will show. */
static void exec_name(struct exec_plan *plan) {
	struct bfs_ofd *ofd = bfs_ofd_of(plan->fd, NULL);
	long n = -ENOENT;
	char link[40];
	if (ofd != NULL) {
		n = bfs_ofd_path(ofd, plan->exe, sizeof plan->exe - 1);
	} else {
		exec_link(link, plan->fd);
		n = plan->host_program ? bfs_raw4(__NR_readlinkat, AT_FDCWD, link, plan->exe, sizeof plan->exe - 1)
				       : bfs_syscall(__NR_readlinkat, (uint64_t)AT_FDCWD, BFS_ARG(link), BFS_ARG(plan->exe), sizeof plan->exe - 1, 0, 0);
	}
	plan->exe[n > 0 ? n : 0] = 0;
}

/* The name by which an interpreter finds its script: the path as given, or by way of the descriptor that execveat(2) got. */
static void exec_script_path(char *dst, int dirfd, const char *path) {
	size_t at = 0;
	if (path[0] != '/' && dirfd != AT_FDCWD) {
		memcpy(dst, "/dev/fd/", 8);
		at = 8 + bfs_u64_text(dst + 8, (uint64_t)dirfd);
		if (path[0] != 0) dst[at++] = '/';
	}
	size_t len = BFS_MIN(strlen(path), (size_t)BFS_PATH_MAX - 1 - at);
	memcpy(dst + at, path, len);
	dst[at + len] = 0;
}

/* Follows #! lines until an ELF program is open in plan->fd. */
static long exec_resolve(struct exec_plan *plan, int dirfd, const char *path) {
	for (;;) {
		struct exec_script *script = &plan->scripts[plan->script_count < EXEC_MAX_SCRIPTS ? plan->script_count : 0];
		long rc = exec_check_mode(plan->fd);
		if (rc == 0 && plan->script_count < EXEC_MAX_SCRIPTS) rc = exec_parse_script(plan->fd, script);
		if (rc < 0) return rc;
		if (rc == 0) return 0;
		if (plan->script_count == 0) exec_script_path(plan->script_path, dirfd, path);
		plan->script_count++;
		exec_close(plan->fd);
		plan->fd = -1;
		if (plan->script_count == EXEC_MAX_SCRIPTS) return -ELOOP;
		path = script->head;
		dirfd = AT_FDCWD;
		rc = exec_open(dirfd, path, 0, false);
		if (rc == -ENOENT && plan->host_program)
			rc = exec_open(dirfd, path, 0, true);
		else
			plan->host_program = false;
		if (rc < 0) return rc;
		plan->fd = (int)rc;
	}
}

/* The loader that a program names must exist before the old program is given up. */
static long exec_check_loader(int fd) {
	char interp[BFS_PATH_MAX];
	long rc = bfs_elf_check(fd, interp, sizeof interp);
	if (rc < 0 || interp[0] == 0) return rc;
	rc = bfs_syscall(__NR_faccessat, (uint64_t)AT_FDCWD, BFS_ARG(interp), 4, 0, 0, 0);
	if (rc < 0 && interp[0] == '/') rc = bfs_host_lend(interp, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (rc > 0) bfs_raw1(__NR_close, rc);
	return rc < 0 ? -ENOENT : 0;
}

/* Number of entries of a NULL-terminated vector of the program; −EFAULT, −E2BIG. */
static long exec_count(uint64_t user_vector) {
	if (user_vector == 0) return 0;
	for (uint64_t n = 0; n < EXEC_MAX_ARGS; n++) {
		uint64_t entry;
		if (bfs_copy_in(&entry, (const uint64_t *)user_vector + n, sizeof entry) < 0) return -EFAULT;
		if (entry == 0) return (long)n;
	}
	return -E2BIG;
}

static size_t exec_hex(char *dst, uint64_t v) {
	size_t n = 0;
	for (int shift = 60; shift >= 0; shift -= 4) {
		unsigned digit = (unsigned)(v >> shift) & 15u;
		if (digit != 0 || n != 0 || shift == 0) dst[n++] = "0123456789abcdef"[digit];
	}
	return n;
}

/* The point of no return. While a vfork child executes, its parent's memory holds the slot that this runs on: the kernel clears the slot's owner when the child has left that memory
 * (clear_child_tid, mm_release), which frees it at exactly the right time. */
static long exec_carrier(struct exec_plan *plan, const char **argv, uint64_t user_envp) {
	struct bfs_slot *slot = bfs_slot_current();
	uint64_t old_tid_address = 0;
	long rc = bfs_raw3(__NR_fcntl, plan->fd, F_SETFD, 0);
	if (rc == 0) rc = bfs_trace_exec(argv, (const char *const *)user_envp);
	if (rc < 0) return rc;
	/* Where the kernel does not tell the old address (no CONFIG_CHECKPOINT_RESTORE), that of a thread must stay: its joiner waits for it. A vfork child leads its group and has none. */
	if (slot != NULL && bfs_raw5(__NR_prctl, PR_GET_TID_ADDRESS, &old_tid_address, 0, 0, 0) < 0 && bfs_raw0(__NR_gettid) != bfs_raw0(__NR_getpid))
		slot = NULL;
	if (slot != NULL) bfs_raw1(__NR_set_tid_address, &slot->owner);
	bfs_exec_closing();
	bfs_memory_leaving();
	rc = bfs_raw5(__NR_execveat, bfs_fd(BFS_FD_CARRIER), "", argv, user_envp, AT_EMPTY_PATH);
	if (rc == -ENOENT) { /* of TOMOYO, which looks the program up by the name that the kernel gives it, /dev/fd/N, where there is no /dev/fd */
		char link[40];
		rc = bfs_raw3(__NR_execve, exec_link(link, bfs_fd(BFS_FD_CARRIER)), argv, user_envp);
	}
	if (slot != NULL) bfs_raw1(__NR_set_tid_address, old_tid_address);
	return rc;
}

static long exec_start(struct exec_plan *plan, uint64_t user_argv, uint64_t user_envp, uint64_t mask) {
	const char *local[EXEC_LOCAL_ARGS];
	const char **argv = local;
	long argc = exec_count(user_argv);
	if (argc < 0) return argc;
	size_t words = BFS_ARGV_OWN + 2 * plan->script_count + 1 + (size_t)argc + 2;
	size_t bytes = words * sizeof *argv;
	if (words > EXEC_LOCAL_ARGS) {
		long at = bfs_raw6(__NR_mmap, 0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (at < 0) return at;
		argv = (const char **)at;
	}
	size_t len = exec_hex(plan->state, (uint64_t)bfs_fd_base);
	plan->state[len++] = ' ';
	len += exec_hex(plan->state + len, mask);
	plan->state[len++] = ' ';
	len += exec_hex(plan->state + len, (uint64_t)plan->fd);
	plan->state[len] = 0;

	size_t n = 0;
	argv[n++] = BFS_ARGV_MAGIC;
	argv[n++] = plan->state;
	argv[n++] = plan->exe;
	argv[n++] = plan->execfn;
	for (unsigned i = plan->script_count; i-- > 0;) {
		argv[n++] = plan->scripts[i].head;
		if (plan->scripts[i].argument != NULL) argv[n++] = plan->scripts[i].argument;
		if (i == 0) argv[n++] = plan->script_path;
	}
	long first = plan->script_count > 0 ? 1 : 0; /* a script's argv[0] gives way to its interpreter's */
	long rc = 0;
	if (argc > first) rc = bfs_copy_in(&argv[n], (const uint64_t *)user_argv + first, (size_t)(argc - first) * sizeof *argv);
	if (argc > first) n += (size_t)(argc - first);
	if (argc == 0 && plan->script_count == 0) argv[n++] = ""; /* as the kernel does since 5.18 */
	argv[n] = NULL;
	if (rc == 0) rc = exec_carrier(plan, argv, user_envp);
	if (argv != local) bfs_raw2(__NR_munmap, argv, bytes);
	return rc;
}

long bfs_exec(int dirfd, const char *user_path, uint64_t user_argv, uint64_t user_envp, uint32_t flags, bool host_program, uint64_t mask) {
	struct exec_plan plan; /* 14 KiB, on the private stack: nothing to free after a vfork child's exec */
	if ((flags & ~(uint32_t)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) != 0) return -EINVAL;
	plan.host_program = host_program;
	plan.fd = -1;
	plan.script_count = 0;
	long rc = bfs_copy_str(plan.execfn, user_path, sizeof plan.execfn);
	bool by_fd = rc == 0 && (flags & AT_EMPTY_PATH) != 0;
	if (by_fd && dirfd == AT_FDCWD)
		rc = -EACCES; /* the current directory */
	else if (by_fd)
		rc = bfs_syscall(__NR_fcntl, (uint64_t)dirfd, F_GETFD, 0, 0, 0, 0); /* -EBADF */
	if (rc >= 0 && by_fd) {                                                     /* read through a descriptor of our own: the program's may be O_PATH */
		char link[40];
		rc = exec_open(AT_FDCWD, exec_link(link, dirfd), 0, false);
	} else if (rc >= 0) {
		rc = exec_open(dirfd, plan.execfn, flags, host_program);
	}
	if (rc >= 0) {
		plan.fd = (int)rc;
		rc = exec_resolve(&plan, dirfd, plan.execfn);
	}
	if (rc == 0) rc = exec_check_loader(plan.fd);
	if (rc == 0) {
		exec_name(&plan);
		if (by_fd) /* AT_EXECFN of fexecve is /dev/fd/N */
			exec_script_path(plan.execfn, dirfd, "");
		rc = exec_start(&plan, user_argv, user_envp, mask);
	}
	if (plan.fd >= 0) exec_close(plan.fd);
	return rc;
}
