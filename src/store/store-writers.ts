/** Which processes write to a content store now: what those leave that were killed is found by a look at one directory. */

import { closeSync, openSync, readdirSync, rmSync } from "node:fs";
import { isAlive } from "../publish/temporaries.js";

const MARK = /^\.writer-(\d+)$/;

const markOf = (store: Buffer, pid: number): Buffer => Buffer.concat([store, Buffer.from(`/.writer-${pid}`)]);

/** Says that this process writes, until `retireWriter`. The store exists. */
export function announceWriter(store: Buffer): void {
  try {
    closeSync(openSync(markOf(store, process.pid), "a", 0o600));
  } catch {
    // Without it what is left goes with the next collection.
  }
}

export function retireWriter(store: Buffer): void {
  rmSync(markOf(store, process.pid), { force: true });
}

/** @returns whether some writer died; that is told once */
export function buryWriters(store: Buffer): boolean {
  let found = false;
  try {
    for (const name of readdirSync(store, "latin1")) {
      const pid = Number(MARK.exec(name)?.[1]);
      if (Number.isNaN(pid) || isAlive(pid)) continue;
      rmSync(markOf(store, pid), { force: true });
      found = true;
    }
  } catch {
    // No store.
  }
  return found;
}
