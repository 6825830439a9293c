/** Temporaries of this process: named beside what they become, and gone when a signal ends the process. */

import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";

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

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
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
