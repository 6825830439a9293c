/** The command line as bytes: Node decodes it as UTF-8 and loses names that are not. */

import { readFileSync } from "node:fs";

/**
 * Arguments after the script, one character a byte (`latin1`), which is how the parser carries them.
 * @param decoded `process.argv.slice(2)`; used where /proc is not mounted
 */
export function rawArguments(decoded: readonly string[]): string[] {
  try {
    const all = readFileSync("/proc/self/cmdline", "latin1").split("\0").slice(0, -1);
    if (all.length >= decoded.length + 2) return decoded.length === 0 ? [] : all.slice(-decoded.length);
  } catch {
    // Without /proc the decoded form is the best there is.
  }
  return decoded.map((argument) => Buffer.from(argument).toString("latin1"));
}

/** An argument's bytes. */
export const toBytes = (argument: string): Buffer => Buffer.from(argument, "latin1");

/** An argument as text for options that are not paths, and for messages. */
export const toText = (argument: string): string => toBytes(argument).toString("utf8");
