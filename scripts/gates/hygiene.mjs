/** No path of a machine, no registry address, no conflict marker, no large binary; every source opens with its purpose. */
import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { inProject, projectRoot } from "../lib/project.mjs";
import { projectFiles } from "./files.mjs";

const largestBytes = 1 << 20;
const homes = new RegExp(["", "(?:home|Users|work|workspaces?|builds)", "[A-Za-z0-9_.-]+", ""].join("/"));
const conflict = /^(?:<{7} |>{7} |={7}$)/m;
const purpose = /^(?:#!.*\n)?(?:\/\*|\/\/|#|<)/;
const needsPurpose = /^(?:src|scripts|bench|rules)\/.*\.(?:ts|mjs|c|h|S|py|java|sh|mk|ld)$/;

/** @returns {Promise<import("./files.mjs").GateResult>} */
export async function hygiene() {
  /** @type {string[]} */
  const problems = [];
  const files = await projectFiles();
  for (const path of files) {
    const { size } = statSync(inProject(path));
    if (size > largestBytes) problems.push(`${path}: ${size} bytes, more than ${largestBytes}`);
    const bytes = readFileSync(inProject(path));
    if (bytes.subarray(0, 8192).includes(0)) continue;
    const text = bytes.toString("utf8");
    for (const needle of [projectRoot, `${homedir()}/.`]) {
      if (needle.length > 3 && text.includes(needle)) problems.push(`${path}: names a path of this machine, ${needle}`);
    }
    const home = homes.exec(text);
    if (home !== null && path !== "package-lock.json")
      problems.push(`${path}: names a path of some machine, ${home[0]}`);
    if (conflict.test(text)) problems.push(`${path}: conflict marker`);
    if (text.includes("\r\n")) problems.push(`${path}: CRLF`);
    if (text !== "" && !text.endsWith("\n")) problems.push(`${path}: no newline at the end`);
    if (needsPurpose.test(path) && !purpose.test(text))
      problems.push(`${path}: does not open with a comment on its purpose`);
  }
  problems.push(...lockFile());
  return { name: "hygiene", problems, seen: files.length };
}

/** Where a package comes from is the installing user's configuration; what it is, the integrity hash says. */
function lockFile() {
  const text = readFileSync(inProject("package-lock.json"), "utf8");
  /** @type {[string, Record<string, unknown>][]} */
  const all = Object.entries(JSON.parse(text).packages);
  const packages = all.filter(([path]) => path !== "");
  // Packages for other platforms may come from a registry that this one does not mirror: scripts/complete-lock.mjs.
  const problems = packages
    .filter(([, entry]) => entry.integrity === undefined && entry.optional !== true && entry.link !== true)
    .map(([path]) => `package-lock.json: ${path} has no integrity hash`);
  if (/"resolved"/.test(text)) problems.push('package-lock.json: holds "resolved" addresses');
  if (packages.length === 0) problems.push("package-lock.json: no package");
  return problems;
}
