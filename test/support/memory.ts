/** Where tests work in memory. */

import { existsSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";

const MEMORY = "/dev/shm";
/** More than any test needs there at once. Containers often have 64 MiB. */
const ROOM_BYTES = 2 ** 30;

/** In memory, where that is to be had and has room: faster than a disk. The directory for temporary files elsewhere. */
export const memoryDirectory = (): string => {
  if (!existsSync(MEMORY)) return tmpdir();
  const { bavail, bsize } = statfsSync(MEMORY);
  return bavail * bsize >= ROOM_BYTES ? MEMORY : tmpdir();
};
