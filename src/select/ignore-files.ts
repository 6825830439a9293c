/** Ignore files: gitignore(5) patterns that take away from what the rules select. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type ignorePackage from "ignore";
import { fail, ok, type Result } from "../errors.js";
import { type PathLike, toBytes, toLatin1 } from "./paths.js";

/** @param path guest path, other than the root */
export type IsIgnored = (path: string, isDirectory: boolean) => boolean;

export interface IgnoreRules {
  readonly isIgnored: IsIgnored;
  /** What the files hold, in their order: latin1 text. */
  readonly contents: readonly string[];
}

/**
 * Patterns are taken from ROOT, those of later files after those of earlier ones. What lies beneath an ignored directory
 * is ignored whatever comes later, as with git.
 * Errors: `unreadable`
 */
export function readIgnoreFiles(files: readonly PathLike[]): Result<IgnoreRules> {
  if (files.length === 0) return ok({ isIgnored: () => false, contents: [] });
  // Loaded here: most builds have no ignore file.
  const ignore: typeof ignorePackage = createRequire(import.meta.url)("ignore");
  const matcher = ignore({ ignorecase: false });
  const contents: string[] = [];
  for (const file of files) {
    const path = toBytes(toLatin1(file));
    try {
      // Read as latin1 as paths are, so that both are bytes.
      contents.push(readFileSync(path, "latin1"));
    } catch (cause) {
      return fail("unreadable", { path, detail: (cause as NodeJS.ErrnoException).code ?? "", cause });
    }
  }
  for (const content of contents) matcher.add(content);
  const isIgnored: IsIgnored = (path, isDirectory) => matcher.ignores(path.slice(1) + (isDirectory ? "/" : ""));
  return ok({ isIgnored, contents });
}
