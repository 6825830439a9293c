/** The built package where any user may read it: a checkout may lie below a directory that is its owner's alone. */

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

const project = join(import.meta.dirname, "../..");
let directory: string | undefined;
let command: string | undefined;

// Not when the process exits: the runner kills its workers.
afterAll(() => {
  if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
});

/** Path of the copy's `dist/bin/main.js`; the copy (dist and the production dependencies) is made once for a test file and removed after its tests. */
export function readableCli(): string {
  if (command !== undefined) return command;
  const copy = mkdtempSync(join(tmpdir(), "binaryfs-package-"));
  directory = copy;
  const lock = JSON.parse(readFileSync(join(project, "package-lock.json"), "utf8")) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>;
  };
  const dependencies = Object.entries(lock.packages)
    .filter(([path, entry]) => path !== "" && entry.dev !== true && entry.devOptional !== true)
    .map(([path]) => path);
  for (const path of ["package.json", "dist", ...dependencies]) {
    if (!existsSync(join(project, path))) continue; // optional packages of other platforms
    mkdirSync(join(copy, path, ".."), { recursive: true });
    const objects = join(project, "dist/runtime/obj");
    cpSync(join(project, path), join(copy, path), { recursive: true, filter: (from) => from !== objects });
  }
  // Whatever the umask of who installed and built it.
  execFileSync("chmod", ["-R", "a+rX", copy]);
  command = join(copy, "dist/bin/main.js");
  return command;
}
