/* The continuation after an exec: the carrier runs again, joins the tree and becomes the program. */
#include "ops.h"
#include "trap.h"

#include <linux/auxvec.h>
#include <linux/mman.h>
#include <linux/prctl.h>

#define PROGRAM_OWN_DATA                                                                                                                                       \
	((uint64_t)BFS_SLOT_COUNT * BFS_SLOT_SIZE + (1u << 20)) /* bytes of private stacks; of the carrier's own variables, and of what calls take for a moment */

/* Read by bfs_entry_stub. */
BFS_HIDDEN uint64_t *bfs_entry_auxv;
BFS_HIDDEN uint64_t bfs_entry_own;
void bfs_entry_stub(void) BFS_HIDDEN;
void bfs_jump(uint64_t entry, uint64_t *sp) BFS_HIDDEN __attribute__((noreturn));

static const char *program_exe = ""; /* on the initial stack, below what the program takes for its arguments */
static uint64_t *program_auxv;

long bfs_proc_exe(char *dst, size_t size) {
	size_t len = strlen(program_exe);
	if (len + 1 > size) return -ERANGE;
	memcpy(dst, program_exe, len + 1);
	return (long)len;
}

/* Bytes of the auxiliary vector with its AT_NULL. */
static size_t program_auxv_size(const uint64_t *auxv) {
	const uint64_t *end = auxv;
	while (end[0] != AT_NULL) end += 2;
	return (size_t)(end + 2 - auxv) * sizeof *end;
}

long bfs_proc_auxv(void *dst, size_t size) {
	if (program_auxv == NULL) return -ENOENT;
	size_t len = program_auxv_size(program_auxv);
	if (len > size) return -ERANGE;
	memcpy(dst, program_auxv, len);
	return (long)len;
}

/* Hexadecimal digits up to a space or the end. */
static uint64_t program_hex(const char **at) {
	uint64_t v = 0;
	for (;; (*at)++) {
		char c = **at;
		if (c >= '0' && c <= '9')
			v = v << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint64_t)(c - 'a' + 10);
		else
			break;
	}
	if (**at == ' ') (*at)++;
	return v;
}

static uint64_t program_after(const char *text) { return (uint64_t)text + strlen(text) + 1; }

static const char *program_base(const char *path) {
	const char *base = path;
	for (const char *p = path; *p != 0; p++)
		if (*p == '/') base = p + 1;
	return base;
}

const char *bfs_program_name(const char *exe, const char *execfn) {
	const char *base = program_base(execfn), *p = base;
	while (*p >= '0' && *p <= '9') p++;
	return *p == 0 && base - execfn == 8 && bfs_starts_with(execfn, "/dev/fd/") ? program_base(exe) : base;
}

/* What ps, debuggers and the kernel know of the process: the name that it was executed by, its own arguments, segments and auxiliary vector, as execve(2) would have set them. Failure is ignored: they
 * then see the carrier's. */
static void program_introduce(const struct bfs_stack *stack, const struct bfs_elf *elf, const char *execfn) {
	bfs_raw5(__NR_prctl, PR_SET_NAME, bfs_program_name(program_exe, execfn), 0, 0, 0);
	if (stack->argc == 0) return;

	uint64_t brk = (uint64_t)bfs_raw1(__NR_brk, 0); /* nothing has moved it yet */
	uint64_t arg_end = program_after(stack->argv[stack->argc - 1]), envc = (uint64_t)((char **)stack->auxv - 1 - stack->envp);
	struct prctl_mm_map map = {
		.start_code = elf->start_code,
		.end_code = elf->end_code,
		.start_data = elf->start_data,
		.end_data = elf->end_data,
		.start_brk = brk,
		.brk = brk,
		.start_stack = (uint64_t)stack->sp,
		.arg_start = (uint64_t)stack->argv[0],
		.arg_end = arg_end,
		.env_start = arg_end, /* the kernel lays the strings out in this order, without gaps */
		.env_end = envc > 0 ? program_after(stack->envp[envc - 1]) : arg_end,
		.auxv = (void *)stack->auxv,
		.auxv_size = (uint32_t)program_auxv_size(stack->auxv),
		.exe_fd = (uint32_t)-1,
	};
	if (bfs_raw5(__NR_prctl, PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0) == 0) return;
	/* More data than RLIMIT_DATA allows is refused; before Linux 5.11 data above the heap, too, and before 5.12 none at all. The arguments matter more. */
	map.end_data = brk - 1;
	map.start_data = brk - 2;
	bfs_raw5(__NR_prctl, PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0);
}

/* A description of its own: that at FD is in the descriptor table of a child, too, that another thread forked right before the exec. */
static int program_executed(int fd) {
	struct bfs_loc loc;
	struct bfs_ofd *opened = bfs_ofd_of(fd, NULL);
	if (opened == NULL || opened->kind != BFS_LOC_NODE || bfs_ofd_loc(opened, &loc) < 0) return fd;
	long own = bfs_reserved_open(&loc, O_RDONLY | O_CLOEXEC);
	struct bfs_ofd *executed = own < 0 ? NULL : bfs_ofd_of((int)own, NULL);
	if (executed == NULL) return fd;
	__atomic_fetch_or(&executed->reserved, BFS_OFD_EXECUTED, __ATOMIC_RELAXED);
	__atomic_fetch_or(&opened->reserved, BFS_OFD_QUIET, __ATOMIC_RELAXED);
	bfs_close_fd(fd);
	return (int)own;
}

/* The program's file takes the reserved place of the one before it, for /proc/PID/exe, and for ETXTBSY. */
static void program_remember(int fd) {
	uint32_t old;
	fd = program_executed(fd);
	bool had = bfs_ofd_of(bfs_fd(BFS_FD_EXEC), &old) != NULL;
	if (bfs_reserved_put(fd, BFS_FD_EXEC) == 0 && had) bfs_ofd_closed(old);
	bfs_raw1(__NR_close, fd);
}

static void program_set_auxv(uint64_t *auxv, uint64_t type, uint64_t value) {
	uint64_t *at = bfs_auxv_find(auxv, type);
	if (at != NULL) *at = value;
}

void bfs_program_start(uint64_t *sp) {
	struct bfs_stack stack;
	char why[256];
	bfs_stack_parse(sp, &stack);
	if (stack.argc < BFS_ARGV_OWN)
		bfs_die(125, "bad-exec", "the carrier was started with too few arguments", "", "start programs through LIB.so CMD or binaryfs-run CMD");
	const char *state = stack.argv[1];
	int fd_base = (int)program_hex(&state);
	uint64_t mask = program_hex(&state);
	int fd = (int)program_hex(&state);
	program_exe = stack.argv[2];
	const char *execfn = stack.argv[3];

	/* The filter is armed already: until the gate is there only what is native works. */
	long rc = bfs_gate_map();
	bfs_sigmask_set(~0ull); /* the exec came out of the handler, which runs with SIGSYS blocked */
	if (rc == 0) rc = bfs_trap_install();
	if (rc == 0) rc = bfs_trap_probe();
	if (rc == -ENOMEM) bfs_die(125, "not-armed", "there is no memory for the runtime's own stacks", program_exe, "raise ulimit -v and ulimit -d");
	if (rc < 0) bfs_die(125, "not-armed", "the system call gate does not work after exec", program_exe, "report this with the kernel version");
	bfs_log_setup(bfs_env_get(stack.envp, "BINARYFS_LOG"));
	why[0] = 0;
	rc = bfs_vfs_join(fd_base, why, sizeof why);
	if (rc < 0) bfs_die(125, "not-armed", why, program_exe, rc == -ENOMEM ? "raise ulimit -v" : "report this with the kernel version");
	bfs_rlimit_carrier(bfs_carrier_size() + PROGRAM_OWN_DATA, PROGRAM_OWN_DATA);

	bfs_ofd_look_watched(); /* what the exec closed */

	struct bfs_elf elf;
	rc = bfs_elf_load(fd, &elf);
	program_remember(fd);
	if (rc < 0)
		bfs_die(rc == -ENOENT ? 127 : 126, rc == -ENOENT ? "loader-missing" : "not-executable",
			rc == -ENOENT ? "the program's loader (PT_INTERP) is neither in the image nor on the host" : "the program cannot be mapped",
			program_exe, "pack the loader, or leave out --hermetic");

	uint64_t *new_sp = bfs_stack_strip(&stack, BFS_ARGV_OWN);
	program_auxv = stack.auxv;
	program_set_auxv(stack.auxv, AT_PHDR, elf.phdr);
	program_set_auxv(stack.auxv, AT_PHENT, elf.phent);
	program_set_auxv(stack.auxv, AT_PHNUM, elf.phnum);
	program_set_auxv(stack.auxv, AT_BASE, elf.base);
	program_set_auxv(stack.auxv, AT_ENTRY, elf.own_entry);
	program_set_auxv(stack.auxv, AT_EXECFN, (uint64_t)execfn);
	if (elf.exec_stack) bfs_raw3(__NR_mprotect, (uint64_t)new_sp & ~4095ul, 4096, PROT_READ | PROT_WRITE | PROT_EXEC | PROT_GROWSDOWN);
	program_introduce(&stack, &elf, execfn);
	if (elf.dynamic) {
		bfs_entry_own = elf.own_entry;
		bfs_entry_auxv = bfs_auxv_find(stack.auxv, AT_ENTRY);
		if (bfs_entry_auxv != NULL)
			*bfs_entry_auxv = (uint64_t)bfs_entry_stub;
		else
			bfs_load_phase = false;
	}
	bfs_sigmask_set(mask);
	bfs_jump(elf.entry, new_sp);
}
