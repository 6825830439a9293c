/** Encodes an inode and the content that is not a file's, for the place that the plan gave them. */

import {
  BLOCK_BYTES,
  CHUNK_ENTRY_BYTES,
  CHUNK_FORMAT,
  DATA_LAYOUT,
  INODE_BYTES,
  NID_BYTES,
} from "../image/constants.js";
import { encodeDirectory } from "../image/encode-directory.js";
import { encodeChunkMap, encodeInode } from "../image/encode-inode.js";
import { encodeSuperblock } from "../image/encode-superblock.js";
import { encodeXattrs, xattrIcount } from "../image/encode-xattrs.js";
import type { NodeTable, Tree } from "../model.js";
import type { Plan } from "../plan/plan.js";
import { attributesOf } from "../tree/attributes.js";
import { bodyOf, rowFormat, S_IFLNK, S_IFREG } from "../tree/row.js";

export class MetadataEncoder {
  readonly plan: Plan;
  readonly tree: Tree;
  readonly table: NodeTable;
  /** A large directory is asked for once a batch and once for its tail: the last result is kept. */
  #lastDirectory = -1;
  #lastContent: Buffer = Buffer.alloc(0);

  constructor(plan: Plan) {
    this.plan = plan;
    this.tree = plan.inventory.tree;
    this.table = this.tree.table;
  }

  /** Bytes 0–1151 of the image. */
  superblock(): Buffer {
    const { layout, sizeBytes, inventory, sections, dataLayout, buildTime } = this.plan;
    return encodeSuperblock({
      layout,
      sizeBytes,
      inodeCount: inventory.count,
      sectionTableOffset: sections.offset,
      sectionCount: sections.count,
      hasChunkedFiles: dataLayout.includes(DATA_LAYOUT.chunkBased),
      buildTime,
    });
  }

  isFile(ordinal: number): boolean {
    return rowFormat(this.table, this.#row(ordinal)) === S_IFREG;
  }

  inodeAt(ordinal: number): number {
    return (this.plan.nid[ordinal] as number) * NID_BYTES;
  }

  /** Bytes of inode, xattrs and chunk map, which needs no padding before it; the inline tail begins behind them. */
  headBytes(ordinal: number): number {
    const head = this.plan.inventory.headBytes[ordinal] as number;
    return this.#isChunked(ordinal) ? head + CHUNK_ENTRY_BYTES * this.plan.chunkBlocks(ordinal).length : head;
  }

  /** `headBytes` of them. */
  head(ordinal: number): Buffer {
    const head = Buffer.alloc(this.headBytes(ordinal));
    this.writeHead(ordinal, head, 0);
    return head;
  }

  /** Writes `headBytes` from `offset` on of zero-filled `out`. */
  writeHead(ordinal: number, out: Buffer, offset: number): void {
    const { inventory, dataLayout, dataBlock, ino } = this.plan;
    const row = this.#row(ordinal);
    const attributes = attributesOf(this.tree, row);
    const isDevice = attributes.type === "character" || attributes.type === "block";
    const head = inventory.headBytes[ordinal] as number;
    const chunked = this.#isChunked(ordinal);
    const union = chunked ? CHUNK_FORMAT : isDevice ? attributes.rdev : (dataBlock[ordinal] as number);
    const place = {
      dataLayout: dataLayout[ordinal] as number,
      xattrIcount: xattrIcount(head - INODE_BYTES),
      sizeBytes: inventory.contentBytes[ordinal] as number,
      union,
      ino: ino[ordinal] as number,
      nlink: inventory.nlink[ordinal] as number,
    };
    encodeInode(attributes, place, out, offset);
    if (head > INODE_BYTES) encodeXattrs(this.table.xattrs.get(row), out, offset + INODE_BYTES);
    if (chunked) encodeChunkMap(this.plan.chunkBlocks(ordinal), out, offset + head);
  }

  /** Writes the inline tail of a directory or symlink from `offset` on of zero-filled `out`. */
  writeTail(ordinal: number, out: Buffer, offset: number): void {
    const tail = this.plan.inlineBytes[ordinal] as number;
    const content = this.plan.inventory.contentBytes[ordinal] as number;
    const row = this.#row(ordinal);
    if (tail === content && rowFormat(this.table, row) !== S_IFLNK) this.#writeDirents(row, out, offset);
    else this.content(ordinal).copy(out, offset, content - tail);
  }

  /** A symlink's body or a directory's dirents, whole. */
  content(ordinal: number): Buffer {
    const row = this.#row(ordinal);
    if (rowFormat(this.table, row) === S_IFLNK) return bodyOf(this.table, row);
    if (this.#lastDirectory === ordinal) return this.#lastContent;
    const bytes = Buffer.alloc(this.plan.inventory.contentBytes[ordinal] as number);
    this.#writeDirents(row, bytes, 0);
    if (bytes.length > BLOCK_BYTES) {
      this.#lastDirectory = ordinal;
      this.#lastContent = bytes;
    }
    return bytes;
  }

  #writeDirents(row: number, out: Buffer, offset: number): void {
    const { inventory, nid } = this.plan;
    const targets = { table: this.table, ordinal: inventory.ordinal, nid };
    encodeDirectory(targets, row, this.table.parent[row] as number, out, offset);
  }

  #row(ordinal: number): number {
    return this.plan.inventory.row[ordinal] as number;
  }

  #isChunked(ordinal: number): boolean {
    return this.plan.dataLayout[ordinal] === DATA_LAYOUT.chunkBased;
  }
}
