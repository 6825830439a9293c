/** The too-young rule: which stat records say nothing about content. */

import { STAT } from "../model.js";

/** How far a file system's clock may lag behind the system's: a tick of the kernel's coarse clock, with room. */
const FINE_MS = 20;
/** File systems that keep whole seconds, some of them even ones. */
const COARSE_MS = 2100;

/** No clock and no time zone is so far off. */
const FAR_MS = 48 * 3_600_000;

/**
 * Whether the record at `stats[at …]` is so young that a write after the scan may leave its time stamps as they are. ctime decides: every write
 * moves it and nobody can set it. Where stamps are coarse, the file system may keep none, so that mtime decides too; but not one of the far
 * future, which any write would bring back to the present.
 * @param startedMs when the scan began, in milliseconds since the epoch
 */
export function isRacy(stats: Uint32Array, at: number, startedMs: number): boolean {
  const ctimeNsec = stats[at + STAT.ctimeNsec] as number;
  const ctime = milliseconds(stats, at + STAT.ctime, ctimeNsec);
  const isCoarse = ctimeNsec === 0 && stats[at + STAT.mtimeNsec] === 0;
  if (!isCoarse) return ctime > startedMs - FINE_MS;
  const mtime = milliseconds(stats, at + STAT.mtime, 0);
  return ctime > startedMs - COARSE_MS || (mtime > startedMs - COARSE_MS && mtime < startedMs + FAR_MS);
}

const milliseconds = (stats: Uint32Array, at: number, nsec: number): number =>
  (((stats[at + 1] as number) | 0) * 2 ** 32 + (stats[at] as number)) * 1000 + nsec / 1e6;
