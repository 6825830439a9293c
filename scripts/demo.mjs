/** The main job, end to end: packs this machine's Python (and Java) with an example, and runs them from one library. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, relative } from "node:path";
import { build } from "./build.mjs";
import { java } from "./demo/java.mjs";
import { python } from "./demo/python.mjs";
import { run } from "./lib/process.mjs";
import { cacheDirectory, inProject, projectRoot } from "./lib/project.mjs";
import {
  bold,
  count,
  cyan,
  dim,
  duration,
  green,
  indent,
  print,
  printError,
  red,
  shellQuote,
  size,
  yellow,
} from "./lib/terminal.mjs";
import { setup } from "./setup.mjs";

/** On every machine, and declared to no image here. */
const undeclared = "/etc/passwd";
const written = "/var/lib/hello/written";

/** @param {readonly string[]} args */
const binaryfs = (args) => run(process.execPath, [inProject("dist/bin/main.js"), ...args]);
/** @param {string} line */
const command = (line) => print(`  ${dim("$")} ${cyan(line)}`);
/** @param {string} path */
const short = (path) => (path.startsWith(`${projectRoot}/`) ? relative(projectRoot, path) : path);

/**
 * @param {import("./demo/python.mjs").Program} program
 * @param {string} directory
 * @returns {Promise<string | undefined>} the library, or undefined where something was not as it must be
 */
async function show(program, directory) {
  const library = `${directory}/${program.library}`;
  const selection = `${library}.args`;
  print(`\n${bold(program.title)}`);
  print(`  packs ${program.summary}`);
  writeFileSync(selection, `${program.selection.join("\n")}\n`);
  command(`npx binaryfs build / -o ${short(library)} @${short(selection)}`);
  const built = await binaryfs(["build", "/", "-o", library, "--json", `@${selection}`]);
  if (built.status !== 0) return explain(`the build ended with status ${built.status}`, built.output);
  const event = JSON.parse(built.stdout.trim().split("\n").at(-1) ?? "{}");
  print(
    `  ${count(event.files)} files, ${size(event.imageBytes)} of image, a library of ${size(statSync(library).size)} in ${duration(built.milliseconds)}`,
  );
  print(`  ${dim(event.digest)}\n`);

  const started = program.command(undeclared, written);
  const line = started.map((word) => shellQuote(word));
  command(`npx binaryfs run ${short(library)} -- ${line.join(" ")}`);
  const runs = [await binaryfs(["run", library, "--", ...started]), await binaryfs(["run", library, "--", ...started])];
  for (const [index, result] of runs.entries()) {
    print(dim(`  run ${index + 1}, ${duration(result.milliseconds)} with the start of the command line`));
    print(indent(result.output));
    if (result.status === 125)
      return explain("the file system could not be put in place, so the program was not started", "");
    if (result.status !== 0) return explain(`run ${index + 1} ended with status ${result.status}`, "");
  }
  const direct = await run(library, started);
  print(dim(`  run 3, the library as its own launcher: ${duration(direct.milliseconds)}`));
  const onHost = `${directory}/written-on-the-host/written`;
  const [interpreter = "", ...args] = program.command("/nonexistent", onHost);
  // Byte code written beside the example would be packed by the next demo.
  const native = await run(interpreter, args, { env: { PYTHONDONTWRITEBYTECODE: "1" } });
  rmSync(dirname(onHost), { recursive: true, force: true });
  print(dim(`  without an image, on the host's file system: ${duration(native.milliseconds)}\n`));

  const verified = await binaryfs(["verify", library, "--digest", event.digest]);
  const root = /^\/ +(.*)$/m.exec(runs[0]?.stdout ?? "")?.[1] ?? "";
  return judge([
    [`/ is the image: it holds ${root}`, root !== "" && !sameNames(root)],
    [
      `${undeclared} is on this host and absent in the program`,
      existsSync(undeclared) && / absent$/m.test(runs[0]?.stdout ?? ""),
    ],
    [
      `${written} was there in each run, gone at the next start, and never on the host`,
      runs.every((result) => result.stdout.includes(`${written} holds`)) && !existsSync(written),
    ],
    ["the library can be started by itself", direct.status === 0],
    ["the library is as it was built: verify recomputed every byte", verified.status === 0],
  ])
    ? library
    : undefined;
}

/** Whether the program saw the host's own root directory. @param {string} names */
const sameNames = (names) => names === readdirSync("/").sort().join(" ");

/** @param {readonly (readonly [string, boolean])[]} claims */
function judge(claims) {
  for (const [text, holds] of claims) print(`  ${holds ? green("yes") : red("NO ")} ${text}`);
  return claims.every(([, holds]) => holds);
}

/** @param {string} what @param {string} output @returns {undefined} */
function explain(what, output) {
  printError(red(`  ${what}`));
  if (output !== "") printError(indent(output));
}

function workDirectory() {
  const directory = `${cacheDirectory}/demo`;
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(`${directory}/.writable`, "");
    return directory;
  } catch {
    return mkdtempSync(`${tmpdir()}/binaryfs-demo-`);
  }
}

/** @param {string} library */
function next(library) {
  print(`\n${bold("Next")}`);
  const name = short(library);
  for (const [line, purpose] of [
    [`npx binaryfs tree ${name}`, "what is in it"],
    [`npx binaryfs stat ${name} /`, "one node"],
    [`npx binaryfs verify ${name}`, "recompute its digest"],
    [`npx binaryfs check ${name}`, "every door to the host, and whether it will run here"],
    [`./${name} PROGRAM ARGS…`, "the library is its own launcher"],
  ]) {
    print(`  ${cyan((line ?? "").padEnd(44))} ${dim(purpose)}`);
  }
}

async function demo() {
  const started = performance.now();
  if (!(await setup(["build"])) || !(await build())) return 1;
  const directory = workDirectory();
  const first = await python();
  if (first === undefined) {
    printError(red("no Python 3 that this user may read: install python3 and run again"));
    return 1;
  }
  const library = await show(first, directory);
  const second = await java(directory);
  if (typeof second === "string") print(`\n${bold("Java")}\n  ${yellow(second)}`);
  const both = library !== undefined && (typeof second === "string" || (await show(second, directory)) !== undefined);
  if (library !== undefined) next(library);
  print(`\n${both ? green("demo done") : red("demo failed")} in ${duration(performance.now() - started)}`);
  return both ? 0 : 1;
}

process.exitCode = await demo();
