/* The first program of a tree: finds the libraries, makes the file system, arms the process, starts the program. Whatever fails before that ends with status 125 and a reason: a program
 * never runs on the host's file system instead. */
#include "launch.h"
#include "export.h"
#include "ops.h"

#include <linux/auxvec.h>
#include <linux/resource.h>

void bfs_launch(uint64_t *sp) BFS_HIDDEN __attribute__((noreturn));

BFS_SELDOM static struct launch launch_state;

static void launch_write(const char *s) { bfs_raw3(__NR_write, 2, s, strlen(s)); }

void bfs_die(int status, const char *code, const char *what, const char *where, const char *remedy) {
	launch_write("binaryfs: ");
	launch_write(code);
	launch_write(": ");
	launch_write(what);
	if (where != NULL && where[0] != 0) {
		launch_write(" (");
		launch_write(where);
		launch_write(")");
	}
	launch_write("\n");
	if (remedy != NULL) {
		launch_write("  ");
		launch_write(remedy);
		launch_write("\n");
	}
	for (;;) bfs_raw1(__NR_exit_group, status);
}

static void launch_usage(const char *name) {
	launch_write("usage: ");
	launch_write(name);
	launch_write(" CMD ARGS...\n"
		     "Runs CMD with the file system of the library (binaryfs-run: of SCONE_EXTENSIONS_PATH=LIB.so[:LIB.so...]) in place of the host's.\n"
		     "Variables: BINARYFS_VOLUMES (GUEST=HOST:...), BINARYFS_HOST_PATHS, BINARYFS_OVERLAY_SIZE, BINARYFS_HERMETIC=1, "
		     "BINARYFS_LOG=error|warn|info|trace,\n"
		     "BINARYFS_MISSES=FILE, BINARYFS_HOST_LOG=FILE, BINARYFS_EXPORT_OVERLAY=DIR\n");
	bfs_raw1(__NR_exit_group, 2);
}

/* What to do about a file system that cannot be set up. */
static const char *launch_remedy(long error) {
	switch (error) {
	case -EMFILE:
	case -ENFILE: return "raise ulimit -n, or close inherited descriptors";
	case -ENOMEM: return "raise ulimit -v, or set a smaller BINARYFS_OVERLAY_SIZE";
	case -EACCES: return "leave it out, or build the image without --sealed";
	case -ENOENT: return "make the directory, or correct the path: BINARYFS_VOLUMES=GUEST=HOST";
	case -EINVAL: return "correct BINARYFS_VOLUMES (GUEST=HOST:...) and BINARYFS_HOST_PATHS (PATH:...): absolute paths without ..";
	case -ENOEXEC:
	case -EUCLEAN: return "build the library again, or check it with: binaryfs verify LIB.so";
	default: return "check ulimit -a, and that /proc is mounted";
	}
}

static void launch_export_open(struct launch *l) {
	long rc = bfs_export_open(l->export_path, &l->export);
	if (rc == 0) return;
	bool taken = rc == -ENOTEMPTY || rc == -ENOTDIR;
	if (rc == -EPERM)
		bfs_die(125, "export-refused", "the file system there takes no whiteouts (character devices 0/0), which say what a run removed", l->export_path,
			"name a directory on another one: a volume of the container, a tmpfs, ext4, xfs or btrfs");
	bfs_die(125, "export-refused",
		taken           ? "what the run writes would be saved where something is already"
		: rc == -ENOENT ? "what the run writes would be saved in a directory that is not there"
		: rc == -EACCES ? "what the run writes would be saved where this user may not write"
				: "what the run writes cannot be saved there",
		l->export_path, taken ? "name a directory that is empty or does not exist yet" : "name a new directory in one that this user may write to");
}

static void launch_arm(struct launch *l) {
	char why[256];
	why[0] = 0;
	bfs_launch_close_doors();
	bfs_launch_environment(l);
	l->carrier = bfs_launch_carrier(l);
	l->config.libs = l->libs;
	l->config.doors = l->doors;
	if (l->export_path != NULL) launch_export_open(l);
	long rc = bfs_vfs_create(&l->config, why, sizeof why);
	if (rc < 0) bfs_die(125, "not-armed", why[0] != 0 ? why : "the file system cannot be set up", l->libs[0].path, launch_remedy(rc));
	rc = bfs_raw3(__NR_dup3, l->carrier, bfs_fd(BFS_FD_CARRIER), 0);
	bfs_raw1(__NR_close, l->carrier);
	if (rc < 0) bfs_die(125, "not-armed", "no descriptor for the launcher's own file", l->carrier_path, "raise ulimit -n");
	rc = l->export_path != NULL ? bfs_supervise(&l->export) : 0;
	if (rc < 0) bfs_die(125, "not-armed", "no process can be made that saves what the run writes", l->export_path, "raise ulimit -u");
	/* The kernel's own current directory and a core file there would be traces on the host. */
	bfs_raw1(__NR_chdir, "/");
	struct rlimit64 core;
	if (bfs_raw4(__NR_prlimit64, 0, RLIMIT_CORE, 0, &core) == 0) {
		core.rlim_cur = BFS_MIN(core.rlim_max, BFS_CORE_LIMIT);
		bfs_raw4(__NR_prlimit64, 0, RLIMIT_CORE, &core, 0);
	}
	rc = bfs_gate_map();
	if (rc < 0)
		bfs_die(125, "not-armed", rc == -EEXIST ? "address 0x60000 is taken: is this a launcher inside a launcher?" : "the gate page cannot be mapped at 0x60000",
			l->carrier_path, "start the program directly inside the image; vm.mmap_min_addr must be at most 393216");
	rc = bfs_trap_install();
	if (rc < 0)
		bfs_die(125, "not-armed", "there is no memory for the runtime's own stacks (64 MiB of address space)", l->carrier_path, "raise ulimit -v and ulimit -d");
	rc = bfs_filter_install(bfs_fd_base, (int)bfs_fd_count());
	if (rc < 0)
		bfs_die(125, "not-armed", rc == -ENOSYS || rc == -EINVAL ? "this kernel has no seccomp filters" : "the seccomp filter was refused",
			l->carrier_path, "needs Linux 4.17 or later with CONFIG_SECCOMP_FILTER, and a container profile that allows seccomp(2)");
	rc = bfs_trap_probe();
	if (rc < 0) bfs_die(125, "not-armed", "the filter does not catch system calls", l->carrier_path, "report this with the kernel version");
}

void bfs_launch(uint64_t *sp) {
	if (sp[0] > 0 && bfs_str_eq((const char *)sp[1], BFS_ARGV_MAGIC)) bfs_program_start(sp);
	struct launch *l = &launch_state;
	bfs_stack_parse(sp, &l->stack);
	bool preload = l->stack.argc > 1 && bfs_str_eq(l->stack.argv[0], BFS_ARGV_PRELOAD);
	long n = bfs_raw4(__NR_readlinkat, AT_FDCWD, "/proc/self/exe", l->carrier_path, sizeof l->carrier_path - 1);
	if (n <= 0) {
		uint64_t *execfn = bfs_auxv_find(l->stack.auxv, AT_EXECFN);
		const char *name = execfn != NULL ? (const char *)*execfn : "";
		n = (long)BFS_MIN(strlen(name), sizeof l->carrier_path - 1);
		memcpy(l->carrier_path, name, (size_t)n);
	}
	l->carrier_path[n] = 0;
	if (!preload && l->stack.argc < 2) launch_usage(l->stack.argc > 0 ? l->stack.argv[0] : "LIB.so");

	const char *command = l->stack.argv[1];
	if (!preload && command[0] == '-') {
		if (!bfs_str_eq(command, "--") || l->stack.argc < 3) launch_usage(l->stack.argv[0]);
		command = l->stack.argv[2];
		bfs_stack_strip(&l->stack, 2);
	} else {
		bfs_stack_strip(&l->stack, preload ? 2 : 1);
	}
	uint64_t mask = bfs_sigmask_set(~0ull); /* from here on: a limit that is met (ulimit -f) is an error with a reason, not a signal */
	launch_arm(l);
	long rc = bfs_launch_search(l, command, l->stack.argv, mask, false);
	if (rc == -ENOENT || rc == -ENOTDIR) {
		long host = l->config.hermetic ? -ENOENT : bfs_launch_search(l, command, l->stack.argv, mask, true);
		rc = host;
	}
	bool missing = rc == -ENOENT || rc == -ENOTDIR;
	bfs_die(missing ? 127 : 126, missing ? "not-found" : "not-executable",
		missing          ? (l->config.hermetic ? "the program, its loader or its script's interpreter is not in the image"
						       : "the program, its loader or its script's interpreter is neither in the image nor on the host")
		: rc == -ENOEXEC ? "the program is no x86-64 ELF file and no script"
		: rc == -EACCES  ? "the program may not be executed"
				 : "the program cannot be executed",
		command, missing ? "include it when packing, or give its path" : "check its mode and format with: binaryfs check PROGRAM");
}
