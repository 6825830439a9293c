/* /proc: of the tree's own processes, with the image's paths.
 * Usage: proc SELF OUTSIDER — SELF is this program's path in the image, OUTSIDER the pid of a process outside the tree. */
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/wait.h>

static char text[1 << 20];

static bool link_is(const char *path, const char *expected) {
	char body[PATH_MAX];
	ssize_t n = readlink(path, body, sizeof body - 1);
	if (n < 0) return false;
	body[n] = 0;
	if (strcmp(body, expected) != 0) printf("%s is %s, not %s\n", path, body, expected);
	return strcmp(body, expected) == 0;
}

static void self(const char *program) {
	char pid[32], path[64];
	struct stat a, b;
	snprintf(pid, sizeof pid, "%d", getpid());
	CHECK(link_is("/proc/self", pid));
	CHECK(link_is("/proc/self/exe", program));
	CHECK(link_is("/proc/self/root", "/"));
	CHECK(chdir("/tmp") == 0 && link_is("/proc/self/cwd", "/tmp"));
	CHECK(chdir("/") == 0 && link_is("/proc/self/cwd", "/"));
	CHECK(stat("/proc/self/exe", &a) == 0 && stat(program, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	CHECK(lstat("/proc/self/exe", &a) == 0 && S_ISLNK(a.st_mode));
	int fd = open("/proc/self/exe", O_RDONLY);
	char magic[4] = "";
	CHECK(fd >= 0 && read(fd, magic, 4) == 4 && memcmp(magic, "\177ELF", 4) == 0);
	close(fd);
	snprintf(path, sizeof path, "/proc/%s/status", pid);
	CHECK(check_read(path, text, sizeof text) > 0 && strstr(text, "Pid:") != NULL);
	CHECK(check_read("/proc/self/stat", text, sizeof text) > 0 && atoi(text) == getpid());
	CHECK(check_read("/proc/thread-self/comm", text, sizeof text) > 0);
	CHECK(check_read("/proc/self/limits", text, sizeof text) > 0);
	CHECK(check_lists("/proc/self/task", pid));
	CHECK_ERRNO(open("/proc/self/status/x", O_RDONLY), ENOTDIR);
	CHECK_ERRNO(open("/proc/self/map_files", O_RDONLY), ENOENT);
	CHECK_ERRNO(mkdir("/proc/new", 0755), EPERM);
	CHECK_ERRNO(unlink("/proc/self/status"), EPERM);
	CHECK_ERRNO(open("/proc/self/status", O_RDONLY | O_CREAT | O_EXCL, 0600), EEXIST);
}

/* Fields of /proc/self/stat that describe the program's memory: 26 start_code, 27 end_code, 28 startstack, 45 start_data, 46 end_data, 47 start_brk, 48 arg_start, 49 arg_end, 50 env_start,
 * 51 env_end (proc_pid_stat(5)). */
static void layout(char **argv, char **envp) {
	static int variable = 1;
	unsigned long field[53] = { 0 };
	CHECK(check_read("/proc/self/stat", text, sizeof text) > 0);
	char *at = strrchr(text, ')');
	for (int i = 3; at != NULL && i <= 52; i++) {
		at = strchr(at + 1, ' ');
		if (at != NULL) field[i] = strtoul(at + 1, NULL, 10);
	}
	unsigned long code = (unsigned long)&layout, data = (unsigned long)&variable, local = (unsigned long)&field;
	CHECK(code >= field[26] && code < field[27]);
	CHECK(data >= field[45] && data < field[46]);
	CHECK(field[28] > local && field[28] < (unsigned long)argv && (unsigned long)argv - field[28] <= 16);
	CHECK(field[47] <= (unsigned long)sbrk(0));
	unsigned long last = 0;
	for (char **entry = argv; *entry != NULL; entry++) last = (unsigned long)*entry + strlen(*entry) + 1;
	CHECK(field[48] == (unsigned long)argv[0] && field[49] == last);
	CHECK(field[50] == (envp[0] != NULL ? (unsigned long)envp[0] : last));
	for (char **entry = envp; *entry != NULL; entry++) last = (unsigned long)*entry + strlen(*entry) + 1;
	CHECK(field[51] == last);
}

static void auxv(void) {
	unsigned long words[128];
	ssize_t n = check_read("/proc/self/auxv", (char *)words, sizeof words);
	CHECK(n > 0);
	unsigned long entry = 0;
	for (ssize_t i = 0; i + 1 < n / (ssize_t)sizeof words[0]; i += 2)
		if (words[i] == AT_ENTRY) entry = words[i + 1];
	CHECK(entry != 0 && entry == getauxval(AT_ENTRY));
}

static void maps(void) {
	CHECK(check_read("/proc/self/maps", text, sizeof text) > 0);
	CHECK(strstr(text, "[stack]") != NULL);
	int lines = 0, good = 0;
	bool here = false;
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		unsigned long from, to;
		lines++;
		if (sscanf(line, "%lx-%lx", &from, &to) != 2) continue;
		good++;
		here = here || ((unsigned long)&maps >= from && (unsigned long)&maps < to);
	}
	CHECK(lines > 5 && lines == good && here);
	pthread_attr_t attr;
	void *stack;
	size_t size;
	CHECK(pthread_getattr_np(pthread_self(), &attr) == 0 && pthread_attr_getstack(&attr, &stack, &size) == 0);
	CHECK((char *)stack <= (char *)&attr && (char *)&attr < (char *)stack + size);
	CHECK(check_read("/proc/self/smaps", text, sizeof text) > 0 && strstr(text, "Rss:") != NULL);
}

static void mounts(void) {
	CHECK(check_read("/proc/mounts", text, sizeof text) > 0 && strncmp(text, "binaryfs / ", 11) == 0);
	CHECK(check_read("/proc/self/mountinfo", text, sizeof text) > 0 && strstr(text, " / / rw") != NULL && strstr(text, " - proc proc ") != NULL);
	CHECK(check_read("/etc/mtab", text, sizeof text) < 0 || strncmp(text, "binaryfs / ", 11) == 0);
}

static void descriptors(void) {
	char path[64], body[PATH_MAX];
	CHECK(check_write("/tmp/open", "content"));
	int fd = open("/tmp/open", O_RDONLY);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	CHECK(link_is(path, "/tmp/open"));
	int again = open(path, O_RDWR); /* opened anew: its own offset and mode */
	CHECK(again >= 0 && write(again, "C", 1) == 1);
	CHECK(read(fd, body, sizeof body) == 7 && body[0] == 'C');
	close(again);
	CHECK(unlink("/tmp/open") == 0);
	CHECK(link_is(path, "/tmp/open (deleted)"));
	again = open(path, O_RDONLY);
	CHECK(again >= 0 && read(again, body, sizeof body) == 7);
	close(again);
	struct stat a, b;
	CHECK(stat(path, &a) == 0 && fstat(fd, &b) == 0 && a.st_ino == b.st_ino);
	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
	CHECK(check_read(path, text, sizeof text) > 0 && strncmp(text, "pos:\t7\n", 7) == 0);
	close(fd);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	CHECK_ERRNO(open(path, O_RDONLY), ENOENT);
	CHECK_ERRNO(readlink(path, body, sizeof body), ENOENT);

	int dir = open("/tmp", O_RDONLY | O_DIRECTORY);
	CHECK(check_write("/tmp/below", "below"));
	snprintf(path, sizeof path, "/proc/self/fd/%d/below", dir);
	CHECK(check_read(path, text, sizeof text) == 5);
	close(dir);

	int ends[2];
	CHECK(pipe(ends) == 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", ends[1]);
	ssize_t n = readlink(path, body, sizeof body - 1);
	CHECK(n > 5 && memcmp(body, "pipe:", 5) == 0);
	CHECK(stat(path, &a) == 0 && S_ISFIFO(a.st_mode));
	again = open(path, O_WRONLY);
	CHECK(again >= 0 && write(again, "x", 1) == 1 && read(ends[0], body, 8) == 1);
	close(again);
	CHECK_ERRNO(open(strcat(path, "/x"), O_RDONLY), ENOTDIR);

	/* The listing is of the program's descriptors and no others. */
	int listed = 0, open_ones = 0;
	DIR *d = opendir("/proc/self/fd");
	CHECK(d != NULL);
	for (struct dirent *entry; d != NULL && (entry = readdir(d)) != NULL;) {
		if (entry->d_name[0] == '.') continue;
		listed++;
		CHECK(fcntl(atoi(entry->d_name), F_GETFD) >= 0);
	}
	for (int i = 0; i < 4096; i++) open_ones += fcntl(i, F_GETFD) >= 0;
	CHECK(listed == open_ones);
	if (d != NULL) closedir(d);
	close(ends[0]);
	close(ends[1]);
}

static void processes(const char *outsider) {
	char path[64], child_name[32], byte = 0;
	int ready[2];
	CHECK(pipe(ready) == 0);
	pid_t child = fork();
	if (child == 0) {
		if (chdir("/tmp") != 0 || write(ready[1], &byte, 1) != 1) _exit(1);
		for (;;) pause();
	}
	close(ready[1]);
	CHECK(read(ready[0], &byte, 1) == 1);
	close(ready[0]);
	snprintf(child_name, sizeof child_name, "%d", child);
	CHECK(check_lists("/proc", child_name));
	snprintf(path, sizeof path, "/proc/%d/cwd", child);
	CHECK(link_is(path, "/tmp"));
	CHECK(access(strcat(path, "/below"), R_OK) == 0);
	snprintf(path, sizeof path, "/proc/%d/status", child);
	CHECK(check_read(path, text, sizeof text) > 0);
	kill(child, SIGKILL);
	siginfo_t info;
	CHECK(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0);
	CHECK(check_read(path, text, sizeof text) > 0 && strstr(text, "State:\tZ") != NULL);
	waitpid(child, NULL, 0);
	CHECK_ERRNO(open(path, O_RDONLY), ENOENT);
	CHECK(!check_lists("/proc", outsider));
	const char *names[] = { "", "/status", "/root", "/cwd", "/exe", "/fd", "/environ", "/mem", "/root/etc/passwd" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(path, sizeof path, "/proc/%s%s", outsider, names[i]);
		CHECK_ERRNO(access(path, F_OK), ENOENT);
		CHECK_ERRNO(open(path, O_RDONLY), ENOENT);
	}
}

static void machine(void) {
	CHECK(check_read("/proc/cpuinfo", text, sizeof text) > 0);
	CHECK(check_read("/proc/meminfo", text, sizeof text) > 0 && strncmp(text, "MemTotal", 8) == 0);
	CHECK(check_read("/proc/filesystems", text, sizeof text) > 0);
	CHECK(check_read("/proc/sys/kernel/pid_max", text, sizeof text) > 0);
	CHECK(check_read("/proc/sys/kernel/random/uuid", text, sizeof text) == 37);
	CHECK_ERRNO(open("/proc/sys/kernel/pid_max", O_WRONLY), EACCES);
	CHECK_ERRNO(open("/proc/kcore", O_RDONLY), ENOENT);
	CHECK_ERRNO(open("/proc/sysrq-trigger", O_WRONLY), ENOENT);
	CHECK(sysconf(_SC_NPROCESSORS_ONLN) >= 1);
	CHECK(check_read("/sys/devices/system/cpu/online", text, sizeof text) > 0);
	CHECK_ERRNO(open("/sys/devices/system/cpu/online", O_WRONLY), EROFS);
	CHECK_ERRNO(access("/sys/class", F_OK), ENOENT);
}

int main(int argc, char **argv, char **envp) {
	if (argc != 3) return 2;
	check_inside_or_exit();
	self(argv[1]);
	layout(argv, envp);
	auxv();
	maps();
	mounts();
	descriptors();
	processes(argv[2]);
	machine();
	return check_done();
}
