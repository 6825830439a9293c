/** Appends rows to columns that grow. */

import { NO_ROW, type NodeTable, STAT_WORDS, type Xattr } from "../model.js";
import { deriveParents } from "../tree/derive-parents.js";
import { hashName } from "../tree/hash-name.js";
import { unfilledI32, unfilledU8, unfilledU16, unfilledU32 } from "../tree/unfilled.js";
import type { Block } from "./listing.js";

/** As `NodeTable.match` says it. */
const NO_MATCH = -1;

type Column = Uint8Array | Uint16Array | Uint32Array | Int32Array;

export class TableBuilder {
  count = 0;
  byteCount = 0;
  #capacity = 0;
  #depth: Uint16Array = new Uint16Array(0);
  #nameStart: Uint32Array = new Uint32Array(0);
  #nameLength: Uint16Array = new Uint16Array(0);
  #nameHash: Uint32Array = new Uint32Array(0);
  #bodyStart: Uint32Array = new Uint32Array(0);
  #bodyLength: Uint16Array = new Uint16Array(0);
  #flags: Uint8Array = new Uint8Array(0);
  #match: Int32Array = new Int32Array(0);
  #stats: Uint32Array = new Uint32Array(0);
  #bytes: Buffer = Buffer.alloc(0);

  /** @param bytes that names and bodies begin with: those of an earlier table, whose copied rows refer to them */
  constructor(bytes?: Buffer) {
    if (bytes === undefined) return;
    this.#bytes = bytes;
    this.byteCount = bytes.length;
  }

  /** Makes room for as many rows and bytes more. */
  reserve(rows: number, bytes: number): void {
    const needed = this.count + rows;
    if (needed > this.#capacity) {
      const grown = <C extends Column>(column: C, make: (length: number) => C, words = 1): C => {
        const larger = make(needed * words);
        larger.set(column.subarray(0, this.count * words));
        return larger;
      };
      this.#capacity = needed;
      this.#depth = grown(this.#depth, unfilledU16);
      this.#nameStart = grown(this.#nameStart, unfilledU32);
      this.#nameLength = grown(this.#nameLength, unfilledU16);
      this.#nameHash = grown(this.#nameHash, unfilledU32);
      this.#bodyStart = grown(this.#bodyStart, unfilledU32);
      this.#bodyLength = grown(this.#bodyLength, unfilledU16);
      this.#flags = grown(this.#flags, unfilledU8);
      this.#match = grown(this.#match, unfilledI32);
      this.#stats = grown(this.#stats, unfilledU32, STAT_WORDS);
    }
    if (this.byteCount + bytes > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(this.byteCount + bytes);
      this.#bytes.copy(larger, 0, 0, this.byteCount);
      this.#bytes = larger;
    }
  }

  /**
   * A row that is not selected, with the name `names[start … end]` and the stat record at `stats[at …]`. Returns its number.
   * There must be room for the row.
   */
  append(depth: number, names: Uint8Array, start: number, end: number, stats: Uint32Array, at: number): number {
    const row = this.count++;
    this.#reserveBytes(end - start);
    const bytes = this.#bytes;
    let to = this.byteCount;
    this.#depth[row] = depth;
    this.#nameStart[row] = to;
    this.#nameLength[row] = end - start;
    this.#nameHash[row] = hashName(names, start, end);
    this.#bodyStart[row] = 0;
    this.#bodyLength[row] = 0;
    this.#flags[row] = 0;
    this.#match[row] = NO_MATCH;
    for (let from = start; from < end; from++) bytes[to++] = names[from] as number;
    this.byteCount = to;
    this.setStats(row, stats, at);
    return row;
  }

  /**
   * Rows for entries [first, last) of a scanned directory, whose names begin at `bytes[start]` of the block; they match no rule.
   * There must be room for the rows. Returns the number of the first.
   */
  appendRun(depth: number, block: Block, first: number, last: number, start: number): number {
    const { words, statAt, bytes, lengthAt } = block;
    const row = this.count;
    const count = last - first;
    let end = start;
    for (let entry = first; entry < last; entry++) {
      const length = (bytes[lengthAt + 2 * entry] as number) | ((bytes[lengthAt + 2 * entry + 1] as number) << 8);
      const at = row + entry - first;
      this.#nameStart[at] = this.byteCount + end - start;
      this.#nameLength[at] = length;
      this.#nameHash[at] = hashName(bytes, end, end + length);
      end += length;
    }
    this.#reserveBytes(end - start);
    this.byteCount += bytes.copy(this.#bytes, this.byteCount, start, end);
    this.#depth.fill(depth, row, row + count);
    this.#bodyStart.fill(0, row, row + count);
    this.#bodyLength.fill(0, row, row + count);
    this.#match.fill(NO_MATCH, row, row + count);
    this.#stats.set(words.subarray(statAt + first * STAT_WORDS, statAt + last * STAT_WORDS), row * STAT_WORDS);
    this.count += count;
    return row;
  }

  /** Bodies take room too, of sizes that nobody knew before. */
  #reserveBytes(bytes: number): void {
    if (this.byteCount + bytes > this.#bytes.length) this.reserve(0, bytes + (this.#bytes.length >> 3));
  }

  setStats(row: number, stats: Uint32Array, at: number): void {
    const own = this.#stats;
    const base = row * STAT_WORDS;
    for (let word = 0; word < STAT_WORDS; word++) own[base + word] = stats[at + word] as number;
  }

  setFlags(row: number, flags: number): void {
    this.#flags[row] = flags;
  }

  setMatch(row: number, match: number): void {
    this.#match[row] = match;
  }

  /** @param body latin1 text */
  setBody(row: number, body: string): void {
    this.#reserveBytes(body.length);
    this.#bodyStart[row] = this.byteCount;
    this.#bodyLength[row] = body.length;
    this.byteCount += this.#bytes.write(body, this.byteCount, "latin1");
  }

  /** Appends rows [start, end) of a table whose bytes the builder was made with. There must be room for them. */
  copyRows(table: NodeTable, start: number, end: number): void {
    const at = this.count;
    this.#depth.set(table.depth.subarray(start, end), at);
    this.#nameStart.set(table.nameStart.subarray(start, end), at);
    this.#nameLength.set(table.nameLength.subarray(start, end), at);
    this.#nameHash.set(table.nameHash.subarray(start, end), at);
    this.#bodyStart.set(table.bodyStart.subarray(start, end), at);
    this.#bodyLength.set(table.bodyLength.subarray(start, end), at);
    this.#flags.set(table.flags.subarray(start, end), at);
    this.#match.set(table.match.subarray(start, end), at);
    this.#stats.set(table.stats.subarray(start * STAT_WORDS, end * STAT_WORDS), at * STAT_WORDS);
    this.count += end - start;
  }

  /** @param xattrs may be filled later */
  finish(xattrs: ReadonlyMap<number, readonly Xattr[]>): NodeTable {
    const { count } = this;
    if (count >= NO_ROW) throw new RangeError("too many rows");
    const trimmed = <C extends Column>(column: C, words = 1): C => column.subarray(0, count * words) as C;
    const depth = trimmed(this.#depth);
    return {
      count,
      depth,
      ...deriveParents(count, depth),
      nameStart: trimmed(this.#nameStart),
      nameLength: trimmed(this.#nameLength),
      nameHash: trimmed(this.#nameHash),
      bodyStart: trimmed(this.#bodyStart),
      bodyLength: trimmed(this.#bodyLength),
      flags: trimmed(this.#flags),
      match: trimmed(this.#match),
      stats: trimmed(this.#stats, STAT_WORDS),
      bytes: this.#bytes.subarray(0, this.byteCount),
      xattrs,
    };
  }
}
