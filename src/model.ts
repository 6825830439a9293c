/** The readonly values that pass between stages: select → fingerprint → plan → serialize → link. */

export type NodeType = "file" | "directory" | "symlink" | "fifo" | "character" | "block" | "socket";

/**
 * Words of a stat record: 16 × u32, little-endian, as the native scanner writes it. 64-bit values take two words, the low one first.
 * Device numbers have the kernel's 32-bit form (`new_encode_dev`, linux/kdev_t.h). Seconds are signed.
 */
export const STAT = {
  dev: 0,
  rdev: 1,
  ino: 2,
  size: 4,
  mtime: 6,
  mtimeNsec: 8,
  ctimeNsec: 9,
  ctime: 10,
  mode: 12,
  nlink: 13,
  uid: 14,
  gid: 15,
} as const;
export const STAT_WORDS = 16;

/** Bits of `NodeTable.flags`. */
export const ROW = {
  /** Goes into the image. */
  selected: 1,
  /** Its stat record was taken so soon after its time stamps that a later write may have left them as they are: says nothing about content. */
  racy: 2,
  /** A directory whose names were not looked at: nothing beneath can be selected, or a kernel file system is mounted there. */
  unlisted: 4,
} as const;

/** What an inode says of its node, under the owner and mtime policies. */
export interface InodeAttributes {
  readonly type: NodeType;
  /** Permission bits with setuid, setgid and sticky (0–0o7777). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds since the epoch, rounded towards −∞; may be negative. */
  readonly mtimeSeconds: number;
  /** 0–999,999,999. */
  readonly mtimeNsec: number;
  /** Device number of a device node in the kernel's 32-bit form; 0 elsewhere. */
  readonly rdev: number;
}

/** Where a row number is expected: none. */
export const NO_ROW = 0xffff_ffff;

/**
 * Every name that selection looked at, as columns: a row a name, depth first, a directory's names in byte order; row 0 is ROOT.
 * Rows that are not selected stay, so that a later look at the same directories finds all that it saw.
 */
export interface NodeTable {
  readonly count: number;
  /** Components of the path; 0 for ROOT. */
  readonly depth: Uint16Array;
  /** Row of the directory; ROOT is its own. */
  readonly parent: Uint32Array;
  /** The row after the last of the subtree. */
  readonly end: Uint32Array;
  /** The name is `bytes[nameStart … nameStart + nameLength]`; ROOT's is empty. */
  readonly nameStart: Uint32Array;
  readonly nameLength: Uint16Array;
  /** `hashName` of the name. */
  readonly nameHash: Uint32Array;
  /** A selected symlink's body as the image stores it, in `bytes`; length 0 for other rows. */
  readonly bodyStart: Uint32Array;
  readonly bodyLength: Uint16Array;
  /** Bits of `ROW`. */
  readonly flags: Uint8Array;
  /** Of a directory: the last rule that matched it or a directory above, −1 for none (`RuleSet.lastMatch`). */
  readonly match: Int32Array;
  /** `STAT_WORDS` words a row, as scanned: policies are not applied. */
  readonly stats: Uint32Array;
  /** Names and bodies. May hold bytes that no row refers to any more. */
  readonly bytes: Buffer;
  /** Extended attributes by row, full names, byte-sorted by name; rows without any are absent. */
  readonly xattrs: ReadonlyMap<number, readonly Xattr[]>;
}

export interface Xattr {
  readonly name: Buffer;
  readonly value: Buffer;
}

export interface Volume {
  readonly guest: Buffer;
  readonly host?: Buffer;
}

/** What the image says beyond files (docs/format.md 1.2). */
export interface Declarations {
  /** Absolute, byte-sorted, without repetition. */
  readonly hostPaths: readonly Buffer[];
  readonly volumes: readonly Volume[];
  readonly sealed: boolean;
}

export type OwnerPolicy = "keep" | "root";

/** `clamp`: no later than `epochSeconds`. `set`: all equal to it. */
export type MtimePolicy = { readonly kind: "keep" } | { readonly kind: "clamp" | "set"; readonly epochSeconds: number };

/** Files' content that lies in stretches of a few files (shards) rather than in a file of its own. */
export interface ContentPlaces {
  /** With the stat record (`STAT`) that each had when it was opened. */
  readonly containers: readonly { readonly path: Buffer; readonly stat: Uint32Array }[];
  /** By row: which of `containers`; only rows of selected files count. */
  readonly container: Uint32Array;
  /** By row: bytes from the container's start to the content's. */
  readonly offset: Float64Array;
  /** 32 bytes a row: SHA-256 of a selected file's content, zeros elsewhere. */
  readonly sha256: Buffer;
}

/** The result of selection. */
export interface Tree {
  readonly table: NodeTable;
  /** Where content lies, if it is not in the rows' own host paths. */
  readonly places?: ContentPlaces;
  /** Host path of ROOT (latin1 text of its bytes), without symlinks; empty for `/`. */
  readonly rootHost: string;
  readonly owner: OwnerPolicy;
  readonly mtime: MtimePolicy;
  readonly declarations: Declarations;
  /** Number of selected names that are no directories. */
  readonly fileCount: number;
  readonly warnings: readonly Warning[];
}

export type WarningCode =
  | "pattern-unmatched"
  | "special-skipped"
  | "mtime-makes-pyc-stale"
  | "symlink-leaves-root"
  | "symlink-target-unselected"
  | "door-hides-files"
  | "xattr-skipped"
  | "secrets-selected"
  | "state-discarded"
  | "state-unusable"
  | "remote-cache-off"
  | "remote-cache-rejected";
export interface Warning {
  readonly code: WarningCode;
  readonly path?: Buffer;
  readonly detail?: string;
}

export type LayoutName = "compact" | "stable";
