/** Directories as the native scanner lists them, and the way down, level by level. */

import { availableParallelism } from "node:os";
import { type BinaryfsError, fail } from "../errors.js";
import { STAT, STAT_WORDS } from "../model.js";
import { addon, errnoName } from "../native/addon.js";
import { S_IFDIR, S_IFMT } from "../tree/row.js";
import type { SelectionContext } from "./context.js";
import type { IsOwnOutput } from "./own-output.js";
import { joinPath, toBytes } from "./paths.js";
import { pseudoFilesystem } from "./pseudo-filesystems.js";

/** The scanner waits for the disk at most; more threads than this gain nothing measurable. */
const THREADS = Math.min(4, availableParallelism());

/** One directory's names as the scanner gives them (`Addon.scanDirectories`). */
export interface Block {
  /** Linux errno; 0 where the directory could be listed. */
  readonly errno: number;
  readonly count: number;
  /** Entry k's stat record is `words[statAt + k × STAT_WORDS …]`. */
  readonly words: Uint32Array;
  readonly statAt: number;
  readonly bytes: Buffer;
  /** Entry k's name length is the u16 at `bytes[lengthAt + 2k]`; names follow one another from `nameAt` on. */
  readonly lengthAt: number;
  readonly nameAt: number;
  /** When the scan began, in milliseconds since the epoch. */
  readonly startedMs: number;
}

const HEADER_WORDS = 3;

/** Lists directories. @param paths host paths, each with a NUL after it */
export function scanBlocks(paths: Uint8Array, count: number): Block[] {
  if (count === 0) return [];
  const startedMs = Date.now();
  const scanned = addon.scanDirectories(paths, count, THREADS);
  const bytes = Buffer.from(scanned.buffer, scanned.byteOffset, scanned.byteLength);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
  const blocks: Block[] = [];
  for (let at = 0; blocks.length < count; ) {
    const errno = words[at] as number;
    const entries = words[at + 1] as number;
    const statAt = at + HEADER_WORDS;
    const lengthAt = (statAt + entries * STAT_WORDS) * 4;
    const nameAt = lengthAt + ((entries * 2 + 3) & ~3);
    blocks.push({ errno, count: entries, words, statAt, bytes, lengthAt, nameAt, startedMs });
    at = (nameAt + (((words[at + 2] as number) + 3) & ~3)) >>> 2;
  }
  return blocks;
}

export const nameLengthIn = ({ bytes, lengthAt }: Block, entry: number): number =>
  (bytes[lengthAt + 2 * entry] as number) | ((bytes[lengthAt + 2 * entry + 1] as number) << 8);

/** latin1 text of `bytes[start … end]`. */
export const latin1 = (bytes: Buffer, start: number, end: number): string => bytes.toString("latin1", start, end);

/** A directory to descend into. */
export interface Listing {
  readonly guest: string;
  readonly match: number;
  readonly dev: number;
  readonly isOwnOutput: IsOwnOutput | undefined;
  /** Set once it has been scanned. */
  block: Block | undefined;
  /** What is to be done with each directory in it, own outputs left out. */
  directories: readonly (Listing | Closed)[];
}

/** A directory that is not descended into. */
export interface Closed {
  readonly match: number;
  /** The kernel file system that is mounted there. */
  readonly filesystem?: string;
  readonly error?: BinaryfsError;
  readonly block?: undefined;
}

export const newListing = (
  guest: string,
  match: number,
  words: Uint32Array,
  at: number,
  context: SelectionContext,
): Listing => ({
  guest,
  match,
  dev: words[at + STAT.dev] as number,
  isOwnOutput: context.ownOutputIn(words, at),
  block: undefined,
  directories: [],
});

/** Scans the directories and all to be descended into beneath. Returns the number of names found and the bytes of their names, padding included. */
export function scanLevels(seeds: readonly Listing[], context: SelectionContext): { rows: number; bytes: number } {
  let rows = 0;
  let bytes = 0;
  for (let level = seeds; level.length > 0; ) {
    const paths = level.map(({ guest }) => `${guest === "/" ? context.root.host || "/" : context.root.host + guest}\0`);
    const blocks = scanBlocks(Buffer.from(paths.join(""), "latin1"), level.length);
    const next: Listing[] = [];
    for (const [index, listing] of level.entries()) {
      const block = blocks[index] as Block;
      listing.block = block;
      rows += block.count;
      bytes += block.words[block.statAt - 1] as number;
      listing.directories = directoriesOf(listing, block, context, next);
    }
    context.options.onProgress?.(rows);
    level = next;
  }
  return { rows, bytes };
}

function directoriesOf(
  listing: Listing,
  block: Block,
  context: SelectionContext,
  next: Listing[],
): (Listing | Closed)[] {
  const { words, bytes } = block;
  const { isOwnOutput } = listing;
  const found: (Listing | Closed)[] = [];
  let end = block.nameAt;
  for (let entry = 0; entry < block.count; entry++) {
    const start = end;
    end += nameLengthIn(block, entry);
    const at = block.statAt + entry * STAT_WORDS;
    if (((words[at + STAT.mode] as number) & S_IFMT) !== S_IFDIR) continue;
    const name = latin1(bytes, start, end);
    if (isOwnOutput?.(name) === true) continue;
    const directory = decideDirectory(listing, joinPath(listing.guest, name), words, at, context);
    if ("guest" in directory) next.push(directory);
    found.push(directory);
  }
  return found;
}

/** Whether a directory with the stat record at `words[at …]` is to be descended into. */
export function decideDirectory(
  { match: inherited, dev }: { readonly match: number; readonly dev: number },
  guest: string,
  words: Uint32Array,
  at: number,
  context: SelectionContext,
): Listing | Closed {
  const { rules, isIgnored, decides, root } = context;
  const match = decides ? rules.lastMatch(guest, inherited) : inherited;
  if (decides) {
    // Neither it nor anything beneath: not even looked at.
    if (!rules.selects(match) && !rules.maySelectBeneath(guest, match)) return { match };
    if (isIgnored(guest, true)) return { match };
  }
  if (words[at + STAT.dev] !== dev) {
    const path = toBytes(root.host + guest);
    try {
      const filesystem = pseudoFilesystem(path);
      if (filesystem !== undefined) return { match, filesystem };
    } catch (cause) {
      return { match, error: failureOf(path, (cause as NodeJS.ErrnoException).code ?? "", cause) };
    }
  }
  return newListing(guest, match, words, at, context);
}

/** Of a name that vanished, or that is no directory any more (ELOOP: but a link). */
const CHANGED: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ELOOP"]);

/** `input-changed` or `unreadable`. @param detail errno name */
export function failureOf(path: Buffer, detail: string, cause?: unknown): BinaryfsError {
  const code = CHANGED.has(detail) ? "input-changed" : "unreadable";
  return fail(code, { path, detail, ...(cause !== undefined && { cause }) }).error;
}

export const failureOfErrno = (path: Buffer, errno: number): BinaryfsError => failureOf(path, errnoName(errno));
