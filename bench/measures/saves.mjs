/** The kinds of saves that `watch` is measured with, and how soon each has to be published. */

/** @typedef {import("../lib/edits.mjs").Edits} Edits */
/** @typedef {import("../lib/edits.mjs").Edit} Edit */

/**
 * @typedef {object} Save
 * @property {string} name
 * @property {(edits: Edits) => Edit | undefined} edit undefined where there is nothing to do it with
 * @property {number | undefined} p50 limit at `judgedAt` files, in milliseconds
 * @property {number | undefined} p99
 * @property {number | undefined} flat limit of p50 in a large tree to that in a small one
 * @property {boolean} isDirectory of 100 files: repeated less often
 */

/** The trees whose latencies the limits are about. */
export const judgedAt = 50_000;

/** In the order in which they take turns. @type {readonly Save[]} */
export const saves = [
  { name: "same size", edit: (edits) => edits.sameSize(), p50: 30, p99: 100, flat: 2, isDirectory: false },
  { name: "grown by a block", edit: (edits) => edits.grow(), p50: 60, p99: 200, flat: 3, isDirectory: false },
  { name: "file added", edit: (edits) => edits.add(), p50: 80, p99: 250, flat: 3, isDirectory: false },
  { name: "file removed", edit: (edits) => edits.remove(), p50: 80, p99: 250, flat: 3, isDirectory: false },
  { name: "file renamed", edit: (edits) => edits.rename(), p50: 80, p99: 250, flat: 3, isDirectory: false },
  {
    name: "directory of 100 added",
    edit: (edits) => edits.addDirectory(),
    p50: 300,
    p99: undefined,
    flat: 3,
    isDirectory: true,
  },
  {
    name: "directory of 100 removed",
    edit: (edits) => edits.removeDirectory(),
    p50: undefined,
    p99: undefined,
    flat: undefined,
    isDirectory: true,
  },
];
