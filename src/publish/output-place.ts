/** Where an output goes: symlinks are followed, and nothing but a regular file is ever replaced. */

import { lstatSync, readlinkSync, realpathSync, type Stats } from "node:fs";
import { fail, ok, type Result } from "../errors.js";

/** As the kernel limits a path's resolution (path_resolution(7)). */
const MAX_LINKS = 40;

/**
 * @param output absolute host path
 * @returns the path to rename to: the output itself or, where it is a symlink, what the symlink leads to, which need not exist.
 * Errors: `output-exists` with the kind of what stands there as detail (device, fifo, socket), `output-unwritable` (EISDIR, ELOOP, …)
 */
export function outputPlace(output: Buffer): Result<Buffer> {
  let place = output;
  try {
    for (let links = 0; links <= MAX_LINKS; links++) {
      const stats = lstatSync(place, { throwIfNoEntry: false });
      if (stats === undefined || stats.isFile()) return ok(place);
      if (stats.isDirectory()) return fail("output-unwritable", { path: output, detail: "EISDIR" });
      if (!stats.isSymbolicLink()) return fail("output-exists", { path: output, detail: kindOf(stats) });
      place = targetOf(place);
    }
  } catch (cause) {
    return fail("output-unwritable", { path: output, detail: (cause as NodeJS.ErrnoException).code ?? "", cause });
  }
  return fail("output-unwritable", { path: output, detail: "ELOOP" });
}

/** One link further. The directory is resolved first: `..` in the body starts from where the link really is. */
function targetOf(link: Buffer): Buffer {
  const body = readlinkSync(link, "buffer");
  if (body[0] === SLASH) return body;
  const directory = link.subarray(0, Math.max(1, link.lastIndexOf(SLASH)));
  return Buffer.concat([realpathSync.native(directory, "buffer"), ROOT, body]);
}

const SLASH = 0x2f;
const ROOT = Buffer.from("/");

function kindOf(stats: Stats): string {
  if (stats.isFIFO()) return "a fifo";
  return stats.isSocket() ? "a socket" : "a device";
}
