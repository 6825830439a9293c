/** Keeps what a build writes out of what it reads, where the output lies inside ROOT. */

import { type BigIntStats, statSync } from "node:fs";
import { toBytes } from "./paths.js";

/** For a directory that receives outputs: whether a name in it is one of them, a temporary or a spare. Undefined for other directories. */
export type OwnOutputIn = (directory: BigIntStats) => ((name: string) => boolean) | undefined;

/** @param outputs host paths of the files that the build will make; they need not exist */
export function ownOutput(outputs: readonly Buffer[]): OwnOutputIn {
  const byDirectory = new Map<string, Set<string>>();
  for (const output of outputs) {
    const text = output.toString("latin1");
    const slash = text.lastIndexOf("/");
    const directory = statSync(toBytes(text.slice(0, slash) || "/"), { bigint: true, throwIfNoEntry: false });
    if (directory === undefined) continue;
    const key = identity(directory);
    byDirectory.set(key, (byDirectory.get(key) ?? new Set()).add(text.slice(slash + 1)));
  }
  return (directory) => {
    const names = byDirectory.get(identity(directory));
    return names && ((name) => names.has(name) || [...names].some((own) => isCompanion(name, own)));
  };
}

// By identity, not by path: the directory may be reached through links and mounts.
const identity = ({ dev, ino }: BigIntStats): string => `${dev}:${ino}`;

const isCompanion = (name: string, own: string): boolean =>
  name === `.binaryfs-${own}` || (name.startsWith(`.${own}.`) && name.endsWith(".tmp"));
