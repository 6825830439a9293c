/** What to spawn so that a program gets arguments and variables of any bytes: Node itself hands on text alone. */

import { isUtf8 } from "node:buffer";
import { toBytes, toText } from "./raw-arguments.js";

export interface Spawnable {
  readonly file: string;
  readonly args: readonly string[];
  /** Variables to add to those of this process. */
  readonly environment: Readonly<Record<string, string>>;
}

/** What a shell can export. */
const SHELL_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * @param launcher path of the program, text
 * @param words its arguments, one character a byte
 * @param variables names and values, one character a byte
 */
export function launchWords(
  launcher: string,
  words: readonly string[],
  variables: Readonly<Record<string, string>>,
): Spawnable {
  const entries = Object.entries(variables);
  const isText = (word: string): boolean => isUtf8(toBytes(word));
  const needsShell = ([name, value]: [string, string]): boolean => !isText(value) && SHELL_NAME.test(name);
  const given = entries.filter((entry) => !needsShell(entry));
  const environment = Object.fromEntries(given.map(([name, value]) => [toText(name), toText(value)]));
  const rest = entries.filter(needsShell);
  if (rest.length === 0 && words.every(isText)) return { file: launcher, args: words.map(toText), environment };
  // A shell can spell any bytes, and exec leaves nothing of it.
  const exports = rest.map(([name, value]) => spelled(value, `export ${name}="\${binaryfs_word%x}"`));
  const positions = words.map((word) => spelled(word, `set -- "$@" "\${binaryfs_word%x}"`));
  const script = [...exports, ...positions, "unset binaryfs_word", 'exec "$0" "$@"'].join("\n");
  return { file: "/bin/sh", args: ["-c", script, launcher], environment };
}

/** The x keeps newlines at the end, which a substitution would drop. */
function spelled(word: string, use: string): string {
  const octal = [...toBytes(word)].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
  return `binaryfs_word=$(printf '${octal}x')\n${use}`;
}
