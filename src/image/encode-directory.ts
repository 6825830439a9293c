/** Encodes a directory's content from the node table: dirents, then names, a block at a time, in byte order over the whole directory. */

import { type NodeTable, ROW, STAT, STAT_WORDS } from "../model.js";
import { BLOCK_BYTES, DIRENT_BYTES } from "./constants.js";

/** Stand for the directory itself and its parent where rows are listed. */
const SELF = -1;
const PARENT = -2;
const DOT = 0x2e;

/** `EROFS_FT_*` by the file type bits of a mode (`S_IFMT` >> 12). */
const DIRENT_TYPE = Uint8Array.from([0, 5, 3, 0, 2, 0, 4, 0, 1, 0, 7, 0, 6, 0, 0, 0]);
const DIRECTORY_TYPE = 2;

/** Grown to the largest directory: rows of one directory at a time. */
let listed = new Int32Array(256);

/**
 * Fills `listed` with the rows of a directory's selected names, `SELF` and `PARENT` in the places of `.` and `..`: names such as `!x` or `.-` come before them.
 * @returns how many
 */
function listRows({ end, flags, bytes, nameStart }: NodeTable, directory: number): number {
  const last = end[directory] as number;
  let count = 0;
  let dots = 0;
  for (let row = directory + 1; row < last; row = end[row] as number) {
    if (((flags[row] as number) & ROW.selected) === 0) continue;
    if (count + 3 > listed.length) listed = grown(listed);
    if (dots < 2) {
      const start = nameStart[row] as number;
      const first = bytes[start] as number;
      if (dots === 0 && first >= DOT) {
        listed[count++] = SELF;
        dots = 1;
      }
      // A name that begins with a dot has a second byte: `.` itself is no child.
      if (dots === 1 && (first > DOT || (bytes[start + 1] as number) >= DOT)) {
        listed[count++] = PARENT;
        dots = 2;
      }
    }
    listed[count++] = row;
  }
  if (dots === 0) listed[count++] = SELF;
  if (dots < 2) listed[count++] = PARENT;
  return count;
}

function grown(old: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(old.length * 2);
  larger.set(old);
  return larger;
}

/** Bytes of a listed row's name: `SELF` is -1 and its name one byte long, `PARENT` is -2 and has two. */
const nameBytes = ({ nameLength }: NodeTable, row: number): number => (row < 0 ? -row : (nameLength[row] as number));

/** Where dirents point to. */
export interface DirentTargets {
  readonly table: NodeTable;
  /** Row → inode ordinal. */
  readonly ordinal: Uint32Array;
  /** Inode ordinal → nid. */
  readonly nid: Float64Array;
}

/**
 * @param directory row of the directory
 * @param parent row of the directory above; the root is its own
 * @param out zero-filled, with room for the content from `offset` on: whole blocks, except that the last ends with its last name
 * @returns the offset behind the content
 */
export function encodeDirectory(
  targets: DirentTargets,
  directory: number,
  parent: number,
  out: Buffer,
  offset: number,
): number {
  const { table } = targets;
  const count = listRows(table, directory);
  let contentEnd = offset;
  for (let first = 0, block = offset; first < count; block += BLOCK_BYTES) {
    let end = first;
    for (let used = 0; end < count; end++) {
      used += DIRENT_BYTES + nameBytes(table, listed[end] as number);
      if (used > BLOCK_BYTES) break;
    }
    contentEnd = encodeBlock(targets, first, end, directory, parent, out, block);
    first = end;
  }
  return contentEnd;
}

function encodeBlock(
  { table, ordinal, nid }: DirentTargets,
  first: number,
  end: number,
  directory: number,
  parent: number,
  out: Buffer,
  block: number,
): number {
  const { bytes, nameStart, nameLength, stats } = table;
  let at = block;
  let nameOffset = (end - first) * DIRENT_BYTES;
  for (let index = first; index < end; index++, at += DIRENT_BYTES) {
    const row = listed[index] as number;
    const target = row >= 0 ? row : row === SELF ? directory : parent;
    const address = nid[ordinal[target] as number] as number;
    // Byte by byte: quicker than Buffer's methods, which look at their arguments.
    out[at] = address;
    out[at + 1] = address >>> 8;
    out[at + 2] = address >>> 16;
    out[at + 3] = address >>> 24;
    // A nid has 39 bits.
    out[at + 4] = Math.floor(address / 0x1_0000_0000);
    out[at + 8] = nameOffset;
    out[at + 9] = nameOffset >>> 8;
    const mode = stats[target * STAT_WORDS + STAT.mode] as number;
    out[at + 10] = row < 0 ? DIRECTORY_TYPE : (DIRENT_TYPE[(mode >>> 12) & 15] as number);
    if (row < 0) {
      out[block + nameOffset] = DOT;
      if (row === PARENT) out[block + nameOffset + 1] = DOT;
      nameOffset -= row;
    } else {
      const start = nameStart[row] as number;
      const length = nameLength[row] as number;
      // Names are short: a loop is quicker than a call.
      for (let k = 0; k < length; k++) out[block + nameOffset + k] = bytes[start + k] as number;
      nameOffset += length;
    }
  }
  return block + nameOffset;
}
