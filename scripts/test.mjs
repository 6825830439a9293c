/**
 * All tests: vitest, then the shell-driven tests of the runtime and of whole applications, one sum at the end.
 * `npm test -- WORD…` runs those whose file name holds a WORD.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { build } from "./build.mjs";
import { localTool, run } from "./lib/process.mjs";
import { cacheDirectory, inProject, projectRoot } from "./lib/project.mjs";
import { bold, duration, print, printError, red, yellow } from "./lib/terminal.mjs";
import { setup } from "./setup.mjs";

/** @typedef {import("./lib/count-reporter.mjs").Counts} Counts */

const words = process.argv.slice(2);
const countLine = /^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/;
const skipLine = /^\s*skip(?:ped)?:?\s+(.*)$/i;

/** @returns {Promise<Counts>} */
async function vitest() {
  const none = { passed: 0, failed: 0, skipped: [] };
  const files = existsSync(inProject("test"))
    ? readdirSync(inProject("test"), { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".test.ts"))
    : [];
  if (!files.some(matches)) return none;
  const counts = `${cacheDirectory}/test-counts.json`;
  mkdirSync(cacheDirectory, { recursive: true });
  rmSync(counts, { force: true });
  const reporters = ["--reporter=default", "--reporter=./scripts/lib/count-reporter.mjs"];
  const { status } = await run(localTool("vitest"), ["run", ...reporters, ...words], {
    show: true,
    env: { BINARYFS_TEST_COUNTS: counts, ...(process.stdout.isTTY ? {} : { NO_COLOR: "1" }) },
  });
  if (!existsSync(counts)) return { ...none, failed: 1 };
  const result = /** @type {Counts} */ (JSON.parse(readFileSync(counts, "utf8")));
  return status !== 0 && result.failed === 0 ? { ...result, failed: 1 } : result;
}

/** @param {string} name path of a script @returns {Promise<Counts>} */
function shellTest(name) {
  print(bold(`\n${name}`));
  const child = spawn("bash", [name], { cwd: projectRoot, stdio: ["ignore", "pipe", "pipe"] });
  let last = "";
  let partial = "";
  /** @type {Counts["skipped"]} */
  const reasons = [];
  const take = (/** @type {string} */ text) => {
    process.stdout.write(text);
    const lines = (partial + text).split("\n");
    partial = lines.pop() ?? "";
    for (const line of lines) {
      const reason = skipLine.exec(line)?.[1];
      if (reason !== undefined) reasons.push({ name, reason });
      if (line.trim() !== "") last = line.trim();
    }
  };
  child.stdout.setEncoding("utf8").on("data", take);
  child.stderr.setEncoding("utf8").on("data", (text) => process.stderr.write(text));
  return new Promise((resolve) => {
    child.on("error", () => resolve({ passed: 0, failed: 1, skipped: [] }));
    child.on("close", (status) => {
      const [, passed, failed, skipped = "0"] = countLine.exec(partial.trim() || last) ?? [];
      if (passed === undefined || failed === undefined) {
        printError(red(`${name} ended with status ${status} and no count`));
        resolve({ passed: 0, failed: 1, skipped: reasons });
        return;
      }
      while (reasons.length < Number(skipped)) reasons.push({ name, reason: "skipped by the script" });
      resolve({
        passed: Number(passed),
        failed: status !== 0 && failed === "0" ? 1 : Number(failed),
        skipped: reasons.slice(0, Number(skipped)),
      });
    });
  });
}

/** @param {string} directory @returns {string[]} its scripts, in order */
const shellTests = (directory) =>
  existsSync(inProject(directory))
    ? readdirSync(inProject(directory))
        .filter((name) => name.endsWith(".sh"))
        .sort()
        .map((name) => `${directory}/${name}`)
    : [];

/** @param {string} path */
const matches = (path) => words.length === 0 || words.some((word) => path.includes(word));

async function test() {
  const started = performance.now();
  if (!(await setup(["build", "test"])) || !(await build())) return 1;
  /** @type {Counts[]} */
  const all = [await vitest()];
  for (const name of ["test/runtime", "test/applications"].flatMap(shellTests).filter(matches))
    all.push(await shellTest(name));

  const passed = all.reduce((sum, counts) => sum + counts.passed, 0);
  const failed = all.reduce((sum, counts) => sum + counts.failed, 0);
  const skipped = all.flatMap((counts) => counts.skipped);
  print();
  for (const { name, reason } of skipped) print(`${yellow("skipped")} ${name}: ${reason}`);
  if (passed + failed === 0) printError(red("no test ran"));
  print(`all tests in ${duration(performance.now() - started)}`);
  print(`${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ""}`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

process.exitCode = await test();
