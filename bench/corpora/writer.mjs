/** A worker thread that writes its share of a generated tree's files. */
import { writeFileSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { directoriesOf, filesOf } from "./shape.mjs";

/**
 * @typedef {object} Share
 * @property {string} root
 * @property {import("./shape.mjs").TreeSpec} spec
 * @property {number} worker its number, from 0
 * @property {number} workers
 * @property {SharedArrayBuffer} noise files hold stretches of it
 */

/** @type {Share} */
const { root, spec, worker, workers, noise } = workerData;
const bytes = Buffer.from(noise);
let written = 0;
for (const [index, directory] of directoriesOf(spec).entries()) {
  if (index % workers !== worker) continue;
  for (const { path, size, random } of filesOf(spec, directory, index)) {
    const from = Math.floor(random * (bytes.length - size));
    writeFileSync(`${root}/${path}`, bytes.subarray(from, from + size));
    written += size;
  }
}
parentPort?.postMessage(written);
