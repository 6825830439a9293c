/** Every command of this version, in the order of help. */

import type { Command } from "./command.js";
import { buildCommand, packCommand } from "./command-build.js";
import { cacheCommand } from "./command-cache.js";
import { catCommand } from "./command-cat.js";
import { checkCommand } from "./command-check.js";
import { duCommand } from "./command-du.js";
import { extractCommand } from "./command-extract.js";
import { linkCommand } from "./command-link.js";
import { lsCommand } from "./command-ls.js";
import { runCommand } from "./command-run.js";
import { statCommand } from "./command-stat.js";
import { treeCommand } from "./command-tree.js";
import { verifyCommand } from "./command-verify.js";
import { watchCommand } from "./command-watch.js";

export const COMMANDS: readonly Command[] = [
  buildCommand,
  packCommand,
  linkCommand,
  watchCommand,
  runCommand,
  checkCommand,
  lsCommand,
  treeCommand,
  statCommand,
  catCommand,
  duCommand,
  extractCommand,
  verifyCommand,
  cacheCommand,
];

/** Words that become commands later: as a ROOT they would be a mistake. */
export const RESERVED_WORDS: readonly string[] = ["trace", "diff", "why", "measure", "report"];

/** How many slips of the fingers a word may be away. */
const MOST_SLIPS = 2;

/** The command, of this version or a later one, that a mistyped word most likely stands for. */
export function nearestCommand(word: string): string | undefined {
  const names = [...COMMANDS.map(({ name }) => name), ...RESERVED_WORDS];
  const ranked = names.map((name) => ({ name, slips: slipsBetween(word, name) })).sort((a, b) => a.slips - b.slips);
  const best = ranked[0];
  return best !== undefined && best.slips <= MOST_SLIPS && best.slips < best.name.length / 2 ? best.name : undefined;
}

/** Letters to change, add, leave out or swap with their neighbours (optimal string alignment). */
function slipsBetween(a: string, b: string): number {
  let older: number[] = [];
  let old = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let slips = Math.min(
        (old[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (old[j - 1] as number) + (isSame ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        slips = Math.min(slips, (older[j - 2] as number) + 1);
      row.push(slips);
    }
    older = old;
    old = row;
  }
  return old[b.length] as number;
}
