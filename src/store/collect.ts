/** Keeps the content store within its limit, counts it, empties it. Builds may go on meanwhile: what they lose they make anew. */

import { lstatSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { sweepTemporaries } from "../publish/temporaries.js";
import { ACTIONS, BLOBS, DIGEST_BYTES, entryPath, filesIn, type StoreFile, shardsOf } from "./store-names.js";
import { buryWriters } from "./store-writers.js";

export interface StoreStats {
  readonly entries: number;
  /** Of the contents. */
  readonly bytes: number;
  readonly actions: number;
  /** When the entry that was unused for the longest time was last used, milliseconds since the epoch; undefined in an empty store. */
  readonly oldestMs?: number;
}

export function storeStats(directory: Buffer): StoreStats {
  const blobs = entriesOf(directory, BLOBS);
  const oldestMs = blobs.reduce((oldest, { usedMs }) => Math.min(oldest, usedMs), Number.POSITIVE_INFINITY);
  return {
    entries: blobs.length,
    bytes: totalOf(blobs),
    actions: entriesOf(directory, ACTIONS).length,
    ...(blobs.length > 0 && { oldestMs }),
  };
}

/** @returns bytes of the contents that were removed */
export function collectStore(directory: Buffer, limitBytes: number): number {
  sweepStore(directory);
  const blobs = entriesOf(directory, BLOBS).sort((a, b) => a.usedMs - b.usedMs);
  const beforeBytes = totalOf(blobs);
  let bytes = beforeBytes;
  for (const { path, sizeBytes } of blobs) {
    if (bytes <= limitBytes) break;
    if (remove(path)) bytes -= sizeBytes;
  }
  for (const { path } of entriesOf(directory, ACTIONS)) if (!leadsSomewhere(directory, path)) remove(path);
  removeEmptyShards(directory);
  return beforeBytes - bytes;
}

export function clearStore(directory: Buffer): void {
  sweepStore(directory);
  for (const kind of [ACTIONS, BLOBS]) for (const { path } of entriesOf(directory, kind)) remove(path);
  removeEmptyShards(directory);
}

const allShards = (directory: Buffer): Buffer[] => [BLOBS, ACTIONS].flatMap((kind) => shardsOf(directory, kind));

const entriesOf = (directory: Buffer, kind: string): StoreFile[] =>
  shardsOf(directory, kind).flatMap((shard) => [...filesIn(shard)].filter(({ isTemporary }) => !isTemporary));

const totalOf = (files: readonly StoreFile[]): number => files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);

/** Removes temporaries of dead processes. */
export function sweepStore(directory: Buffer): void {
  buryWriters(directory);
  for (const shard of allShards(directory)) {
    for (const { isTemporary, key } of filesIn(shard)) {
      if (isTemporary) sweepTemporaries(Buffer.concat([shard, Buffer.from(`/${key}`)]));
    }
  }
}

function leadsSomewhere(directory: Buffer, action: Buffer): boolean {
  try {
    const digest = readFileSync(action);
    if (digest.length !== DIGEST_BYTES) return false;
    return lstatSync(entryPath(directory, BLOBS, digest), { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}

/** @returns whether it is gone */
function remove(path: Buffer): boolean {
  try {
    rmSync(path, { force: true });
    return true;
  } catch {
    return false;
  }
}

/** One that a build fills at this moment stays, or is made again. */
function removeEmptyShards(directory: Buffer): void {
  const kinds = [BLOBS, ACTIONS].map((kind) => Buffer.concat([directory, Buffer.from(`/${kind}`)]));
  for (const empty of [...allShards(directory), ...kinds]) {
    try {
      rmdirSync(empty);
    } catch {
      // Not empty, or not there.
    }
  }
}
