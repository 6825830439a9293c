/** `build` after one edit: what it takes longer than a build after none. */
import { binaryfsArgs, builtEvent } from "../lib/binaryfs.mjs";
import { timeCheck } from "../lib/checks.mjs";
import { withEdits } from "../lib/edited.mjs";
import { measureProcess } from "../lib/measure-process.mjs";
import { bytes, ms } from "../lib/report.mjs";
import { median, summary } from "../lib/statistics.mjs";

/** Milliseconds beyond the build that finds nothing changed. */
const limit = 50;

/** @typedef {import("../lib/edits.mjs").Edits} Edits */
/** @type {readonly { name: string, edit: (edits: Edits) => void }[]} */
const cases = [
  { name: "nothing changed", edit: () => {} },
  { name: "same size", edit: (edits) => void edits.sameSize() },
  { name: "grown by a block", edit: (edits) => void edits.grow() },
  { name: "file added", edit: (edits) => void edits.add() },
];

/** @type {import("./measure.mjs").Measure} */
export const oneEdit = {
  name: "edit",
  title: "build after one edit",
  suits: ({ generated, files }) => generated !== undefined && files <= 200_000,
  measure: ({ corpus, scratch, rounds }) =>
    withEdits(corpus, async (edits) => {
      const args = binaryfsArgs("build", {
        root: corpus.root,
        output: `${scratch}/output.so`,
        state: `${scratch}/state`,
      });
      const times = cases.map(() => /** @type {number[]} */ ([]));
      const emitted = cases.map(() => /** @type {number[]} */ ([]));
      await measureProcess(process.execPath, args);
      for (let round = -1; round < rounds; round++) {
        // A file is too young right after its edit and is read once more: that shall not count as "nothing changed".
        await measureProcess(process.execPath, args);
        for (const [at, { edit }] of cases.entries()) {
          edit(edits);
          const { milliseconds, stdout } = await measureProcess(process.execPath, args);
          if (round < 0) continue;
          times[at]?.push(milliseconds);
          emitted[at]?.push(builtEvent(stdout).emittedBytes);
        }
      }
      const base = median(times[0] ?? []);
      const more = (/** @type {number} */ at) => median(times[at] ?? []) - base;
      return {
        columns: ["", "median", "fastest", "slowest", "beyond", "re-emitted"],
        rows: cases.map(({ name }, at) => {
          const { min, max } = summary(times[at] ?? []);
          return [name, ms(median(times[at] ?? [])), ms(min), ms(max), ms(more(at)), bytes(median(emitted[at] ?? []))];
        }),
        checks: cases.flatMap(({ name }, at) => (at === 0 ? [] : [timeCheck(`${name}, beyond`, more(at), limit)])),
        data: cases.map(({ name }, at) => ({
          name,
          milliseconds: summary(times[at] ?? []),
          emittedBytes: median(emitted[at] ?? []),
        })),
      };
    }),
};
