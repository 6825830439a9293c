/** Finds what ships in the package beside the compiled TypeScript: the runtime, the addon, worker threads. */

import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fail, ok, type Result } from "./errors.js";

/** `template.so`: native template; `libbinary_fs_template.a`: for the gcc path; `binaryfs.s`: for the .c form; `binaryfs-run`: launcher; `bfs-restore`: helper of extract. */
export type RuntimeFile = "template.so" | "libbinary_fs_template.a" | "binaryfs.s" | "binaryfs-run" | "bfs-restore";

/** Of the package: this module lies in `src`, in `dist` or, bundled, in `dist/bin`. */
const packageRoot = ((): string => {
  const directory = dirname(fileURLToPath(import.meta.url));
  return join(directory, basename(directory) === "bin" ? "../.." : "..");
})();

/** Host path of a file of the package. */
export const packageFile = (path: string): string => join(packageRoot, path);

/**
 * Path of one file of the runtime. From sources under test (`src`) and from the package (`dist`) it is the same `dist/runtime`.
 * BINARYFS_RUNTIME_DIR names another directory: for tests and for those who develop the runtime.
 */
export function runtimePath(file: RuntimeFile): string {
  const override = process.env["BINARYFS_RUNTIME_DIR"];
  if (override !== undefined && override !== "") return `${override}/${file}`;
  return packageFile(`dist/runtime/${file}`);
}

/** Its bytes; `template-missing` where the runtime was not built. */
export async function readRuntimeFile(file: RuntimeFile): Promise<Result<Buffer>> {
  const path = runtimePath(file);
  try {
    return ok(await readFile(path));
  } catch (cause) {
    return fail("template-missing", { path: Buffer.from(path), cause });
  }
}
