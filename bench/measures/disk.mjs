/** Disk use after some edits: the library and all that is kept beside it for the next build. */
import { mkdirSync } from "node:fs";
import { binaryfsArgs } from "../lib/binaryfs.mjs";
import { ratioCheck } from "../lib/checks.mjs";
import { withEdits } from "../lib/edited.mjs";
import { measureProcess } from "../lib/measure-process.mjs";
import { bytes, ratio } from "../lib/report.mjs";
import { usageBelow, usageOf } from "../lib/usage.mjs";

/** Library, spare, store and state to the library that a clean build writes. */
const limit = 2.3;
const turns = 3;

/** @param {string} path */
function kindOf(path) {
  if (path.endsWith(".spare") || path.includes("/.binaryfs-")) return "spare";
  if (path.includes("/store/")) return "store";
  if (path.includes("/state/")) return "state";
  return "library";
}

/** @type {import("./measure.mjs").Measure} */
export const disk = {
  name: "disk",
  title: "disk use after edits",
  suits: ({ generated, files }) => generated !== undefined && files <= 200_000,
  measure: ({ corpus, scratch }) =>
    withEdits(corpus, async (edits) => {
      const { root } = corpus;
      const kept = `${scratch}/kept`;
      mkdirSync(kept);
      const build = { root, output: `${kept}/output.so`, state: `${kept}/state` };
      await measureProcess(process.execPath, binaryfsArgs("build", build));
      for (let turn = 0; turn < turns; turn++) {
        for (const edit of [
          () => edits.sameSize(),
          () => edits.grow(),
          () => edits.add(),
          () => edits.remove(),
          () => edits.rename(),
        ]) {
          edit();
          await measureProcess(process.execPath, binaryfsArgs("build", build));
        }
      }
      const clean = `${scratch}/clean.so`;
      await measureProcess(process.execPath, binaryfsArgs("build", { root, output: clean }));
      const image = usageOf(clean);
      const kinds = [...usageBelow(kept, kindOf)].sort();
      const total = kinds.reduce((sum, [, { allocated }]) => sum + allocated, 0);
      return {
        columns: ["", "on disk", "length", "to a clean library"],
        rows: [
          ["clean library", bytes(image.allocated), bytes(image.apparent), ""],
          ...kinds.map(([kind, use]) => [
            kind,
            bytes(use.allocated),
            bytes(use.apparent),
            ratio(use.allocated / image.allocated),
          ]),
          ["in all", bytes(total), "", ratio(total / image.allocated)],
        ],
        checks: [ratioCheck("all that is kept / clean library", total / image.allocated, limit)],
        data: { clean: image, kept: Object.fromEntries(kinds), totalAllocated: total },
      };
    }),
};
