/** Libraries in a remote cache: found by their action key, fetched and stored piece by piece. Whatever comes from there is checked by its hash. */

import { webcrypto } from "node:crypto";
import { decodeActionResult, encodeActionResult } from "./action-result.js";
import { type Existence, type HttpCache, PARALLEL_REQUESTS } from "./http-cache.js";
import { Pieces } from "./pieces.js";

/** `wrong`: there is something else. `off`: see `HttpCache`. */
export type Found<T> = { readonly kind: "found"; readonly value: T } | { readonly kind: "missing" | "wrong" | "off" };

/** Bytes of an ActionResult for each piece (a path, a digest and their tags take 97), and what others may have put into it besides. */
const ENTRY_BYTES = 256;
const OTHER_BYTES = 64 << 10;

/** Pieces that were stored earlier and are asked for again: a cache that dropped some of them has dropped one of these, most likely. */
const SAMPLES = 4;

/** The entry of a library of so many bytes. */
export async function lookUp(cache: HttpCache, key: string, sizeBytes: number): Promise<Found<Pieces>> {
  const { count } = new Pieces(sizeBytes);
  const fetched = await cache.get(`/ac/${key}`, { bytes: count * ENTRY_BYTES + OTHER_BYTES, isExact: false });
  if (fetched.kind !== "found") return fetched;
  const files = decodeActionResult(fetched.body, count);
  const pieces = files && Pieces.fromOutputFiles(files, sizeBytes);
  return pieces === undefined ? { kind: "wrong" } : { kind: "found", value: pieces };
}

/** A piece, of the right size and hash. */
export async function fetchPiece(cache: HttpCache, pieces: Pieces, index: number): Promise<Found<Buffer>> {
  const hash = pieces.hashOf(index);
  const fetched = await cache.get(`/cas/${hash}`, { bytes: pieces.sizeOf(index), isExact: true });
  if (fetched.kind !== "found") return fetched;
  const isRight = (await sha256Beside(fetched.body)).toString("hex") === hash;
  return isRight ? { kind: "found", value: fetched.body } : { kind: "wrong" };
}

/** In another thread. */
export async function sha256Beside(bytes: Uint8Array<ArrayBuffer>): Promise<Buffer> {
  return Buffer.from(await webcrypto.subtle.digest("SHA-256", bytes));
}

export interface ShareOptions {
  readonly key: string;
  /** All known. */
  readonly pieces: Pieces;
  /** A piece's bytes now; undefined where they cannot be read. */
  readonly read: (index: number) => Buffer<ArrayBuffer> | undefined;
  /** Whether the cache took a piece earlier. */
  readonly isStored: (index: number) => boolean;
  /** Hashes under which the cache holds something else: it would say that they are there. */
  readonly damaged: ReadonlySet<string>;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/**
 * Stores what the cache has not got, and last the entry that names it: an entry never comes before its pieces.
 * @returns whether all of it is there. False when the cache is off, or a piece is no longer what its hash says
 */
export async function share(cache: HttpCache, options: ShareOptions): Promise<boolean> {
  const { key, pieces, read, onProgress } = options;
  const missing = await missingPieces(cache, options);
  if (missing === undefined) return false;
  const totalBytes = missing.reduce((sum, index) => sum + pieces.sizeOf(index), 0);
  let doneBytes = 0;
  const stored = await inParallel(missing, async (index) => {
    const bytes = read(index);
    const hash = pieces.hashOf(index);
    // Whoever writes into a library must not make the cache's content wrong for others.
    if (bytes === undefined || (await sha256Beside(bytes)).toString("hex") !== hash) return false;
    if (!(await cache.put(`/cas/${hash}`, bytes))) return false;
    doneBytes += bytes.length;
    onProgress?.(doneBytes, totalBytes);
    return true;
  });
  if (!stored) return false;
  return cache.put(`/ac/${key}`, encodeActionResult(pieces.toOutputFiles()));
}

/** One of each content. @returns undefined when the cache is off */
async function missingPieces(cache: HttpCache, options: ShareOptions): Promise<number[] | undefined> {
  const { pieces, isStored, damaged } = options;
  const first = new Map<string, number>();
  for (let index = 0; index < pieces.count; index++) {
    if (!pieces.isHole(index) && !first.has(pieces.hashOf(index))) first.set(pieces.hashOf(index), index);
  }
  const all = [...first.values()];
  const missing = all.filter((index) => damaged.has(pieces.hashOf(index)));
  const sound = all.filter((index) => !damaged.has(pieces.hashOf(index)));
  const stored = sound.filter(isStored);
  const step = Math.max(1, Math.floor(stored.length / SAMPLES));
  const samples = new Set(stored.filter((_, position) => position % step === 0).slice(0, SAMPLES));
  const ask = async (indices: readonly number[]): Promise<number[] | undefined> => {
    const answers = new Map<number, Existence>();
    const isOn = await inParallel(indices, async (index) => {
      const answer = await cache.has(`/cas/${pieces.hashOf(index)}`);
      answers.set(index, answer);
      return answer !== "off";
    });
    return isOn ? indices.filter((index) => answers.get(index) !== "there") : undefined;
  };
  const fresh = sound.filter((index) => !isStored(index));
  const gone = await ask([...fresh, ...samples]);
  if (gone === undefined) return undefined;
  missing.push(...gone);
  if (gone.some((index) => samples.has(index))) {
    const others = await ask(stored.filter((index) => !samples.has(index)));
    if (others === undefined) return undefined;
    missing.push(...others);
  }
  return missing.sort((a, b) => a - b);
}

/** As many at once as there are connections. @returns whether all went well; after a failure no further one is begun */
export async function inParallel(
  indices: Iterable<number>,
  run: (index: number) => Promise<boolean>,
): Promise<boolean> {
  const rest = indices[Symbol.iterator]();
  let isGood = true;
  const lane = async (): Promise<void> => {
    for (let next = rest.next(); isGood && next.done !== true; next = rest.next()) {
      if (!(await run(next.value))) isGood = false;
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_REQUESTS }, lane));
  return isGood;
}
