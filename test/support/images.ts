/** Images for independent judges: packing a tree without a library around it, fsck.erofs, the kernel's own driver. */

import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { expect } from "vitest";
import type { LayoutName } from "../../src/model.js";
import { planCompact } from "../../src/plan/compact.js";
import { planStable } from "../../src/plan/stable.js";
import { type SelectOptions, select } from "../../src/select/select.js";
import { serialize } from "../../src/serialize/serialize.js";

export const hasTool = (tool: string): boolean => spawnSync(tool, ["--help"]).error === undefined;

export const isRoot = process.getuid?.() === 0;

/** Whether this kernel, or a module of it, can mount what we write, and we may: containers often may not. */
export const canMount = ((): boolean => {
  if (!isRoot) return false;
  spawnSync("modprobe", ["erofs"]);
  return readFileSync("/proc/filesystems", "latin1").includes("\terofs\n") && spawnSync("losetup", ["-f"]).status === 0;
})();

/** @returns the number of inodes */
export async function writeImage(
  image: string,
  options: SelectOptions,
  layout: LayoutName = "compact",
): Promise<number> {
  const tree = select({ secrets: "warn", ...options });
  if (!tree.ok) throw new Error(`${tree.error.code} ${tree.error.path ?? ""} ${tree.error.detail ?? ""}`);
  const plan = layout === "compact" ? planCompact(tree.value, 0) : planStable(tree.value, { buildTime: 0 });
  if (!plan.ok) throw new Error(plan.error.code);
  const fd = openSync(image, "w+");
  try {
    const written = await serialize(plan.value, { fd, offset: 0 });
    expect(written.ok).toBe(true);
  } finally {
    closeSync(fd);
  }
  return plan.value.inventory.count;
}

/** fsck.erofs ends with status 0 even where a checksum is wrong: its words count. */
export function fsck(image: string): string {
  const { stdout, stderr } = spawnSync("fsck.erofs", ["-d3", image], { encoding: "latin1", maxBuffer: 2 ** 28 });
  return (stdout + stderr).trimEnd().split("\n").at(-1) ?? "";
}

export const FSCK_CLEAN = "No errors found";

/** Mounts the image as long as `use` runs. @param offset of the image in the file */
export function withMounted<T>(image: string, mountPoint: string, use: () => T, offset = 0): T {
  mkdirSync(mountPoint, { recursive: true });
  const mounted = spawnSync("mount", ["-t", "erofs", "-o", `loop,ro,offset=${offset}`, image, mountPoint], {
    encoding: "utf8",
  });
  if (mounted.status !== 0) throw new Error(`mount: ${mounted.stderr}`);
  try {
    return use();
  } finally {
    spawnSync("umount", [mountPoint]);
  }
}
