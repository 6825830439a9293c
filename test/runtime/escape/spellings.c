/* In an image: every spelling by which a path could leave it. Usage: ways.h. Prints "N passed, N failed". */
#include "ways.h"

#include <sched.h>
#include <signal.h>

static char text[4096];

/* PREFIX and the planted file, the prefix alone as a directory to list, and after a chdir there. */
static void through(const char *prefix) {
	char path[3072];
	snprintf(path, sizeof path, "%s%s", prefix, planted_file);
	unreachable(path);
	snprintf(path, sizeof path, "%s/..%s", prefix, planted_file);
	unreachable(path);
	snprintf(path, sizeof path, "%s/../../../..%s", prefix, planted_file);
	unreachable(path);
	int dir = open(prefix, O_PATH);
	if (dir >= 0) {
		OK(openat(dir, planted_file + 1, O_RDONLY) == -1);
		snprintf(path, sizeof path, "../../../../..%s", planted_file);
		OK(openat(dir, path, O_RDONLY) == -1);
		close(dir);
	}
	if (chdir(prefix) == 0) {
		OK(open(planted_file + 1, O_RDONLY) == -1);
		OK(open(path, O_RDONLY) == -1);
		OK(chdir("/") == 0);
	}
}

static void of_process(const char *process) {
	static const char *const links[] = { "root", "cwd", "root/proc/self/root", "root/proc/1/root", "root/../proc/self/cwd/..",
		"./root"
		"/.",
		"/root"
		"//",
		"exe", "exe/..", "ns/mnt", "map_files" };
	char path[256];
	for (unsigned i = 0; i < sizeof links / sizeof *links; i++) {
		snprintf(path, sizeof path, "/proc/%s/%s", process, links[i]);
		through(path);
		snprintf(path, sizeof path, "//proc/.//%s/../%s/%s", process, process, links[i]);
		through(path);
		snprintf(path, sizeof path, "proc/%s/%s", process, links[i]);
		through(path);
	}
}

static void of_descriptor(const char *base, int fd) {
	char path[128];
	snprintf(path, sizeof path, "%s/%d", base, fd);
	through(path);
}

static void outsiders(void) {
	static const char *const names[] = { "", "/root", "/cwd", "/exe", "/fd", "/fd/0", "/fd/3", "/fdinfo", "/mem", "/environ", "/maps", "/cmdline", "/stat", "/status",
		"/task", "/ns/mnt", "/map_files", "/auxv", "/io", "/stack", "/syscall", "/mountinfo", "/net/unix", "/attr/current", "/limits", "/comm", "/cgroup" };
	const pid_t processes[] = { outsider, 1, getppid() };
	for (unsigned p = 0; p < sizeof processes / sizeof *processes; p++) {
		for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
			snprintf(text, sizeof text, "/proc/%d%s", processes[p], names[i]);
			unreachable(text);
			snprintf(text, sizeof text, "/proc/%d/task/%d%s", processes[p], processes[p], names[i]);
			unreachable(text);
			snprintf(text, sizeof text, "/proc/self/task/%d%s", processes[p], names[i]);
			unreachable(text);
			snprintf(text, sizeof text,
				"/proc/self/root"
				"/proc/%d%s",
				processes[p], names[i]);
			unreachable(text);
		}
		snprintf(text, sizeof text, "%d", processes[p]);
		of_process(text);
	}
	DIR *list = opendir("/proc");
	for (struct dirent *e; list != NULL && (e = readdir(list)) != NULL;) OK(atoi(e->d_name) == 0 || kill(atoi(e->d_name), 0) == 0);
	OK(list != NULL);
	closedir(list);
}

/* Descriptors of every number: what is open, what is hidden, what does not exist. */
static void descriptors(void) {
	int placeholder = open("/", O_RDONLY | O_DIRECTORY), file = open("/proc/self/exe", O_RDONLY), pipes[2], top = 4200;
	OK(placeholder > 0 && file > 0 && pipe(pipes) == 0);
	for (int fd = 0; fd < top; fd++) {
		snprintf(text, sizeof text, "/proc/self/fd/%d%s", fd, planted_file);
		struct stat st;
		if (stat(text, &st) == 0 || open(text, O_RDONLY) >= 0) unreachable(text);
		if (fd > 16 && fd < top - 1 && fcntl(fd, F_GETFD) < 0) {
			/* Not ours: nothing by its number leads anywhere. */
			snprintf(text, sizeof text, "/proc/self/fd/%d", fd);
			if (lstat(text, &st) == 0 || open(text, O_RDWR) >= 0 || dup(fd) >= 0) unreachable(text);
			snprintf(text, sizeof text, "/proc/self/fdinfo/%d", fd);
			if (lstat(text, &st) == 0 || open(text, O_RDONLY) >= 0) unreachable(text);
			if (openat(fd, planted_file + 1, O_RDONLY) >= 0 || fchdir(fd) == 0 || syscall(SYS_execveat, fd, "", (char *[]){ "x", NULL }, NULL, AT_EMPTY_PATH) == 0)
				unreachable(text);
		}
	}
	const int some[] = { 0, 1, 2, placeholder, file, pipes[0], pipes[1] };
	for (unsigned i = 0; i < sizeof some / sizeof *some; i++) {
		of_descriptor("/dev/fd", some[i]);
		of_descriptor("/proc/self/fd", some[i]);
		of_descriptor("/proc/thread-self/fd", some[i]);
		snprintf(text, sizeof text, "/proc/self/task/%d/fd", getpid());
		of_descriptor(text, some[i]);
	}
	through("/dev/stdin");
	through("/dev/stdout/");
}

/* What of the kernel's files would tell about the host's. */
static void kernel(void) {
	static const char *const absent[] = { "/proc/kcore", "/proc/kmem", "/proc/kallsyms", "/proc/kpagecount", "/proc/sysrq-trigger", "/proc/config.gz",
		"/proc/swaps", "/proc/locks", "/proc/keys", "/proc/key-users", "/proc/fs", "/proc/driver", "/proc/bus", "/proc/acpi", "/proc/scsi",
		"/proc/timer_list", "/proc/modules", "/proc/iomem", "/proc/self/mountstats", "/proc/self/numa_maps", "/proc/self/map_files", "/proc/kmsg",
		"/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda", "/dev/fuse", "/dev/loop0", "/dev/disk", "/dev/mapper", "/sys/kernel/debug",
		"/sys/kernel/security", "/sys/block", "/sys/class", "/sys/fs/ext4", "/sys/fs/bpf", "/sys/module", "/sys/firmware" };
	for (unsigned i = 0; i < sizeof absent / sizeof *absent; i++) unreachable(absent[i]);
	/* Read-only, whoever asks. */
	static const char *const settings[] = { "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/vm/drop_caches",
		"/proc/sys/kernel/modprobe", "/proc/sys/fs/file-max" };
	for (unsigned i = 0; i < sizeof settings / sizeof *settings; i++)
		OK(open(settings[i], O_WRONLY) == -1 && open(settings[i], O_RDWR | O_TRUNC) == -1 && truncate(settings[i], 0) == -1);
	OK(open("/sys/fs/cgroup/cgroup.procs", O_WRONLY) == -1);
}

int main(int argc, char **argv) {
	ways_begin(argc, argv);
	OK(chdir("/") == 0);
	unreachable(planted_file);
	unreachable(planted_file + 1);
	snprintf(text, sizeof text, "/..%s/../file", planted_file);
	unreachable(text);
	pid_t child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	of_process("self");
	of_process("thread-self");
	snprintf(text, sizeof text, "%d", getpid());
	of_process(text);
	snprintf(text, sizeof text, "self/task/%d", getpid());
	of_process(text);
	snprintf(text, sizeof text, "%d", child);
	of_process(text);
	outsiders();
	descriptors();
	kernel();
	/* A symbolic link made here leads nowhere else. */
	OK(symlink(planted_file, "/tmp/link") == 0 && symlink("/proc/self/root", "/tmp/root") == 0 && symlink("/proc/1/root", "/tmp/init") == 0);
	OK(open("/tmp/link", O_RDONLY) == -1 && open("/tmp/link", O_RDWR | O_CREAT, 0600) == -1);
	through("/tmp/root");
	through("/tmp/init");
	kill(child, 9);
	waitpid(child, NULL, 0);
	return check_end();
}
