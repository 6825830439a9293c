/** Names in the content store: `cas/ab/SHA256` and `ac/ab/SHA256`. Nothing else there is ours. */

import { lstatSync, readdirSync, type Stats } from "node:fs";

export const BLOBS = "cas";
export const ACTIONS = "ac";
export const DIGEST_BYTES = 32;

const SHARD = /^[0-9a-f]{2}$/;
const ENTRY = /^[0-9a-f]{64}$/;
const TEMPORARY = /^\.[0-9a-f]{64}\.binaryfs-\d+-[0-9a-f]{12}\.tmp$/;

export interface StoreFile {
  readonly path: Buffer;
  /** 64 hex digits; a temporary's is that of what it was to become. */
  readonly key: string;
  readonly isTemporary: boolean;
  readonly sizeBytes: number;
  /** Milliseconds since the epoch. */
  readonly usedMs: number;
}

/** @param key SHA-256, 32 bytes */
export function entryPath(directory: Buffer, kind: string, key: Buffer): Buffer {
  const name = key.toString("hex");
  return Buffer.concat([directory, Buffer.from(`/${kind}/${name.slice(0, 2)}/${name}`)]);
}

/** Directories of entries; links in their place are not followed. */
export function shardsOf(directory: Buffer, kind: string): Buffer[] {
  const parent = Buffer.concat([directory, Buffer.from(`/${kind}`)]);
  if (!isDirectory(parent)) return [];
  return namesIn(parent)
    .filter((name) => SHARD.test(name))
    .map((name) => Buffer.concat([parent, Buffer.from(`/${name}`)]))
    .filter(isDirectory);
}

/** Regular files of our names. Those that vanish meanwhile are left out. */
export function* filesIn(shard: Buffer): Generator<StoreFile> {
  for (const name of namesIn(shard)) {
    const isTemporary = TEMPORARY.test(name);
    if (!isTemporary && !ENTRY.test(name)) continue;
    const path = Buffer.concat([shard, Buffer.from(`/${name}`)]);
    const stats = statsOf(path);
    if (stats?.isFile() !== true) continue;
    const key = isTemporary ? name.slice(1, 65) : name;
    yield { path, key, isTemporary, sizeBytes: stats.size, usedMs: stats.mtimeMs };
  }
}

function namesIn(directory: Buffer): string[] {
  try {
    return readdirSync(directory, "latin1").sort();
  } catch {
    return [];
  }
}

function statsOf(path: Buffer): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

const isDirectory = (path: Buffer): boolean => statsOf(path)?.isDirectory() === true;
