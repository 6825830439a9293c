/* In an image: the other doors into the kernel, and tampering with what guards this one. Whatever a process does to itself, it never gets at the planted file; that it dies of it is fine.
 * Left out is what amounts to calling into the gate: a jump to it, other code at its address, another process's or one's own memory rewritten there (docs/runtime.md, "Complete").
 * Usage: ways.h. Prints "N passed, N failed". */
#include "ways.h"

#include <asm/ldt.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <ucontext.h>

#define GATE ((char *)0x60000)

/* 9 where the planted file can be had after whatever was done. */
static int reached(void) {
	int fd = open(planted_file, O_RDONLY);
	if (fd >= 0) return 9;
	fd = (int)syscall(SYS_openat, AT_FDCWD, planted_file, O_RDONLY);
	struct stat st;
	return fd >= 0 || stat(planted_file, &st) == 0 || mkdir(planted_dir, 0700) == 0 ? 9 : 0;
}

/* ---- numbers ---- */

static long bare(unsigned long nr, unsigned long a, unsigned long b, unsigned long c) {
	long r;
	register unsigned long r10 __asm__("r10") = 0;
	__asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
	return r;
}

/* The kernel reads 32 bits of rax: the others must not make another number of it for us. */
static int numbers(void) {
	static const unsigned long high[] = { 0, 1ul << 32, 0xdeadbeeful << 32, 1ul << 63, 0x40000000, 0x80000000, 0xffffffff00000000 };
	for (unsigned i = 0; i < sizeof high / sizeof *high; i++) {
		if (bare(high[i] | SYS_open, (unsigned long)planted_file, O_RDONLY, 0) >= 0) return 9;
		if (bare(high[i] | SYS_openat, (unsigned long)AT_FDCWD, (unsigned long)planted_file, O_RDONLY) >= 0) return 9;
		if (bare(high[i] | SYS_openat, 0xffffffff00000000ul | (unsigned)AT_FDCWD, (unsigned long)planted_file, O_RDONLY) >= 0) return 9;
	}
	for (long nr = 471; nr < 620; nr++)
		if (bare((unsigned long)nr, (unsigned long)AT_FDCWD, (unsigned long)planted_file, 0) >= 0) return 9;
	return bare((unsigned long)-1, 0, 0, 0) == -ENOSYS ? 0 : 8;
}

/* ---- other instructions ---- */

static char *low;

/* Runs CODE (32-bit) in the compatibility segment with eax = 5 (open), ebx = the path; eax comes back. */
static int compat(const unsigned char *code, size_t size) {
	low = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED) return 0;
	memcpy(low, code, size);
	memcpy(low + size, "\xcb", 1); /* lret */
	strcpy(low + 4096, planted_file);
	struct {
		uint32_t offset;
		uint16_t segment;
	} __attribute__((packed)) target = { (uint32_t)(uintptr_t)low, 0x23 };
	long r;
	char *stack = low + 4096 - 64;
	__asm__ volatile("mov %%rsp, %%r12; mov %[stack], %%rsp; mov %[path], %%ebx; xor %%ecx, %%ecx; xor %%edx, %%edx; lcall *(%[target]); mov %%r12, %%rsp"
			 : "=a"(r)
			 : "a"(5), [stack] "r"(stack), [path] "r"((uint32_t)(uintptr_t)(low + 4096)), [target] "r"(&target)
			 : "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r12", "memory");
	return (int)r >= 0 ? 9 : 0;
}
static int compat_int80(void) { return compat((const unsigned char[]){ 0xcd, 0x80 }, 2); }
static int compat_sysenter(void) { return compat((const unsigned char[]){ 0x89, 0xe5, 0x0f, 0x34 }, 4); }
static int compat_syscall(void) { return compat((const unsigned char[]){ 0x0f, 0x05 }, 2); }
static int sysenter64(void) {
	long r;
	__asm__ volatile("mov %%rsp, %%rbp; sysenter" : "=a"(r) : "a"(5), "b"(planted_file), "c"(0), "d"(0) : "memory");
	return r >= 0 ? 9 : 0;
}
static int vsyscall(void) {
	long (*time_page)(long *) = (long (*)(long *))0xffffffffff600400;
	long seconds = 0;
	time_page(&seconds);
	return reached();
}
static int segments(void) {
	struct user_desc d = { .entry_number = 0, .base_addr = 0, .limit = 0xfffff, .seg_32bit = 1, .limit_in_pages = 1, .useable = 1, .contents = 2 };
	syscall(SYS_modify_ldt, 1, &d, sizeof d);
	return reached();
}

/* ---- tampering ---- */

static int without_gate(void) {
	munmap(GATE, 4096);
	return reached();
}
static int moved_gate(void) {
	mremap(GATE, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)0x70000);
	return reached();
}
static int silent_gate(void) {
	mprotect(GATE, 4096, PROT_NONE);
	return reached();
}
/* Code of our own right beside the gate: it is a page, not a neighbourhood. */
static int beside_gate(void) {
	static const unsigned char code[] = { 0x0f, 0x05, 0xc3 };
	for (int side = -1; side <= 1; side += 2) {
		char *page = mmap(GATE + side * 4096, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		if (page == MAP_FAILED) continue;
		long r;
		char *entry = side < 0 ? page + 4096 - 3 : page;
		memcpy(entry, code, sizeof code);
		__asm__ volatile("call *%[entry]"
				 : "=a"(r)
				 : "a"(SYS_open), "D"(planted_file), "S"(0ul), "d"(0ul), [entry] "r"(entry)
				 : "rcx", "r11", "memory");
		if (r >= 0) return 9;
	}
	return reached();
}
/* The same low bits of the instruction pointer, 4 GiB and more away. */
static int gate_alias(void) {
	static const unsigned char code[] = { 0x0f, 0x05, 0xc3 };
	for (int bit = 32; bit < 47; bit++) {
		char *page = mmap((void *)((1ul << bit) | 0x60000), 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			MAP_PRIVATE | MAP_ANONYMOUS | 0x100000 /* MAP_FIXED_NOREPLACE */, -1, 0);
		if (page == MAP_FAILED) continue;
		long r;
		memcpy(page, code, sizeof code);
		__asm__ volatile("call *%[entry]" : "=a"(r) : "a"(SYS_open), "D"(planted_file), "S"(0ul), "d"(0ul), [entry] "r"(page) : "rcx", "r11", "memory");
		if (r >= 0) return 9;
	}
	return 0;
}
static int strict_seccomp(void) {
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0 && open(planted_file, O_RDONLY) >= 0) return 9;
	return reached();
}
static int dispatch_off(void) {
	static char selector = 0;
	prctl(59 /* PR_SET_SYSCALL_USER_DISPATCH */, 1, 0, 0, &selector);
	return reached();
}
static int personalities(void) {
	for (unsigned long p = 1; p < 32; p++) {
		personality(p << 22 | 8 /* PER_LINUX32 */);
		if (reached() != 0) return 9;
	}
	return 0;
}
static int memory_map(void) {
	int own = open("/proc/self/exe", O_RDONLY);
	prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, own, 0, 0);
	prctl(PR_SET_DUMPABLE, 0);
	return reached();
}

/* Filters of the program's own: everything allowed, everything "succeeded", everything traced. */
static int filtered(uint32_t action) {
	struct sock_filter code[] = { { BPF_LD | BPF_W | BPF_ABS, 0, 0, 0 }, { BPF_JMP | BPF_JEQ | BPF_K, 2, 0, SYS_exit_group },
		{ BPF_JMP | BPF_JEQ | BPF_K, 1, 0, SYS_rt_sigreturn }, { BPF_RET | BPF_K, 0, 0, action }, { BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW } };
	struct sock_fprog program = { 5, code };
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return 0;
	int fd = open(planted_file, O_RDONLY);
	return fd > 0 && holds_token(fd) ? 9 : 0;
}
static int filter_allows(void) { return filtered(SECCOMP_RET_ALLOW) != 0 || reached() != 0 ? 9 : 0; }
static int filter_succeeds(void) { return filtered(SECCOMP_RET_ERRNO | 0); }
static int filter_traces(void) { return filtered(SECCOMP_RET_TRACE); }
static int filter_traps(void) { return filtered(SECCOMP_RET_TRAP); }
/* A supervisor would answer the runtime's own calls. */
static int supervised(void) {
	struct sock_filter code[] = { { BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW } };
	struct sock_fprog program = { 1, code };
	return syscall(SYS_seccomp, 1 /* SECCOMP_SET_MODE_FILTER */, 8 /* NEW_LISTENER */, &program) >= 0 ? 9 : 0;
}

/* A handler that sets up its return into a bare system call elsewhere. */
static char *elsewhere;
static void redirect(int sig, siginfo_t *info, void *context) {
	(void)sig, (void)info;
	ucontext_t *uc = context;
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)elsewhere;
	uc->uc_mcontext.gregs[REG_RAX] = SYS_open;
	uc->uc_mcontext.gregs[REG_RDI] = (greg_t)planted_file;
	uc->uc_mcontext.gregs[REG_RSI] = O_RDONLY;
}
static int frames(void) {
	/* syscall; mov %eax, %edi; mov $60, %eax; syscall: ends with the descriptor, or the error's low byte, as status */
	static const unsigned char code[] = { 0x0f, 0x05, 0x85, 0xc0, 0x78, 0x07, 0xbf, 9, 0, 0, 0, 0xeb, 0x05, 0xbf, 0, 0, 0, 0, 0xb8, 231, 0, 0, 0, 0x0f, 0x05 };
	struct sigaction action = { .sa_sigaction = redirect, .sa_flags = SA_SIGINFO };
	elsewhere = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(elsewhere, code, sizeof code);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	return 8;
}
/* SIGSYS as the kernel would send it, forged. */
static int forged(void) {
	siginfo_t info = { .si_signo = 31, .si_code = 1 };
	for (int i = 0; i < 3; i++) syscall(SYS_rt_sigqueueinfo, getpid(), 31, &info);
	return reached();
}
static int blocked(void) {
	uint64_t all = ~0ull;
	ucontext_t context;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8);
	getcontext(&context);
	return reached();
}
static int core(void) {
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
	setrlimit(RLIMIT_CORE, &limit);
	prctl(PR_SET_DUMPABLE, 1);
	getrlimit(RLIMIT_CORE, &limit);
	if (limit.rlim_cur >= 4096) return 9;
	abort();
}
static int faults(void) {
	/* The path lies in a page that another thread, or nobody, would have to supply. */
	long fd = syscall(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */ | O_NONBLOCK);
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .range = { (uintptr_t)page + 4096, 4096 }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	if (fd < 0 || ioctl((int)fd, UFFDIO_API, &api) != 0 || ioctl((int)fd, UFFDIO_REGISTER, &range) != 0) return reached();
	strcpy(page + 4096 - 8, "/proc/x");
	return open(page + 4096 - 8, O_RDONLY) >= 0 ? 9 : 0;
}

int main(int argc, char **argv) {
	ways_begin(argc, argv);
#define TRY(name) in_child(#name, name)
	TRY(numbers);
	TRY(compat_int80);
	TRY(compat_sysenter);
	TRY(compat_syscall);
	TRY(sysenter64);
	TRY(vsyscall);
	TRY(segments);
	TRY(without_gate);
	TRY(moved_gate);
	TRY(silent_gate);
	TRY(beside_gate);
	TRY(gate_alias);
	TRY(strict_seccomp);
	TRY(dispatch_off);
	TRY(personalities);
	TRY(memory_map);
	TRY(filter_allows);
	TRY(filter_succeeds);
	TRY(filter_traces);
	TRY(filter_traps);
	TRY(supervised);
	TRY(frames);
	TRY(forged);
	TRY(blocked);
	TRY(core);
	TRY(faults);
	return check_end();
}
