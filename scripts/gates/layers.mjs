/** Data flows one way: a module imports from its own layer or from those before it, and pure layers touch no outside. */
import { readFileSync } from "node:fs";
import { posix } from "node:path";
import { inProject } from "../lib/project.mjs";
import { projectFiles } from "./files.mjs";

/** From the values that everybody shares to the one module that prints. A folder, or a file right under src/. */
const layers = [
  "model.ts",
  "errors.ts",
  "runtime-files.ts",
  "native",
  "tree",
  "publish",
  "fingerprint",
  "image",
  "select",
  "plan",
  "serialize",
  "shard",
  "link",
  "store",
  "remote",
  "inspect",
  "trace",
  "engine",
  "build.ts",
  "watch",
  "index.ts",
  "cli",
  "bazel",
];
const pure = new Set(["image", "plan", "tree"]);
/** The commands, and the actions of the Bazel rules. */
const printing = new Set(["cli", "bazel"]);
const outside =
  /\bfrom "node:(?:fs|fs\/promises|os|child_process|net|process)"|\bprocess\.(?:env|cwd|argv)|\bDate\b|Math\.random|\btoLocale|localeCompare/;
const imports = /(?:\bfrom\s+|\bimport\s+|\bimport\()"(\.{1,2}\/[^"]+)"/g;

/** @returns {Promise<import("./files.mjs").GateResult>} */
export async function layering() {
  /** @type {string[]} */
  const problems = [];
  const files = (await projectFiles()).filter((path) => /^src\/.*\.ts$/.test(path));
  for (const path of files) {
    const text = readFileSync(inProject(path), "utf8");
    const layer = layerOf(path);
    const rank = layers.indexOf(layer);
    if (rank < 0) problems.push(`${path}: ${layer} is not a layer of scripts/gates/layers.mjs`);
    for (const [, target = ""] of text.matchAll(imports)) {
      const imported = layerOf(posix.join(posix.dirname(path), target).replace(/\.js$/, ".ts"));
      if (layers.indexOf(imported) > rank) problems.push(`${path}: imports ${target}, a later layer`);
    }
    const impure = pure.has(layer) ? outside.exec(text) : null;
    if (impure !== null) problems.push(`${path}: ${layer} is pure, yet holds ${impure[0]}`);
    if (!printing.has(layer) && /\bconsole\.|process\.std(?:out|err)|process\.exit\b/.test(text)) {
      problems.push(`${path}: only commands print and exit`);
    }
  }
  return { name: "layers", problems, seen: files.length };
}

/** @param {string} path below src/ */
const layerOf = (path) => path.split("/")[1] ?? "";
