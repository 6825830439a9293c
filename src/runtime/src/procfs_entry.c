/* Which names of the host's /proc are offered, and in what way: everything not named here is absent. */
#include "providers.h"

struct procfs_name {
	const char *name;
	enum bfs_proc_rule rule;
};

/* Below /proc itself: what programs ask about the machine. Nothing here names files of the host. */
static const struct procfs_name procfs_globals[] = {
	{ "buddyinfo", BFS_PROC_READ },
	{ "cgroups", BFS_PROC_READ },
	{ "cmdline", BFS_PROC_READ },
	{ "cpuinfo", BFS_PROC_READ },
	{ "devices", BFS_PROC_READ },
	{ "diskstats", BFS_PROC_READ },
	{ "filesystems", BFS_PROC_READ },
	{ "interrupts", BFS_PROC_READ },
	{ "loadavg", BFS_PROC_READ },
	{ "meminfo", BFS_PROC_READ },
	{ "misc", BFS_PROC_READ },
	{ "mounts", BFS_PROC_LINK },
	{ "net", BFS_PROC_LINK },
	{ "pagetypeinfo", BFS_PROC_READ },
	{ "partitions", BFS_PROC_READ },
	{ "pressure", BFS_PROC_TREE },
	{ "schedstat", BFS_PROC_READ },
	{ "self", BFS_PROC_LINK },
	{ "softirqs", BFS_PROC_READ },
	{ "stat", BFS_PROC_READ },
	{ "sys", BFS_PROC_TREE },
	{ "sysvipc", BFS_PROC_TREE },
	{ "thread-self", BFS_PROC_LINK },
	{ "uptime", BFS_PROC_READ },
	{ "version", BFS_PROC_READ },
	{ "version_signature", BFS_PROC_READ },
	{ "vmstat", BFS_PROC_READ },
	{ "zoneinfo", BFS_PROC_READ },
};

/* Below /proc/PID and /proc/PID/task/TID. Absent: map_files (links to host files), numa_maps and mountstats (their paths). */
static const struct procfs_name procfs_process[] = {
	{ "arch_status", BFS_PROC_FILE },
	{ "attr", BFS_PROC_TREE_RW },
	{ "autogroup", BFS_PROC_FILE },
	{ "auxv", BFS_PROC_AUXV },
	{ "cgroup", BFS_PROC_FILE },
	{ "children", BFS_PROC_FILE },
	{ "clear_refs", BFS_PROC_FILE },
	{ "cmdline", BFS_PROC_PROGRAM },
	{ "comm", BFS_PROC_PROGRAM },
	{ "coredump_filter", BFS_PROC_FILE },
	{ "cpuset", BFS_PROC_FILE },
	{ "cwd", BFS_PROC_CWD },
	{ "environ", BFS_PROC_FILE },
	{ "exe", BFS_PROC_EXE },
	{ "fd", BFS_PROC_FILTER },
	{ "fdinfo", BFS_PROC_FILTER },
	{ "gid_map", BFS_PROC_FILE },
	{ "io", BFS_PROC_FILE },
	{ "ksm_merging_pages", BFS_PROC_FILE },
	{ "ksm_stat", BFS_PROC_FILE },
	{ "latency", BFS_PROC_FILE },
	{ "limits", BFS_PROC_FILE },
	{ "loginuid", BFS_PROC_FILE },
	{ "maps", BFS_PROC_MAPS },
	{ "mem", BFS_PROC_FILE },
	{ "mountinfo", BFS_PROC_MOUNTINFO },
	{ "mounts", BFS_PROC_MOUNTS },
	{ "net", BFS_PROC_TREE },
	{ "ns", BFS_PROC_FILTER },
	{ "oom_adj", BFS_PROC_FILE },
	{ "oom_score", BFS_PROC_FILE },
	{ "oom_score_adj", BFS_PROC_FILE },
	{ "pagemap", BFS_PROC_FILE },
	{ "patch_state", BFS_PROC_FILE },
	{ "personality", BFS_PROC_FILE },
	{ "projid_map", BFS_PROC_FILE },
	{ "root", BFS_PROC_ROOT },
	{ "sched", BFS_PROC_FILE },
	{ "schedstat", BFS_PROC_FILE },
	{ "sessionid", BFS_PROC_FILE },
	{ "setgroups", BFS_PROC_FILE },
	{ "smaps", BFS_PROC_MAPS },
	{ "smaps_rollup", BFS_PROC_FILE },
	{ "stack", BFS_PROC_FILE },
	{ "stat", BFS_PROC_PROGRAM },
	{ "statm", BFS_PROC_FILE },
	{ "status", BFS_PROC_PROGRAM },
	{ "syscall", BFS_PROC_FILE },
	{ "task", BFS_PROC_FILTER },
	{ "timens_offsets", BFS_PROC_FILE },
	{ "timers", BFS_PROC_FILE },
	{ "timerslack_ns", BFS_PROC_FILE },
	{ "uid_map", BFS_PROC_FILE },
	{ "wchan", BFS_PROC_FILE },
};

static const struct procfs_name *procfs_find(const struct procfs_name *names, size_t count, const char *name, size_t len) {
	for (size_t i = 0; i < count; i++)
		if (strlen(names[i].name) == len && memcmp(names[i].name, name, len) == 0) return &names[i];
	return NULL;
}

/* The component at *REL, and *REL moved past it and its slash. */
static size_t procfs_component(const char **rel, const char **name) {
	size_t n = 0;
	*name = *rel;
	while ((*rel)[n] != '\0' && (*rel)[n] != '/') n++;
	*rel += (*rel)[n] == '/' ? n + 1 : n;
	return n;
}

/* A name that is a number as /proc writes it: no leading zero. */
static bool procfs_number(const char *name, size_t len, uint32_t *out) {
	uint64_t value = 0;
	if (len == 0 || len > 9 || (name[0] == '0' && len != 1)) return false;
	for (size_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9') return false;
		value = value * 10 + (uint64_t)(name[i] - '0');
	}
	*out = (uint32_t)value;
	return true;
}

/* fd/N, fdinfo/N, ns/NAME. */
static long procfs_leaf(const char *dir, const char *name, size_t len, struct bfs_proc_entry *out) {
	if (dir[0] == 'n') {
		out->rule = BFS_PROC_NS;
		return 0;
	}
	if (!procfs_number(name, len, &out->fd) || bfs_fd_reserved(out->fd)) return -ENOENT;
	out->rule = dir[2] == '\0' || dir[2] == '/' ? BFS_PROC_FD : BFS_PROC_FDINFO;
	return 0;
}

/* What follows a process's directory, whose name stands in OUT->base. */
static long procfs_classify_process(const char *rel, struct bfs_proc_entry *out) {
	const char *name, *dir;
	size_t len = procfs_component(&rel, &name);
	const struct procfs_name *found = procfs_find(procfs_process, sizeof procfs_process / sizeof procfs_process[0], name, len);
	if (found == NULL) return -ENOENT;
	out->rule = found->rule;
	if (rel[0] == '\0' || found->rule == BFS_PROC_TREE || found->rule == BFS_PROC_TREE_RW) return 0;
	if (found->rule != BFS_PROC_FILTER) return -ENOTDIR;
	dir = name;
	len = procfs_component(&rel, &name);
	if (dir[0] != 't') {
		long r = procfs_leaf(dir, name, len, out);
		return r == 0 && rel[0] != '\0' ? -ENOTDIR : r;
	}
	uint32_t tid;
	char digits[24];
	if (out->base[0] == '\0' || !procfs_number(name, len, &tid)) return -ENOENT;
	for (const char *p = out->base; *p != '\0'; p++)
		if (*p == '/') return -ENOENT; /* a thread has no task directory */
	char process[24];
	memcpy(process, out->base, sizeof process);
	bfs_u64_text(digits, tid);
	bfs_join(out->base, sizeof out->base, process, "/task/", digits, NULL);
	if (rel[0] == '\0') {
		out->rule = BFS_PROC_FILTER;
		return 0;
	}
	return bfs_starts_with(rel, "task") && (rel[4] == '\0' || rel[4] == '/') ? -ENOENT : procfs_classify_process(rel, out);
}

long bfs_proc_classify(const char *rel, struct bfs_proc_entry *out) {
	*out = (struct bfs_proc_entry){ .rule = BFS_PROC_FILTER };
	if (rel[0] == '\0') return 0;
	const char *name;
	size_t len = procfs_component(&rel, &name);
	if (procfs_number(name, len, &out->pid)) {
		if (!bfs_proc_in_tree(out->pid)) return -ENOENT;
		bfs_u64_text(out->base, out->pid);
		return rel[0] == '\0' ? 0 : procfs_classify_process(rel, out);
	}
	const struct procfs_name *found = procfs_find(procfs_globals, sizeof procfs_globals / sizeof procfs_globals[0], name, len);
	if (found == NULL) return -ENOENT;
	out->rule = found->rule;
	return rel[0] == '\0' || found->rule == BFS_PROC_TREE ? 0 : -ENOTDIR;
}
