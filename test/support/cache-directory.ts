/** What all tests start from: builds keep what they keep in a directory of this run, not in the user's cache; modes of what is made are the usual ones. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Called once, before any test; what it returns is called after all. */
export function setup(): () => void {
  const directory = mkdtempSync(join(tmpdir(), "binaryfs-cache-"));
  process.env["XDG_CACHE_HOME"] = directory;
  process.umask(0o022);
  return () => rmSync(directory, { recursive: true, force: true });
}
