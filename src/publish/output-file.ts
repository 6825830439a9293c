/** An output that appears by rename alone: written under a temporary name in the same directory, removed unless published. */

import { closeSync, constants, fstatSync, openSync, rmSync } from "node:fs";
import { fail, ok, type Result } from "../errors.js";
import { type FileIdentity, identityFrom } from "./identity.js";
import { outputPlace } from "./output-place.js";
import { replaceFile } from "./replace-file.js";
import { sweepTemporaries, temporaryPath, trackTemporary, untrackTemporary } from "./temporaries.js";

const OPEN_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

export class OutputFile {
  /** For reading and writing. */
  readonly fd: number;
  /** What it becomes. */
  readonly output: Buffer;
  readonly #temporary: Buffer;
  #isOpen = true;

  private constructor(fd: number, temporary: Buffer, output: Buffer) {
    this.fd = fd;
    this.#temporary = temporary;
    this.output = output;
    trackTemporary(temporary);
  }

  /**
   * Temporaries that dead processes left for the same output are removed.
   * @param output absolute host path; a symlink is followed, and what it leads to is replaced
   * @param mode permission bits; the process's umask applies
   * Errors: `output-unwritable` (its directory is missing or not writable), `output-exists` (what stands there is no regular file)
   */
  static create(output: Buffer, mode: number): Result<OutputFile> {
    const place = outputPlace(output);
    if (!place.ok) return place;
    const temporary = temporaryPath(place.value);
    try {
      sweepTemporaries(place.value);
      return ok(new OutputFile(openSync(temporary, OPEN_FLAGS, mode), temporary, place.value));
    } catch (cause) {
      return unwritable(output, cause);
    }
  }

  /** All or none. */
  static createAll(outputs: readonly Buffer[], mode: number): Result<OutputFile[]> {
    const files: OutputFile[] = [];
    for (const output of outputs) {
      const file = OutputFile.create(output, mode);
      if (!file.ok) {
        for (const created of files) created.discard();
        return file;
      }
      files.push(file.value);
    }
    return ok(files);
  }

  /** Takes the output's name. @returns which file it is, to be recorded */
  publish(): Result<FileIdentity> {
    let reader: number | undefined;
    try {
      reader = openSync(this.#temporary, constants.O_RDONLY | constants.O_NOFOLLOW);
      // Closed before it has the name: a file that is open for writing cannot be executed.
      this.#close();
      replaceFile(this.#temporary, this.output);
      untrackTemporary(this.#temporary);
      return ok(identityFrom(fstatSync(reader, { bigint: true })));
    } catch (cause) {
      return unwritable(this.output, cause);
    } finally {
      if (reader !== undefined) closeSync(reader);
    }
  }

  /** Removes the temporary; after `publish` it does nothing. */
  discard(): void {
    if (!untrackTemporary(this.#temporary)) return;
    this.#close();
    rmSync(this.#temporary, { force: true });
  }

  #close(): void {
    if (this.#isOpen) closeSync(this.fd);
    this.#isOpen = false;
  }
}

const NO_SPACE: readonly string[] = ["ENOSPC", "EDQUOT"];

/** @param cause what a file system call threw */
export function unwritable(path: Buffer, cause: unknown): ReturnType<typeof fail> {
  const detail = (cause as NodeJS.ErrnoException).code ?? "";
  return fail(NO_SPACE.includes(detail) ? "no-space" : "output-unwritable", { path, detail, cause });
}
