/** The working directory as bytes. */

import { readlinkSync } from "node:fs";
import { toLatin1 } from "./paths.js";

/** `process.cwd()` decodes it as UTF-8, which loses other names; that is the answer only where /proc is not mounted. */
export function workingDirectory(): string {
  try {
    return readlinkSync("/proc/self/cwd", "latin1");
  } catch {
    return toLatin1(process.cwd());
  }
}
