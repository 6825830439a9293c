/** The compiler path: turns the three artefacts into a library with the user's own compiler. */

import { chmod, open, rename, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { fail, ok, type Result } from "../errors.js";
import { unwritable } from "../publish/output-file.js";
import { outputPlace } from "../publish/output-place.js";
import { sweepTemporaries, temporaryPath } from "../publish/temporaries.js";
import { ARCHIVE_NAME, ASSEMBLY_NAME, BLOB_NAME, checkGccLimit } from "./artefacts.js";

export interface CompileOptions {
  /** Holds the three artefacts. */
  readonly directory: string;
  /** The library; it appears by rename. */
  readonly output: string;
  /** Command and first arguments, split at spaces: `gcc`, `musl-gcc`, `scone gcc`. */
  readonly cc?: string;
  readonly signal?: AbortSignal;
}

/**
 * Runs `CC ./binary_fs_blob.s ./libbinary_fs_template.a -shared -o OUTPUT` in the artefacts' directory.
 * @returns `path-not-found` for a missing artefact, `gcc-limit`, `output-exists`, `output-unwritable`, `no-space`, `interrupted`, `compiler-missing`, `compiler-failed` with the compiler's last lines as detail
 */
export async function linkArtefacts(options: CompileOptions): Promise<Result<void>> {
  let blobBytes = 0;
  for (const name of [BLOB_NAME, ASSEMBLY_NAME, ARCHIVE_NAME]) {
    const path = join(options.directory, name);
    try {
      const { size } = await stat(path);
      if (name === BLOB_NAME) blobBytes = size;
    } catch (cause) {
      return fail("path-not-found", { path: Buffer.from(path), cause });
    }
  }
  const limit = checkGccLimit(blobBytes);
  if (!limit.ok) return limit;
  return compile([`./${ASSEMBLY_NAME}`, `./${ARCHIVE_NAME}`, "-shared"], options);
}

/** Runs the compiler in `options.directory` with `-o` to a temporary beside the output, then renames. */
export async function compile(args: readonly string[], options: CompileOptions): Promise<Result<void>> {
  const [command, ...first] = (options.cc ?? "gcc").split(" ").filter((word) => word !== "");
  if (command === undefined) return fail("compiler-missing", { detail: "" });
  const place = outputPlace(Buffer.from(resolve(options.output)));
  if (!place.ok) return place;
  const output = place.value.toString();
  sweepTemporaries(place.value);
  const temporary = temporaryPath(place.value).toString();
  // The compiler would report an unwritable output in many words, after minutes: ask first.
  try {
    await (await open(temporary, "wx", 0o600)).close();
  } catch (cause) {
    return unwritable(place.value, cause);
  }
  try {
    const run = await execa(command, [...first, ...args, "-o", temporary], {
      cwd: options.directory,
      reject: false,
      all: true,
      stdin: "ignore",
      ...(options.signal && { cancelSignal: options.signal }),
    });
    if (run.code === "ENOENT" || run.code === "EACCES")
      return fail("compiler-missing", { detail: command, cause: run });
    if (run.isCanceled) return fail("interrupted");
    if (run.failed)
      return fail("compiler-failed", { detail: lastLines(run.all ?? "", run.exitCode, run.signal), cause: run });
    await chmod(temporary, 0o755);
    await rename(temporary, output);
    return ok(undefined);
  } catch (cause) {
    return unwritable(place.value, cause);
  } finally {
    await rm(temporary, { force: true });
  }
}

const DETAIL_LINES = 5;

function lastLines(text: string, exitCode: number | undefined, signal: string | undefined): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  if (lines.length === 0) return signal ?? `exit status ${exitCode}`;
  return lines.slice(-DETAIL_LINES).join("\n");
}
