/** The shape of a generated tree: which directories, how many files in each, which names and sizes. Pure. */
import { directoryName, fileName, unique } from "./names.mjs";
import { below, generator, normal } from "./random.mjs";

/**
 * @typedef {object} TreeSpec
 * @property {string} name of the tree, and of its directory in the cache
 * @property {import("./names.mjs").Style} style
 * @property {number} files exact number of regular files
 * @property {number} seed
 * @property {number} medianBytes sizes are log-normal around it
 * @property {number} spread deviation of the sizes' logarithm: the mean is medianBytes × e^(spread² / 2)
 */

/** @typedef {{ path: string, files: number, names: Set<string> }} Directory `path` relative to the root, "" for the root itself */
/** @typedef {Directory & { depth: number, parent: Node | undefined }} Node */

const filesPerDirectory = 5.75;
const spreadOfCounts = 1.1;
const shareAtTop = 0.03;
const greatestDepth = 8;
const emptyShare = 0.03;
export const largestBytes = 16 << 20;

/** Parents come before what lies in them. @param {TreeSpec} spec @returns {Directory[]} */
export function directoriesOf({ style, files, seed }) {
  const random = generator(seed);
  const number = Math.max(1, Math.round(files / filesPerDirectory));
  /** @type {Node[]} */
  const all = [{ path: "", files: 0, names: new Set(), depth: 0, parent: undefined }];
  while (all.length < number) {
    const parent = random() < shareAtTop ? all[0] : nearby(all, random);
    if (parent === undefined) break;
    const name = unique(parent.names, directoryName(style, random, parent.depth === 0));
    const path = parent.path === "" ? name : `${parent.path}/${name}`;
    all.push({ path, files: 0, names: new Set(), depth: parent.depth + 1, parent });
  }
  spreadFiles(all, files, random);
  return all;
}

/** One of the last directories, as packages have theirs together, or an ancestor where it lies too deep. @param {Node[]} all @param {() => number} random */
function nearby(all, random) {
  let node = all[Math.max(0, all.length - 1 - below(random, 1 + below(random, 24)))];
  const depth =
    node !== undefined && node.depth >= greatestDepth ? 1 + below(random, greatestDepth - 1) : greatestDepth;
  while (node?.parent !== undefined && node.depth > depth) node = node.parent;
  return node;
}

/** Many directories with few files, few with many, FILES in all. @param {Directory[]} all @param {number} files @param {() => number} random */
function spreadFiles(all, files, random) {
  const weights = all.map(() => Math.exp(spreadOfCounts * normal(random)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let weight = 0;
  let given = 0;
  for (const [index, directory] of all.entries()) {
    weight += weights[index] ?? 0;
    const until = index === all.length - 1 ? files : Math.round((weight / total) * files);
    directory.files = until - given;
    given = until;
  }
}

/**
 * The files of one directory: its own generator, so that directories can be written in any order.
 * @param {TreeSpec} spec
 * @param {Directory} directory
 * @param {number} index of the directory
 * @returns {{ path: string, size: number, random: number }[]} `random`: in [0, 1), for what the file holds
 */
export function filesOf(spec, directory, index) {
  const random = generator(Math.imul(spec.seed + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  const names = new Set(directory.names);
  return Array.from({ length: directory.files }, (_, number) => {
    const name = unique(names, fileName(spec.style, random, number));
    return {
      path: directory.path === "" ? name : `${directory.path}/${name}`,
      size: fileSize(spec, random),
      random: random(),
    };
  });
}

/** @param {TreeSpec} spec @param {() => number} random */
function fileSize({ medianBytes, spread }, random) {
  if (random() < emptyShare) return 0;
  return Math.min(largestBytes, Math.round(medianBytes * Math.exp(spread * normal(random))));
}
