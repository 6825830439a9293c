/** Nothing changed: `build` once more, beside the least that looks at every file and the start of Node. */
import { binaryfsArgs, builtEvent } from "../lib/binaryfs.mjs";
import { ratioCheck } from "../lib/checks.mjs";
import { measureProcess } from "../lib/measure-process.mjs";
import { ms, ratio } from "../lib/report.mjs";
import { median, summary } from "../lib/statistics.mjs";

/** Smaller trees are dominated by the start of Node. */
const judgedFrom = 50_000;
const limit = 1.5;

/** @type {import("./measure.mjs").Measure} */
export const unchanged = {
  name: "unchanged",
  title: "nothing changed",
  suits: () => true,
  async measure({ corpus: { root, files }, scratch, rounds }) {
    const args = binaryfsArgs("build", { root, output: `${scratch}/output.so`, state: `${scratch}/state` });
    const build = async () => {
      const measured = await measureProcess(process.execPath, args);
      return { ...measured, event: builtEvent(measured.stdout) };
    };
    await build();
    await build();
    /** @type {Record<"build" | "find" | "node", number[]>} */
    const times = { build: [], find: [], node: [] };
    let worked = 0;
    for (let round = -1; round < rounds; round++) {
      const built = await build();
      const find = await measureProcess("find", [root, "-printf", "%s %T@\n"], { discard: true });
      const node = await measureProcess(process.execPath, ["-e", "0"], { discard: true });
      if (!built.event.upToDate) worked++;
      if (round < 0) continue;
      times.build.push(built.milliseconds);
      times.find.push(find.milliseconds);
      times.node.push(node.milliseconds);
    }
    const least = median(times.find) + median(times.node);
    const ours = median(times.build);
    return {
      columns: ["", "median", "build / its"],
      rows: [
        ["binaryfs build", ms(ours), ""],
        ["find -printf", ms(median(times.find)), ratio(ours / median(times.find))],
        ["node -e 0", ms(median(times.node)), ratio(ours / median(times.node))],
        ["find and node", ms(least), ratio(ours / least)],
      ],
      checks: files >= judgedFrom ? [ratioCheck("build / (find + node)", ours / least, limit)] : [],
      notes: worked > 0 ? [`${worked} builds were not up to date although nothing had changed`] : [],
      data: { build: summary(times.build), find: summary(times.find), node: summary(times.node), worked },
    };
  },
};
