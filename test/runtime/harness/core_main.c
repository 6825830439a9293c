/* Tests of the file system's core (images, overlay, paths, descriptions) without the trap layer. Arguments: images with a binaryfs header, first listed first. */
#include "core_test.h"

int test_passed, test_failed;

static int split(const char *path, bfs_node *dir, const char **name) {
	char parent[4096];
	const char *slash = strrchr(path, '/');
	*name = slash + 1;
	memcpy(parent, path, (size_t)(slash - path));
	parent[slash - path] = 0;
	*dir = slash == path ? bfs_node_root() : at(parent);
	return *dir != 0;
}

bfs_node at(const char *path) {
	bfs_node n = bfs_node_root();
	char copy[4096];
	strcpy(copy, path);
	for (char *save, *part = strtok_r(copy, "/", &save); part != NULL; part = strtok_r(NULL, "/", &save))
		if (bfs_node_lookup(n, part, strlen(part), &n) != 0) return 0;
	return n;
}

long make(const char *path, uint32_t mode) {
	bfs_node dir, n;
	const char *name;
	struct bfs_new what = { .mode = mode };
	return split(path, &dir, &name) ? bfs_node_create(dir, name, strlen(name), &what, &n) : -ENOENT;
}

long put(const char *path, const char *text) {
	if (at(path) == 0) make(path, S_IFREG | 0644);
	long error = bfs_node_truncate(at(path), 0);
	return error != 0 ? error : bfs_node_write(at(path), text, strlen(text), 0);
}

long unlink_at(const char *path, bool directory) {
	bfs_node dir;
	const char *name;
	return split(path, &dir, &name) ? bfs_node_unlink(dir, name, strlen(name), directory) : -ENOENT;
}

long rename_at(const char *from, const char *to, uint32_t flags) {
	bfs_node a, b;
	const char *x, *y;
	return split(from, &a, &x) && split(to, &b, &y) ? bfs_node_rename(a, x, strlen(x), b, y, strlen(y), flags) : -ENOENT;
}

bool content_is(const char *path, const char *text) {
	static char buffer[65536];
	bfs_node n = at(path);
	long got = n != 0 ? bfs_node_read(n, buffer, sizeof buffer, 0) : -ENOENT;
	return got == (long)strlen(text) && memcmp(buffer, text, (size_t)got) == 0;
}

static int by_name(const void *a, const void *b) { return strcmp(a, b); }

const char *names(const char *path) {
	static char list[1024][256], text[1 << 18];
	struct bfs_dirent d;
	uint64_t cookie = 0;
	size_t n = 0;
	while (n < 1024 && bfs_node_readdir(at(path), &cookie, &d) == 1)
		if (strcmp(d.name, ".") != 0 && strcmp(d.name, "..") != 0) strcpy(list[n++], d.name);
	qsort(list, n, sizeof *list, by_name);
	text[0] = 0;
	char *end = text;
	for (size_t i = 0; i < n; i++) end += sprintf(end, "%s%s", i > 0 ? " " : "", list[i]);
	return text;
}

static void load(struct bfs_lib_config *lib, const char *path) {
	long fd = bfs_raw4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	long size = bfs_raw3(__NR_lseek, fd, 0, 2);
	long map = bfs_raw6(__NR_mmap, 0, size, 1, 1, fd, 0);
	*lib = (struct bfs_lib_config){ .image = (const uint8_t *)map, .image_size = (uint64_t)size, .fd = (int)fd, .path = path };
}

int main(int argc, char **argv) {
	struct bfs_lib_config libs[BFS_MAX_LIBS];
	char why[256];
	bfs_log_level = getenv("CORE_LOG") != NULL ? BFS_LOG_INFO : 0;
	int rounds = atoi(getenv("CRASH_ROUNDS") != NULL ? getenv("CRASH_ROUNDS") : "200");
	for (int i = 1; i < argc; i++) load(&libs[i - 1], argv[i]);
	struct bfs_config config = { .libs = libs, .lib_count = (uint32_t)argc - 1, .overlay_limit = 64u << 20, .cwd = "/etc" };
	long error = bfs_vfs_create(&config, why, sizeof why);
	if (error != 0) {
		fprintf(stderr, "create: %ld %s\n", error, why);
		return 1;
	}
	static void (*const tests[])(void) = { test_image, test_merge, test_names, test_data, test_map, test_ofd, test_walk, test_parallel };
	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
		tests[i]();
		CHECK_EQ(bfs_pool_check(), 0);
	}
	test_crash(rounds);
	printf("%d passed, %d failed\n", test_passed, test_failed);
	return test_failed != 0;
}
