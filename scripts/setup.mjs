/** Makes a fresh machine ready: npm packages, and Debian packages where that is possible. Does nothing the second time. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { missingPackages } from "./lib/debian-packages.mjs";
import { run, which } from "./lib/process.mjs";
import { inProject } from "./lib/project.mjs";
import { bold, duration, indent, print, printError, yellow } from "./lib/terminal.mjs";

const minimumNode = [20, 19];

/**
 * @param {readonly import("./lib/debian-packages.mjs").Need[]} needs what the caller is about to do
 * @returns {Promise<boolean>} whether the caller can go on; tools that stay absent are skipped by those who use them
 */
export async function setup(needs) {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < (minimumNode[0] ?? 0) || (major === minimumNode[0] && minor < (minimumNode[1] ?? 0))) {
    printError(`Node ${minimumNode.join(".")} or newer is needed; this is ${process.versions.node}.`);
    return false;
  }
  await installDebianPackages(needs);
  return installNpmPackages();
}

async function installNpmPackages() {
  if (npmPackagesAreCurrent()) return true;
  print(bold("npm ci"));
  const { status, output, milliseconds } = await run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  if (status !== 0) {
    printError(indent(output));
    printError("npm ci failed: the packages of package-lock.json could not be installed.");
    return false;
  }
  print(`  installed in ${duration(milliseconds)}`);
  return true;
}

/** npm records in node_modules what it installed; packages for other platforms are rightly absent there. */
function npmPackagesAreCurrent() {
  const installedFile = inProject("node_modules/.package-lock.json");
  if (!existsSync(installedFile)) return false;
  try {
    const wanted = JSON.parse(readFileSync(inProject("package-lock.json"), "utf8")).packages;
    const installed = JSON.parse(readFileSync(installedFile, "utf8")).packages;
    for (const [path, entry] of Object.entries(wanted)) {
      if (path === "") continue;
      const there = installed[path];
      if (there === undefined ? entry.optional !== true : there.version !== entry.version) return false;
    }
    return Object.keys(installed).every((path) => path in wanted);
  } catch {
    return false;
  }
}

/** @param {readonly import("./lib/debian-packages.mjs").Need[]} needs */
async function installDebianPackages(needs) {
  const missing = missingPackages(needs);
  if (missing.length === 0) return;
  const names = missing.map((entry) => entry.package);
  if (process.getuid?.() !== 0 || which("apt-get") === undefined) {
    print(yellow(`Not installed here: ${missing.map((entry) => `${entry.package} (${entry.purpose})`).join(", ")}.`));
    print(`  What needs them is skipped and counted. To have them: sudo apt-get install ${names.join(" ")}`);
    return;
  }
  print(bold(`apt-get install ${names.join(" ")}`));
  const install = () => aptGet(["install", "-y", "--no-install-recommends", ...names]);
  // Without package lists apt-get cannot find a name; a mirror that is partly out of reach still updates the others.
  if ((await install()).status === 0) return;
  await aptGet(["update", "-q"]);
  if ((await install()).status === 0) return;
  for (const name of names) await aptGet(["install", "-y", "--no-install-recommends", name]);
  const absent = missingPackages(needs).map((entry) => entry.package);
  if (absent.length > 0)
    print(yellow(`  could not be installed: ${absent.join(", ")}; what needs them is skipped and counted`));
}

/** @param {readonly string[]} args */
const aptGet = (args) =>
  run("apt-get", ["-o", "DPkg::Lock::Timeout=120", ...args], { env: { DEBIAN_FRONTEND: "noninteractive" } });

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = (await setup(["build", "test", "check", "bench"])) ? 0 : 1;
}
