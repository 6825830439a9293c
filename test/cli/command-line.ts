/** The compiled command line, as users start it. */

import { spawnSync } from "node:child_process";
import { join } from "node:path";

export const MAIN = join(import.meta.dirname, "../../dist/bin/main.js");

/** @returns what runs `binaryfs ARGS…` in the directory; output is one character a byte */
export const commandLine =
  (directory: string) =>
  (args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
      cwd: directory,
      env: { ...process.env, XDG_CACHE_HOME: join(directory, ".cache"), ...env },
      encoding: "latin1",
    });
    return { status, stdout, stderr };
  };
