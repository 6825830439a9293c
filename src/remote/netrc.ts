/** Reads a netrc file (ftp(1), curl(1)): who one is at which machine. */

export interface NetrcEntry {
  readonly login: string;
  readonly password: string;
}

/**
 * @param text of the file
 * @param host without port, in any case
 * @returns the first entry of that machine; else the `default` entry, wherever it stands
 */
export function netrcEntry(text: string, host: string): NetrcEntry | undefined {
  let fallback: NetrcEntry | undefined;
  for (const { machine, ...entry } of entriesOf(text)) {
    if (machine?.toLowerCase() === host.toLowerCase()) return entry;
    if (machine === undefined) fallback ??= entry;
  }
  return fallback;
}

interface Entry {
  /** Undefined for `default`. */
  readonly machine: string | undefined;
  login: string;
  password: string;
}

function entriesOf(text: string): Entry[] {
  const entries: Entry[] = [];
  const tokens = tokensOf(text);
  for (let token = tokens.next(); token.done !== true; token = tokens.next()) {
    const current = entries.at(-1);
    if (token.value === "machine") {
      entries.push({ machine: tokens.next().value ?? "", login: "", password: "" });
    } else if (token.value === "default") {
      entries.push({ machine: undefined, login: "", password: "" });
    } else if (token.value === "login" || token.value === "password") {
      const value = tokens.next().value ?? "";
      if (current !== undefined) current[token.value] = value;
    } else if (token.value === "account") {
      tokens.next();
    }
  }
  return entries;
}

/** A word, or one in double quotes with backslash escapes; a comment line; a macro, which runs to the next empty line. */
const TOKEN = /\s*(?:#[^\n]*|macdef[^\n]*\n(?:[^\n]+\n?)*|"((?:\\[\s\S]|[^"\\])*)"?|([^\s"#][^\s]*))/y;

function* tokensOf(text: string): Generator<string, undefined> {
  TOKEN.lastIndex = 0;
  let at = 0;
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (match === null) return undefined;
    at = TOKEN.lastIndex;
    const [, quoted, word] = match;
    if (quoted !== undefined) yield quoted.replace(/\\([\s\S])/g, (_, escaped: string) => ESCAPES[escaped] ?? escaped);
    else if (word !== undefined) yield word;
  }
  return undefined;
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };
