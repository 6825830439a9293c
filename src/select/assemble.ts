/** Turns scanned directories into rows, depth first: what of them is selected, and the warnings on the way. */

import { readlinkSync } from "node:fs";
import type { BinaryfsError } from "../errors.js";
import { ROW, STAT, STAT_WORDS, type Warning } from "../model.js";
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, typeOfMode } from "../tree/row.js";
import type { SelectionContext } from "./context.js";
import { resolveLink } from "./links.js";
import { type Block, type Closed, failureOf, failureOfErrno, type Listing, latin1, nameLengthIn } from "./listing.js";
import { asText, isWithin, joinPath, toBytes } from "./paths.js";
import { isRacy } from "./racy.js";
import { NO_RULE } from "./rules.js";
import type { TableBuilder } from "./table-builder.js";

export interface RowWarning {
  readonly row: number;
  readonly warning: Warning;
}

/** As the kernel limits paths: `PATH_MAX` without the NUL. */
const PATH_MAX_BYTES = 4095;

/** No file system has longer names, in bytes. */
const NAME_BOUND = 1024;

const formatIn = ({ words, statAt }: Block, entry: number): number =>
  (words[statAt + entry * STAT_WORDS + STAT.mode] as number) & S_IFMT;

const isOrdinary = (format: number): boolean => format === S_IFREG || format === S_IFLNK;

export class Assembler {
  readonly warnings: RowWarning[] = [];
  /** The first in path order; nothing is to be appended after it. */
  error: BinaryfsError | undefined;
  readonly #context: SelectionContext;
  readonly #builder: TableBuilder;

  constructor(context: SelectionContext, builder: TableBuilder) {
    this.#context = context;
    this.#builder = builder;
  }

  /** Appends all that is in a scanned directory. There must be room in the builder. */
  appendListing(listing: Listing, depth: number): void {
    const block = listing.block as Block;
    if (block.errno !== 0) {
      this.error = failureOfErrno(this.#hostPath(listing.guest), block.errno);
      return;
    }
    const takesRuns = !this.#context.decides && listing.isOwnOutput === undefined && this.#hasRoom(listing, NAME_BOUND);
    let directory = 0;
    let end = block.nameAt;
    for (let entry = 0; entry < block.count && this.error === undefined; entry++) {
      const start = end;
      if (takesRuns) {
        let last = entry;
        while (last < block.count && isOrdinary(formatIn(block, last))) end += nameLengthIn(block, last++);
        if (last > entry) {
          this.#appendRun(listing, entry, last, start, depth);
          entry = last - 1;
          continue;
        }
      }
      end += nameLengthIn(block, entry);
      if (listing.isOwnOutput?.(latin1(block.bytes, start, end)) === true) continue;
      const decision = formatIn(block, entry) === S_IFDIR ? listing.directories[directory++] : undefined;
      this.appendEntry(listing, entry, start, end, decision, depth);
    }
  }

  /** Appends files and symlinks that are selected without a question. */
  #appendRun(listing: Listing, first: number, last: number, start: number, depth: number): void {
    const builder = this.#builder;
    const block = listing.block as Block;
    const { words, bytes, statAt, startedMs } = block;
    const row = builder.appendRun(depth, block, first, last, start);
    let end = start;
    for (let entry = first; entry < last && this.error === undefined; entry++) {
      const from = end;
      end += nameLengthIn(block, entry);
      const at = statAt + entry * STAT_WORDS;
      if (formatIn(block, entry) === S_IFLNK) {
        builder.setFlags(row + entry - first, ROW.selected);
        this.readLink(row + entry - first, listing.guest, latin1(bytes, from, end));
      } else {
        builder.setFlags(row + entry - first, isRacy(words, at, startedMs) ? ROW.selected | ROW.racy : ROW.selected);
      }
    }
  }

  /** Appends entry `entry` of a listing, whose name is at `bytes[start … end]` of the block, and what is beneath. */
  appendEntry(
    listing: Listing,
    entry: number,
    start: number,
    end: number,
    directory: Listing | Closed | undefined,
    depth: number,
  ): void {
    const { words, bytes, statAt, startedMs } = listing.block as Block;
    const at = statAt + entry * STAT_WORDS;
    const builder = this.#builder;
    const row = builder.append(depth, bytes, start, end, words, at);
    const mode = words[at + STAT.mode] as number;
    if (directory !== undefined) {
      this.#directory(row, directory, listing, latin1(bytes, start, end), depth);
      return;
    }
    builder.setMatch(row, NO_RULE);
    const format = mode & S_IFMT;
    let flags = format === S_IFREG && isRacy(words, at, startedMs) ? ROW.racy : 0;
    if (this.#selects(listing, bytes, start, end, words, at)) flags |= ROW.selected;
    builder.setFlags(row, flags);
    if (format === S_IFLNK && (flags & ROW.selected) !== 0)
      this.readLink(row, listing.guest, latin1(bytes, start, end));
  }

  #directory(row: number, directory: Listing | Closed, above: Listing, name: string, depth: number): void {
    const { rules } = this.#context;
    this.#builder.setMatch(row, directory.match);
    if ("guest" in directory) {
      if (this.#isTooLong(above, name.length)) return;
      this.#builder.setFlags(row, rules.selects(directory.match) ? ROW.selected : 0);
      this.appendListing(directory, depth + 1);
      return;
    }
    this.error = directory.error;
    const { filesystem } = directory;
    // A kernel file system's directory stays, empty, as the place to mount it at.
    const isSelected = filesystem !== undefined && rules.selects(directory.match);
    this.#builder.setFlags(row, ROW.unlisted | (isSelected ? ROW.selected : 0));
    if (filesystem !== undefined) this.#warn(row, "special-skipped", joinPath(above.guest, name), filesystem);
  }

  /** Whether a name that is no directory is selected. */
  #selects(listing: Listing, bytes: Buffer, start: number, end: number, words: Uint32Array, at: number): boolean {
    const { rules, isIgnored, decides, options } = this.#context;
    const mode = words[at + STAT.mode] as number;
    const guest = decides ? joinPath(listing.guest, latin1(bytes, start, end)) : "";
    const match = decides ? rules.lastMatch(guest, listing.match) : NO_RULE;
    const selected = rules.selects(match);
    if (mode === 0 && (selected || rules.maySelectBeneath(guest, match))) {
      const path = this.#hostPath(joinPath(listing.guest, latin1(bytes, start, end)));
      this.error = failureOfErrno(path, words[at] as number);
      return false;
    }
    if (!selected || this.#isTooLong(listing, end - start, bytes, start)) return false;
    if (decides && isIgnored(guest, false)) return false;
    const format = mode & S_IFMT;
    if (format === S_IFREG || format === S_IFLNK || options.specials === "keep") return true;
    const path = joinPath(listing.guest, latin1(bytes, start, end));
    this.#warn(this.#builder.count - 1, "special-skipped", path, typeOfMode(mode));
    return false;
  }

  #hasRoom({ guest }: Listing, nameLength: number): boolean {
    return this.#context.root.host.length + (guest === "/" ? 0 : guest.length) + 1 + nameLength <= PATH_MAX_BYTES;
  }

  #isTooLong(listing: Listing, nameLength: number, bytes?: Buffer, start = 0): boolean {
    if (this.#hasRoom(listing, nameLength)) return false;
    const name = bytes === undefined ? "" : latin1(bytes, start, start + nameLength);
    this.error = failureOf(this.#hostPath(joinPath(listing.guest, name)), "ENAMETOOLONG");
    return true;
  }

  /** Reads the selected symlink of the row and sets the body to store. */
  readLink(row: number, directory: string, name: string): void {
    const { links, provided } = this.#context;
    const guest = joinPath(directory, name);
    const path = this.#hostPath(guest);
    let body: string;
    try {
      body = readlinkSync(path, "latin1");
    } catch (cause) {
      this.error = failureOf(path, (cause as NodeJS.ErrnoException).code ?? "", cause);
      return;
    }
    const resolved = resolveLink(directory, body, links);
    this.#builder.setBody(row, resolved.body);
    if (resolved.guest === undefined && !provided.some((at) => isWithin(body, at))) {
      this.#warn(row, "symlink-leaves-root", guest, asText(body));
    }
  }

  #warn(row: number, code: Warning["code"], guest: string, detail: string): void {
    this.warnings.push({ row, warning: { code, path: toBytes(guest), detail } });
  }

  #hostPath(guest: string): Buffer {
    const { host } = this.#context.root;
    return toBytes(guest === "/" ? host || "/" : host + guest);
  }
}
