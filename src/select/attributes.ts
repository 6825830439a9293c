/** What a node's stat says of it in the image, under the owner and mtime policies. */

import type { BigIntStats } from "node:fs";
import type { NodeType, StatKey } from "../model.js";

export type OwnerPolicy = "keep" | "root";

/** `clamp`: no later than `epochSeconds`. `set`: all equal to it. */
export type MtimePolicy = { readonly kind: "keep" } | { readonly kind: "clamp" | "set"; readonly epochSeconds: number };

export function mtimeUnder(policy: MtimePolicy, mtimeNs: bigint): bigint {
  if (policy.kind === "keep") return mtimeNs;
  const limit = BigInt(policy.epochSeconds) * 1_000_000_000n;
  return policy.kind === "set" || mtimeNs > limit ? limit : mtimeNs;
}

export function typeOf(stats: BigIntStats): NodeType {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "directory";
  if (stats.isSymbolicLink()) return "symlink";
  if (stats.isFIFO()) return "fifo";
  if (stats.isCharacterDevice()) return "character";
  return stats.isBlockDevice() ? "block" : "socket";
}

export const statKeyOf = (stats: BigIntStats): StatKey => ({
  dev: stats.dev,
  ino: stats.ino,
  sizeBytes: stats.size,
  mtimeNs: stats.mtimeNs,
  ctimeNs: stats.ctimeNs,
  mode: stats.mode,
});

/** From the C library's 64-bit `dev_t` to the kernel's 32-bit form (`new_encode_dev`, linux/kdev_t.h). */
export function encodeDevice(device: bigint): number {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn);
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffff_ff00n);
  return Number(BigInt.asUintN(32, (minor & 0xffn) | (major << 8n) | ((minor & ~0xffn) << 12n)));
}
