/** Every command of this version, in the order of help. */

import type { Command } from "./command.js";
import { buildCommand, packCommand } from "./command-build.js";
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

export const COMMANDS: readonly Command[] = [
  buildCommand,
  packCommand,
  linkCommand,
  runCommand,
  checkCommand,
  lsCommand,
  treeCommand,
  statCommand,
  catCommand,
  duCommand,
  extractCommand,
  verifyCommand,
];

/** Words that become commands later: as a ROOT they would be a mistake. */
export const RESERVED_WORDS: readonly string[] = ["watch", "trace", "diff", "why", "measure", "report", "cache"];
