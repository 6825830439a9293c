/** What a row's stat says of it in the image, under the owner and mtime policies. */

import { type InodeAttributes, type MtimePolicy, STAT, STAT_WORDS, type Tree } from "../model.js";
import { typeOfMode } from "./row.js";

/** Whole seconds and nanoseconds under the policy. */
export function mtimeUnder(
  policy: MtimePolicy,
  seconds: number,
  nsec: number,
): { readonly seconds: number; readonly nsec: number } {
  if (policy.kind === "keep") return { seconds, nsec };
  const limit = policy.epochSeconds;
  const isLater = seconds > limit || (seconds === limit && nsec > 0);
  return policy.kind === "set" || isLater ? { seconds: limit, nsec: 0 } : { seconds, nsec };
}

/** A row's mtime in whole seconds, as scanned; exact within ±2⁵³. */
export const mtimeSeconds = (stats: Uint32Array, row: number): number =>
  ((stats[row * STAT_WORDS + STAT.mtime + 1] as number) | 0) * 2 ** 32 +
  (stats[row * STAT_WORDS + STAT.mtime] as number);

export function attributesOf({ table, owner, mtime }: Tree, row: number): InodeAttributes {
  const { stats } = table;
  const at = row * STAT_WORDS;
  const mode = stats[at + STAT.mode] as number;
  const type = typeOfMode(mode);
  const time = mtimeUnder(mtime, mtimeSeconds(stats, row), stats[at + STAT.mtimeNsec] as number);
  return {
    type,
    mode: mode & 0o7777,
    uid: owner === "root" ? 0 : (stats[at + STAT.uid] as number),
    gid: owner === "root" ? 0 : (stats[at + STAT.gid] as number),
    mtimeSeconds: time.seconds,
    mtimeNsec: time.nsec,
    rdev: type === "character" || type === "block" ? (stats[at + STAT.rdev] as number) : 0,
  };
}
