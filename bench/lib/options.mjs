/** What `npm run bench -- …` understands. */
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { inProject } from "../../scripts/lib/project.mjs";

export const usage = `usage: npm run bench [-- OPTIONS]
  --only NAME,…        measures: cold, unchanged, edit, watch, disk, sizes (default: all)
  --files N,…          generated trees of N files, and no other trees
  --tree NAME,…        trees by name, and no others; --list tells the names
  --large              the trees of 200,000 and 1,000,000 files too: some 25 GB of disk, and an hour
  --runs N             rounds of interleaved runs (default: 7, 5 from 50,000 files up, 3 from 200,000)
  --repetitions N      saves of each kind in watch (default: 50)
  --json FILE          where the results go (default: bench/results/bench.json)
  --cache DIR          where generated trees are kept (default: binaryfs-bench in the directory for temporary files)
  --no-build           measure dist/ as it is
  --list               name the trees and end`;

/**
 * @param {readonly string[]} args
 * @returns {Options | undefined} undefined where they are not understood
 * @typedef {object} Options
 * @property {readonly string[] | undefined} only
 * @property {readonly number[] | undefined} files
 * @property {readonly string[] | undefined} trees
 * @property {boolean} isLarge
 * @property {number | undefined} runs
 * @property {number} repetitions
 * @property {string} json
 * @property {string} cache
 * @property {boolean} builds
 * @property {boolean} isList
 */
export function parse(args) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        only: { type: "string" },
        files: { type: "string" },
        tree: { type: "string" },
        large: { type: "boolean", default: false },
        runs: { type: "string" },
        repetitions: { type: "string", default: "50" },
        json: { type: "string", default: inProject("bench/results/bench.json") },
        cache: { type: "string", default: `${tmpdir()}/binaryfs-bench` },
        "no-build": { type: "boolean", default: false },
        list: { type: "boolean", default: false },
      },
    });
    return {
      only: values.only?.split(","),
      files: values.files?.split(",").map(positive),
      trees: values.tree?.split(","),
      isLarge: values.large,
      runs: values.runs === undefined ? undefined : positive(values.runs),
      repetitions: positive(values.repetitions),
      json: resolve(values.json),
      cache: resolve(values.cache),
      builds: !values["no-build"],
      isList: values.list,
    };
  } catch {
    return undefined;
  }
}

/** @param {string} text */
function positive(text) {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new RangeError(text);
  return number;
}
