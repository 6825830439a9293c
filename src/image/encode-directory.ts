/** Orders a directory's entries, cuts them into blocks and encodes them (EROFS dirents, then names, a block at a time). */

import { BLOCK_BYTES, DIRENT_BYTES } from "./constants.js";
import { writeUint64 } from "./encode-inode.js";

const DOT = Buffer.from(".");
const DOT_DOT = Buffer.from("..");

/** Stand for the directory itself and its parent where child indexes are expected. */
export const SELF = -1;
export const PARENT = -2;

export interface NamedIndex {
  readonly name: Buffer;
  /** Index of a child, `SELF` or `PARENT`. */
  readonly index: number;
}

/** Adds `.` and `..` to byte-sorted names, in their places: names such as `!x` or `.-` come before them. */
export function directoryOrder(children: readonly { readonly name: Buffer }[]): NamedIndex[] {
  const order: NamedIndex[] = children.map(({ name }, index) => ({ name, index }));
  insertSorted(order, { name: DOT, index: SELF });
  insertSorted(order, { name: DOT_DOT, index: PARENT });
  return order;
}

function insertSorted(order: NamedIndex[], entry: NamedIndex): void {
  let at = 0;
  for (let end = order.length; at < end; ) {
    const middle = (at + end) >>> 1;
    if (Buffer.compare((order[middle] as NamedIndex).name, entry.name) < 0) at = middle + 1;
    else end = middle;
  }
  order.splice(at, 0, entry);
}

/** Bytes of a directory's content: whole blocks, except that the last ends with its last name. */
export function directoryBytes(children: readonly { readonly name: Buffer }[]): number {
  let blocks = 0;
  let used = 0;
  for (const { name } of directoryOrder(children)) {
    const bytes = DIRENT_BYTES + name.length;
    if (used + bytes > BLOCK_BYTES) {
      blocks++;
      used = 0;
    }
    used += bytes;
  }
  return blocks * BLOCK_BYTES + used;
}

export interface Dirent {
  readonly name: Buffer;
  readonly nid: number;
  /** `EROFS_FT_*`. */
  readonly fileType: number;
}

/**
 * @param dirents in byte order, `.` and `..` among them
 * @param sizeBytes what `directoryBytes` gave for the same names
 */
export function encodeDirectory(dirents: readonly Dirent[], sizeBytes: number): Buffer {
  const out = Buffer.alloc(sizeBytes);
  let block = 0;
  for (let first = 0; first < dirents.length; block += BLOCK_BYTES) {
    let end = first;
    for (let used = 0; end < dirents.length; end++) {
      used += DIRENT_BYTES + (dirents[end] as Dirent).name.length;
      if (used > BLOCK_BYTES) break;
    }
    encodeBlock(dirents.slice(first, end), out, block);
    first = end;
  }
  return out;
}

function encodeBlock(dirents: readonly Dirent[], out: Buffer, block: number): void {
  let nameOffset = dirents.length * DIRENT_BYTES;
  for (const [index, { name, nid, fileType }] of dirents.entries()) {
    const at = block + index * DIRENT_BYTES;
    writeUint64(out, nid, at);
    out.writeUInt16LE(nameOffset, at + 8);
    out.writeUInt8(fileType, at + 10);
    name.copy(out, block + nameOffset);
    nameOffset += name.length;
  }
}
