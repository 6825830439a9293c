/** Builds dist/: TypeScript by tsc, the runtime by make. Both look at what changed and do no more than that. */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { fileURLToPath } from "node:url";
import { localTool, run } from "./lib/process.mjs";
import { inProject } from "./lib/project.mjs";
import { beginning, duration, indent, print, printError } from "./lib/terminal.mjs";
import { setup } from "./setup.mjs";

const buildInfo = inProject("dist/.tsbuildinfo");

/** @returns {Promise<boolean>} */
export async function build() {
  const started = performance.now();
  removeStaleOutputs();
  const results = await Promise.all([
    step("tsc", localTool("tsc"), ["-p", "tsconfig.json", "--incremental", "--tsBuildInfoFile", buildInfo]),
    step("make", "make", ["--no-print-directory", "-s", "-j2", "--output-sync=target", "-C", "src/runtime"]),
    step("make", "make", ["--no-print-directory", "-s", "-C", "src/native"]),
  ]);
  if (!results.every(Boolean) || !(await bundle())) return false;
  linkCommands();
  print(`built dist/ in ${duration(performance.now() - started)}`);
  return true;
}

/** What is started often, in few files: a hundred modules take 60 ms longer to load. Dependencies stay outside. */
async function bundle() {
  // Not at the top: on a fresh machine the package is not there before setup.
  const { rolldown } = await import("rolldown");
  try {
    const bundled = await rolldown({
      input: {
        main: inProject("src/cli/main.ts"),
        worker: inProject("src/serialize/worker.ts"),
        bazel: inProject("src/bazel/main.ts"),
        "shard-thread": inProject("src/bazel/shard-thread.ts"),
      },
      platform: "node",
      external: (id, _importer, isResolved) => !isResolved && /^[^./\0]/.test(id),
    });
    await bundled.write({ dir: inProject("dist/bin"), format: "esm", cleanDir: true });
    await bundled.close();
    return true;
  } catch (error) {
    printError(indent(beginning(String(error))));
    printError("rolldown failed");
    return false;
  }
}

/** @param {string} name @param {string} command @param {readonly string[]} args */
async function step(name, command, args) {
  const { status, output } = await run(command, args);
  if (output.trim() !== "") (status === 0 ? print : printError)(indent(beginning(output)));
  if (status !== 0) printError(`${name} failed`);
  return status === 0;
}

/** tsc neither removes the output of a deleted source nor, when incremental, replaces an output that was deleted. */
function removeStaleOutputs() {
  if (!existsSync(inProject("dist"))) return;
  for (const path of readdirSync(inProject("dist"), { recursive: true, encoding: "utf8" })) {
    const source = path.replace(/\.(js|d\.ts)$/, ".ts");
    if (source !== path && !/^(runtime|bin)\//.test(path) && !existsSync(inProject(`src/${source}`)))
      rmSync(inProject(`dist/${path}`));
  }
  for (const path of readdirSync(inProject("src"), { recursive: true, encoding: "utf8" })) {
    if (!path.endsWith(".ts") || path.endsWith(".d.ts")) continue;
    if (!existsSync(inProject(`dist/${path.replace(/\.ts$/, ".js")}`))) rmSync(buildInfo, { force: true });
  }
}

/** The commands of package.json, as npm would link them in a dependent, so that `npx binaryfs` works in the checkout. */
function linkCommands() {
  const commands = { binaryfs: "bin/main.js", "binary-fs": "bin/main.js", "binaryfs-run": "runtime/binaryfs-run" };
  mkdirSync(inProject("node_modules/.bin"), { recursive: true });
  for (const [name, path] of Object.entries(commands)) {
    const file = inProject(`dist/${path}`);
    if (!existsSync(file)) continue;
    if ((statSync(file).mode & 0o111) !== 0o111) chmodSync(file, 0o755);
    const link = inProject(`node_modules/.bin/${name}`);
    const target = `../../dist/${path}`;
    if (lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() && readlinkSync(link) === target) continue;
    rmSync(link, { force: true });
    symlinkSync(target, link);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = (await setup(["build"])) && (await build()) ? 0 : 1;
}
