/* Damaged images: whatever bytes change, nothing outside the image is read and everything ends. Arguments: image, rounds. */
#include "core_test.h"

int test_passed, test_failed;
static uint32_t fuzz_state = 1, fuzz_budget;
static uint32_t fuzz_random(void) { return fuzz_state = fuzz_state * 1664525u + 1013904223u, fuzz_state >> 4; }

static void visit(bfs_node n, int depth) {
	static uint8_t buffer[65536];
	struct bfs_inode_view v;
	struct bfs_attr a;
	if (fuzz_budget == 0 || bfs_image_inode(n, &v) != 0) return;
	fuzz_budget--;
	bfs_image_attr(n, &a);
	uint64_t cursor = 0, ordinal = 0, nid;
	const char *prefix, *name;
	const uint8_t *value;
	size_t len;
	uint32_t size;
	uint8_t type;
	for (int i = 0; i < 100 && bfs_image_next_xattr(&v, &cursor, &prefix, &name, &len, &value, &size) == 1; i++)
		memcpy(buffer, value, BFS_MIN(size, sizeof buffer));
	if ((v.mode & S_IFMT) != S_IFDIR) {
		bfs_image_read(n, buffer, sizeof buffer, 0);
		bfs_image_read(n, buffer, sizeof buffer, v.size > 5000 ? v.size - 5000 : 0);
		return;
	}
	for (int i = 0; depth < 6 && i < 1000 && bfs_image_dir_next(&v, &ordinal, &name, &len, &nid, &type) == 1; i++) {
		bfs_node child;
		char copy[256];
		memcpy(copy, name, len);
		if (bfs_merge_lookup(n, copy, len, &child, &type) == 0 && i < 40) visit(child, depth + 1);
		bfs_merge_parent(n);
	}
}

int main(int argc, char **argv) {
	FILE *f = fopen(argv[1], "rb");
	fseek(f, 0, SEEK_END);
	size_t size = (size_t)ftell(f), meta = size < 65536 ? size : 65536;
	uint8_t *good = malloc(size), *bad = malloc(size);
	rewind(f);
	CHECK(fread(good, 1, size, f) == size);
	fclose(f);
	int rounds = argc > 2 ? atoi(argv[2]) : 1000, refused = 0;
	for (int round = 0; round < rounds; round++) {
		memcpy(bad, good, size);
		for (uint32_t k = fuzz_random() % 12; k > 0; k--) {
			size_t where = fuzz_random() % 4 != 0 ? 1024 + fuzz_random() % (meta - 1024) : fuzz_random() % size;
			bad[where] = fuzz_random() % 3 == 0 ? 0xFF : (uint8_t)fuzz_random();
		}
		const char *reason;
		fuzz_budget = 2000;
		bfs_image_count = 0;
		if (bfs_image_attach(0, bad, size, 0, &reason) != 0)
			refused++;
		else
			visit(bfs_merge_root(), 0);
	}
	CHECK(refused < rounds);
	printf("%d passed, %d failed\n", test_passed, test_failed);
	return test_failed != 0;
}
