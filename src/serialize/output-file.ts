/** An output that appears by rename alone: written under a temporary name in the same directory, removed unless published. */

import { closeSync, constants, openSync, renameSync, rmSync, statSync } from "node:fs";
import { fail, ok, type Result } from "../errors.js";
import { temporaryPath, trackTemporary, untrackTemporary } from "./temporaries.js";

const OPEN_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

export class OutputFile {
  /** For reading and writing. */
  readonly fd: number;
  readonly #temporary: Buffer;
  readonly #output: Buffer;

  private constructor(fd: number, temporary: Buffer, output: Buffer) {
    this.fd = fd;
    this.#temporary = temporary;
    this.#output = output;
    trackTemporary(temporary);
  }

  /**
   * @param output absolute host path
   * @param mode permission bits; the process's umask applies
   * Errors: `output-unwritable` (its directory is missing or not writable, or it is a directory itself)
   */
  static create(output: Buffer, mode: number): Result<OutputFile> {
    const temporary = temporaryPath(output);
    try {
      if (statSync(output, { throwIfNoEntry: false })?.isDirectory()) return unwritable(output, { code: "EISDIR" });
      return ok(new OutputFile(openSync(temporary, OPEN_FLAGS, mode), temporary, output));
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

  /** Takes the output's name. */
  publish(): Result<void> {
    try {
      renameSync(this.#temporary, this.#output);
    } catch (cause) {
      return unwritable(this.#output, cause);
    }
    untrackTemporary(this.#temporary);
    closeSync(this.fd);
    return ok(undefined);
  }

  /** Removes the temporary; after `publish` it does nothing. */
  discard(): void {
    if (!untrackTemporary(this.#temporary)) return;
    closeSync(this.fd);
    rmSync(this.#temporary, { force: true });
  }
}

/** @param cause what a file system call threw */
export const unwritable = (path: Buffer, cause: unknown): ReturnType<typeof fail> =>
  fail("output-unwritable", { path, detail: (cause as NodeJS.ErrnoException).code ?? "", cause });
