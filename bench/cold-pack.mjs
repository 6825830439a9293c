/**
 * Cold pack: one tree into one file, with no state from an earlier build, against tar, mkfs.erofs and mksquashfs.
 * `npm run bench [-- FILES…]` measures trees of 1,000, 10,000 and 50,000 files, or of the given numbers of files.
 * The tools take turns, a different one first in each round; medians are compared. The page cache is warm.
 */
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { arch, cpus, release, totalmem } from "node:os";
import { build } from "../scripts/build.mjs";
import { run, which } from "../scripts/lib/process.mjs";
import { cacheDirectory, inProject } from "../scripts/lib/project.mjs";
import { bold, count, dim, duration, print, printError, size, yellow } from "../scripts/lib/terminal.mjs";
import { setup } from "../scripts/setup.mjs";
import { corpus } from "./corpus.mjs";

const seed = 20250;
const directory = `${cacheDirectory}/bench`;

/** @typedef {{ name: string, command: string, args: (root: string, output: string) => string[] }} Packer */
/** @type {readonly Packer[]} */
const packers = [
  {
    name: "binaryfs",
    command: process.execPath,
    args: (root, output) => [
      inProject("dist/cli/main.js"),
      "build",
      root,
      "-o",
      output,
      "--no-state",
      "--layout",
      "compact",
    ],
  },
  { name: "tar", command: "tar", args: (root, output) => ["-C", root, "-cf", output, "."] },
  { name: "mkfs.erofs", command: "mkfs.erofs", args: (root, output) => ["--quiet", output, root] },
  {
    name: "mksquashfs",
    command: "mksquashfs",
    args: (root, output) => [root, output, "-noI", "-noD", "-noF", "-noX", "-no-progress", "-quiet"],
  },
];

/** @param {readonly number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** @param {number} fileCount */
async function measure(fileCount) {
  const { root, bytes } = corpus(directory, fileCount, seed);
  const rounds = fileCount <= 10_000 ? 7 : 5;
  print(`\n${bold(`${count(fileCount)} files`)}, ${size(bytes)}, ${rounds} rounds`);
  const present = packers.filter(({ name, command }) => {
    if (which(command) !== undefined || command === process.execPath) return true;
    print(yellow(`  ${name} is not installed`));
    return false;
  });
  const samples = new Map(present.map(({ name }) => [name, /** @type {number[]} */ ([])]));
  /** @type {Map<string, number>} */
  const sizes = new Map();
  // The round before the first fills the page cache and is not counted.
  for (let round = -1; round < rounds; round++) {
    for (let turn = 0; turn < present.length; turn++) {
      const packer = present[(round + 1 + turn) % present.length];
      if (packer === undefined) continue;
      const output = `${directory}/output`;
      rmSync(output, { force: true });
      await run("sync", []);
      const result = await run(packer.command, packer.args(root, output));
      if (result.status !== 0) throw new Error(`${packer.name} ended with status ${result.status}: ${result.output}`);
      if (round >= 0) samples.get(packer.name)?.push(result.milliseconds);
      sizes.set(packer.name, statSync(output).size);
    }
  }
  rmSync(`${directory}/output`, { force: true });
  const ours = median(samples.get("binaryfs") ?? []);
  const rows = present.map(({ name }) => {
    const times = samples.get(name) ?? [];
    const medianMs = median(times);
    return {
      name,
      medianMs,
      minMs: Math.min(...times),
      maxMs: Math.max(...times),
      ratio: medianMs / ours,
      bytes: sizes.get(name) ?? 0,
      times,
    };
  });
  print(
    dim(
      `  ${"".padEnd(12)}${"median".padStart(10)}${"fastest".padStart(10)}${"slowest".padStart(10)}${"to ours".padStart(9)}${"output".padStart(11)}`,
    ),
  );
  for (const { name, medianMs, minMs, maxMs, ratio, bytes: output } of rows) {
    const columns = [duration(medianMs).padStart(10), duration(minMs).padStart(10), duration(maxMs).padStart(10)];
    print(`  ${name.padEnd(12)}${columns.join("")}${`${ratio.toFixed(2)}x`.padStart(9)}${size(output).padStart(11)}`);
  }
  return { files: fileCount, bytes, rounds, rows };
}

async function bench() {
  if (!(await setup(["build", "bench"])) || !(await build())) return 1;
  const asked = process.argv.slice(2).map(Number);
  if (asked.some((number) => !Number.isInteger(number) || number < 1)) {
    printError("usage: npm run bench [-- FILES…], numbers of files");
    return 2;
  }
  mkdirSync(directory, { recursive: true });
  const machine = {
    cpu: cpus()[0]?.model ?? "",
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: release(),
    arch: arch(),
    node: process.version,
  };
  print(`${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}, Node ${machine.node}`);
  const corpora = [];
  for (const fileCount of asked.length > 0 ? asked : [1_000, 10_000, 50_000]) corpora.push(await measure(fileCount));
  const results = inProject("bench/results");
  mkdirSync(results, { recursive: true });
  writeFileSync(`${results}/cold-pack.json`, `${JSON.stringify({ seed, machine, corpora }, null, 2)}\n`);
  print(`\n${dim("written to bench/results/cold-pack.json")}`);
  return 0;
}

process.exitCode = await bench();
