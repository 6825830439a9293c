/** The index of a shard (docs/format.md section 4): which paths it holds, where their content lies, and what it is. */

import { createHash } from "node:crypto";
import { fail, ok, type Result } from "../errors.js";
import { pathKey } from "../select/given.js";
import { normalize } from "../select/paths.js";

export const SHARD_HEADER_BYTES = 64;
const MAGIC = Buffer.from("BFSSHARD", "latin1");
const VERSION = 1;
const SHA256_BYTES = 32;
const COUNTS_BYTES = 16;
const SELECTED = 1;
const LINK = 2;
/** No build system hands over so many names at once; a hostile count asks for no memory. */
const MAX_INDEX_BYTES = 2 ** 31;

export interface ShardEntry {
  /** Guest path, absolute and normalized, as latin1 text. */
  readonly path: string;
  /** Whether the rules take it: without content otherwise. */
  readonly isSelected: boolean;
  /** Whether it is a symlink, whose body is the content. */
  readonly isLink: boolean;
  /** Bytes from the shard's start; 0 without content. */
  readonly offset: number;
  readonly sizeBytes: number;
  /** Of the content, 32 bytes; zeros where it is not selected. */
  readonly sha256: Buffer;
}

/** Header and index. @param entries in the order of `pathKey` @param indexOffset where contents end, in bytes */
export function encodeShard(entries: readonly ShardEntry[], indexOffset: number): { header: Buffer; index: Buffer } {
  const paths = entries.map(({ path }) => Buffer.from(path, "latin1"));
  const counts = Buffer.alloc(COUNTS_BYTES);
  counts.writeUInt32LE(entries.length, 0);
  counts.writeUInt32LE(
    paths.reduce((sum, path) => sum + path.length, 0),
    4,
  );
  const places = Buffer.alloc(16 * entries.length);
  const ends = Buffer.alloc(4 * entries.length);
  let end = 0;
  for (const [index, { offset, sizeBytes }] of entries.entries()) {
    places.writeBigUInt64LE(BigInt(offset), 16 * index);
    places.writeBigUInt64LE(BigInt(sizeBytes), 16 * index + 8);
    end += (paths[index] as Buffer).length;
    ends.writeUInt32LE(end, 4 * index);
  }
  const index = Buffer.concat([
    counts,
    places,
    ...entries.map(({ sha256 }) => sha256),
    ends,
    Buffer.from(entries.map(({ isSelected, isLink }) => (isSelected ? SELECTED : 0) | (isLink ? LINK : 0))),
    ...paths,
  ]);
  const header = Buffer.alloc(SHARD_HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32LE(VERSION, 8);
  header.writeUInt32LE(SHARD_HEADER_BYTES, 12);
  header.writeBigUInt64LE(BigInt(indexOffset), 16);
  header.writeBigUInt64LE(BigInt(index.length), 24);
  createHash("sha256").update(index).digest().copy(header, 32);
  return { header, index };
}

/** Where the index lies. @param sizeBytes of the whole shard. Errors: `bad-shard`, with what is wrong as detail */
export function indexPlace(header: Buffer, sizeBytes: number): Result<{ offset: number; sizeBytes: number }> {
  if (header.length < SHARD_HEADER_BYTES || !header.subarray(0, MAGIC.length).equals(MAGIC))
    return bad("it does not begin as one");
  if (header.readUInt32LE(8) !== VERSION) return bad(`version ${header.readUInt32LE(8)}`);
  const offset = Number(header.readBigUInt64LE(16));
  const size = Number(header.readBigUInt64LE(24));
  if (header.readUInt32LE(12) !== SHARD_HEADER_BYTES || size > MAX_INDEX_BYTES) return bad("its header");
  if (offset < SHARD_HEADER_BYTES || offset > sizeBytes || size !== sizeBytes - offset) return bad("its length");
  return ok({ offset, sizeBytes: size });
}

/** Everything that the entries say is inside the shard. Errors: `bad-shard` */
export function decodeIndex(header: Buffer, index: Buffer, contentEnd: number): Result<ShardEntry[]> {
  const sha256 = createHash("sha256").update(index).digest();
  if (!sha256.equals(header.subarray(32, 32 + SHA256_BYTES))) return bad("its index is damaged");
  if (index.length < COUNTS_BYTES) return bad("its index is short");
  const count = index.readUInt32LE(0);
  const pathBytes = index.readUInt32LE(4);
  const perEntry = 16 + SHA256_BYTES + 4 + 1;
  if (index.length !== COUNTS_BYTES + count * perEntry + pathBytes) return bad("its index is short");
  const digestsAt = COUNTS_BYTES + 16 * count;
  const endsAt = digestsAt + SHA256_BYTES * count;
  const flagsAt = endsAt + 4 * count;
  const pathsAt = flagsAt + count;
  const entries: ShardEntry[] = [];
  let start = 0;
  for (let k = 0; k < count; k++) {
    const offset = Number(index.readBigUInt64LE(COUNTS_BYTES + 16 * k));
    const sizeBytes = Number(index.readBigUInt64LE(COUNTS_BYTES + 16 * k + 8));
    const end = index.readUInt32LE(endsAt + 4 * k);
    if (end < start || end > pathBytes) return bad("a path in its index");
    if (sizeBytes > 0 && (offset < SHARD_HEADER_BYTES || offset > contentEnd || sizeBytes > contentEnd - offset))
      return bad("a place in its index");
    const path = index.toString("latin1", pathsAt + start, pathsAt + end);
    const flags = index[flagsAt + k] as number;
    const isSelected = (flags & SELECTED) !== 0;
    const last = entries.at(-1);
    const isInOrder = last === undefined || pathKey(last.path) < pathKey(path);
    if (path === "/" || path.includes("\0") || normalize(path).path !== path || !isInOrder || flags > (SELECTED | LINK))
      return bad("a path in its index");
    if (!isSelected && (offset !== 0 || sizeBytes !== 0)) return bad("a place in its index");
    entries.push({
      path,
      isSelected,
      isLink: (flags & LINK) !== 0,
      offset,
      sizeBytes,
      sha256: index.subarray(digestsAt + SHA256_BYTES * k, digestsAt + SHA256_BYTES * (k + 1)),
    });
    start = end;
  }
  return ok(entries);
}

const bad = (detail: string) => fail("bad-shard", { detail });
