/** Where an inode's content lies in the image, and its bytes. */

import { fail, ok, type Result } from "../errors.js";
import { BLOCK_BYTES, DATA_LAYOUT, NULL_ADDR, roundUp } from "./constants.js";
import type { Inode } from "./decode-inode.js";
import type { ByteSource } from "./decode-source.js";

const CHUNK_BITS_MASK = 0x1f;
const CHUNK_INDEXES = 0x20;
/** Bytes of the chunk map that are looked at together. */
const MAP_WINDOW_BYTES = 65_536;

export interface Extent {
  /** Offset in the content. */
  readonly fileOffset: number;
  readonly sizeBytes: number;
  /** Offset in the image; undefined for a hole, which reads as zeros. */
  readonly imageOffset: number | undefined;
  readonly isInline: boolean;
}

/** The chunk map's place in the image, of a chunk-based inode. */
export function chunkMap(inode: Inode): { offset: number; entryBytes: number; chunkBytes: number; count: number } {
  const entryBytes = (inode.union & CHUNK_INDEXES) !== 0 ? 8 : 4;
  const chunkBytes = BLOCK_BYTES * 2 ** (inode.union & CHUNK_BITS_MASK);
  return {
    offset: roundUp(inode.offset + inode.inodeBytes + inode.xattrBytes, entryBytes),
    entryBytes,
    chunkBytes,
    count: Math.ceil(inode.sizeBytes / chunkBytes),
  };
}

/**
 * The extents of a file, directory or symlink, in order and without gaps; each lies inside the image. Neighbouring chunks are joined.
 * Ends after the first failure.
 */
export function* extentsOf(source: ByteSource, inode: Inode): Generator<Result<Extent>> {
  const { sizeBytes } = inode;
  if (sizeBytes === 0) return;
  if (inode.dataLayout === DATA_LAYOUT.chunkBased) {
    yield* chunkExtents(source, inode);
    return;
  }
  const hasTail = inode.dataLayout === DATA_LAYOUT.flatInline;
  const plainBytes = hasTail ? (Math.ceil(sizeBytes / BLOCK_BYTES) - 1) * BLOCK_BYTES : sizeBytes;
  if (plainBytes > 0) {
    yield checked(source, inode, {
      fileOffset: 0,
      sizeBytes: plainBytes,
      imageOffset: inode.union * BLOCK_BYTES,
      isInline: false,
    });
  }
  if (!hasTail) return;
  const imageOffset = inode.offset + inode.inodeBytes + inode.xattrBytes;
  const tailBytes = sizeBytes - plainBytes;
  if ((imageOffset % BLOCK_BYTES) + tailBytes > BLOCK_BYTES) {
    yield bad(inode, "inline tail crosses a block");
    return;
  }
  yield checked(source, inode, { fileOffset: plainBytes, sizeBytes: tailBytes, imageOffset, isInline: true });
}

function* chunkExtents(source: ByteSource, inode: Inode): Generator<Result<Extent>> {
  const map = chunkMap(inode);
  const perWindow = MAP_WINDOW_BYTES / map.entryBytes;
  let pending: Extent | undefined;
  for (let first = 0; first < map.count; first += perWindow) {
    const count = Math.min(perWindow, map.count - first);
    const window = source.read(map.offset + first * map.entryBytes, count * map.entryBytes);
    if (!window.ok) return yield window;
    for (let k = 0; k < count; k++) {
      const block = window.value.readUInt32LE(k * map.entryBytes + (map.entryBytes - 4));
      const fileOffset = (first + k) * map.chunkBytes;
      const next: Extent = {
        fileOffset,
        sizeBytes: Math.min(map.chunkBytes, inode.sizeBytes - fileOffset),
        imageOffset: block === NULL_ADDR ? undefined : block * BLOCK_BYTES,
        isInline: false,
      };
      if (pending !== undefined && continues(pending, next)) {
        pending = { ...pending, sizeBytes: pending.sizeBytes + next.sizeBytes };
        continue;
      }
      if (pending !== undefined) {
        const result = checked(source, inode, pending);
        yield result;
        if (!result.ok) return;
      }
      pending = next;
    }
  }
  if (pending !== undefined) yield checked(source, inode, pending);
}

const continues = (before: Extent, next: Extent): boolean =>
  next.imageOffset === undefined
    ? before.imageOffset === undefined
    : before.imageOffset !== undefined && before.imageOffset + before.sizeBytes === next.imageOffset;

function checked(source: ByteSource, inode: Inode, extent: Extent): Result<Extent> {
  const { imageOffset, sizeBytes } = extent;
  const limit = source.sizeBytes;
  if (imageOffset === undefined || (imageOffset <= limit && sizeBytes <= limit - imageOffset)) return ok(extent);
  return bad(inode, `data outside the image, at byte ${imageOffset}`);
}

const bad = (inode: Inode, detail: string) => fail("bad-image", { detail: `inode ${inode.nid}: ${detail}` });

/** Content in pieces of at most `pieceBytes`; holes come as zeros. Ends after the first failure. */
export function* contentOf(source: ByteSource, inode: Inode, pieceBytes = 1 << 20): Generator<Result<Buffer>> {
  for (const extent of extentsOf(source, inode)) {
    if (!extent.ok) return yield extent;
    const { imageOffset, sizeBytes } = extent.value;
    for (let done = 0; done < sizeBytes; done += pieceBytes) {
      const size = Math.min(pieceBytes, sizeBytes - done);
      const piece = imageOffset === undefined ? ok(Buffer.alloc(size)) : source.read(imageOffset + done, size);
      yield piece;
      if (!piece.ok) return;
    }
  }
}

/** The whole content, of at most `limitBytes`; `bad-image` where it is larger or has holes. For directories and symlinks. */
export function wholeContent(source: ByteSource, inode: Inode, limitBytes: number): Result<Buffer> {
  if (inode.sizeBytes > limitBytes) return bad(inode, `${inode.sizeBytes} bytes of ${inode.type}`);
  const pieces: Buffer[] = [];
  for (const extent of extentsOf(source, inode)) {
    if (!extent.ok) return extent;
    if (extent.value.imageOffset === undefined) return bad(inode, `hole in a ${inode.type}`);
    const piece = source.read(extent.value.imageOffset, extent.value.sizeBytes);
    if (!piece.ok) return piece;
    pieces.push(piece.value);
  }
  return ok(pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces));
}
