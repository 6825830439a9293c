/** Where an extraction goes: a new directory appears by rename once it is complete, an empty one that was there is filled and emptied again on a failure. */

import { chmodSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { fail, ok, type Result } from "../errors.js";
import { unwritable } from "../publish/output-file.js";
import { sweepTemporaries, temporaryPath, trackTemporary, untrackTemporary } from "../publish/temporaries.js";

export class ExtractTarget {
  /** An existing empty directory to write into. */
  readonly place: Buffer;
  readonly #target: Buffer;
  #isDone = false;

  private constructor(place: Buffer, target: Buffer) {
    this.place = place;
    this.#target = target;
    if (this.#isTemporary) trackTemporary(place);
  }

  /** Errors: `extract-refused` (it is there and no empty directory), `output-unwritable`, `no-space` */
  static open(given: Buffer): Result<ExtractTarget> {
    const target = withoutTrailingSlashes(given);
    try {
      if (lstatSync(target, { throwIfNoEntry: false }) !== undefined) return openExisting(target, ExtractTarget.#at);
      sweepTemporaries(target);
      const place = temporaryPath(target);
      mkdirSync(place, { mode: 0o700 });
      return ok(new ExtractTarget(place, target));
    } catch (cause) {
      return unwritable(target, cause);
    }
  }

  static #at(target: Buffer): ExtractTarget {
    return new ExtractTarget(target, target);
  }

  get #isTemporary(): boolean {
    return this.place !== this.#target;
  }

  /** Gives the directory its name. */
  publish(): Result<void> {
    try {
      if (this.#isTemporary) renameSync(this.place, this.#target);
    } catch (cause) {
      return unwritable(this.#target, cause);
    }
    if (this.#isTemporary) untrackTemporary(this.place);
    this.#isDone = true;
    return ok(undefined);
  }

  /** Removes what was made; after `publish` it does nothing. */
  discard(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    if (this.#isTemporary) {
      untrackTemporary(this.place);
      removeTree(this.place);
      return;
    }
    removeBeneath(this.place);
  }
}

function openExisting(target: Buffer, at: (target: Buffer) => ExtractTarget): Result<ExtractTarget> {
  try {
    return readdirSync(target, "buffer").length === 0
      ? ok(at(target))
      : fail("extract-refused", { path: target, detail: "the directory is not empty" });
  } catch (cause) {
    return fail("extract-refused", { path: target, detail: (cause as NodeJS.ErrnoException).code ?? "", cause });
  }
}

/** What cannot be removed stays: the failure that led here is the one to report. */
function removeTree(path: Buffer): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    removeClosedTree(path);
  }
}

/** Directories may have got modes by now that keep their owner out. */
function removeClosedTree(path: Buffer): void {
  try {
    openDirectories(path);
    rmSync(path, { recursive: true, force: true });
  } catch {
    // Left behind under its temporary name: the next extraction to the same place tries again.
  }
}

function removeBeneath(directory: Buffer): void {
  try {
    for (const name of readdirSync(directory, "buffer")) removeTree(below(directory, name));
  } catch {
    // As above.
  }
}

function openDirectories(path: Buffer): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  chmodSync(path, 0o700);
  for (const name of readdirSync(path, "buffer")) openDirectories(below(path, name));
}

const SLASH = Buffer.from("/");
const below = (directory: Buffer, name: Buffer): Buffer => Buffer.concat([directory, SLASH, name]);

/** `temporaryPath` needs a name at the end, and rename takes no slash there. A relative one gets a directory to be beside. */
function withoutTrailingSlashes(path: Buffer): Buffer {
  let end = path.length;
  while (end > 1 && path[end - 1] === SLASH[0]) end--;
  const name = path.subarray(0, end);
  return name.includes(SLASH) ? name : Buffer.concat([Buffer.from("./"), name]);
}
