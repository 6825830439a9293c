/** SHA-256 of files' contents, by row of a table: what an action key is made of, and what a library from elsewhere is held against. */

import type { Result } from "../errors.js";
import {
  type HashJob,
  JOB_BYTES,
  runHashJob,
  type SourceJob,
  type StretchJob,
  statsOfRows,
} from "../fingerprint/hash-job.js";
import { HASH_BYTES } from "../image/merkle.js";
import { NATIVE_HEAD_BYTES } from "../link/native.js";
import { NO_ROW, type NodeTable, ROW } from "../model.js";
import type { Inventory } from "../plan/inventory.js";
import type { Plan } from "../plan/plan.js";
import type { SerializerPool } from "../serialize/pool.js";
import { runJobs } from "../serialize/run-jobs.js";
import { deltaBetween } from "../tree/delta.js";
import { hostPath } from "../tree/paths.js";
import { rowFormat, S_IFREG } from "../tree/row.js";
import { LibraryContent } from "./library-content.js";

/** 32 bytes a row; zeros where it is not known, and for all but the first names of regular files. */
export type ContentDigests = Buffer;

export const noDigests = (rows: number): ContentDigests => Buffer.alloc(rows * HASH_BYTES);

export interface Hashing {
  readonly pool?: SerializerPool;
  readonly signal?: AbortSignal;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/** Content of one job of several files; more files than that make the columns long. */
const JOB_FILES = 512;

/**
 * What is known of a table's files from an earlier one.
 * @param origin by row: the row of the earlier table, or NO_ROW
 * @param isForgotten rows whose content may be another
 */
export function carriedDigests(
  earlier: ContentDigests,
  origin: Uint32Array,
  isForgotten: (row: number) => boolean,
): ContentDigests {
  const digests = noDigests(origin.length);
  for (let row = 0; row < origin.length; ) {
    const from = origin[row] as number;
    if (from === NO_ROW || isForgotten(row)) {
      row++;
      continue;
    }
    const start = row++;
    while (row < origin.length && origin[row] === from + row - start && !isForgotten(row)) row++;
    earlier.copy(digests, start * HASH_BYTES, from * HASH_BYTES, (from + row - start) * HASH_BYTES);
  }
  return digests;
}

/** As `carriedDigests`, between tables of which only stat records tell. */
export function digestsByStat(earlier: ContentDigests, previous: NodeTable, next: NodeTable): ContentDigests {
  const { origin, changedRows } = deltaBetween(previous, next);
  const changed = new Uint8Array(next.count);
  for (const row of changedRows) changed[row] = 1;
  const isRacy = ({ flags }: NodeTable, row: number): boolean => ((flags[row] as number) & ROW.racy) !== 0;
  return carriedDigests(
    earlier,
    origin,
    (row) => changed[row] === 1 || isRacy(next, row) || isRacy(previous, origin[row] as number),
  );
}

/** Hashes source files that are not known yet, into `digests`. Errors: `input-changed`, `unreadable`, `io`, `interrupted` */
export function hashSources({ inventory }: Plan, digests: ContentDigests, hashing: Hashing): Promise<Result<void>> {
  const { tree, row, contentBytes } = inventory;
  const jobOf = (ordinals: readonly number[]): SourceJob => {
    const rows = ordinals.map((ordinal) => row[ordinal] as number);
    const paths = rows.map((own) => hostPath(tree, own));
    let end = 0;
    return {
      kind: "sources",
      paths: Uint8Array.from(Buffer.concat(paths)),
      pathEnd: Uint32Array.from(paths, (path) => {
        end += path.length;
        return end;
      }),
      stats: statsOfRows(tree.table.stats, rows),
      sizes: Float64Array.from(ordinals, (ordinal) => contentBytes[ordinal] as number),
    };
  };
  return hashAll(inventory, digests, jobOf, hashing);
}

/**
 * The same from a native library that was written by the plan.
 * @param fd open for reading
 * Errors: `io` (a library that is cut short among them), `interrupted`
 */
export function hashLibrary(plan: Plan, fd: number, digests: ContentDigests, hashing: Hashing): Promise<Result<void>> {
  const library = new LibraryContent(plan, { fd, offset: NATIVE_HEAD_BYTES });
  const jobOf = (ordinals: readonly number[]): StretchJob => {
    const stretches: number[] = [];
    const end = Uint32Array.from(ordinals, (ordinal) => {
      for (const { position, sizeBytes } of library.stretches(ordinal)) stretches.push(position, sizeBytes);
      return stretches.length / 2;
    });
    return { kind: "stretches", fd, stretches: Float64Array.from(stretches), end };
  };
  return hashAll(plan.inventory, digests, jobOf, hashing);
}

async function hashAll(
  inventory: Inventory,
  digests: ContentDigests,
  jobOf: (ordinals: readonly number[]) => HashJob,
  { pool, signal, onProgress }: Hashing,
): Promise<Result<void>> {
  const missing = missingOrdinals(inventory, digests);
  const totalBytes = missing.reduce((sum, ordinal) => sum + (inventory.contentBytes[ordinal] as number), 0);
  const members = new Map<HashJob, readonly number[]>();
  function* jobs(): Generator<HashJob> {
    for (const ordinals of groupsOf(inventory, missing)) {
      const job = jobOf(ordinals);
      members.set(job, ordinals);
      yield job;
    }
  }
  let doneBytes = 0;
  const onHashes = (hashes: Uint8Array, job: HashJob): void => {
    for (const [index, ordinal] of (members.get(job) ?? []).entries()) {
      const own = inventory.row[ordinal] as number;
      digests.set(hashes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES), own * HASH_BYTES);
      doneBytes += inventory.contentBytes[ordinal] as number;
    }
    members.delete(job);
    onProgress?.(doneBytes, totalBytes);
  };
  const helpers = pool && { capacity: pool.capacity, run: (job: HashJob) => pool.hash(job) };
  return runJobs(jobs(), runHashJob, onHashes, helpers, signal);
}

/** Whether all regular files have the same ones. */
export function sameDigests({ tree, row }: Inventory, a: ContentDigests, b: ContentDigests): boolean {
  return row.every((own) => {
    if (rowFormat(tree.table, own) !== S_IFREG) return true;
    const start = own * HASH_BYTES;
    const end = start + HASH_BYTES;
    return a.compare(b, start, end, start, end) === 0;
  });
}

/** Regular files whose digest is zeros. */
function missingOrdinals({ tree, row, count }: Inventory, digests: ContentDigests): number[] {
  // The first eight bytes tell: where they are zero by chance, a file is hashed once more.
  const words = new BigUint64Array(digests.buffer, digests.byteOffset, digests.length / 8);
  const missing: number[] = [];
  for (let ordinal = 0; ordinal < count; ordinal++) {
    const own = row[ordinal] as number;
    if (words[(own * HASH_BYTES) / 8] === 0n && rowFormat(tree.table, own) === S_IFREG) missing.push(ordinal);
  }
  return missing;
}

/** Few enough files, and bytes, for a job; a large file is one by itself. */
function* groupsOf({ contentBytes }: Inventory, ordinals: readonly number[]): Generator<number[]> {
  let group: number[] = [];
  let bytes = 0;
  for (const ordinal of ordinals) {
    const size = contentBytes[ordinal] as number;
    if (group.length > 0 && (bytes + size > JOB_BYTES || group.length === JOB_FILES)) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(ordinal);
    bytes += size;
  }
  if (group.length > 0) yield group;
}
