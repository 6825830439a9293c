/** Every gate that needs no test run: layout, lint, types, dead code, C warnings, package, hygiene. */
import { build } from "./build.mjs";
import { clangFormat, clangTidy, compilerWarnings } from "./gates/c.mjs";
import { projectFiles } from "./gates/files.mjs";
import { hygiene } from "./gates/hygiene.mjs";
import { layering } from "./gates/layers.mjs";
import { localTool, run } from "./lib/process.mjs";
import { beginning, bold, dim, duration, green, indent, print, red, yellow } from "./lib/terminal.mjs";
import { setup } from "./setup.mjs";

/**
 * A tool as a gate.
 * @param {string} name
 * @param {readonly string[]} args of the tool of the same first word
 * @param {RegExp} seen which of the project's files it judges
 */
const tool = (name, args, seen) => async () => {
  const files = (await projectFiles()).filter((path) => seen.test(path));
  const { status, output } = await run(localTool(name.split(" ")[0] ?? name), args);
  return { name, problems: status === 0 ? [] : [output], seen: files.length };
};

/** Layout and lint of everything that Bazel reads. */
async function buildifier() {
  const seen = /(?:\.bzl|(?:^|\/)(?:BUILD|WORKSPACE|MODULE)(?:\.bazel|\.example)?)$/;
  const files = (await projectFiles()).filter((path) => seen.test(path));
  const { status, output } = await run(localTool("buildifier"), ["--mode=check", "--lint=warn", ...files]);
  return { name: "buildifier", problems: status === 0 ? [] : [output], seen: files.length };
}

/** @type {readonly (() => Promise<import("./gates/files.mjs").GateResult>)[]} */
const gates = [
  hygiene,
  layering,
  tool(
    "biome",
    ["check", "--error-on-warnings", "--no-errors-on-unmatched", "--colors=off", "."],
    /\.(?:ts|mjs|json)$/,
  ),
  tool("tsc", ["-p", "tsconfig.check.json"], /\.(?:ts|mjs)$/),
  buildifier,
  tool("knip", ["--no-progress", "--treat-config-hints-as-errors"], /\.(?:ts|mjs)$/),
  compilerWarnings,
  clangTidy,
  clangFormat,
  tool("publint", ["--strict"], /^package\.json$/),
  tool(
    "attw (types of the package)",
    ["--pack", ".", "--profile", "esm-only", "--no-color", "--no-emoji"],
    /^package\.json$/,
  ),
];

async function check() {
  if (!(await setup(["build", "check"]))) return 1;
  if (!(await build())) return 1;
  let failed = 0;
  let skipped = 0;
  for (const gate of gates) {
    const started = performance.now();
    const { name, problems, seen, note } = await gate();
    const time = dim(`${seen} files, ${duration(performance.now() - started)}`);
    if (note !== undefined) {
      skipped++;
      print(`${yellow("skip")} ${name}: ${note}`);
    } else if (problems.length > 0 || seen === 0) {
      failed++;
      print(`${red("fail")} ${name} ${time}`);
      print(indent(seen === 0 ? "it saw no file" : beginning(problems.join("\n"))));
    } else {
      print(`${green("pass")} ${name} ${time}`);
    }
  }
  const passed = gates.length - failed - skipped;
  print(bold(`gates: ${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`));
  return failed === 0 ? 0 : 1;
}

process.exitCode = await check();
