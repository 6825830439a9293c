/** SHA-256 of many contents at once: of source files, or of files inside a library. Threads and the calling one both run this. */

import { createHash } from "node:crypto";
import { readSync } from "node:fs";
import { fail, ok, type Result } from "../errors.js";
import { STAT_WORDS } from "../model.js";
import { addon, errnoName } from "../native/addon.js";
import { readError } from "./content-reader.js";
import { sha256Of } from "./sha256.js";

/** Source files, as columns. */
export interface SourceJob {
  readonly kind: "sources";
  /** Path k is `paths[pathEnd[k − 1] … pathEnd[k]]`. */
  readonly paths: Uint8Array<ArrayBuffer>;
  readonly pathEnd: Uint32Array<ArrayBuffer>;
  /** `STAT_WORDS` words a file: what selection saw. */
  readonly stats: Uint32Array<ArrayBuffer>;
  /** Bytes of each file. */
  readonly sizes: Float64Array<ArrayBuffer>;
}

/** Contents of which the parts lie in one file. */
export interface StretchJob {
  readonly kind: "stretches";
  /** Open for reading; threads share descriptors. */
  readonly fd: number;
  /** Two values a stretch: its position in the file and its size. */
  readonly stretches: Float64Array<ArrayBuffer>;
  /** Content k is stretches `end[k − 1] … end[k]`, in their order. */
  readonly end: Uint32Array<ArrayBuffer>;
}

export type HashJob = SourceJob | StretchJob;

/** Content of jobs of several files: what is read at once. */
export const JOB_BYTES = 4 << 20;
const PART_VALUES = 6;

/** Of a thread. */
let scratch: Buffer<ArrayBuffer> | undefined;

/** @returns 32 bytes a content. Errors: `input-changed` (a file is not what selection saw), `unreadable`, `io` */
export function runHashJob(job: HashJob): Result<Uint8Array<ArrayBuffer>> {
  scratch ??= Buffer.allocUnsafeSlow(JOB_BYTES);
  return job.kind === "sources" ? hashSources(job, scratch) : hashStretches(job, scratch);
}

function hashSources(job: SourceJob, buffer: Buffer): Result<Uint8Array<ArrayBuffer>> {
  const { sizes } = job;
  const digests = new Uint8Array(sizes.length * 32);
  const totalBytes = sizes.reduce((sum, size) => sum + size, 0);
  if (totalBytes > buffer.length) return sizes.length === 1 ? hashLarge(job, buffer) : tooMuch();
  const parts = new Float64Array(sizes.length * PART_VALUES);
  let position = 0;
  for (const [index, size] of sizes.entries()) {
    parts.set([0, size, position], index * PART_VALUES);
    position += size;
  }
  const read = readSources(job, parts, buffer);
  if (!read.ok) return read;
  let at = 0;
  for (const [index, size] of sizes.entries()) {
    digests.set(sha256Of(buffer.subarray(at, at + size)), index * 32);
    at += size;
  }
  return ok(digests);
}

/** Piece by piece: each time the file is opened again and compared with what selection saw. */
function hashLarge(job: SourceJob, buffer: Buffer): Result<Uint8Array<ArrayBuffer>> {
  const hash = createHash("sha256");
  const size = job.sizes[0] as number;
  for (let at = 0; at < size; at += buffer.length) {
    const pieceBytes = Math.min(buffer.length, size - at);
    const read = readSources(job, Float64Array.of(at, pieceBytes, 0, 0, 0, 0), buffer);
    if (!read.ok) return read;
    hash.update(buffer.subarray(0, pieceBytes));
  }
  return ok(Uint8Array.from(hash.digest()));
}

function readSources({ paths, pathEnd, stats }: SourceJob, parts: Float64Array, out: Buffer): Result<void> {
  const failure = addon.readFiles(paths, pathEnd, stats, parts, out);
  if (failure === undefined) return ok(undefined);
  const { index, errno } = failure;
  const path = Buffer.from(paths.subarray(index === 0 ? 0 : pathEnd[index - 1], pathEnd[index]));
  return errno === 0
    ? fail("input-changed", { path })
    : { ok: false, error: readError(path, { code: errnoName(errno) }) };
}

function hashStretches({ fd, stretches, end }: StretchJob, buffer: Buffer): Result<Uint8Array<ArrayBuffer>> {
  const digests = new Uint8Array(end.length * 32);
  let stretch = 0;
  for (const [index, last] of end.entries()) {
    const hash = createHash("sha256");
    for (; stretch < last; stretch++) {
      const position = stretches[2 * stretch] as number;
      const size = stretches[2 * stretch + 1] as number;
      for (let done = 0; done < size; ) {
        const got = readSync(fd, buffer, 0, Math.min(buffer.length, size - done), position + done);
        if (got === 0) return fail("io", { detail: "ENODATA" });
        hash.update(buffer.subarray(0, got));
        done += got;
      }
    }
    digests.set(hash.digest(), index * 32);
  }
  return ok(digests);
}

function tooMuch(): never {
  throw new RangeError("a job of several files is limited to JOB_BYTES");
}

/** Copies the records of rows. */
export function statsOfRows(stats: Uint32Array, rows: readonly number[]): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(rows.length * STAT_WORDS);
  for (const [index, row] of rows.entries()) {
    words.set(stats.subarray(row * STAT_WORDS, (row + 1) * STAT_WORDS), index * STAT_WORDS);
  }
  return words;
}
