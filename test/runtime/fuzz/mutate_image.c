/* Mutations of an EROFS image that know where its structures are (docs/format.md). Independent of the runtime's own reading: what it finds is a guess within bounds. */
#include "fuzz.h"

#define SUPER 1024u
#define INODES 64u

static uint64_t image_u(const uint8_t *image, size_t at, unsigned width) {
	uint64_t v = 0;
	memcpy(&v, image + at, width);
	return v;
}
static void image_put(uint8_t *image, size_t at, unsigned width, uint64_t v) { memcpy(image + at, &v, width); }

static uint32_t image_crc32c(const uint8_t *bytes, size_t size) {
	uint32_t crc = ~0u;
	for (size_t i = 0; i < size; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0x82F63B78u & -(crc & 1u));
	}
	return crc;
}

void fuzz_repair_image(uint8_t *image, size_t size) {
	if (size < FUZZ_BLOCK) return;
	memcpy(image, "BINARYFS", 8);
	image_put(image, 8, 4, 1);
	image_put(image, 12, 4, 128);
	image_put(image, 16, 8, size);
	image_put(image, 40, 4, 1048576);
	image_put(image, 44, 4, 1);
	image_put(image, 48, 8, image_u(image, SUPER + 16, 8));
	image_put(image, SUPER, 4, 0xE0F5E1E2u);
	image_put(image, SUPER + 8, 4, image_u(image, SUPER + 8, 4) | 1); /* a checksum is there */
	image_put(image, SUPER + 12, 1, 12);
	image_put(image, SUPER + 36, 4, size / FUZZ_BLOCK);
	image_put(image, SUPER + 4, 4, 0);
	image_put(image, SUPER + 4, 4, image_crc32c(image + SUPER, FUZZ_BLOCK - SUPER));
}

struct inode {
	size_t at, size, xattr_at, inline_at;
	uint32_t layout, mode;
	uint64_t length, u;
};

static bool image_inode(const uint8_t *image, size_t size, uint64_t nid, struct inode *out) {
	uint64_t at = (image_u(image, SUPER + 40, 4) << 12) + nid * 32;
	if (nid > size / 32 || at > size - 64) return false;
	uint32_t format = (uint32_t)image_u(image, at, 2), icount = (uint32_t)image_u(image, at + 2, 2);
	out->at = at;
	out->size = (format & 1) != 0 ? 64 : 32;
	out->layout = format >> 1 & 7;
	out->mode = (uint32_t)image_u(image, at + 4, 2);
	out->length = image_u(image, at + 8, (format & 1) != 0 ? 8 : 4);
	out->u = image_u(image, at + 16, 4);
	out->xattr_at = at + out->size;
	out->inline_at = out->xattr_at + (icount == 0 ? 0 : 12 + (icount - 1) * 4);
	return out->inline_at <= size - 16;
}

/* Where block BLOCK of the directory or file begins; SIZE where it is nowhere. */
static size_t image_block(const uint8_t *image, size_t size, const struct inode *i, uint64_t block) {
	uint64_t at;
	if (i->layout == 4) {
		size_t entry = i->inline_at + block * 4;
		if (entry + 4 > size) return size;
		at = image_u(image, entry, 4) * FUZZ_BLOCK;
	} else if (i->layout == 2 && block == i->length / FUZZ_BLOCK) {
		at = i->inline_at;
	} else {
		at = (i->u + block) * FUZZ_BLOCK;
	}
	return at + 12 <= size ? at : size;
}

/* A random walk from the root: the inodes met. */
static size_t image_walk(uint32_t *state, const uint8_t *image, size_t size, struct inode *found) {
	size_t count = 0;
	if (!image_inode(image, size, image_u(image, SUPER + 14, 2), &found[count++])) return 0;
	for (size_t next = 0; next < count; next++) {
		if ((found[next].mode & 0170000) != 0040000) continue;
		size_t block = image_block(image, size, &found[next], fuzz_below(state, found[next].length / FUZZ_BLOCK + 1));
		if (block >= size) continue;
		size_t entries = image_u(image, block + 8, 2) / 12;
		for (size_t i = 0; i < entries && block + i * 12 + 12 <= size && count < INODES; i++)
			if (image_inode(image, size, image_u(image, block + i * 12, 8), &found[count])) count++;
	}
	return count;
}

static void image_field(uint32_t *state, uint8_t *image, size_t size, size_t at, size_t area) {
	static const uint8_t widths[] = { 1, 2, 4, 8 };
	unsigned width = widths[fuzz_below(state, 4)];
	size_t place = at + fuzz_below(state, area) / width * width;
	if (place <= size - width) fuzz_number(state, image + place, width, size);
}

static void image_mutate_inode(uint32_t *state, uint8_t *image, size_t size, const struct inode *i) {
	static const uint8_t places[][2] = { { 0, 2 }, { 2, 2 }, { 4, 2 }, { 8, 8 }, { 8, 4 }, { 16, 4 }, { 20, 4 }, { 32, 8 }, { 40, 4 }, { 44, 4 } };
	const uint8_t *place = places[fuzz_below(state, sizeof places / sizeof *places)];
	uint32_t types[] = { 0100644, 0120777, 0040755, 0020000, 0060000, 0010000, 0140000, 0 };
	switch (fuzz_below(state, 8)) {
	case 0: image_put(image, i->at + 4, 2, types[fuzz_below(state, 8)]); break;
	case 1: image_put(image, i->at, 2, (i->size == 64) | fuzz_below(state, 6) << 1); break;
	case 2: image_put(image, i->at + 16, 4, fuzz_below(state, 2) == 0 ? fuzz_below(state, size / FUZZ_BLOCK + 2) : fuzz_below(state, 64)); break;
	case 3: image_put(image, i->at + 8, 8, fuzz_below(state, 3 * FUZZ_BLOCK)); break;
	default: fuzz_number(state, image + i->at + place[0], place[1], size); break;
	}
}

static void image_mutate_dir(uint32_t *state, uint8_t *image, size_t size, const struct inode *i, const struct inode *other) {
	size_t block = image_block(image, size, i, fuzz_below(state, i->length / FUZZ_BLOCK + 1));
	if (block >= size) return;
	size_t entries = image_u(image, block + 8, 2) / 12, entry = block + fuzz_below(state, entries + 1) * 12;
	if (entry + 12 > size) return;
	switch (fuzz_below(state, 5)) {
	case 0: image_put(image, entry, 8, other->at / 32 - (image_u(image, SUPER + 40, 4) << 12) / 32); break; /* rings */
	case 1: fuzz_number(state, image + entry, 8, size / 32); break;
	case 2: fuzz_number(state, image + entry + 8, 2, FUZZ_BLOCK); break;
	case 3: image[entry + 10] = (uint8_t)fuzz_below(state, 9); break;
	default: image_field(state, image, size, block, 512); break;
	}
}

static void image_mutate_once(uint32_t *state, uint8_t *image, size_t size) {
	struct inode found[INODES];
	size_t count = image_walk(state, image, size, found), table = image_u(image, 24, 8), sections = image_u(image, 32, 4);
	const struct inode *i = count > 0 ? &found[fuzz_below(state, count)] : NULL;
	switch (fuzz_below(state, 16)) {
	case 0: image_field(state, image, size, 0, 64); break;
	case 1: image_field(state, image, size, SUPER, 128); break;
	case 2:
	case 3:
		if (sections < 16 && table < size) image_field(state, image, size, table, (sections + 1) * 32);
		break;
	case 4: /* what a section holds */
		if (sections > 0 && sections < 16 && table < size - 512) {
			size_t at = image_u(image, table + fuzz_below(state, sections) * 32 + 8, 8);
			if (at < size) image_field(state, image, size, at, 64);
		}
		break;
	case 5:
	case 6:
	case 7:
	case 8:
		if (i != NULL) image_mutate_inode(state, image, size, i);
		break;
	case 9:
	case 10:
	case 11:
		if (i != NULL) image_mutate_dir(state, image, size, i, &found[fuzz_below(state, count)]);
		break;
	case 12: /* xattrs, and the chunk map behind them */
		if (i != NULL) image_field(state, image, size, i->xattr_at, i->inline_at - i->xattr_at + 32);
		break;
	case 13: /* an inode in another one's place */
		if (i != NULL) memcpy(image + i->at, image + found[fuzz_below(state, count)].at, 32);
		break;
	case 14: image_field(state, image, size, fuzz_below(state, size), 64); break;
	default: image[fuzz_below(state, size)] = (uint8_t)fuzz_random(state); break;
	}
}

void fuzz_mutate_image(uint32_t *state, uint8_t *image, size_t size) {
	if (size < FUZZ_BLOCK) return;
	for (uint32_t n = 1 + fuzz_below(state, 4); n > 0; n--) image_mutate_once(state, image, size);
	if (fuzz_below(state, 32) != 0) fuzz_repair_image(image, size);
}
