/** Bracket expressions of globs: `[a-z]`, `[!a]`, `[^a]`, `[[:digit:]]` (fnmatch(3), POSIX locale, UTF-8 characters). */

import { characterAt } from "./characters.js";

export interface CharacterClass {
  /** @param code as `characterAt` gives it */
  has(code: number): boolean;
}

const NAMED: Readonly<Record<string, RegExp>> = {
  alnum: /^[0-9A-Za-z]$/,
  alpha: /^[A-Za-z]$/,
  blank: /^[ \t]$/,
  cntrl: /^[^ -~]$/,
  digit: /^[0-9]$/,
  graph: /^[!-~]$/,
  lower: /^[a-z]$/,
  print: /^[ -~]$/,
  punct: /^[!-/:-@[-`{-~]$/,
  space: /^[ \t\n\v\f\r]$/,
  upper: /^[A-Z]$/,
  xdigit: /^[0-9A-Fa-f]$/,
};

/**
 * @param start index of the `[`
 * @returns the class and the index after its `]`; undefined when no `]` ends it (the bracket is then an ordinary character)
 */
export function parseClass(pattern: string, start: number): { class: CharacterClass; end: number } | undefined {
  let at = start + 1;
  const negated = pattern[at] === "!" || pattern[at] === "^";
  if (negated) at++;
  const ranges: (readonly [low: number, high: number])[] = [];
  const named: RegExp[] = [];
  for (let first = true; at < pattern.length; first = false) {
    // A bracket that comes first is a member.
    if (pattern[at] === "]" && !first) {
      const has = (code: number): boolean =>
        ranges.some(([low, high]) => code >= low && code <= high) ||
        (code < 0x80 && named.some((expression) => expression.test(String.fromCharCode(code))));
      return { class: { has: (code) => has(code) !== negated }, end: at + 1 };
    }
    const name = /^\[:([a-z]+):\]/.exec(pattern.slice(at, at + 12))?.[1];
    const expression = name === undefined ? undefined : NAMED[name];
    if (name !== undefined && expression !== undefined) {
      named.push(expression);
      at += name.length + 4;
      continue;
    }
    const low = memberAt(pattern, at);
    at = low.end;
    if (pattern[at] === "-" && at + 1 < pattern.length && pattern[at + 1] !== "]") {
      const high = memberAt(pattern, at + 1);
      at = high.end;
      ranges.push([low.code, high.code]);
    } else {
      ranges.push([low.code, low.code]);
    }
  }
  return undefined;
}

function memberAt(pattern: string, start: number): { code: number; end: number } {
  const at = pattern[start] === "\\" && start + 1 < pattern.length ? start + 1 : start;
  const { code, bytes } = characterAt(pattern, at);
  return { code, end: at + bytes };
}
