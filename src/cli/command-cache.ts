/** `binaryfs cache stats|gc|clear`: the store of contents that builds share. */

import { absolute } from "../engine/options.js";
import { fail, ok } from "../errors.js";
import { clearStates } from "../store/clear-states.js";
import { ContentStore } from "../store/content-store.js";
import { findStore } from "../store/state-directory.js";
import type { Command } from "./command.js";
import { CACHE_OPTIONS } from "./options.js";
import { escapePath, jsonPath } from "./output.js";
import { lastOf } from "./parse-options.js";
import { toBytes } from "./raw-arguments.js";
import { parseSize } from "./size.js";
import { operandsOf } from "./with-image.js";
import { counted, humanBytes } from "./wording.js";

const ACTIONS = ["stats", "gc", "clear"] as const;
const DEFAULT_LIMIT = "10G";

export const cacheCommand: Command = {
  name: "cache",
  operands: "stats|gc|clear",
  summary: "show, trim or empty the store of contents that builds share",
  options: CACHE_OPTIONS,
  examples: ["binaryfs cache stats", "binaryfs cache gc --limit 2G"],
  notes: `gc removes what was not used for the longest time. clear empties the store and removes states and spares,
unless a build is working on them. Builds may run meanwhile; what they miss they make again.`,
  run: async ({ parsed, out, isJson }) => {
    const operands = operandsOf(parsed, 1, 1);
    if (!operands.ok) return operands;
    const action = ACTIONS.find((word) => word === operands.value[0]);
    if (action === undefined) return fail("usage", { detail: "say stats, gc or clear" });
    const limitText = lastOf(parsed, "limit");
    if (limitText !== undefined && action !== "gc") return fail("usage", { detail: "--limit is for gc" });
    const limit = parseSize(limitText ?? DEFAULT_LIMIT);
    if (limit === undefined) {
      return fail("usage", {
        detail: `--limit takes a size such as 500M, not "${escapePath(toBytes(limitText ?? ""))}"`,
      });
    }
    const state = lastOf(parsed, "state");
    const directory = state === undefined ? {} : { directory: absolute(toBytes(state)) };
    const found = findStore({ ...directory, env: process.env });
    if (!found.ok) return found;
    const { base, store: place } = found.value;
    const store = new ContentStore(place);
    const before = store.stats();
    if (action === "gc") store.collect(limit);
    if (action === "clear") store.clear();
    const clearedBytes = action === "clear" ? clearStates(base) : 0;
    const { entries, bytes, actions, oldestMs } = action === "stats" ? before : store.stats();
    const removedBytes = before.bytes - bytes + clearedBytes;
    if (isJson) {
      await out.json({
        event: "cache",
        action,
        ...jsonPath(place, "store"),
        entries,
        bytes,
        actions,
        ...(oldestMs !== undefined && { oldest: new Date(oldestMs).toISOString() }),
        ...(action !== "stats" && { removedBytes }),
      });
      return ok(0);
    }
    const removed = action === "stats" ? "" : `, ${humanBytes(removedBytes)} removed`;
    const oldest = oldestMs === undefined ? "" : `, oldest use ${new Date(oldestMs).toISOString()}`;
    await out.line(
      `${escapePath(place)}: ${counted(entries, "entry", "entries")}, ${humanBytes(bytes)}${removed}${oldest}`,
    );
    return ok(0);
  },
};
