/** Makes a generated tree in the cache directory, unless it is there already, whole. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { fillRandom, generator } from "./random.mjs";
import { directoriesOf, largestBytes } from "./shape.mjs";

/** Raised when the same spec gives another tree. */
const version = 1;

/** @typedef {{ root: string, files: number, directories: number, bytes: number, stamp: string }} Generated */

/**
 * @param {string} cache directory that keeps the trees
 * @param {import("./shape.mjs").TreeSpec} spec
 * @param {{ workers?: number, settleMs?: number }} [options]
 *   `settleMs`: pause after writing, so that no file is too young for its stat data to be trusted
 * @returns {Promise<Generated>}
 */
export async function generate(cache, spec, { workers = availableParallelism(), settleMs = 2200 } = {}) {
  const root = `${cache}/${spec.name}`;
  const stamp = `${root}.stamp`;
  const key = JSON.stringify({ version, ...spec });
  const known = readStamp(stamp);
  if (known?.key === key && existsSync(root)) return { root, stamp, ...known.tree };

  rmSync(stamp, { force: true });
  rmSync(root, { recursive: true, force: true });
  const directories = directoriesOf(spec);
  for (const { path } of directories) mkdirSync(`${root}/${path}`, { recursive: path === "" });
  const bytes = await writeFiles(root, spec, workers);
  const tree = { files: spec.files, directories: directories.length, bytes };
  writeFileSync(stamp, `${JSON.stringify({ key, tree })}\n`);
  await sleep(settleMs);
  return { root, stamp, ...tree };
}

/**
 * Lends a generated tree for edits: it counts as incomplete until it is given back, so that an interrupted run leaves nothing wrong.
 * @param {Generated} tree
 * @returns {() => void} to be called when all edits are undone
 */
export function borrow({ stamp }) {
  const text = readFileSync(stamp);
  rmSync(stamp);
  return () => writeFileSync(stamp, text);
}

/** @param {string} root @param {import("./shape.mjs").TreeSpec} spec @param {number} workers */
async function writeFiles(root, spec, workers) {
  const noise = new SharedArrayBuffer(2 * largestBytes);
  fillRandom(new Uint32Array(noise), generator(spec.seed));
  const shares = Array.from({ length: workers }, (_, worker) => {
    const thread = new Worker(new URL("./writer.mjs", import.meta.url), {
      workerData: { root, spec, worker, workers, noise },
    });
    return /** @type {Promise<number>} */ (
      new Promise((resolve, reject) => {
        thread.once("message", resolve);
        thread.once("error", reject);
      })
    );
  });
  return (await Promise.all(shares)).reduce((sum, written) => sum + written, 0);
}

/** @param {string} path @returns {{ key: string, tree: { files: number, directories: number, bytes: number } } | undefined} */
function readStamp(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}
