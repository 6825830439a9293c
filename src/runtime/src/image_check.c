/* What is verified of an image when a tree is started: everything but the tree itself, which is checked as it is read (docs/runtime.md, damaged libraries). */
#include "image.h"

#define CHECK_MAX_SECTIONS 4096u

/* CRC-32C, reflected, by half bytes: the table of the polynomial 0x82F63B78 (RFC 3720, appendix B.4). */
static uint32_t check_crc32c(uint32_t crc, const uint8_t *bytes, uint64_t size) {
	static const uint32_t table[16] = { 0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D, 0x82F63B78,
		0x92A8FC17, 0xA24BB5A6, 0xB21572C9, 0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75 };
	for (uint64_t i = 0; i < size; i++) {
		crc ^= bytes[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return crc;
}

/* docs/format.md 1.3: over the first block from the superblock on, with the checksum itself as zero. */
static bool check_checksum(const uint8_t *base, const struct erofs_super *sb) {
	struct erofs_super zeroed = *sb;
	zeroed.checksum = 0;
	uint32_t crc = check_crc32c(~0u, (const uint8_t *)&zeroed, sizeof zeroed);
	uint32_t rest = EROFS_SUPER_OFFSET + sizeof zeroed;
	return check_crc32c(crc, base + rest, BFS_BLOCK_SIZE - rest) == sb->checksum;
}

static bool check_inside(uint64_t limit, uint64_t at, uint64_t size) { return at <= limit && size <= limit - at; }

static bool check_section_known(const struct bfs_section *s) {
	return s->type >= BFS_SECTION_HOST_PATHS && s->type <= BFS_SECTION_PATCHED_TEXT && s->version == 1;
}

static long check_sections(const struct bfs_header *h, const uint8_t *base, uint64_t size, const char **reason) {
	*reason = "its section table is damaged";
	if (h->section_count == 0) return 0;
	if (h->section_entry_size != sizeof(struct bfs_section) || h->section_count > CHECK_MAX_SECTIONS || h->section_table_offset % 8 != 0 ||
		!check_inside(size, h->section_table_offset, (uint64_t)h->section_count * sizeof(struct bfs_section)))
		return -EUCLEAN;
	uint32_t previous = 0;
	for (uint32_t i = 0; i < h->section_count; i++) {
		struct bfs_section s;
		memcpy(&s, base + h->section_table_offset + i * sizeof s, sizeof s);
		if (!check_inside(size, s.offset, s.size) || s.offset % 8 != 0 || s.type <= previous) return -EUCLEAN;
		previous = s.type;
		if ((s.flags & BFS_SECTION_CRITICAL) != 0 && !check_section_known(&s)) {
			*reason = "it was made by a newer binaryfs (unknown critical section)";
			return -EUCLEAN;
		}
	}
	return 0;
}

static long check_header(const struct bfs_header *h, uint64_t size, const char **reason) {
	*reason = "it has no binaryfs header";
	if (memcmp(h->magic, BFS_HEADER_MAGIC, sizeof h->magic) != 0) return -EUCLEAN;
	*reason = "it was made by a newer binaryfs (header version)";
	if (h->version != BFS_HEADER_VERSION) return -EUCLEAN;
	*reason = "its header does not match its size";
	if (h->header_size != sizeof *h || h->image_size != size) return -EUCLEAN;
	*reason = "its header is damaged";
	return h->segment_size == BFS_SEGMENT_SIZE && (h->layout == BFS_LAYOUT_COMPACT || h->layout == BFS_LAYOUT_STABLE) ? 0 : -EUCLEAN;
}

long bfs_image_check(const uint8_t *base, uint64_t size, const char **reason) {
	struct bfs_header h;
	struct erofs_super sb;
	*reason = "it is too short";
	if (size < BFS_BLOCK_SIZE || size % BFS_BLOCK_SIZE != 0) return -EUCLEAN;
	memcpy(&h, base, sizeof h);
	memcpy(&sb, base + EROFS_SUPER_OFFSET, sizeof sb);
	long error = check_header(&h, size, reason);
	if (error != 0) return error;
	*reason = "its superblock is damaged (checksum)";
	if (sb.magic != EROFS_MAGIC || (sb.feature_compat & EROFS_FEATURE_COMPAT_SB_CHKSUM) == 0 || !check_checksum(base, &sb)) return -EUCLEAN;
	*reason = "its header and its superblock do not belong together";
	if (h.inode_count != sb.inos || size != (uint64_t)sb.blocks << BFS_BLOCK_BITS) return -EUCLEAN;
	return check_sections(&h, base, size, reason);
}
