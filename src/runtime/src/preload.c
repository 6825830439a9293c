/* LD_PRELOAD=LIB.so CMD: when the dynamic linker runs this constructor it is too late to replace the file system, so the process executes the library as its own launcher, for the same
 * program and arguments. A library that was merely dlopened (abi.c) is left alone. */
#include "self.h"
#include "trap.h"

#include <linux/mman.h>

extern const struct bfs_note_desc bfs_preload_note __asm__("binaryfs_note") BFS_HIDDEN;

#define PRELOAD_MAX_TEXT (16ul << 20)
#define PRELOAD_FAIL(what, where) bfs_die(125, "not-armed", what, where, "run the program as LIB.so CMD instead of by LD_PRELOAD")

/* A whole /proc file of NUL-separated strings; the area stays mapped. *COUNT receives the number of strings. */
static char *preload_strings(const char *path, size_t *count) {
	long area = bfs_raw6(__NR_mmap, 0, PRELOAD_MAX_TEXT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	long fd = bfs_raw4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	size_t have = 0;
	*count = 0;
	if (area < 0 || fd < 0) return NULL;
	for (;;) {
		long n = bfs_raw3(__NR_read, fd, area + (long)have, PRELOAD_MAX_TEXT - 1 - have);
		if (n <= 0) break;
		have += (size_t)n;
	}
	bfs_raw1(__NR_close, fd);
	for (size_t i = 0; i < have; i++) *count += ((char *)area)[i] == 0;
	return (char *)area;
}

static char **preload_vector(char *text, size_t count, size_t room_before) {
	long at = bfs_raw6(__NR_mmap, 0, (count + room_before + 1) * sizeof(char *), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char **vector = (char **)at;
	if (at < 0) return NULL;
	for (size_t i = 0; i < count; i++) {
		vector[room_before + i] = text;
		text += strlen(text) + 1;
	}
	vector[room_before + count] = NULL;
	return vector;
}

/* Takes the file that PATH names out of a colon- or space-separated list; false where it is not in it. Compared by device and inode. */
static bool preload_take(char *list, const char *path) {
	struct {
		uint64_t dev, ino, rest[32];
	} own, other;
	BFS_SELDOM static char item[BFS_PATH_MAX];
	bool found = false;
	if (bfs_raw4(__NR_newfstatat, AT_FDCWD, path, &own, 0) < 0) return false;
	while (*list != 0) {
		size_t len = 0;
		while (list[len] != 0 && list[len] != ':' && list[len] != ' ') len++;
		if (len > 0 && len < sizeof item) {
			memcpy(item, list, len);
			item[len] = 0;
			/* A name without a slash was looked up in the library path: its base name must do. */
			const char *base = path + strlen(path);
			while (base > path && base[-1] != '/') base--;
			if (bfs_str_eq(item, base) || (bfs_raw4(__NR_newfstatat, AT_FDCWD, item, &other, 0) == 0 && other.dev == own.dev && other.ino == own.ino)) {
				len += list[len] != 0;
				memmove(list, list + len, strlen(list + len) + 1);
				found = true;
				continue;
			}
		}
		list += len + (list[len] != 0);
	}
	return found;
}

/* Takes the entry with value VALUE out of ENVP. */
static void preload_drop(char **envp, const char *value) {
	char **kept = envp;
	for (char **e = envp; *e != NULL; e++)
		if (value < *e || value > *e + strlen(*e)) *kept++ = *e;
	*kept = NULL;
}

/* Of several libraries the dynamic linker would start the last one listed, and the order of the others would be lost. */
static void preload_refuse_others(const char *list) {
	BFS_SELDOM static char item[BFS_PATH_MAX];
	char why[128];
	while (*list != 0) {
		size_t len = 0;
		while (list[len] != 0 && list[len] != ':' && list[len] != ' ') len++;
		memcpy(item, list, BFS_MIN(len, sizeof item - 1));
		item[BFS_MIN(len, sizeof item - 1)] = 0;
		struct bfs_lib_config lib;
		if (len > 0 && bfs_library_open(item, &lib, why, sizeof why) == 0)
			bfs_die(125, "not-armed", "LD_PRELOAD names several binaryfs libraries", item, "list them in SCONE_EXTENSIONS_PATH and start the program by binaryfs-run");
		list += len + (list[len] != 0);
	}
}

__attribute__((constructor)) static void preload_constructor(void) {
	BFS_SELDOM static char own[BFS_PATH_MAX], program[BFS_PATH_MAX];
	size_t argc, envc;
	if ((bfs_preload_note.flags & BFS_NOTE_HAS_IMAGE) == 0) return;
	/* Inside a tree that is armed already (msync answers ENOMEM for an address that is not mapped). */
	if (bfs_raw3(__NR_msync, BFS_GATE_ADDR, BFS_GATE_SIZE, 1 /* MS_ASYNC */) == 0) return;
	char *env_text = preload_strings("/proc/self/environ", &envc);
	char **envp = env_text == NULL ? NULL : preload_vector(env_text, envc, 0);
	char *list = envp == NULL ? NULL : bfs_env_get(envp, "LD_PRELOAD");
	if (list == NULL || bfs_self_path(own, sizeof own) < 0 || !preload_take(list, own)) return;
	preload_refuse_others(list);
	if (list[0] == 0) preload_drop(envp, list);
	char *arg_text = preload_strings("/proc/self/cmdline", &argc);
	char **argv = arg_text == NULL ? NULL : preload_vector(arg_text, argc, 2);
	long n = bfs_raw4(__NR_readlinkat, AT_FDCWD, "/proc/self/exe", program, sizeof program - 1);
	if (argv == NULL || n <= 0) PRELOAD_FAIL("the preloaded library cannot read its process's arguments", own);
	program[n] = 0;
	argv[0] = (char *)(uintptr_t)BFS_ARGV_PRELOAD;
	argv[1] = program;
	bfs_raw3(__NR_execve, own, argv, envp);
	PRELOAD_FAIL("the preloaded library cannot be executed as launcher: is it executable (chmod 755)?", own);
}
