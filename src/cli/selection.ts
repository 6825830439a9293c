/** From parsed options to what the engine is asked to select. */

import { readFileSync } from "node:fs";
import { fail, ok, type Result } from "../errors.js";
import type { Volume } from "../model.js";
import { SELECTION_RULES } from "./options.js";
import { type ParsedOption, parseOptions } from "./parse-options.js";
import { toBytes, toText } from "./raw-arguments.js";

/**
 * Replaces each `--selection FILE` by the rules that the file holds, in place, so that their order among the flags counts.
 *
 * A line is `OPTION VALUE` (`-i /usr/lib/*`, `--exclude *.pyc`, `--host-path=/etc/hosts`), or a path that starts with `/`, which is an include.
 * The value runs to the end of the line; nothing is quoted. Empty lines and lines that start with `#` are left out.
 */
export function expandSelectionFiles(options: readonly ParsedOption[]): Result<ParsedOption[]> {
  const expanded: ParsedOption[] = [];
  for (const option of options) {
    if (option.name !== "selection") {
      expanded.push(option);
      continue;
    }
    const rules = readSelectionFile(toBytes(option.value));
    if (!rules.ok) return rules;
    expanded.push(...rules.value);
  }
  return ok(expanded);
}

function readSelectionFile(path: Buffer): Result<ParsedOption[]> {
  let text: string;
  try {
    text = readFileSync(path, "latin1");
  } catch (cause) {
    return fail("unreadable", { path, detail: (cause as NodeJS.ErrnoException).code ?? "", cause });
  }
  const rules: ParsedOption[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === "" || line.startsWith("#")) continue;
    const parsed = parseOptions(lineArguments(line), SELECTION_RULES);
    const where = `line ${index + 1}: ${toText(line)}`;
    if (!parsed.ok || parsed.value.operands.length > 0) return fail("bad-config", { path, detail: where });
    rules.push(...parsed.value.options);
  }
  return ok(rules);
}

function lineArguments(line: string): string[] {
  if (line.startsWith("/")) return ["--include", line];
  const found = /^(-[^\s=]+)\s+(.*)$/s.exec(line);
  return found === null ? [line] : [found[1] as string, found[2] as string];
}

/** GUEST or GUEST=HOST; `\=` stands for an equals sign in GUEST. */
export function parseVolume(value: string): Result<Volume> {
  let at = value.indexOf("=");
  while (at > 0 && value[at - 1] === "\\") at = value.indexOf("=", at + 1);
  const guest = toBytes((at < 0 ? value : value.slice(0, at)).replaceAll("\\=", "="));
  const bad = fail("bad-volume", { path: toBytes(value), detail: "not absolute" });
  if (guest[0] !== 0x2f) return bad;
  if (at < 0) return ok({ guest });
  const host = toBytes(value.slice(at + 1));
  return host[0] === 0x2f ? ok({ guest, host }) : bad;
}
