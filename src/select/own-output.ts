/** Keeps what a build writes out of what it reads, where the output lies inside ROOT. */

import { realpathSync } from "node:fs";
import { STAT } from "../model.js";
import { addon } from "../native/addon.js";
import { toBytes } from "./paths.js";

/** Whether a name (latin1) is an output of the build, a temporary or a spare. */
export type IsOwnOutput = (name: string) => boolean;

/** For a directory that receives outputs, given by its stat record at `stats[at …]`; undefined for other directories. */
export type OwnOutputIn = (stats: Uint32Array, at: number) => IsOwnOutput | undefined;

/** @param outputs host paths of the files that the build will make; they need not exist */
export function ownOutput(outputs: readonly Buffer[]): OwnOutputIn {
  const byDirectory = new Map<string, Set<string>>();
  for (const output of outputs) {
    const text = output.toString("latin1");
    const slash = text.lastIndexOf("/");
    const key = identityOf(toBytes(text.slice(0, slash) || "/"));
    if (key === undefined) continue;
    byDirectory.set(key, (byDirectory.get(key) ?? new Set()).add(text.slice(slash + 1)));
  }
  if (byDirectory.size === 0) return () => undefined;
  return (stats, at) => {
    const names = byDirectory.get(identity(stats, at));
    return names && ((name) => names.has(name) || [...names].some((own) => isCompanion(name, own)));
  };
}

// By identity, not by path: the directory may be reached through links and mounts.
const identity = (stats: Uint32Array, at: number): string =>
  `${stats[at + STAT.dev]}:${stats[at + STAT.ino]}:${stats[at + STAT.ino + 1]}`;

function identityOf(directory: Buffer): string | undefined {
  try {
    return identity(addon.statRecord(realpathSync.native(directory, "buffer")), 0);
  } catch {
    return undefined;
  }
}

const isCompanion = (name: string, own: string): boolean =>
  name === `.binaryfs-${own}` || (name.startsWith(`.${own}.`) && name.endsWith(".tmp"));
