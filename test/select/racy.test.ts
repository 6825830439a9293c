/** Which stat records say nothing about content. */

import { expect, test } from "vitest";
import { STAT, STAT_WORDS } from "../../src/model.js";
import { isRacy } from "../../src/select/racy.js";

const NOW_MS = 1_700_000_000_000;

/** A record with these time stamps, in milliseconds since the epoch. */
function record(mtimeMs: number, ctimeMs: number): Uint32Array {
  const words = new Uint32Array(STAT_WORDS);
  for (const [at, nsecAt, ms] of [
    [STAT.mtime, STAT.mtimeNsec, mtimeMs],
    [STAT.ctime, STAT.ctimeNsec, ctimeMs],
  ] as const) {
    const seconds = Math.floor(ms / 1000);
    words[at] = seconds % 2 ** 32;
    words[at + 1] = Math.floor(seconds / 2 ** 32);
    words[nsecAt] = (ms - seconds * 1000) * 1e6;
  }
  return words;
}

const YEAR_MS = 365 * 86_400_000;

test.each([
  ["long ago", -60_001, -60_001, false],
  ["changed just now", -60_001, -1, true],
  ["written just now", -1, -1, true],
  ["before the last tick", -60_001, -999, false],
  ["an mtime of the future, set long ago", YEAR_MS, -60_001, false],
  ["an mtime of the future, set just now", YEAR_MS, -1, true],
  ["a ctime of the future", -60_001, 5_001, true],
  ["whole seconds, long ago", -60_000, -60_000, false],
  ["whole seconds, written a second ago", -1000, -1000, true],
  ["whole seconds, mtime alone is young", -1000, -60_000, true],
  ["whole seconds, ctime alone is young", -60_000, -1000, true],
  ["whole seconds, an mtime of the far future", YEAR_MS, -60_000, false],
  ["whole seconds, a clock that is ahead", 5000, -60_000, true],
])("%s", (_, mtimeMs, ctimeMs, racy) => {
  expect(isRacy(record(NOW_MS + mtimeMs, NOW_MS + ctimeMs), 0, NOW_MS)).toBe(racy);
});

test("the record may lie anywhere in the column", () => {
  const stats = new Uint32Array(3 * STAT_WORDS);
  stats.set(record(NOW_MS - 1, NOW_MS - 1), STAT_WORDS);
  expect([0, 1, 2].map((row) => isRacy(stats, row * STAT_WORDS, NOW_MS))).toEqual([false, true, false]);
});
