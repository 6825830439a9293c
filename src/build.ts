/** Builds, as one call each: see `Session` for builds that go on. */

import { packOnce } from "./engine/artefacts.js";
import type { BuildOptions, BuildReport } from "./engine/options.js";
import { Session } from "./engine/session.js";
import { ok, type Result } from "./errors.js";

/**
 * Packs a directory tree into a library, or brings one up to date that an earlier build made. The same tree and options give the same bytes, whatever
 * was there before. The output appears by rename, complete; on an error nothing of it is touched and no temporary stays.
 *
 * Errors: those of `Session.open` and `Session.update`; with `linker: "gcc"` those of `linkArtefacts`.
 */
export async function build(options: BuildOptions): Promise<Result<BuildReport>> {
  const session = await Session.open(options);
  if (!session.ok) return session;
  try {
    const report = await session.value.update("all", true);
    if (!report.ok) return report;
    const { changed: _changed, directories: _directories, ...own } = report.value;
    return ok(own);
  } finally {
    await session.value.close();
  }
}

/**
 * Makes what a compiler turns into a library: three artefacts in a directory (made if missing) or, for an output that ends in `.c`, that file
 * and its `.blob`. They appear once all are complete.
 *
 * Errors: as `build`, and `gcc-limit`.
 */
export async function pack(options: BuildOptions): Promise<Result<BuildReport>> {
  const first = await packOnce(options);
  // A tree that changes under the build gets a second chance: most changes are over by then.
  return !first.ok && first.error.code === "input-changed" ? packOnce(options) : first;
}
