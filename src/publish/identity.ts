/** Which file it is, and that nobody has written to it, renamed it or changed its mode since, nor has the system been started anew. */

import { type BigIntStats, fstatSync, lstatSync, readFileSync } from "node:fs";

/** Of a regular file; decimal text, so that it can be kept as JSON. */
export interface FileIdentity {
  readonly dev: string;
  readonly ino: string;
  readonly size: string;
  readonly mtimeNs: string;
  readonly ctimeNs: string;
  /** Of the kernel that runs: what was published is not flushed to the disk, so after a crash of the system a file may be as named and hold zeros. */
  readonly boot: string;
}

/**
 * @param file a descriptor or a host path, whose last component is not followed
 * @returns undefined where no regular file is
 */
export function identityOf(file: number | Buffer): FileIdentity | undefined {
  const stats = statsOf(file);
  return stats?.isFile() === true ? identityFrom(stats) : undefined;
}

function statsOf(file: number | Buffer): BigIntStats | undefined {
  try {
    return typeof file === "number" ? fstatSync(file, { bigint: true }) : lstatSync(file, { bigint: true });
  } catch {
    return undefined;
  }
}

export const identityFrom = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): FileIdentity => ({
  dev: `${dev}`,
  ino: `${ino}`,
  size: `${size}`,
  mtimeNs: `${mtimeNs}`,
  ctimeNs: `${ctimeNs}`,
  boot: bootId(),
});

let boot: string | undefined;

/** random(4); empty where it is hidden. */
function bootId(): string {
  try {
    boot ??= readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  } catch {
    boot = "";
  }
  return boot;
}

export const sameIdentity = (a: FileIdentity | undefined, b: FileIdentity | undefined): boolean =>
  a !== undefined &&
  b !== undefined &&
  a.dev === b.dev &&
  a.ino === b.ino &&
  a.size === b.size &&
  a.mtimeNs === b.mtimeNs &&
  a.ctimeNs === b.ctimeNs &&
  a.boot === b.boot;
