/** Temporaries of this process: named beside what they become, and gone when a signal ends the process. */

import { randomBytes } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";

/** `.NAME.binaryfs-PID-RANDOM.tmp` beside the output: selection knows the form and never packs one. */
export function temporaryPath(output: Buffer): Buffer {
  const slash = output.lastIndexOf("/") + 1;
  const random = randomBytes(6).toString("hex");
  return Buffer.concat([
    output.subarray(0, slash),
    Buffer.from("."),
    output.subarray(slash),
    Buffer.from(`.binaryfs-${process.pid}-${random}.tmp`),
  ]);
}

const TEMPORARY = /^\.binaryfs-(\d+)-[0-9a-f]{12}\.tmp$/;

/** Removes what processes that were killed outright left beside this output. What cannot be removed or listed stays. */
export function sweepTemporaries(output: Buffer): void {
  const slash = output.lastIndexOf("/") + 1;
  const directory = output.subarray(0, Math.max(1, slash));
  const prefix = `.${output.toString("latin1", slash)}`;
  try {
    for (const name of readdirSync(directory, "latin1")) {
      const pid = name.startsWith(prefix) ? TEMPORARY.exec(name.slice(prefix.length))?.[1] : undefined;
      if (pid === undefined || isAlive(Number(pid))) continue;
      rmSync(Buffer.concat([directory, Buffer.from(`/${name}`, "latin1")]), { recursive: true, force: true });
    }
  } catch {
    // Tidying up is no reason to fail.
  }
}

/** Whether a process of this number exists. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;
const pending = new Set<Buffer>();

/** From now on a signal that ends the process removes the file or directory. */
export function trackTemporary(path: Buffer): void {
  if (pending.size === 0) for (const signal of SIGNALS) process.on(signal, removeAll);
  pending.add(path);
}

/** @returns whether it was tracked until now */
export function untrackTemporary(path: Buffer): boolean {
  const known = pending.delete(path);
  if (known && pending.size === 0) for (const signal of SIGNALS) process.off(signal, removeAll);
  return known;
}

/** A program with a handler of its own decides by itself whether it dies, and aborts the build if it does not. */
function removeAll(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  for (const path of pending) rmSync(path, { recursive: true, force: true });
  process.off(signal, removeAll);
  process.kill(process.pid, signal);
}
