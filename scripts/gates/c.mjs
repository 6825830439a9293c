/** The C: compiler warnings as errors, clang-tidy, clang-format. Slow ones remember the inputs that they passed. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { run, which } from "../lib/process.mjs";
import { cacheDirectory, inProject } from "../lib/project.mjs";
import { projectFiles } from "./files.mjs";

/** clang-format's results differ between major versions: only this one judges. */
const clangFormatMajor = 14;

const warnings = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wstrict-prototypes", "-Wvla", "-Wundef", "-Werror"];
const language = [
  "-std=c11",
  "-ffreestanding",
  "-fPIC",
  "-fvisibility=hidden",
  "-fno-stack-protector",
  "-mgeneral-regs-only",
];
const includes = ["-Isrc/runtime/include", "-Isrc/runtime/src"];

const runtimeSources = async () => (await projectFiles()).filter((path) => /^src\/runtime\/.*\.c$/.test(path));
const cFiles = async () => (await projectFiles()).filter((path) => /^(?:src|test)\/.*\.[ch]$/.test(path));

/** @returns {Promise<import("./files.mjs").GateResult>} */
export async function compilerWarnings() {
  const files = await runtimeSources();
  const gate = { name: "gcc -Werror", seen: files.length };
  if (which("gcc") === undefined) return { ...gate, problems: [], note: "gcc is not installed" };
  return remembered(gate, [...files, ...(await cFiles())], ["gcc"], async () =>
    eachFile(files, "gcc", (file) => ["-fsyntax-only", "-O2", ...language, ...warnings, ...includes, file]),
  );
}

/** @returns {Promise<import("./files.mjs").GateResult>} */
export async function clangTidy() {
  const files = await runtimeSources();
  const gate = { name: "clang-tidy", seen: files.length };
  if (which("clang-tidy") === undefined) return { ...gate, problems: [], note: "clang-tidy is not installed" };
  return remembered(gate, [".clang-tidy", ...files, ...(await cFiles())], ["clang-tidy"], async () =>
    eachFile(files, "clang-tidy", (file) => [
      "--quiet",
      file,
      "--",
      ...language,
      ...includes,
      "-Wno-unknown-warning-option",
    ]),
  );
}

/** @returns {Promise<import("./files.mjs").GateResult>} */
export async function clangFormat() {
  const files = await cFiles();
  const gate = { name: "clang-format", seen: files.length };
  if (which("clang-format") === undefined) return { ...gate, problems: [], note: "clang-format is not installed" };
  const { stdout } = await run("clang-format", ["--version"]);
  const major = Number(/version (\d+)/.exec(stdout)?.[1]);
  if (major !== clangFormatMajor)
    return { ...gate, problems: [], note: `clang-format ${clangFormatMajor} judges, this is ${major}` };
  const { status, output } = await run("clang-format", ["--dry-run", "--Werror", ...files]);
  return { ...gate, problems: status === 0 ? [] : [output] };
}

/** @returns {Promise<string[]>} the files that `npm run fix` lays out anew, empty where the right clang-format is absent */
export async function clangFormatTargets() {
  const { status, stdout } = await run("clang-format", ["--version"]);
  return status === 0 && Number(/version (\d+)/.exec(stdout)?.[1]) === clangFormatMajor ? cFiles() : [];
}

/**
 * @param {readonly string[]} files
 * @param {string} command
 * @param {(file: string) => string[]} args
 * @returns {Promise<string[]>} problems
 */
async function eachFile(files, command, args) {
  const waiting = [...files];
  /** @type {string[]} */
  const problems = [];
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const { status, output } = await run(command, args(file));
      if (status !== 0) problems.push(output.trim());
    }
  };
  await Promise.all([worker(), worker()]);
  return problems.sort();
}

/**
 * Runs a gate unless the very same inputs have passed it with the very same tool.
 * @param {{ name: string, seen: number }} gate
 * @param {readonly string[]} inputs
 * @param {readonly string[]} tools
 * @param {() => Promise<string[]>} judge
 * @returns {Promise<import("./files.mjs").GateResult>}
 */
async function remembered(gate, inputs, tools, judge) {
  const hash = createHash("sha256").update(JSON.stringify([warnings, language, includes]));
  for (const tool of tools) hash.update((await run(tool, ["--version"])).stdout);
  for (const path of [...new Set(inputs)].sort()) hash.update(`\0${path}\0`).update(readFileSync(inProject(path)));
  const digest = hash.digest("hex");
  const stamp = `${cacheDirectory}/check/${gate.name.replaceAll(/[^a-z]+/g, "-")}`;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return { ...gate, problems: [] };
  const problems = await judge();
  if (problems.length === 0) {
    mkdirSync(dirname(stamp), { recursive: true });
    writeFileSync(stamp, digest);
  }
  return { ...gate, problems };
}
