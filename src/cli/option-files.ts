/** Expands `@FILE` arguments: one argument a line, which may name further files. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fail, ok, type Result } from "../errors.js";
import { toBytes, toText } from "./raw-arguments.js";

/**
 * Lines are taken as they stand, without quoting; empty lines are left out. A file inside a file is relative to the working directory,
 * like every other path of the command line. Nothing is expanded after `--`.
 * @returns `usage` for a file that includes itself; `unreadable` for one that cannot be read
 */
export function expandOptionFiles(args: readonly string[], open: readonly string[] = []): Result<string[]> {
  const expanded: string[] = [];
  for (const [index, argument] of args.entries()) {
    if (argument === "--" && open.length === 0) {
      expanded.push(...args.slice(index));
      break;
    }
    if (!argument.startsWith("@") || argument.length === 1) {
      expanded.push(argument);
      continue;
    }
    const name = argument.slice(1);
    const path = resolve(name);
    if (open.includes(path)) return fail("usage", { detail: `@${toText(name)} includes itself` });
    let text: string;
    try {
      text = readFileSync(toBytes(name), "latin1");
    } catch (cause) {
      return fail("unreadable", { path: toBytes(name), detail: (cause as NodeJS.ErrnoException).code ?? "", cause });
    }
    const lines = text.split(/\r?\n/).filter((line) => line !== "");
    const inner = expandOptionFiles(lines, [...open, path]);
    if (!inner.ok) return inner;
    expanded.push(...inner.value);
  }
  return ok(expanded);
}
