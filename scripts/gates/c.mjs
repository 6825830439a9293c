/** The C: compiler warnings as errors, clang-tidy, clang-format. Each file that passed is remembered. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { run, which } from "../lib/process.mjs";
import { cacheDirectory, inProject, projectRoot } from "../lib/project.mjs";
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
/** What runs beside the engine has a C library. */
const hosted = ["-std=c11", "-fPIC", "-fvisibility=hidden", "-pthread"];
/** @param {string} file */
const flagsFor = (file) => (file.startsWith("src/native/") ? hosted : [...language, ...includes]);

const sources = async () => (await projectFiles()).filter((path) => /^src\/(?:runtime|native)\/.*\.c$/.test(path));
const cFiles = async () => (await projectFiles()).filter((path) => /^(?:src|test)\/.*\.[ch]$/.test(path));

/** @returns {Promise<import("./files.mjs").GateResult>} */
export const compilerWarnings = () =>
  eachFile("gcc -Werror", "gcc", [], (file) => ["-fsyntax-only", "-O2", ...flagsFor(file), ...warnings, file]);

/** @returns {Promise<import("./files.mjs").GateResult>} */
export const clangTidy = () =>
  eachFile("clang-tidy", "clang-tidy", [".clang-tidy"], (file) => {
    return ["--quiet", file, "--", ...flagsFor(file), "-Wno-unknown-warning-option"];
  });

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
 * Runs a tool on every C source, two at a time, except on those that have passed it just as they are.
 * @param {string} name
 * @param {string} command
 * @param {readonly string[]} configuration files that the tool reads
 * @param {(file: string) => string[]} args
 * @returns {Promise<import("./files.mjs").GateResult>}
 */
async function eachFile(name, command, configuration, args) {
  const files = await sources();
  const gate = { name, seen: files.length };
  if (which(command) === undefined) return { ...gate, problems: [], note: `${command} is not installed` };
  const stamp = `${cacheDirectory}/check/${command}.json`;
  /** @type {Record<string, string>} */
  const passed = existsSync(stamp) ? JSON.parse(readFileSync(stamp, "utf8")) : {};
  const common = createHash("sha256").update((await run(command, ["--version"])).stdout);
  const headers = (await projectFiles()).filter((path) => /^src\/.*\.h$/.test(path));
  for (const path of [...configuration, ...headers]) common.update(`\0${path}\0`).update(readFileSync(inProject(path)));

  /** @type {Record<string, string>} */
  const now = {};
  /** @type {string[]} */
  const problems = [];
  const waiting = [...files];
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const hash = common
        .copy()
        .update(JSON.stringify(args(file)))
        .update(readFileSync(inProject(file)))
        .digest("hex");
      if (passed[file] !== hash) {
        const { status, output } = await run(command, args(file));
        if (status !== 0) {
          problems.push(diagnostics(output));
          continue;
        }
      }
      now[file] = hash;
    }
  };
  await Promise.all([worker(), worker()]);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, JSON.stringify(now));
  return { ...gate, problems: problems.sort() };
}

/** The diagnostics of a tool without their context, or all of its output where it has none. @param {string} output */
function diagnostics(output) {
  const lines = output.split("\n").filter((line) => /(?:error|warning): /.test(line));
  return (lines.length > 0 ? lines.join("\n") : output.trim()).replaceAll(`${projectRoot}/`, "");
}
