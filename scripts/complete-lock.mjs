/**
 * Adds to package-lock.json the packages for other platforms that npm left out, because a registry in use does not carry them:
 * `npm ci` takes a lock file without them for stale. Run after a change of dependencies; changes nothing where all are there.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { inProject } from "./lib/project.mjs";
import { count, print } from "./lib/terminal.mjs";

const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const processors = ["arm64", "x64", "ia32", "arm", "riscv64", "ppc64", "s390x", "loong64", "mips64el", "wasm32"];

/** @param {string} name of a package for one platform, as in `@scope/tool-linux-x64-musl` */
function platform(name) {
  const words = name.split(/[-/.]/);
  const cpu = processors.find((word) => words.includes(word));
  const os = systems.find((word) => words.includes(word));
  const libc = words.some((word) => word.startsWith("musl"))
    ? "musl"
    : words.some((word) => word.startsWith("gnu"))
      ? "glibc"
      : undefined;
  return {
    ...(cpu === undefined ? {} : { cpu: [cpu] }),
    ...(os === "linux" && libc !== undefined ? { libc: [libc] } : {}),
    ...(os === undefined ? {} : { os: [os] }),
  };
}

const file = inProject("package-lock.json");
const lock = JSON.parse(readFileSync(file, "utf8"));
let added = 0;
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    if (`node_modules/${name}` in lock.packages || `${path}/node_modules/${name}` in lock.packages) continue;
    const version = String(range).replace(/^[\^~]/, "");
    lock.packages[`node_modules/${name}`] = {
      version,
      ...platform(name),
      ...(entry.dev === true ? { dev: true } : {}),
      optional: true,
    };
    added++;
  }
}
const sorted = Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1));
lock.packages = Object.fromEntries(sorted);
if (added > 0) writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
print(`${count(added)} packages for other platforms added to package-lock.json`);
