/** The trees that are measured: generated ones, and what this machine has of Python and Java. */
import { existsSync, lstatSync, readdirSync } from "node:fs";
import { generate } from "./generate.mjs";

/**
 * @typedef {object} Corpus
 * @property {string} name
 * @property {string} root
 * @property {number} files regular files
 * @property {number} bytes what they hold
 * @property {number} directories
 * @property {import("./generate.mjs").Generated} [generated] absent where the tree is the machine's own, which nobody edits
 */

/**
 * @typedef {object} Plan
 * @property {string} name
 * @property {boolean} isLarge only where it is asked for: it takes gigabytes and minutes
 * @property {(cache: string) => Promise<Corpus>} prepare
 */

const seed = 20250;
const usualSizes = [1_000, 10_000, 50_000];
const largeSizes = [200_000, 1_000_000];

/** The machine's trees with fewer hold links and leftovers. */
const fewestFiles = 100;

/** From here on files are smaller, so that the tree stays below 4 GB. */
const smallFilesFrom = 500_000;

/** @param {number} files @returns {Plan} */
export function series(files) {
  const sizes = files < smallFilesFrom ? { medianBytes: 2600, spread: 1.92 } : { medianBytes: 700, spread: 1.7 };
  return generated({ name: `files-${files}`, style: "python", files, seed, ...sizes }, files > 100_000);
}

/** All that is known. @returns {Plan[]} */
export function allCorpora() {
  const nodeModules = { files: 40_000, seed: seed + 1, medianBytes: 1300, spread: 1.95 };
  return [
    ...usualSizes.map(series),
    generated({ name: "node-modules", style: "node", ...nodeModules }, false),
    ...machineTrees(),
    ...largeSizes.map(series),
  ];
}

/** @param {import("./shape.mjs").TreeSpec} spec @param {boolean} isLarge @returns {Plan} */
function generated(spec, isLarge) {
  return {
    name: spec.name,
    isLarge,
    prepare: async (cache) => {
      const tree = await generate(cache, spec);
      return {
        name: spec.name,
        root: tree.root,
        files: tree.files,
        bytes: tree.bytes,
        directories: tree.directories,
        generated: tree,
      };
    },
  };
}

/** @returns {Plan[]} */
function machineTrees() {
  const pythons = directoriesIn("/usr/lib", (name) => name.startsWith("python3"));
  const javas = directoriesIn("/usr/lib/jvm", () => true);
  return [...pythons, ...javas].flatMap(({ name, root }) => {
    const found = census(root);
    if (found.files < fewestFiles) return [];
    return [{ name, isLarge: false, prepare: async () => ({ name, root, ...found }) }];
  });
}

/** Directories, not links to them. @param {string} parent @param {(name: string) => boolean} isWanted */
function directoriesIn(parent, isWanted) {
  if (!existsSync(parent)) return [];
  return readdirSync(parent, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && isWanted(entry.name))
    .map(({ name }) => ({ name, root: `${parent}/${name}` }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** @param {string} root */
function census(root) {
  const found = { files: 0, bytes: 0, directories: 1 };
  for (const entry of readdirSync(root, { withFileTypes: true, recursive: true })) {
    if (entry.isDirectory()) found.directories++;
    if (!entry.isFile()) continue;
    found.files++;
    found.bytes += lstatSync(`${entry.parentPath}/${entry.name}`).size;
  }
  return found;
}
