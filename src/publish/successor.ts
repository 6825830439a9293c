/** The next library: a file that begins as a copy of the published one, is written to where something changed, and takes its name. */

import { closeSync, fchmodSync, fstatSync, ftruncateSync, lstatSync, openSync, renameSync, rmSync } from "node:fs";
import { ok, type Result } from "../errors.js";
import { addon } from "../native/addon.js";
import { copyStretches, type Stretch } from "./copy.js";
import { type FileIdentity, identityFrom } from "./identity.js";
import { unwritable } from "./output-file.js";
import { outputPlace } from "./output-place.js";
import {
  CREATE_FLAGS,
  currentUmask,
  keepAsSpare,
  LIBRARY_MODE,
  openLibrary,
  READ_FLAGS,
  type Spare,
  type SpareOptions,
  takeSpare,
} from "./spare.js";
import { canKeepSpare, clearSparePlaces, removeSpareDirectories } from "./spare-place.js";
import { sweepTemporaries, temporaryPath, trackTemporary, untrackTemporary } from "./temporaries.js";

/** `clone`: blocks shared by the file system. `spare`: the file before the last one, brought up to date. `copy`: all bytes copied. */
export type SuccessorMethod = "clone" | "spare" | "copy";

export interface SuccessorOptions extends SpareOptions {
  /** What `publish`, `discard` or `makeSpare` said last. */
  readonly spare?: Spare;
  /** Size of the new library, bytes. Beyond the old one's end it reads as zero. */
  readonly sizeBytes: number;
}

/** To be recorded: an update needs it to build upon this library. */
export interface Published {
  readonly library: FileIdentity;
  readonly spare?: Spare;
}

export class Successor {
  /** For reading and writing; holds the library's bytes and has its new size. Not to be closed. */
  readonly fd: number;
  /** The library that stands there, for reading. Closed by `publish` and `discard`. */
  readonly source: number;
  readonly method: SuccessorMethod;
  readonly #options: SuccessorOptions;
  readonly #place: Buffer;
  readonly #temporary: Buffer;
  #isOpen = true;
  #isFileOpen = true;

  private constructor(draft: Draft, source: number, options: SuccessorOptions, place: Buffer) {
    this.fd = draft.fd;
    this.source = source;
    this.method = draft.method;
    this.#options = options;
    this.#place = place;
    this.#temporary = draft.temporary;
  }

  /**
   * Without a spare, or with one that somebody has mapped, and where the file system cannot share blocks, it copies the whole library. A spare that nobody recorded is removed.
   * @returns undefined where the library is no longer the one that was named: it has to be made anew.
   * Errors: `no-space`, `output-unwritable`, `output-exists`, `interrupted`; nothing has changed then but that the spare may be gone
   */
  static async create(options: SuccessorOptions): Promise<Result<Successor | undefined>> {
    const place = outputPlace(options.output);
    if (!place.ok) return place;
    sweepOnce(place.value);
    const source = openLibrary(place.value, options.library);
    if (source === undefined) return ok(undefined);
    let successor: Successor | undefined;
    let isReady = false;
    try {
      const draft = openDraft(options, source, place.value);
      successor = new Successor(draft, source, options, place.value);
      clearSparePlaces(options.spareDirectories, place.value);
      const libraryBytes = fstatSync(source).size;
      // Bytes that only the other file has are none of its own: cut off, or zeros.
      if (draft.method !== "clone") ftruncateSync(draft.fd, libraryBytes);
      const copied = await copyStretches(source, draft.fd, cut(draft.missing, libraryBytes), options.signal);
      if (!copied.ok) return copied;
      if (options.sizeBytes !== libraryBytes) ftruncateSync(draft.fd, options.sizeBytes);
      isReady = true;
      return ok(successor);
    } catch (cause) {
      return unwritable(options.output, cause);
    } finally {
      if (!isReady && successor !== undefined) successor.discard();
      else if (!isReady) closeSync(source);
    }
  }

  /**
   * Takes the library's name. The old library becomes the spare where blocks are not shared.
   * @param written all that may have been written to `fd`, holes made in it included; order and overlaps do not matter
   * Errors: `no-space`, `output-unwritable`; the old library stands then, and nothing is left of this file
   */
  publish(written: readonly Stretch[]): Result<Published> {
    let reader: number | undefined;
    try {
      // Closed before it has the name: a file that is open for writing cannot be executed, and one under a lease keeps its readers waiting.
      if (this.method === "spare") addon.releaseLease(this.fd);
      reader = openSync(this.#temporary, READ_FLAGS);
      this.#closeFile();
      const isExchanged = this.#takeName();
      const spare = isExchanged ? this.#keepOld(written) : undefined;
      if (spare === undefined) removeSpareDirectories(this.#options.spareDirectories);
      return ok({
        library: identityFrom(fstatSync(reader, { bigint: true })),
        ...(spare !== undefined && { spare }),
      });
    } catch (cause) {
      this.discard();
      return unwritable(this.#options.output, cause);
    } finally {
      if (reader !== undefined) closeSync(reader);
      this.#end();
    }
  }

  /**
   * Gives up; after `publish` it does nothing.
   * @param written as for `publish`, where it is known: the file is kept as the spare then, which saves the next update a copy
   * @returns the spare, to be recorded
   */
  discard(written?: readonly Stretch[]): Spare | undefined {
    if (!this.#isOpen) return undefined;
    this.#closeFile();
    let spare: Spare | undefined;
    try {
      const libraryBytes = fstatSync(this.source).size;
      if (written === undefined || this.method === "clone" || !canKeepSpare(this.#place)) {
        rmSync(this.#temporary, { force: true });
        removeSpareDirectories(this.#options.spareDirectories);
      } else {
        const cutOff: Stretch[] =
          this.#options.sizeBytes < libraryBytes ? [[this.#options.sizeBytes, libraryBytes]] : [];
        spare = this.#keep([...written, ...cutOff]);
      }
    } catch {
      // The next build sweeps it.
    }
    this.#end();
    return spare;
  }

  /** @returns whether the old library has the temporary's name now */
  #takeName(): boolean {
    const canKeep = this.method !== "clone" && this.#options.spareDirectories.length > 0 && canKeepSpare(this.#place);
    if (canKeep && addon.exchange(this.#temporary, this.#place) === 0) return true;
    renameSync(this.#temporary, this.#place);
    return false;
  }

  /** Another build may have put its library there meanwhile, somebody may have linked to ours: neither is ours to write to. */
  #keepOld(written: readonly Stretch[]): Spare | undefined {
    try {
      const old = fstatSync(this.source, { bigint: true });
      const { dev, ino } = lstatSync(this.#temporary, { bigint: true });
      const isOurs = old.dev === dev && old.ino === ino && old.nlink === 1n && Number(old.uid) === process.geteuid?.();
      if (isOurs) return this.#keep(written);
      rmSync(this.#temporary, { force: true });
    } catch {
      // It is published; without a spare the next update copies.
    }
    return undefined;
  }

  #keep(behind: readonly Stretch[]): Spare | undefined {
    return keepAsSpare(this.#temporary, behind, this.#options.spareDirectories, this.#place);
  }

  #closeFile(): void {
    if (!this.#isFileOpen) return;
    this.#isFileOpen = false;
    closeSync(this.fd);
  }

  #end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    untrackTemporary(this.#temporary);
    closeSync(this.source);
  }
}

interface Draft {
  readonly fd: number;
  readonly temporary: Buffer;
  readonly method: SuccessorMethod;
  /** What has to be copied from the library. */
  readonly missing: readonly Stretch[];
}

/** Beside the library, so that it can be renamed to it and is swept if this process is killed. */
function openDraft(options: SuccessorOptions, source: number, place: Buffer): Draft {
  const temporary = temporaryPath(place);
  const { spare } = options;
  const taken = spare && takeSpare(spare, options.spareDirectories, place, temporary);
  trackTemporary(temporary);
  if (spare !== undefined && taken !== undefined) {
    const mode = LIBRARY_MODE & ~currentUmask();
    if ((fstatSync(taken).mode & 0o7777) !== mode) fchmodSync(taken, mode);
    return { fd: taken, temporary, method: "spare", missing: spare.behind };
  }
  try {
    const fd = openSync(temporary, CREATE_FLAGS, LIBRARY_MODE);
    if (addon.clone(source, fd) === 0) return { fd, temporary, method: "clone", missing: [] };
    return { fd, temporary, method: "copy", missing: [[0, Number.MAX_SAFE_INTEGER]] };
  } catch (cause) {
    untrackTemporary(temporary);
    throw cause;
  }
}

const cut = (stretches: readonly Stretch[], sizeBytes: number): Stretch[] =>
  stretches.map(([start, end]) => [start, Math.min(end, sizeBytes)]);

const swept = new Set<string>();

/** Once a process and output: a directory may hold many names, and updates are to be quick. */
function sweepOnce(place: Buffer): void {
  const key = place.toString("latin1");
  if (!swept.has(key)) sweepTemporaries(place);
  swept.add(key);
}
