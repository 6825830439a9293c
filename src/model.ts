/** The readonly values that pass between stages: select → fingerprint → plan → serialize → link. */

export type NodeType = "file" | "directory" | "symlink" | "fifo" | "character" | "block" | "socket";

/** One inode of the image. Hard links of one inode share one `TreeNode` (several `TreeEntry`s). */
export interface TreeNode {
  readonly type: NodeType;
  /** Permission bits with setuid, setgid and sticky (0–0o7777); the type is in `type`. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds since the epoch; may be negative. */
  readonly mtimeNs: bigint;
  /** Bytes: of a file's content, of a symlink's body; 0 elsewhere. */
  readonly sizeBytes: number;
  /** Where a file's content is read from (host path, bytes). */
  readonly source?: Buffer;
  /** Stat key of the source at selection: a file that no longer matches it while packed is `input-changed`. */
  readonly statKey?: StatKey;
  /** Symlink body. */
  readonly target?: Buffer;
  /** Device number of a device node, in Linux's 32-bit `new_encode_dev` form. */
  readonly rdev?: number;
  /** Extended attributes, full names, byte-sorted by name. */
  readonly xattrs?: readonly Xattr[];
  /** A directory's children, byte-sorted by name. */
  readonly children?: readonly TreeEntry[];
}

export interface TreeEntry {
  readonly name: Buffer;
  readonly node: TreeNode;
}

export interface Xattr {
  readonly name: Buffer;
  readonly value: Buffer;
}

/** What must be unchanged for a file's content to be taken as unchanged. */
export interface StatKey {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly sizeBytes: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly mode: bigint;
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

/** The result of selection. */
export interface Tree {
  readonly root: TreeNode;
  readonly declarations: Declarations;
  /** Number of non-directory names / of all inodes. */
  readonly fileCount: number;
  readonly nodeCount: number;
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
  | "secrets-selected";
export interface Warning {
  readonly code: WarningCode;
  readonly path?: Buffer;
  readonly detail?: string;
}

export type LayoutName = "compact" | "stable";
