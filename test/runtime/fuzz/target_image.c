/* Fuzz target: images. The input is one image, or several one behind the other as several libraries (a multiple of 4,096 bytes), and a script of operations behind them.
 * Every path is walked, everything read and listed; then the script changes files, renames, maps, links. Nothing outside the images is read, everything ends, the overlay stays consistent. */
#define _GNU_SOURCE
#include "core_test.h"
#include "fuzz.h"

#include <linux/mman.h>
#include <sys/mman.h>
#include <unistd.h>

#define IMAGES 3
#define NAMES 48
#define SCRIPT_MAX 256u

struct name {
	char path[512];
	char last[256];
	bfs_node dir, node;
};
static struct name names_found[NAMES];
static uint32_t names_count, visits;
static volatile uint8_t touched;

static void touch(const uint8_t *at, size_t size) {
	for (size_t i = 0; i < size; i++) touched ^= at[i];
}

/* The image as such, without the pool. */
static void read_image(bfs_node n, int depth) {
	static uint8_t buffer[600000];
	struct bfs_inode_view v;
	if (visits == 0 || bfs_image_inode(n, &v) != 0) return;
	visits--;
	uint64_t cursor = 0, ordinal = 0, nid;
	const char *prefix, *name;
	const uint8_t *value;
	size_t len;
	uint32_t size;
	uint8_t type;
	for (int i = 0; i < 100 && bfs_image_next_xattr(&v, &cursor, &prefix, &name, &len, &value, &size) == 1; i++) {
		touch((const uint8_t *)name, len);
		touch(value, size);
	}
	bfs_image_getxattr(n, "user.color", &value);
	if ((v.mode & S_IFMT) != S_IFDIR) {
		uint64_t places[] = { 0, 1, 4095, v.size / 2, v.size - 1, v.size > 5000 ? v.size - 5000 : 0 };
		for (size_t i = 0; i < sizeof places / sizeof *places; i++) bfs_image_read(n, buffer, i == 0 ? sizeof buffer : 9000, places[i]);
		return;
	}
	bfs_image_dir_find(&v, "file", 4, &nid, &type);
	for (int i = 0; depth < 5 && i < 400 && bfs_image_dir_next(&v, &ordinal, &name, &len, &nid, &type) == 1; i++) {
		touch((const uint8_t *)name, len);
		if (bfs_image_dir_find(&v, name, len, &nid, &type) == 0 && i < 40)
			read_image(BFS_IMAGE_NODE(BFS_NODE_LIB(n), nid & 0xFFFFFFFFFFFFull), depth + 1);
	}
}

/* Names as the file system shows them. */
static void collect(bfs_node dir, const char *path, int depth) {
	struct bfs_dirent d;
	uint64_t cookie = 0;
	for (int i = 0; i < 60 && names_count < NAMES && bfs_node_readdir(dir, &cookie, &d) == 1; i++) {
		struct name *n = &names_found[names_count];
		if (d.name_len + strlen(path) + 2 > sizeof n->path || strlen(d.name) != d.name_len || strcmp(d.name, ".") == 0 || strcmp(d.name, "..") == 0)
			continue;
		sprintf(n->path, "%s/%s", path, d.name);
		strcpy(n->last, d.name);
		n->dir = dir;
		if (bfs_node_lookup(dir, d.name, d.name_len, &n->node) != 0) continue;
		names_count++;
		struct bfs_attr a;
		if (depth < 4 && bfs_node_attr(n->node, &a) == 0 && (a.mode & S_IFMT) == S_IFDIR) collect(n->node, n->path, depth + 1);
	}
}

static void use_mapping(bfs_node n, uint64_t offset, uint32_t kind) {
	struct bfs_attr a;
	uint64_t size = 3 * FUZZ_BLOCK;
	if (bfs_node_attr(n, &a) != 0 || (a.mode & S_IFMT) != S_IFREG) return;
	bool shared = (kind & 1) != 0;
	long at = bfs_node_mmap(n, 0, size, PROT_READ | PROT_WRITE, shared ? MAP_SHARED : MAP_PRIVATE, offset, shared);
	if (at < 0 && at > -4096) return;
	if (bfs_node_attr(n, &a) == 0 && offset < a.size) touch((const uint8_t *)at, BFS_MIN(size, a.size - offset));
	munmap((void *)at, size);
}

static void use_path(const char *path, const char *text, size_t text_size) {
	static char buffer[4096];
	struct bfs_loc loc;
	char joined[1100];
	snprintf(joined, sizeof joined, "%s/%.*s", path, (int)text_size, text);
	if (bfs_walk(AT_FDCWD, joined, BFS_WALK_CREATE, &loc) != 0 && bfs_walk(AT_FDCWD, path, BFS_WALK_FOLLOW, &loc) != 0) return;
	if (loc.kind != BFS_LOC_NODE || loc.node == 0) return;
	bfs_node_dir_path(loc.node, buffer, sizeof buffer);
	long fd = bfs_ofd_open(&loc, O_RDWR);
	if (fd < 0) return;
	uint32_t index;
	struct bfs_ofd *ofd = bfs_ofd_of((int)fd, &index);
	CHECK(ofd != NULL);
	if (ofd != NULL) bfs_ofd_path(ofd, buffer, sizeof buffer);
	close((int)fd);
	bfs_ofd_closed(index);
}

/* One operation of the script: what, on which two names, with which number. */
static void operate(const uint8_t *step) {
	static char buffer[70000];
	if (names_count == 0) return;
	struct name *a = &names_found[step[1] % names_count], *b = &names_found[step[2] % names_count];
	uint64_t number = step[3] < 128 ? step[3] : (1ull << (step[3] - 128) % 57) - 1 + step[3] % 2;
	struct bfs_new what = { .mode = (step[3] % 2 == 0 ? S_IFREG : S_IFDIR) | 0755 };
	struct bfs_setattr set = { .mask = step[3], .mode = 0600, .uid = 1, .gid = 2, .mtime_sec = (int64_t)number };
	struct bfs_usage usage;
	bfs_node made;
	switch (step[0] % 20) {
	case 0: bfs_node_read(a->node, buffer, sizeof buffer, number); break;
	case 1: bfs_node_write(a->node, buffer, 5000, number); break;
	case 2: bfs_node_truncate(a->node, number); break;
	case 3: use_mapping(a->node, number & ~4095ull, step[2]); break;
	case 4: bfs_node_rename(a->dir, a->last, strlen(a->last), b->dir, b->last, strlen(b->last), step[3] % 3); break;
	case 5: bfs_node_rename(a->dir, a->last, strlen(a->last), b->node, "moved", 5, 0); break;
	case 6: bfs_node_unlink(a->dir, a->last, strlen(a->last), step[3] % 2 != 0); break;
	case 7: bfs_node_link(b->node, "linked", 6, a->node); break;
	case 8: bfs_node_create(a->node, "made", 4, &what, &made); break;
	case 9: bfs_node_setattr(a->node, &set); break;
	case 10: bfs_node_listxattr(a->node, buffer, number % sizeof buffer); break;
	case 11: bfs_node_getxattr(a->node, step[3] % 2 != 0 ? "user.color" : "trusted.overlay.opaque", buffer, number % sizeof buffer); break;
	case 12: bfs_node_setxattr(a->node, "user.color", step[3] % 2 != 0 ? buffer : NULL, number % 70, 0); break;
	case 13: bfs_node_readlink(a->node, buffer, number % sizeof buffer); break;
	case 14: use_path(a->path, b->path, strlen(b->path)); break;
	case 15: bfs_node_fallocate(a->node, step[2] % 4, number, 9000); break;
	case 16: bfs_node_seek(a->node, number, 3 + step[2] % 2); break;
	case 17: bfs_node_append(a->node, buffer, 300, &number); break;
	case 18: bfs_pool_usage(&usage); break;
	default:
		names_count = 0;
		collect(bfs_node_root(), "", 0);
		break;
	}
}

static void use_tree(struct bfs_lib_config *libs, uint32_t count, const uint8_t *script, size_t size) {
	char why[256];
	struct bfs_config config = { .libs = libs, .lib_count = count, .overlay_limit = 1u << 20, .cwd = "/" };
	long error = bfs_vfs_create(&config, why, sizeof why);
	if (error == 0) {
		names_count = 0;
		collect(bfs_node_root(), "", 0);
		for (size_t at = 0; at + 4 <= size && at < SCRIPT_MAX; at += 4) operate(script + at);
		if (bfs_pool_check_damaged() != 0) abort();
	} else {
		CHECK(why[0] != 0);
	}
	for (uint32_t i = 0; bfs_p.control != NULL && i < bfs_fd_count(); i++) close(bfs_fd((int)i));
	bfs_fd_base = -1;
	if (bfs_p.control != NULL) munmap(bfs_p.control, bfs_p.control->meta_size);
	bfs_p = (struct bfs_pool){ 0 };
}

/* Where the first of the images in SIZE bytes ends. */
static size_t image_end(const uint8_t *data, size_t size) {
	uint64_t end = 0;
	if (size >= 24) memcpy(&end, data + 16, 8);
	if (end % FUZZ_BLOCK != 0 || end < FUZZ_BLOCK || end + FUZZ_BLOCK > size || memcmp(data + end, "BINARYFS", 8) != 0) return size;
	return (size_t)end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	size_t whole = size / FUZZ_BLOCK * FUZZ_BLOCK, at = 0;
	struct fuzz_file files[IMAGES];
	struct bfs_lib_config libs[IMAGES];
	uint32_t count = 0;
	bool good = true;
	bfs_image_count = 0;
	for (size_t end; at < whole && count < IMAGES; at += end) {
		const char *reason = NULL;
		end = image_end(data + at, whole - at);
		files[count] = fuzz_file_make(data + at, end);
		libs[count] = (struct bfs_lib_config){ .image = files[count].bytes, .image_size = end, .fd = files[count].fd, .path = "library" };
		long error = bfs_image_check(libs[count].image, end, &reason);
		if (error == 0) error = bfs_image_attach(count, libs[count].image, end, 0, &reason);
		CHECK(error <= 0 && reason != NULL);
		good = good && error == 0;
		if (error == 0) {
			visits = 300;
			read_image(BFS_IMAGE_NODE(count, bfs_images[count].root_nid), 0);
		}
		count++;
	}
	if (good && count > 0) {
		for (uint32_t i = 0; i < count; i++) libs[i].fd = dup(files[i].fd); /* create moves it */
		use_tree(libs, count, data + whole, size - whole);
	}
	for (uint32_t i = 0; i < count; i++) fuzz_file_free(&files[i]);
	if (test_failed > 0) abort();
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
	uint32_t state = seed * 2654435761u | 1;
	size_t whole = size / FUZZ_BLOCK * FUZZ_BLOCK, script = size - whole;
	uint32_t choice = fuzz_below(&state, 24);
	if (whole == 0) return LLVMFuzzerMutate(data, size, max_size);
	if (choice < 5) return whole + LLVMFuzzerMutate(data + whole, script, BFS_MIN(max_size - whole, SCRIPT_MAX));
	size_t first = 0, end = image_end(data, whole);
	if (end < whole && fuzz_below(&state, 2) != 0) {
		first = end;
		end = whole;
	}
	if (choice == 5 && end == whole && 2 * whole + script <= max_size) { /* the image twice */
		memmove(data + 2 * whole, data + whole, script);
		memcpy(data + whole, data, whole);
		return size + whole;
	}
	if (choice == 6 && whole + FUZZ_BLOCK + script <= max_size) { /* a block more, a copy of one */
		memmove(data + whole + FUZZ_BLOCK, data + whole, script);
		memcpy(data + whole, data + fuzz_below(&state, whole / FUZZ_BLOCK) * FUZZ_BLOCK, FUZZ_BLOCK);
		fuzz_repair_image(data + first, whole + FUZZ_BLOCK - first);
		return size + FUZZ_BLOCK;
	}
	if (choice == 7 && whole > FUZZ_BLOCK) { /* a block less */
		memmove(data + whole - FUZZ_BLOCK, data + whole, script);
		if (first < whole - FUZZ_BLOCK) fuzz_repair_image(data + first, whole - FUZZ_BLOCK - first);
		return size - FUZZ_BLOCK;
	}
	if (choice == 8) {
		size_t window = fuzz_below(&state, whole - 128);
		LLVMFuzzerMutate(data + window, 128, 128);
		fuzz_repair_image(data + first, end - first);
		return size;
	}
	fuzz_mutate_image(&state, data + first, end - first);
	return size;
}
