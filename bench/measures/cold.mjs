/** Cold build: one tree into one file, nothing known from before, beside tools that write images and archives uncompressed. */
import { mkdirSync, rmSync, statSync } from "node:fs";
import { run, which } from "../../scripts/lib/process.mjs";
import { binaryfsArgs } from "../lib/binaryfs.mjs";
import { ratioCheck, sizeCheck } from "../lib/checks.mjs";
import { measureProcess } from "../lib/measure-process.mjs";
import { bytes, ms, ratio } from "../lib/report.mjs";
import { median, summary } from "../lib/statistics.mjs";

/** Of binaryfs's time to the peer's. tar is what to aim at. */
const peerLimits = { "mkfs.erofs": 0.5, mksquashfs: 1 };
/** Bytes, by number of files. */
const memoryLimits = new Map([
  [50_000, 400e6],
  [1_000_000, 1500e6],
]);

/** @typedef {{ name: string, command: string, args: (root: string, output: string, state: string) => string[] }} Packer */
/** @type {readonly Packer[]} */
const packers = [
  {
    name: "binaryfs",
    command: process.execPath,
    args: (root, output) => binaryfsArgs("build", { root, output }),
  },
  {
    name: "binaryfs, state",
    command: process.execPath,
    args: (root, output, state) => binaryfsArgs("build", { root, output, state }),
  },
  {
    name: "binaryfs, compact",
    command: process.execPath,
    args: (root, output) => binaryfsArgs("build", { root, output, layout: "compact" }),
  },
  { name: "tar", command: "tar", args: (root, output) => ["-C", root, "-cf", output, "."] },
  { name: "mkfs.erofs", command: "mkfs.erofs", args: (root, output) => ["--quiet", output, root] },
  {
    name: "mksquashfs",
    command: "mksquashfs",
    args: (root, output) => [root, output, "-noI", "-noD", "-noF", "-noX", "-no-progress", "-quiet"],
  },
];

/** @type {import("./measure.mjs").Measure} */
export const cold = {
  name: "cold",
  title: "cold build",
  suits: () => true,
  async measure({ corpus, scratch, rounds }) {
    const present = packers.filter(({ command }) => command === process.execPath || which(command) !== undefined);
    const absent = packers.filter((packer) => !present.includes(packer));
    const times = new Map(present.map(({ name }) => [name, /** @type {number[]} */ ([])]));
    const peaks = new Map(present.map(({ name }) => [name, /** @type {number[]} */ ([])]));
    const sizes = new Map();
    const output = `${scratch}/output`;
    const state = `${scratch}/state`;
    // The round before the first fills the page cache and is not counted.
    for (let round = -1; round < rounds; round++) {
      for (let turn = 0; turn < present.length; turn++) {
        // Another one is first in each round.
        const packer = present[(round + 1 + turn) % present.length];
        if (packer === undefined) continue;
        rmSync(output, { force: true });
        rmSync(state, { recursive: true, force: true });
        mkdirSync(state, { mode: 0o700 });
        await run("sync", []);
        const measured = await measureProcess(packer.command, packer.args(corpus.root, output, state), {
          memoryFile: `${scratch}/memory`,
        });
        sizes.set(packer.name, statSync(output).size);
        if (round < 0) continue;
        times.get(packer.name)?.push(measured.milliseconds);
        peaks.get(packer.name)?.push(measured.peakBytes ?? Number.NaN);
      }
    }

    const time = (/** @type {string} */ name) => median(times.get(name) ?? []);
    const peak = (/** @type {string} */ name) => median(peaks.get(name) ?? []);
    const rows = present.map(({ name }) => {
      const { min, max } = summary(times.get(name) ?? []);
      return [
        name,
        ms(time(name)),
        ms(min),
        ms(max),
        ratio(time("binaryfs") / time(name)),
        bytes(peak(name)),
        bytes(sizes.get(name)),
      ];
    });
    const checks = ["binaryfs", "binaryfs, state"].flatMap((ours) =>
      Object.entries(peerLimits).map(([peer, limit]) =>
        ratioCheck(`${ours} / ${peer}`, time(ours) / time(peer), limit),
      ),
    );
    const memoryLimit = memoryLimits.get(corpus.files);
    if (memoryLimit !== undefined)
      for (const name of ["binaryfs", "binaryfs, state"])
        checks.push(sizeCheck(`peak memory, ${name}`, peak(name), memoryLimit));
    return {
      columns: ["", "median", "fastest", "slowest", "ours / its", "memory", "output"],
      rows,
      checks,
      notes: absent.map(({ name }) => `${name} is not installed: it is missing in this comparison`),
      data: present.map(({ name }) => ({
        name,
        milliseconds: summary(times.get(name) ?? []),
        peakBytes: peak(name),
        outputBytes: sizes.get(name),
      })),
    };
  },
};
