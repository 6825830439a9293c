/* The trap layer: how the system calls of an unmodified program reach the file system, and how programs are started.
 *
 *   start.S      entry point of the library as a program; final jump into the target; end of the load phase
 *   launch.c     first program of a tree: command line, environment, libraries, arming
 *   library.c    opens a library and finds its image
 *   preload.c    LD_PRELOAD: executes itself again as launcher
 *   exec.c       execve of the program: checks, then a real execve of the carrier
 *   program.c    continuation after that execve: joins the tree and loads the target
 *   elf_load.c   user-space ELF loader        stack.c  argument vector and auxiliary vector
 *   gate.S gate.c    the gate page            filter.c  the seccomp filter, from policy.h        filter_names.c  what more traps where sockets have names        filter_added.c  those of programs
 *   trap.S trap.c    the SIGSYS handler       slot.c    private stacks
 *   signal.c     signal masks and actions, so that SIGSYS is never blocked nor taken away
 *   abi.c        the C ABI for those who trap by themselves (binaryfs.h)
 */
#ifndef BINARYFS_TRAP_H
#define BINARYFS_TRAP_H

#include "sys.h"
#include "trap_asm.h"
#include "vfs.h"

/* ---- gate ---- */

#define BFS_GATE_SIZE 4096ul /* at BFS_GATE_ADDR */
/* Maps the gate and sends bfs_raw through it. −EEXIST where something else lies there. */
long bfs_gate_map(void);
/* Stubs in the page: performs a passed call; the same, and then the program's own call again; the same, and then the runtime hears of it (trap.c describes the frame); the end of the handler; what
 * bfs_judge asks from, and the address that the filter sees there. */
extern const char bfs_gate_code[], bfs_gate_code_end[], bfs_gate_pass[], bfs_gate_wait[], bfs_gate_after[], bfs_gate_sigreturn[], bfs_gate_judged[];
extern uint64_t bfs_gate_entry BFS_HIDDEN; /* 0: there is no gate */
static inline uint64_t bfs_gate_at(const char *stub) { return BFS_GATE_ADDR + (uint64_t)(stub - bfs_gate_code); }

/* ---- filter ---- */

/* Installs the seccomp filter for this thread and all its children, for good. FD_BASE, FD_COUNT: the reserved descriptors. */
long bfs_filter_install(int fd_base, int fd_count);
/* In si_errno of a SIGSYS that the filter caused. Where a filter of the program traps the same call, its own value stands there: it is the newer one. */
#define BFS_FILTER_TRAPS 0x4246
/* What the program's filters say about a call that trapped: an errno's negative, or what else they answer; BFS_JUDGED_ALLOWED. No call is made: the tree's filter answers with that where others allow it. gate.S */
long bfs_judge(long nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5) BFS_HIDDEN;
#define BFS_JUDGED_ALLOWED (-4094l)
#define BFS_PR_SET_SYSCALL_USER_DISPATCH 59
#define BFS_PR_SET_MDWE 65
/* filter_added.c: prctl(2) and seccomp(2) where they add a filter. */
struct bfs_trap;
enum bfs_verdict bfs_filter_call(struct bfs_trap *t);

/* ---- trap ---- */

/* The kernel's signal frame parts that the runtime reads (asm/sigcontext.h, asm-generic/ucontext.h). */
struct bfs_sigcontext {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2, fpstate, reserved1[8];
};
struct bfs_ucontext {
	uint64_t flags, link;
	uint64_t stack_sp;
	int32_t stack_flags, stack_pad;
	uint64_t stack_size;
	struct bfs_sigcontext mc;
	uint64_t sigmask;
};
_Static_assert(offsetof(struct bfs_ucontext, sigmask) == 296, "kernel ucontext");

/* Installs the SIGSYS handler. */
long bfs_trap_install(void);
/* Makes one system call outside the gate that must come back through the handler: proof that filter and handler work. 0, or −EOPNOTSUPP. */
long bfs_trap_probe(void);
/* What it asks for: a read of no descriptor, as filters of the program that executed this one judge the call, and no sandbox ends a program for reading. */
#define BFS_TRAP_PROBE_FD 0xFFFFFFFFFFFF4246ul
/* Was call NR, made by the instruction before ADDRESS, trapped by our filter, not by one that the program installed on top? CODE and ERROR: si_code and si_errno of its SIGSYS. */
bool bfs_trap_is_ours(int32_t code, int32_t error, uint64_t address, long nr);
/* What a passed call's way back to the program is read from, at the stack pointer while the call is made. trap.c */
struct bfs_trap_frame {
	uint64_t rdi, rsi, rdx, r10, r8, r9, rip, rsp, rax;
	uint64_t again; /* BFS_WAIT: the negated result; BFS_AFTER: address of the word that says whether to look, then the result */
	uint64_t after; /* BFS_AFTER: bfs_after_call, */
	uint64_t kept;  /* and where what the call was given in the program's place lies; 0: nothing */
};
/* System calls outside file system and C ABI: those of class PROCESS. */
struct bfs_trap {
	struct bfs_call call;
	struct bfs_ucontext *uc;
};
enum bfs_verdict bfs_process_call(struct bfs_trap *t);
/* signal.c */
enum bfs_verdict bfs_signal_call(struct bfs_trap *t);
/* A SIGSYS that is the program's: sent by somebody, or of a filter of its own (FORCED: the kernel delivers that even where it is ignored). Its handler's address; 0 where none shall run:
 * ignored, or deadly as soon as the frame's mask is back. */
uint64_t bfs_signal_own_sigsys(bool forced);
/* trap.S, on the program's stack: the mask with which the program's handler of SIGSYS runs. */
void bfs_signal_enter(const struct bfs_ucontext *uc);
#define BFS_SIGSYS 31
#define BFS_SIGSYS_BIT (1ull << (BFS_SIGSYS - 1))
struct bfs_ksigaction {
	uint64_t handler, flags, restorer, mask;
};
/* Sets the thread's signal mask, SIGSYS left out; returns the old one. */
uint64_t bfs_sigmask_set(uint64_t mask);

/* ---- slots ---- */

/* Private stacks: a signal handler of ours may run on the program's 8 KiB alternate stack or near the end of a thread's, so its work is done on a stack of a pool. */
#define BFS_SLOT_COUNT 512u
/* Maps the pool. 0 or −errno. */
long bfs_slot_setup(void);
/* Takes a free slot for this thread. Never fails: sleeps while all are in use, and frees those of threads that are gone. */
struct bfs_slot *bfs_slot_take(void);
/* Wakes one thread that waits for a slot. trap.S calls it after it has freed one while somebody waited. */
void bfs_slot_wake(void) BFS_HIDDEN;
extern uint32_t *bfs_slot_waiting BFS_HIDDEN; /* how many wait */
struct bfs_slot {
	uint32_t owner; /* thread id; 0 free. First member: trap.S frees a slot by a store of 0; the kernel does so after a vfork child's exec (set_tid_address) */
	uint32_t memory;         /* of slot 0: the process whose memory this is, from its first call on; a forked child finds 0 */
	uint32_t waiting, woken; /* of slot 0: threads that wait for a slot; a futex that counts up */
	uint32_t looked;         /* of slot 0: the period in which the dead were last looked for */
	uint32_t pad[3];
	uint8_t stack[BFS_SLOT_SIZE - 32];
};
_Static_assert(sizeof(struct bfs_slot) == BFS_SLOT_SIZE, "slot");
/* The slot that the calling code runs on, or NULL. */
struct bfs_slot *bfs_slot_current(void);

/* ---- programs ---- */

/* argv of a carrier that continues an exec: [0] this magic, [1] "<fd_base> <signal mask> <descriptor of the program>" in hex, [2] path of the program in the image, [3] AT_EXECFN, [4…] the program's. */
#define BFS_ARGV_MAGIC "\177binaryfs-exec/1"
#define BFS_ARGV_OWN 4u
/* argv of a launcher that LD_PRELOAD executes: [0] this magic, [1] path of the program, [2…] its argv. */
#define BFS_ARGV_PRELOAD "\177binaryfs-preload/1"

/* execve(2)/execveat(2) of the program. HOST_PROGRAM: the file may come from the host (first program only). MASK: the signal mask that the new program starts with. Returns only on failure. */
long bfs_exec(int dirfd, const char *user_path, uint64_t user_argv, uint64_t user_envp, uint32_t flags, bool host_program, uint64_t mask);
/* What the kernel calls a process that executed a program (comm): the base name of the path that it was executed by, a script's own; of EXE where that was a descriptor. At most BFS_PROGRAM_NAME_MAX bytes of it count. */
const char *bfs_program_name(const char *exe, const char *execfn);
#define BFS_PROGRAM_NAME_MAX 15
/* Bytes of the carrier's segments. */
uint64_t bfs_carrier_size(void);
/* Runs the continuation: joins the tree, loads the program of argv and jumps into it. */
void bfs_program_start(uint64_t *sp) __attribute__((noreturn));

/* Where the vectors on a program's initial stack are. */
struct bfs_stack {
	uint64_t *sp; /* argc */
	uint64_t argc;
	char **argv, **envp;
	uint64_t *auxv;
};
void bfs_stack_parse(uint64_t *sp, struct bfs_stack *out);
uint64_t *bfs_auxv_find(uint64_t *auxv, uint64_t type); /* the value's address, or NULL */
char *bfs_env_get(char **envp, const char *name);
/* Removes the first DROP arguments; returns the new stack pointer, 16-aligned. */
uint64_t *bfs_stack_strip(struct bfs_stack *stack, unsigned drop);

/* What the loader found out about a program. */
struct bfs_elf {
	uint64_t entry;     /* where to jump first: the interpreter's entry, or the program's own */
	uint64_t own_entry; /* the program's own */
	uint64_t base;      /* AT_BASE */
	uint64_t phdr, phnum, phent;
	uint64_t start_code, end_code, start_data, end_data; /* of the program, as in /proc/PID/stat */
	bool dynamic;                                        /* has an interpreter */
	bool exec_stack;
};
/* Maps the program open at FD and its interpreter. −ENOEXEC, −ENOENT (interpreter), … */
long bfs_elf_load(int fd, struct bfs_elf *out);
/* Checks that FD is a program that bfs_elf_load would take (so that exec fails before the point of no return); NULL-terminates the interpreter's path in INTERP ("" when static). */
long bfs_elf_check(int fd, char *interp, size_t size);

/* A library on the host: opened and checked. */
long bfs_library_open(const char *path, struct bfs_lib_config *out, char *why, size_t why_size);

/* Prints "binaryfs: CODE: what" and a remedy to descriptor 2 and leaves with STATUS. Only before a program runs. */
void bfs_die(int status, const char *code, const char *what, const char *where, const char *remedy) __attribute__((noreturn));

#endif
