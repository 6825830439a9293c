/** On what was measured. */

import { statfsSync } from "node:fs";
import { arch, cpus, release, totalmem } from "node:os";
import { run } from "../../scripts/lib/process.mjs";

/** @param {string} directory where the trees and outputs are */
export async function machine(directory) {
  const firstLine = async (/** @type {string} */ command, /** @type {string[]} */ args) =>
    (await run(command, args)).output.trim().split("\n")[0] ?? "";
  return {
    cpu: cpus()[0]?.model ?? "",
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: release(),
    arch: arch(),
    node: process.version,
    fileSystem:
      (await firstLine("stat", ["-f", "-c", "%T", directory])) || `0x${statfsSync(directory).type.toString(16)}`,
    tar: await firstLine("tar", ["--version"]),
    "mkfs.erofs": await firstLine("mkfs.erofs", ["-V"]),
    mksquashfs: await firstLine("mksquashfs", ["-version"]),
  };
}
