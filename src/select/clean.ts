/** The clean selection: everything is scanned, level by level, and assembled depth first. */

import type { Result } from "../errors.js";
import { type NodeTable, ROW, STAT_WORDS, type Tree } from "../model.js";
import { addon } from "../native/addon.js";
import { Assembler } from "./assemble.js";
import { conclude } from "./conclude.js";
import type { SelectionContext } from "./context.js";
import { failureOf, newListing, scanLevels } from "./listing.js";
import { toBytes } from "./paths.js";
import { NO_RULE } from "./rules.js";
import { settleDirectories } from "./settle.js";
import { TableBuilder } from "./table-builder.js";

const NO_NAME = new Uint8Array(0);

/** Errors: see `select`. */
export function selectCleanly(context: SelectionContext): Result<Tree> {
  const path = toBytes(context.root.host || "/");
  let stats: Uint32Array;
  try {
    stats = addon.statRecord(path);
  } catch (cause) {
    return { ok: false, error: failureOf(path, (cause as NodeJS.ErrnoException).code ?? "", cause) };
  }
  context.rules.reset();
  const root = newListing("/", NO_RULE, stats, 0, context);
  const { rows, bytes } = scanLevels([root], context);
  const builder = new TableBuilder();
  builder.reserve(rows + 1, bytes);
  const row = builder.append(0, NO_NAME, 0, 0, stats, 0);
  builder.setMatch(row, NO_RULE);
  builder.setFlags(row, ROW.selected);
  const assembler = new Assembler(context, builder);
  assembler.appendListing(root, 1);
  if (assembler.error !== undefined) return { ok: false, error: assembler.error };
  const table = builder.finish(new Map());
  if (context.decides) settleDirectories(table, context.rules);
  return conclude(context, {
    table,
    warnings: assembler.warnings,
    keptXattrs: new Map(),
    keptXattrWarnings: [],
    keptSecrets: [],
  });
}

/** Rows whose stat records are as before keep saying that these mean nothing. */
export function keepRacy(previous: NodeTable, { count, flags, stats }: NodeTable, origin: Uint32Array): void {
  for (let row = 0; row < count; row++) {
    const old = origin[row] as number;
    if (old >= previous.count) continue;
    let isSame = true;
    for (let word = 0; word < STAT_WORDS && isSame; word++) {
      isSame = stats[row * STAT_WORDS + word] === previous.stats[old * STAT_WORDS + word];
    }
    if (isSame) flags[row] = ((flags[row] as number) & ~ROW.racy) | ((previous.flags[old] as number) & ROW.racy);
  }
}
