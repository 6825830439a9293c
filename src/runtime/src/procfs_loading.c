/* Processes between the kernel's exec and their program: the kernel has told everybody that the exec succeeded (close-on-exec pipes are closed, a vfork parent runs again), but what it
 * knows of the process still is the carrier. Until the program is introduced (program.c) its names and arguments are found in the carrier's own.
 */
#include "providers.h"
#include "trap.h"

#define LOADING_EXE 2 /* arguments of a carrier, see BFS_ARGV_MAGIC */
#define LOADING_EXECFN 3

/* The arguments of ENTRY's process, where they are a carrier's. */
static bool loading_arguments(const struct bfs_proc_entry *entry, struct bfs_textbuf *arguments) {
	char path[80], magic[sizeof BFS_ARGV_MAGIC];
	if (entry->pid == bfs_proc_self_pid()) return false;
	bfs_join(path, sizeof path, "/proc/", entry->base, "/cmdline", NULL);
	long fd = bfs_raw4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
	if (fd < 0) return false;
	bool is = bfs_raw3(__NR_read, fd, magic, sizeof magic) == (long)sizeof magic && memcmp(magic, BFS_ARGV_MAGIC, sizeof magic) == 0;
	bfs_host_close(fd);
	if (!is || bfs_textbuf_file(arguments, path) < 0) return false;
	/* It may have been introduced meanwhile. */
	return arguments->len > sizeof magic && memcmp(arguments->data, magic, sizeof magic) == 0 && arguments->data[arguments->len - 1] == '\0';
}

bool bfs_proc_loading(const struct bfs_proc_entry *entry) {
	struct bfs_textbuf arguments = { 0 };
	bool is = loading_arguments(entry, &arguments);
	bfs_textbuf_free(&arguments);
	return is;
}

/* Where argument INDEX starts; the end where there are fewer. */
static const char *loading_argument(const struct bfs_textbuf *arguments, unsigned index) {
	const char *at = arguments->data, *end = at + arguments->len;
	for (; index > 0 && at < end; index--) at += strlen(at) + 1;
	return at;
}

long bfs_proc_loading_exe(const struct bfs_proc_entry *entry, char *dst, size_t size) {
	struct bfs_textbuf arguments = { 0 };
	long r = -ENOENT;
	if (loading_arguments(entry, &arguments)) {
		const char *exe = loading_argument(&arguments, LOADING_EXE);
		if (exe < arguments.data + arguments.len) r = bfs_join(dst, size, exe, NULL);
	}
	bfs_textbuf_free(&arguments);
	return r;
}

/* The kernel's TEXT with NAME between the first BEFORE and the last AFTER: as it stands in stat, or, where AFTER is a line's end, the first one and escaped as in status. proc(5) */
static void loading_rename(struct bfs_textbuf *t, const struct bfs_textbuf *text, char before, char after, const char *name, size_t len) {
	bool line = after == '\n';
	size_t start = 0, end = 0;
	while (start < text->len && text->data[start] != before) start++;
	for (size_t i = start; i < text->len && (!line || end == 0); i++)
		if (text->data[i] == after) end = i;
	if (end == 0) return;
	bfs_textbuf_add(t, text->data, start + 1);
	for (size_t i = 0; i < len; i++) {
		if (line && (name[i] == '\n' || name[i] == '\\')) bfs_textbuf_str(t, "\\");
		bfs_textbuf_add(t, line && name[i] == '\n' ? "n" : name + i, 1);
	}
	bfs_textbuf_add(t, text->data + end, text->len - end);
}

void bfs_proc_text_loading(const char *rel, const struct bfs_proc_entry *entry, struct bfs_textbuf *t) {
	struct bfs_textbuf arguments = { 0 }, text = { 0 };
	const char *leaf = rel;
	char path[96];
	for (const char *p = rel; *p != '\0'; p++)
		if (*p == '/') leaf = p + 1;
	bool known = loading_arguments(entry, &arguments);
	if (bfs_proc_host_path(rel, path, sizeof path) > 0) bfs_textbuf_file(&text, path);
	const char *end = arguments.data + arguments.len, *own = known ? loading_argument(&arguments, BFS_ARGV_OWN) : end;
	const char *name = known ? bfs_program_name(loading_argument(&arguments, LOADING_EXE), loading_argument(&arguments, LOADING_EXECFN)) : "";
	size_t len = BFS_MIN(strlen(name), (size_t)BFS_PROGRAM_NAME_MAX);
	if (!known || own >= end) {
		bfs_textbuf_add(t, text.data, text.len);
	} else if (bfs_str_eq(leaf, "cmdline")) {
		bfs_textbuf_add(t, own, (size_t)(end - own));
	} else if (bfs_str_eq(leaf, "comm")) {
		bfs_textbuf_add(t, name, len);
		bfs_textbuf_str(t, "\n");
	} else if (bfs_str_eq(leaf, "stat")) {
		loading_rename(t, &text, '(', ')', name, len);
	} else {
		loading_rename(t, &text, '\t', '\n', name, len);
	}
	bfs_textbuf_free(&text);
	bfs_textbuf_free(&arguments);
}
