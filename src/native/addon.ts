/** System calls that Node lacks, or that cost too much through it one by one: `dist/native/binaryfs.node`, built from `src/native/addon`. */

import { createRequire } from "node:module";
import { constants } from "node:os";
import { getSystemErrorName } from "node:util";
import { packageFile } from "../runtime-files.js";

/**
 * All calls are synchronous and hold no state: any thread may use them. Arrays may lie in shared memory; a result's memory is its own and may be transferred.
 * A numeric errno is a positive Linux errno, 0 where all went well. Descriptors are the caller's to close. Positions and sizes are bytes, whole, 0–2^53.
 * Errors: throws TypeError for arguments that make no sense, Error with code ENOMEM without memory; anything else only where a method says so.
 */
export interface Addon {
  /**
   * Lists directories and takes the stat record of every name; no link is followed, neither in a directory's own place (errno ENOTDIR or ELOOP) nor in a name's.
   *
   * @param paths host paths, each ended by NUL, concatenated
   * @param count of them
   * @param threads ≥ 1: how many may share the work
   * @returns little-endian, 4-byte aligned, one block a directory in the order asked: u32 errno (why it could not be listed), u32 number of entries, u32 bytes of names (without
   *   padding); the entries' stat records (`STAT_WORDS` u32 each, words as in `STAT`; mode 0 where it could not be had, word 0 is its errno then); their name lengths (u16 each, padded to
   *   4 bytes); their names, concatenated, padded to 4 bytes. Entries are sorted by name bytes; "." and ".." are absent, and so are names that vanished meanwhile.
   */
  scanDirectories(paths: Uint8Array, count: number, threads: number): Uint8Array;

  /** lstat: the stat record of a path (without NUL). Throws Error with `code` (an errno name) and `errno`. */
  statRecord(path: Uint8Array): Uint32Array;

  /**
   * Reads parts of files, then compares each file's device, inode number, size, mtime, ctime and mode with what selection saw. Files without parts are opened and compared too.
   *
   * @param paths path k is `paths[pathEnd[k − 1] … pathEnd[k]]`, without NUL
   * @param stats `STAT_WORDS` words a file
   * @param parts six numbers a file: twice offset in the file, size (0: no part), position in `out`
   * @returns undefined, or the first file that failed; errno 0 says that it is not as selection saw it or that it ended early. Files after it were not read.
   */
  readFiles(
    paths: Uint8Array,
    pathEnd: Uint32Array,
    stats: Uint32Array,
    parts: Float64Array,
    out: Uint8Array,
  ): { index: number; errno: number } | undefined;

  /**
   * Writes bytes at a position, 4 KiB a call (src/native/addon/write.c says why). Blocks are counted from the first byte; the last may be shorter.
   *
   * @param minHoleBlocks runs of at least so many blocks of zeros are left out, at the end too: the file must read as zero there already, and have its size. 0: everything is written.
   * @returns errno
   */
  writeBlocks(fd: number, position: number, bytes: Uint8Array, minHoleBlocks: number): number;

  /**
   * As writeBlocks, but writes the 4 KiB blocks whose bit is set in `mask`: bit k & 7 of byte k >> 3 for block k of `bytes`.
   *
   * @param minHoleBlocks runs of fewer blocks without their bit are written as zeros, whatever `bytes` holds there
   */
  writeMasked(fd: number, position: number, bytes: Uint8Array, mask: Uint8Array, minHoleBlocks: number): number;

  /**
   * Sets the bits of all 4 KiB blocks that something touches.
   *
   * @param mask as of writeMasked, for `sizeBytes`
   * @param stretches two numbers each: position, size
   * @param parts as of readFiles: three numbers each, the last two size and position
   */
  markBlocks(mask: Uint8Array, sizeBytes: number, stretches: Float64Array, parts: Float64Array): void;

  /**
   * Fills `out`: first zeros, then bytes.
   *
   * @param mask as of writeMasked: blocks without their bit get no zeros
   * @param zeros two numbers a stretch: position, size
   * @param bytes the content of `stretches`, one after another
   * @param stretches two numbers each: position, size
   */
  placeBytes(out: Uint8Array, mask: Uint8Array, zeros: Float64Array, bytes: Uint8Array, stretches: Float64Array): void;

  /** Clears the bits of 4 KiB blocks that are all zero; blocks without their bit are not looked at. */
  clearZeroBlocks(mask: Uint8Array, bytes: Uint8Array): void;

  /** Clears the bits of 4 KiB blocks that are the same in both; blocks without their bit are not looked at. */
  clearSameBlocks(mask: Uint8Array, before: Uint8Array, after: Uint8Array): void;

  /** flock(2), exclusive, without waiting: false when another open descriptor of the file holds it. Throws Error with `code` where the file system has no locks. */
  tryLock(fd: number): boolean;
  /** Throws Error with `code`, as tryLock. */
  unlock(fd: number): void;

  /**
   * Takes a write lease (fcntl(2), F_SETLEASE): granted only while no other descriptor and no mapping of the file exists. Another open of the file waits until the lease is released, at most
   * /proc/sys/fs/lease-break-time seconds. Mappings made through this very descriptor are not noticed.
   *
   * @returns errno; EAGAIN: somebody has it open or mapped; EACCES: the file is another user's; EINVAL: no leases here
   */
  lease(fd: number): number;
  /** @returns errno */
  releaseLease(fd: number): number;

  /** renameat2(2), RENAME_EXCHANGE: two paths (without NUL) change places in one step. @returns errno */
  exchange(a: Uint8Array, b: Uint8Array): number;

  /** utimensat(2): the file's mtime is that of the record (`STAT_WORDS` words), its atime stays. A symlink is not followed. @returns errno */
  setMtime(path: Uint8Array, record: Uint32Array): number;

  /** ioctl_ficlone(2): the target shares all blocks of the source. @returns errno; EOPNOTSUPP, EXDEV or EINVAL where file systems cannot */
  clone(sourceFd: number, targetFd: number): number;

  /**
   * Makes the target's bytes of a stretch those of the source; holes of the source become holes of the target (zeros where holes cannot be made), and so does what lies behind the
   * source's end. A hole at the end does not make the target longer: set its size first. Moves the descriptors' offsets.
   *
   * @returns errno
   */
  copyRange(sourceFd: number, targetFd: number, position: number, sizeBytes: number): number;

  /** fallocate(2), FALLOC_FL_PUNCH_HOLE: the stretch reads as zero, the file keeps its size. @returns errno */
  punchHole(fd: number, position: number, sizeBytes: number): number;

  /**
   * Extended attributes of paths, no link followed; a file system without them counts as a node without any.
   *
   * @param paths host paths, each ended by NUL, concatenated
   * @returns u32 little-endian numbers, not aligned; for each path errno and number of attributes, then for each attribute length and bytes of the name, length and bytes of the value
   */
  readXattrs(paths: Uint8Array, count: number): Uint8Array;
}

/** What C offers: expected failures are numbers there. */
interface NativeAddon extends Omit<Addon, "statRecord" | "tryLock" | "unlock"> {
  statRecord(path: Uint8Array): Uint32Array | number;
  tryLock(fd: number): number;
  unlock(fd: number): number;
}

const addonPath = packageFile("dist/native/binaryfs.node");
let loaded: NativeAddon | undefined;

function native(): NativeAddon {
  if (loaded !== undefined) return loaded;
  try {
    loaded = createRequire(import.meta.url)(addonPath) as NativeAddon;
    return loaded;
  } catch (cause) {
    throw new Error(`native addon cannot be loaded: ${addonPath}`, { cause });
  }
}

/** Whether it was built, and for this machine. */
export function addonAvailable(): boolean {
  try {
    return native() !== undefined;
  } catch {
    return false;
  }
}

/** ENOENT for 2. */
export const errnoName = (errno: number): string => getSystemErrorName(-errno);

function systemError(call: string, errno: number): NodeJS.ErrnoException {
  const code = errnoName(errno);
  return Object.assign(new Error(`${code}: ${call}`), { code, errno: -errno, syscall: call });
}

/** Loaded at the first call. Every call throws Error when it cannot be. */
export const addon: Addon = {
  scanDirectories: (paths, count, threads) => native().scanDirectories(paths, count, threads),
  statRecord: (path) => {
    const record = native().statRecord(path);
    if (typeof record === "number") throw systemError("lstat", record);
    return record;
  },
  readFiles: (paths, pathEnd, stats, parts, out) => native().readFiles(paths, pathEnd, stats, parts, out),
  writeBlocks: (fd, position, bytes, minHoleBlocks) => native().writeBlocks(fd, position, bytes, minHoleBlocks),
  writeMasked: (fd, position, bytes, mask, minHoleBlocks) =>
    native().writeMasked(fd, position, bytes, mask, minHoleBlocks),
  markBlocks: (mask, sizeBytes, stretches, parts) => native().markBlocks(mask, sizeBytes, stretches, parts),
  placeBytes: (out, mask, zeros, bytes, stretches) => native().placeBytes(out, mask, zeros, bytes, stretches),
  clearZeroBlocks: (mask, bytes) => native().clearZeroBlocks(mask, bytes),
  clearSameBlocks: (mask, before, after) => native().clearSameBlocks(mask, before, after),
  tryLock: (fd) => {
    const errno = native().tryLock(fd);
    if (errno !== 0 && errno !== constants.errno.EWOULDBLOCK) throw systemError("flock", errno);
    return errno === 0;
  },
  unlock: (fd) => {
    const errno = native().unlock(fd);
    if (errno !== 0) throw systemError("flock", errno);
  },
  lease: (fd) => native().lease(fd),
  releaseLease: (fd) => native().releaseLease(fd),
  exchange: (a, b) => native().exchange(a, b),
  setMtime: (path, record) => native().setMtime(path, record),
  clone: (sourceFd, targetFd) => native().clone(sourceFd, targetFd),
  copyRange: (sourceFd, targetFd, position, sizeBytes) => native().copyRange(sourceFd, targetFd, position, sizeBytes),
  punchHole: (fd, position, sizeBytes) => native().punchHole(fd, position, sizeBytes),
  readXattrs: (paths, count) => native().readXattrs(paths, count),
};
