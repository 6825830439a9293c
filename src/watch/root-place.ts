/** Whether ROOT is still the directory that it was. */

import { statSync } from "node:fs";

/** Text that is the same for one directory only: inode numbers are used again, with another birth. Undefined where there is no directory. */
export function rootIdentity(root: Buffer): string | undefined {
  try {
    const stats = statSync(root, { bigint: true, throwIfNoEntry: false });
    return stats?.isDirectory() ? `${stats.dev}:${stats.ino}:${stats.birthtimeNs}` : undefined;
  } catch {
    return undefined;
  }
}
