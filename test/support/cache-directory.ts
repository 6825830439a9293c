/** Builds of tests keep what they keep in a directory of this run, not in the user's cache. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Called once, before any test; what it returns is called after all. */
export function setup(): () => void {
  const directory = mkdtempSync(join(tmpdir(), "binaryfs-cache-"));
  process.env["XDG_CACHE_HOME"] = directory;
  return () => rmSync(directory, { recursive: true, force: true });
}
