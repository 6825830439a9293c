/* In an image: by way of other processes, outsiders and children. Usage: ways.h. Prints "N passed, N failed". */
#include "ways.h"

#include <elf.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#define NR_pidfd_open 434
#define NR_pidfd_getfd 438
#define SUSPEND_SECCOMP (1 << 21) /* PTRACE_O_SUSPEND_SECCOMP */
#define SYSEMU 31
#define SET_SYSCALL_INFO 0x4212

/* ---- outsiders ---- */

static void outside(unsigned long address) {
	char buffer[128] = "";
	struct iovec local = { buffer, sizeof buffer - 1 }, remote = { (void *)address, sizeof buffer - 1 };
	OK(process_vm_readv(outsider, &local, 1, &remote, 1, 0) == -1 && strstr(buffer, planted_token) == NULL);
	OK(process_vm_writev(outsider, &local, 1, &remote, 1, 0) == -1);
	OK(ptrace(PTRACE_SEIZE, outsider, 0, 0) == -1);
	OK(ptrace(PTRACE_ATTACH, outsider, 0, 0) == -1);
	OK(ptrace(PTRACE_PEEKDATA, outsider, address, 0) == -1);
	OK(syscall(SYS_ptrace, (1ul << 32) | PTRACE_ATTACH, (1ul << 32) | (unsigned)outsider, 0, 0) == -1);
	OK(syscall(SYS_kcmp, getpid(), outsider, 0 /* KCMP_FILE */, 0, 0) == -1);
	int pidfd = (int)syscall(NR_pidfd_open, outsider, 0);
	for (int fd = 0; fd < 8; fd++) OK(syscall(NR_pidfd_getfd, pidfd, fd, 0) == -1);
	OK(setns(pidfd, CLONE_NEWNS) == -1);
	for (unsigned request = 0xff00; request < 0xff20; request++) { /* PIDFD_GET_…_NAMESPACE: descriptors of namespaces, with which nothing can be done */
		int ns = ioctl(pidfd, request, 0);
		if (ns < 0) continue;
		OK(setns(ns, 0) == -1 && openat(ns, planted_file + 1, O_RDONLY) == -1 && syscall(SYS_execveat, ns, "", NULL, NULL, AT_EMPTY_PATH) == -1);
		close(ns);
	}
	snprintf(buffer, sizeof buffer, "/proc/self/fd/%d", pidfd);
	OK(openat(pidfd, "root", O_RDONLY) == -1);
	close(pidfd);
}

/* ---- a child under ptrace: the tracer changes calls after they were made ---- */

/* Calls that the tracer rewrites; 9 where one of them brought the planted file. */
static int traced(void) {
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	for (int i = 0; i < 4; i++) {
		long r = syscall(SYS_getppid);
		if (r > 2 && r < 1000 && holds_token((int)r)) _exit(9);
	}
	_exit(0);
}

struct syscall_info {
	uint8_t op, pad[3];
	uint32_t arch;
	uint64_t ip, sp, nr, args[6];
};

/* The call that CHILD is about to make becomes openat of the planted file. */
static void rewrite(pid_t child, int method, const char *path) {
	struct user_regs_struct regs;
	struct syscall_info info = { 0 };
	if (ptrace(PTRACE_GETREGS, child, 0, &regs) != 0 || regs.orig_rax != SYS_getppid) return;
	regs.orig_rax = SYS_openat;
	regs.rdi = (unsigned long)AT_FDCWD;
	regs.rsi = (unsigned long)path;
	regs.rdx = O_RDONLY;
	if (method == 2) {
		ptrace(0x420e /* PTRACE_GET_SYSCALL_INFO */, child, sizeof info, &info);
		info.nr = SYS_openat;
		info.args[0] = regs.rdi;
		info.args[1] = regs.rsi;
		info.args[2] = regs.rdx;
		ptrace(SET_SYSCALL_INFO, child, sizeof info, &info);
		return;
	}
	if (method == 1) regs.rax = SYS_openat;
	ptrace(PTRACE_SETREGS, child, 0, &regs);
	if (method == 3) ptrace(PTRACE_SETOPTIONS, child, 0, SUSPEND_SECCOMP);
}

/* 0: orig_rax at the stop before the call; 1: emulated calls; 2: PTRACE_SET_SYSCALL_INFO; 3: with seccomp suspended. The child's end. */
static int rewritten(int method) {
	static char path[1100]; /* at the same address in the child */
	strcpy(path, planted_file);
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) traced();
	int status, signal = 0;
	waitpid(child, &status, 0);
	ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	for (int stops = 0; stops < 500 && ptrace(method == 1 && stops < 4 ? SYSEMU : PTRACE_SYSCALL, child, 0, signal) == 0 && waitpid(child, &status, 0) == child; stops++) {
		if (!WIFSTOPPED(status)) return status;
		signal = WSTOPSIG(status) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(status);
		if (signal == 0) rewrite(child, method, path);
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return status;
}

static void children(void) {
	for (int method = 0; method < 4; method++) OK(rewritten(method) >> 8 != 9);
	pid_t child = fork();
	if (child == 0) traced();
	int status;
	waitpid(child, &status, 0);
	FAILS(ptrace(PTRACE_SETOPTIONS, child, 0, SUSPEND_SECCOMP), EPERM);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	/* The tree's own processes may be looked at: debuggers work. */
	child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	OK(ptrace(PTRACE_SEIZE, child, 0, 0) == 0);
	char word[8];
	struct iovec local = { word, 8 }, remote = { planted_token, 8 };
	OK(process_vm_readv(child, &local, 1, &remote, 1, 0) == 8 && memcmp(word, planted_token, 8) == 0);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
}

/* ---- children of every kind ---- */

static int try_open(void *unused) {
	(void)unused;
	struct stat st;
	if (open(planted_file, O_RDONLY) >= 0 || stat(planted_file, &st) == 0 || chdir(planted_dir) == 0) _exit(9);
	return 0;
}

static void kinds(void) {
	static const unsigned long kinds[] = { 0, CLONE_VM | CLONE_VFORK, CLONE_VM, CLONE_FILES, CLONE_FS, CLONE_FILES | CLONE_FS,
		CLONE_VM | CLONE_FS | CLONE_FILES, CLONE_VM | CLONE_SIGHAND, CLONE_PARENT, CLONE_NEWUSER, CLONE_NEWUSER | CLONE_NEWNS, CLONE_NEWNS,
		CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWNET, CLONE_UNTRACED, CLONE_NEWUSER | CLONE_NEWCGROUP };
	char *stack = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		int status = 0;
		pid_t child = clone(try_open, stack + (1 << 20), (int)(kinds[i] | ((kinds[i] & CLONE_PARENT) ? 0 : SIGCHLD)), NULL);
		if (child < 0) continue; /* not permitted here: no way either */
		if ((kinds[i] & CLONE_PARENT) == 0)
			waitpid(child, &status, __WALL);
		else
			usleep(100000); /* whose child it is cannot be waited for; it reports nothing, the planted directory is compared */
		check_report(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a child of this kind", __FILE__, (int)i);
	}
	pid_t child = vfork();
	if (child == 0) {
		char *args[] = { planted_file, NULL };
		execve(planted_file, args, args + 1);
		_exit(open(planted_file, O_RDONLY) >= 0 ? 9 : 0);
	}
	int status;
	OK(waitpid(child, &status, 0) == child && status == 0);
	FAILS(unshare(CLONE_NEWPID), EPERM);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 || unshare(CLONE_NEWNS) == 0) {
		try_open(NULL);
		OK(syscall(SYS_mount, planted_dir, "/tmp", "", 4096, 0) == -1 && chroot(planted_dir) == -1 && syscall(SYS_pivot_root, "/", "/") == -1);
	}
}

/* ---- programs ---- */

static void programs(void) {
	char *args[] = { "x", NULL }, path[1200];
	static const int flags[] = { 0, AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, 0x10000 /* AT_EXECVE_CHECK */, 0x10000 | AT_EMPTY_PATH };
	int file = open("/proc/self/exe", O_RDONLY), directory = open("/", O_PATH);
	snprintf(path, sizeof path, "%s/program", planted_dir);
	for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++) {
		const int at[] = { AT_FDCWD, directory, file, -1, 4000 };
		for (unsigned d = 0; d < sizeof at / sizeof *at; d++) {
			OK(syscall(SYS_execveat, at[d], path, args, args + 1, flags[i]) == -1);
			OK(syscall(SYS_execveat, at[d], path + 1, args, args + 1, flags[i]) == -1);
		}
	}
	/* A script and a program of ours that ask for an interpreter of the host. */
	FILE *script = fopen("/tmp/script", "w");
	fprintf(script, "#!%s\n", path);
	fclose(script);
	chmod("/tmp/script", 0755);
	FAILS(execve("/tmp/script", args, args + 1), ENOENT);
	Elf64_Ehdr header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_version = 1,
		.e_phoff = sizeof header,
		.e_ehsize = sizeof header,
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 2 };
	for (int i = 0; i < 2; i++) { /* of the two, one exists on the host and is no ELF file, one does not exist: no difference may be seen */
		char interpreter[1200];
		snprintf(interpreter, sizeof interpreter, "%s%s", planted_file, i == 0 ? "" : "-absent");
		Elf64_Phdr phdrs[2] = { { .p_type = PT_INTERP, .p_offset = 256, .p_filesz = strlen(interpreter) + 1 },
			{ .p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = 4096, .p_memsz = 4096, .p_align = 4096 } };
		int fd = open("/tmp/elf", O_RDWR | O_CREAT | O_TRUNC, 0755);
		OK(pwrite(fd, &header, sizeof header, 0) > 0 && pwrite(fd, phdrs, sizeof phdrs, sizeof header) > 0 &&
			pwrite(fd, interpreter, strlen(interpreter) + 1, 256) > 0 && ftruncate(fd, 4096) == 0);
		close(fd);
		pid_t child = fork();
		if (child == 0) {
			execve("/tmp/elf", args, args + 1);
			_exit(errno == ENOENT ? 0 : 9);
		}
		int status;
		OK(waitpid(child, &status, 0) == child && status == 0);
	}
}

int main(int argc, char **argv) {
	ways_begin(argc, argv);
	outside(outsider_address);
	children();
	programs();
	kinds();
	return check_end();
}
