/* Directories of one EROFS image: blocks of sorted entries. */
#include "image.h"

/* Entries a block has at most; ordinals leave nine bits for the place in the block. */
#define IMAGE_DIR_SHIFT 9u

struct image_dir_block {
	const uint8_t *data;
	uint32_t size, count;
};

static long image_dir_block(const struct bfs_inode_view *dir, uint64_t block, struct image_dir_block *out) {
	uint64_t at, len, offset = block << BFS_BLOCK_BITS;
	long error = bfs_image_extent(dir, offset, &at, &len);
	if (error != 0) return error;
	out->size = (uint32_t)BFS_MIN(BFS_MIN(len, dir->size - offset), BFS_BLOCK_SIZE);
	if (at == BFS_IMAGE_HOLE || out->size < sizeof(struct erofs_dirent)) return -EUCLEAN;
	out->data = dir->image->base + at;
	struct erofs_dirent first;
	memcpy(&first, out->data, sizeof first);
	out->count = first.nameoff / (uint32_t)sizeof first;
	if (out->count == 0 || first.nameoff % sizeof first != 0 || first.nameoff >= out->size) return -EUCLEAN;
	return 0;
}

static long image_dir_entry(const struct image_dir_block *b, uint32_t i, struct erofs_dirent *out, const char **name, size_t *len) {
	memcpy(out, b->data + i * sizeof *out, sizeof *out);
	uint32_t end = b->size;
	if (i + 1 < b->count) {
		struct erofs_dirent next;
		memcpy(&next, b->data + (i + 1) * sizeof next, sizeof next);
		end = next.nameoff;
	}
	if (out->nameoff < b->count * sizeof *out || end > b->size || out->nameoff >= end) return -EUCLEAN;
	*name = (const char *)b->data + out->nameoff;
	*len = end - out->nameoff;
	if (i + 1 == b->count) { /* slack after the last name is zero */
		size_t n = 0;
		while (n < *len && (*name)[n] != 0) n++;
		*len = n;
	}
	return *len > 0 && *len <= BFS_NAME_MAX ? 0 : -EUCLEAN;
}

static int image_dir_compare(const char *a, size_t a_len, const char *b, size_t b_len) {
	int c = memcmp(a, b, BFS_MIN(a_len, b_len));
	return c != 0 ? c : (a_len > b_len) - (a_len < b_len);
}

static long image_dir_find_in(const struct image_dir_block *b, const char *name, size_t len, uint64_t *nid, uint8_t *type) {
	uint32_t low = 0, high = b->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		struct erofs_dirent d;
		const char *entry;
		size_t entry_len;
		long error = image_dir_entry(b, middle, &d, &entry, &entry_len);
		if (error != 0) return error;
		int c = image_dir_compare(name, len, entry, entry_len);
		if (c == 0) {
			*nid = d.nid;
			*type = d.file_type;
			return 0;
		}
		if (c < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return -ENOENT;
}

long bfs_image_dir_find(const struct bfs_inode_view *dir, const char *name, size_t len, uint64_t *nid, uint8_t *type) {
	if ((dir->mode & S_IFMT) != S_IFDIR) return -ENOTDIR;
	/* The last block whose first name is not after NAME. */
	uint64_t low = 0, high = (dir->size + BFS_BLOCK_SIZE - 1) >> BFS_BLOCK_BITS;
	struct image_dir_block b, candidate = { 0 };
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		struct erofs_dirent d;
		const char *entry;
		size_t entry_len;
		long error = image_dir_block(dir, middle, &b);
		if (error == 0) error = image_dir_entry(&b, 0, &d, &entry, &entry_len);
		if (error != 0) return error;
		if (image_dir_compare(name, len, entry, entry_len) < 0) {
			high = middle;
		} else {
			candidate = b;
			low = middle + 1;
		}
	}
	return candidate.count == 0 ? -ENOENT : image_dir_find_in(&candidate, name, len, nid, type);
}

long bfs_image_dir_next(const struct bfs_inode_view *dir, uint64_t *ordinal, const char **name, size_t *len, uint64_t *nid, uint8_t *type) {
	uint64_t blocks = (dir->size + BFS_BLOCK_SIZE - 1) >> BFS_BLOCK_BITS;
	for (;;) {
		uint64_t block = *ordinal >> IMAGE_DIR_SHIFT;
		uint32_t i = (uint32_t)*ordinal & ((1u << IMAGE_DIR_SHIFT) - 1);
		if (block >= blocks) return 0;
		struct image_dir_block b;
		long error = image_dir_block(dir, block, &b);
		if (error != 0) return error;
		if (i >= b.count) {
			*ordinal = (block + 1) << IMAGE_DIR_SHIFT;
			continue;
		}
		struct erofs_dirent d;
		error = image_dir_entry(&b, i, &d, name, len);
		if (error != 0) return error;
		++*ordinal;
		if ((*len == 1 && (*name)[0] == '.') || (*len == 2 && (*name)[0] == '.' && (*name)[1] == '.')) continue;
		*nid = d.nid;
		*type = d.file_type;
		return 1;
	}
}

uint8_t bfs_image_dt(uint8_t erofs_type) {
	/* unknown, REG, DIR, CHR, BLK, FIFO, SOCK, LNK */
	static const uint8_t dt[8] = { 0, 8, 4, 2, 6, 1, 12, 10 };
	return erofs_type < 8 ? dt[erofs_type] : 0;
}
