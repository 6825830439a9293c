/** Size of the two layouts: what the stable one pays for local edits. */
import { binaryfsArgs } from "../lib/binaryfs.mjs";
import { ratioCheck } from "../lib/checks.mjs";
import { measureProcess } from "../lib/measure-process.mjs";
import { bytes, ratio } from "../lib/report.mjs";
import { usageOf } from "../lib/usage.mjs";

/** Of stable to compact, for trees of this many bytes and more. */
const judgedFromBytes = 200e6;
const limits = { allocated: 1.25, apparent: 1.6 };

/** @type {import("./measure.mjs").Measure} */
export const sizes = {
  name: "sizes",
  title: "size of the layouts",
  suits: ({ files }) => files <= 200_000,
  async measure({ corpus, scratch }) {
    const output = (/** @type {string} */ layout) => `${scratch}/${layout}.so`;
    for (const layout of ["compact", "stable"]) {
      const args = binaryfsArgs("build", { root: corpus.root, output: output(layout), layout });
      await measureProcess(process.execPath, args);
    }
    const compact = usageOf(output("compact"));
    const stable = usageOf(output("stable"));
    const physical = stable.allocated / compact.allocated;
    const apparent = stable.apparent / compact.apparent;
    return {
      columns: ["", "content", "compact", "stable", "stable / compact"],
      rows: [
        ["on disk", bytes(corpus.bytes), bytes(compact.allocated), bytes(stable.allocated), ratio(physical)],
        ["length", "", bytes(compact.apparent), bytes(stable.apparent), ratio(apparent)],
      ],
      checks:
        corpus.bytes < judgedFromBytes
          ? []
          : [
              ratioCheck("on disk, stable / compact", physical, limits.allocated),
              ratioCheck("length, stable / compact", apparent, limits.apparent),
            ],
      data: { contentBytes: corpus.bytes, compact, stable },
    };
  },
};
