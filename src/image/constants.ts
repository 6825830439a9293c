/** Constants of the image format (docs/format.md 1; EROFS: linux/fs/erofs/erofs_fs.h). */

export const BLOCK_BYTES = 4096;
export const SEGMENT_BYTES = 1_048_576;

export const HEADER_MAGIC = "BINARYFS";
export const HEADER_VERSION = 1;
export const HEADER_BYTES = 128;
export const LAYOUT_NUMBER = { compact: 1, stable: 2 } as const;

export const SECTION_ENTRY_BYTES = 32;
export const SECTION = {
  hostPaths: 1,
  volumes: 2,
  policy: 3,
  basePins: 4,
  provenance: 5,
  patchedText: 6,
} as const;
export const SECTION_CRITICAL = 1;
export const POLICY_SEALED = 1;
/** Host length of a volume that declares no host directory. */
export const NO_HOST = 0xffff_ffff;

export const EROFS_MAGIC = 0xe0f5_e1e2;
export const SUPER_OFFSET = 1024;
export const CHECKSUM_OFFSET = SUPER_OFFSET + 4;
export const UUID_OFFSET = SUPER_OFFSET + 48;
export const UUID_BYTES = 16;
export const FEATURE_COMPAT_SB_CHKSUM = 0x1;
export const FEATURE_COMPAT_MTIME = 0x2;
export const FEATURE_INCOMPAT_CHUNKED_FILE = 0x4;

/** An inode lies at byte nid × 32. */
export const NID_BYTES = 32;
/** The superblock's root nid has 16 bits, so the root has a fixed place right after the superblock. */
export const ROOT_NID = 36;
export const ROOT_OFFSET = ROOT_NID * NID_BYTES;
export const INODE_BYTES = 64;
export const DIRENT_BYTES = 12;
export const XATTR_HEADER_BYTES = 12;
export const XATTR_ENTRY_BYTES = 4;
export const NAME_MAX = 255;
export const XATTR_VALUE_MAX = 65_535;

/** `i_format` bits 1–3. */
export const DATA_LAYOUT = { flatPlain: 0, flatInline: 2, chunkBased: 4 } as const;
/** `i_u` of a chunk-based inode as we write it: chunks of 2⁸ blocks (a segment), a map of 4-byte block addresses. */
export const CHUNK_FORMAT = 8;
/** A chunk fills a segment. */
export const CHUNK_BYTES = BLOCK_BYTES << CHUNK_FORMAT;
/** Bytes a chunk of the map. */
export const CHUNK_ENTRY_BYTES = 4;
/** Chunk-based block address of a hole; block addresses end below it. */
export const NULL_ADDR = 0xffff_ffff;
/** 2³² − 1 blocks. */
export const IMAGE_MAX_BYTES = NULL_ADDR * BLOCK_BYTES;

/** Dirent file types (`EROFS_FT_*`) and the file type bits of `i_mode`. */
export const FILE_TYPE = {
  file: { dirent: 1, mode: 0o100000 },
  directory: { dirent: 2, mode: 0o040000 },
  character: { dirent: 3, mode: 0o020000 },
  block: { dirent: 4, mode: 0o060000 },
  fifo: { dirent: 5, mode: 0o010000 },
  socket: { dirent: 6, mode: 0o140000 },
  symlink: { dirent: 7, mode: 0o120000 },
} as const;

/** To the next multiple of `unit`. */
export const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;
