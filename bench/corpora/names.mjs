/** Names as packages have them, for directories and files of a generated tree. */
import { below, pick } from "./random.mjs";

/** @typedef {"python" | "node"} Style */

/** @type {readonly [string, ...string[]]} */
const syllables = [
  "ab", "al", "arg", "as", "ba", "bel", "cal", "col", "con", "core", "dat", "de", "dir", "ex", "fig", "for", "gen", "ha", "im", "in",
  "io", "ker", "la", "log", "ma", "mod", "na", "net", "op", "par", "path", "pro", "que", "re", "sa", "sch", "ser", "sta", "sub",
  "ta", "tem", "ti", "tok", "tra", "ty", "un", "url", "util", "val", "ver", "wa", "xml", "ya", "zip",
]; // biome-ignore format: a table of words
/** @type {Record<Style, readonly [string, ...string[]]>} */
const endings = {
  python: [
    ".py",
    ".py",
    ".py",
    ".py",
    ".py",
    ".pyi",
    ".cpython-311.pyc",
    ".cpython-311.pyc",
    ".so",
    ".txt",
    ".json",
    ".h",
  ],
  node: [".js", ".js", ".js", ".mjs", ".cjs", ".d.ts", ".d.ts", ".js.map", ".json", ".md", ".ts", ".css"],
};
/** @type {Record<Style, readonly string[]>} */
const firstFiles = {
  python: ["__init__.py", "METADATA"],
  node: ["package.json", "index.js", "README.md", "LICENSE"],
};
/** @type {Record<Style, readonly [string, ...string[]]>} */
const commonDirectories = {
  python: ["__pycache__", "tests", "utils", "core", "data", "_internal"],
  node: ["dist", "lib", "node_modules", "src", "esm", "types"],
};

/** @param {() => number} random @param {string} joint between words */
function words(random, joint) {
  const word = () => Array.from({ length: 1 + below(random, 3) }, () => pick(random, syllables)).join("");
  return Array.from({ length: 1 + below(random, 3) }, word).join(joint);
}

/** @param {Style} style @param {() => number} random @param {boolean} isTop directly below the root */
export function directoryName(style, random, isTop) {
  if (!isTop && random() < 0.4) return pick(random, commonDirectories[style]);
  return words(random, style === "python" ? "_" : "-");
}

/** @param {Style} style @param {() => number} random @param {number} index of the file in its directory */
export function fileName(style, random, index) {
  const first = firstFiles[style][index];
  return first ?? words(random, style === "python" ? "_" : "-") + pick(random, endings[style]);
}

/** NAME, or NAME with a number before its ending where the directory has it already. @param {Set<string>} taken @param {string} name */
export function unique(taken, name) {
  let result = name;
  for (let number = 2; taken.has(result); number++) {
    const dot = name.indexOf(".", 1);
    result = dot < 0 ? `${name}${number}` : `${name.slice(0, dot)}${number}${name.slice(dot)}`;
  }
  taken.add(result);
  return result;
}
