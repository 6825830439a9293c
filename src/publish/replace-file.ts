/** Gives a finished file the name of another, whatever stood there before. */

import { lstatSync, renameSync, rmSync } from "node:fs";
import { addon } from "../native/addon.js";

/**
 * Where a file is replaced, by exchange: ext4 begins to write out a file that is renamed over another before it goes on (auto_da_alloc), which
 * takes a second for 800 MB and which nobody asked for (docs/adr/0007). Throws what rename(2) says.
 * @param temporary what becomes the file; gone afterwards
 * @param path its name
 */
export function replaceFile(temporary: Buffer, path: Buffer): void {
  if (addon.exchange(temporary, path) !== 0) {
    renameSync(temporary, path);
  } else if (lstatSync(temporary).isFile()) {
    rmSync(temporary, { force: true });
  } else {
    // What stands there is no file and not for replacing: a rename would not have, and says so.
    addon.exchange(temporary, path);
    renameSync(temporary, path);
  }
}
