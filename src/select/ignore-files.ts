/** Ignore files: gitignore(5) patterns that take away from what the rules select. */

import { readFileSync } from "node:fs";
import ignore from "ignore";
import { fail, ok, type Result } from "../errors.js";
import { type PathLike, toBytes, toLatin1 } from "./paths.js";

/** @param path guest path, other than the root */
export type IsIgnored = (path: string, isDirectory: boolean) => boolean;

/**
 * Patterns are taken from ROOT, those of later files after those of earlier ones. What lies beneath an ignored directory
 * is ignored whatever comes later, as with git.
 * Errors: `unreadable`
 */
export function readIgnoreFiles(files: readonly PathLike[]): Result<IsIgnored> {
  if (files.length === 0) return ok(() => false);
  const matcher = ignore({ ignorecase: false });
  for (const file of files) {
    const path = toBytes(toLatin1(file));
    try {
      // Read as latin1 as paths are, so that both are bytes.
      matcher.add(readFileSync(path, "latin1"));
    } catch (cause) {
      return fail("unreadable", { path, detail: (cause as NodeJS.ErrnoException).code ?? "", cause });
    }
  }
  return ok((path, isDirectory) => matcher.ignores(path.slice(1) + (isDirectory ? "/" : "")));
}
