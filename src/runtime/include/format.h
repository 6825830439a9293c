/* Constants and structures of docs/format.md as the runtime reads them. */
#ifndef BINARYFS_FORMAT_H
#define BINARYFS_FORMAT_H

#include <stdint.h>

#define BFS_BLOCK_SIZE 4096u
#define BFS_BLOCK_BITS 12u
#define BFS_SEGMENT_SIZE 1048576u

/* docs/format.md section 1.1 */
#define BFS_HEADER_MAGIC "BINARYFS"
#define BFS_HEADER_VERSION 1u
#define BFS_LAYOUT_COMPACT 1u
#define BFS_LAYOUT_STABLE 2u
struct bfs_header {
	char magic[8];
	uint32_t version;
	uint32_t header_size;
	uint64_t image_size;
	uint64_t section_table_offset;
	uint32_t section_count;
	uint32_t section_entry_size;
	uint32_t segment_size;
	uint32_t layout;
	uint64_t inode_count;
	uint8_t reserved[72];
};

/* docs/format.md section 1.2 */
#define BFS_SECTION_HOST_PATHS 1u
#define BFS_SECTION_VOLUMES 2u
#define BFS_SECTION_POLICY 3u
#define BFS_SECTION_BASE_PINS 4u
#define BFS_SECTION_PROVENANCE 5u
#define BFS_SECTION_PATCHED_TEXT 6u
#define BFS_SECTION_CRITICAL 1u
#define BFS_POLICY_SEALED 1u
#define BFS_NO_HOST 0xFFFFFFFFu
struct bfs_section {
	uint32_t type;
	uint16_t version;
	uint16_t flags;
	uint64_t offset;
	uint64_t size;
	uint64_t reserved;
};

/* docs/format.md section 2: n_namesz 76, n_descsz 0, n_type 1; the name starts with BFS_NOTE_NAME and zeros; the descriptor stands at byte 24 of the note.
 * The linked-in `binaryfs_note` is the address of the descriptor itself. */
#define BFS_NOTE_NAME "binaryfs"
#define BFS_NOTE_NAME_SIZE 76u
#define BFS_NOTE_DESC_SIZE 0u
#define BFS_NOTE_DESC_AT 24u
#define BFS_NOTE_TYPE 1u
#define BFS_NOTE_VERSION 1u
#define BFS_NOTE_HAS_IMAGE 1u
struct bfs_note_desc {
	uint32_t version;
	uint32_t flags;
	int64_t image_delta;
	uint64_t image_size;
	uint8_t merkle_root[32];
	uint64_t reserved;
};

/* EROFS on-disk format: linux/fs/erofs/erofs_fs.h */
#define EROFS_MAGIC 0xE0F5E1E2u
#define EROFS_SUPER_OFFSET 1024u
#define EROFS_SLOT_SIZE 32u
#define EROFS_FEATURE_COMPAT_SB_CHKSUM 0x1u
#define EROFS_FEATURE_COMPAT_MTIME 0x2u
#define EROFS_FEATURE_INCOMPAT_CHUNKED_FILE 0x4u
#define EROFS_ROOT_NID 36u
#define EROFS_LAYOUT_FLAT_PLAIN 0u
#define EROFS_LAYOUT_FLAT_INLINE 2u
#define EROFS_LAYOUT_CHUNK_BASED 4u
#define EROFS_NULL_ADDR 0xFFFFFFFFu
#define EROFS_CHUNK_FORMAT_BLKBITS_MASK 0x1Fu
#define EROFS_CHUNK_FORMAT_INDEXES 0x20u

struct erofs_super {
	uint32_t magic;
	uint32_t checksum;
	uint32_t feature_compat;
	uint8_t blkszbits;
	uint8_t sb_extslots;
	uint16_t root_nid;
	uint64_t inos;
	uint64_t build_time;
	uint32_t build_time_nsec;
	uint32_t blocks;
	uint32_t meta_blkaddr;
	uint32_t xattr_blkaddr;
	uint8_t uuid[16];
	uint8_t volume_name[16];
	uint32_t feature_incompat;
	uint16_t u1;
	uint16_t extra_devices;
	uint16_t devt_slotoff;
	uint8_t dirblkbits;
	uint8_t xattr_prefix_count;
	uint32_t xattr_prefix_start;
	uint64_t packed_nid;
	uint8_t xattr_filter_reserved;
	uint8_t reserved2[23];
};

struct erofs_inode {
	uint16_t format; /* bit 0: extended; bits 1-3: data layout */
	uint16_t xattr_icount;
	uint16_t mode;
	uint16_t reserved;
	uint64_t size;
	uint32_t u; /* raw_blkaddr, rdev or chunk format */
	uint32_t ino;
	uint32_t uid;
	uint32_t gid;
	uint64_t mtime;
	uint32_t mtime_nsec;
	uint32_t nlink;
	uint8_t reserved2[16];
};

struct erofs_dirent {
	uint64_t nid;
	uint16_t nameoff;
	uint8_t file_type;
	uint8_t reserved;
} __attribute__((packed));

struct erofs_xattr_ibody {
	uint32_t name_filter;
	uint8_t shared_count;
	uint8_t reserved[7];
};

struct erofs_xattr_entry {
	uint8_t name_len;
	uint8_t name_index;
	uint16_t value_size;
};

_Static_assert(sizeof(struct bfs_header) == 128, "docs/format.md 1.1");
_Static_assert(sizeof(struct bfs_section) == 32, "docs/format.md 1.2");
_Static_assert(sizeof(struct bfs_note_desc) == 64, "docs/format.md 2");
_Static_assert(sizeof(struct erofs_super) == 128, "erofs_super_block");
_Static_assert(sizeof(struct erofs_inode) == 64, "erofs_inode_extended");
_Static_assert(sizeof(struct erofs_dirent) == 12, "erofs_dirent");
_Static_assert(sizeof(struct erofs_xattr_ibody) == 12, "erofs_xattr_ibody_header");

#endif
