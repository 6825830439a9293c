/** Shell globs over whole paths: `*` and `?` cross `/`, and a pattern that names a directory takes all beneath it. */

import { characterAt } from "./characters.js";
import { type CharacterClass, parseClass } from "./glob-class.js";

/** A literal byte (its code), `?`, `*` or a class. */
type Token = number | "any" | "star" | CharacterClass;

const SLASH = 0x2f;

export class Glob {
  readonly pattern: string;
  readonly #tokens: readonly Token[];
  /** What every match begins with. */
  readonly #prefix: string;
  readonly #isLiteral: boolean;

  /** @param pattern normalized and absolute, as a latin1 string */
  constructor(pattern: string) {
    this.pattern = pattern;
    // "/" matches as the empty string, which everything lies beneath.
    this.#tokens = parse(pattern === "/" ? "" : pattern);
    const literal = this.#tokens.findIndex((token) => typeof token !== "number");
    this.#isLiteral = literal < 0;
    const codes = (this.#isLiteral ? this.#tokens : this.#tokens.slice(0, literal)) as readonly number[];
    this.#prefix = codes.map((code) => String.fromCharCode(code)).join("");
  }

  /** Whether the pattern matches the path or a directory above it. */
  matches(path: string): boolean {
    if (!path.startsWith(this.#prefix)) return false;
    const start = this.#prefix.length;
    if (this.#isLiteral) return path.length === start || path.charCodeAt(start) === SLASH;
    return this.#matchFrom(path, start);
  }

  /** Whether the pattern can match some path beneath the directory. */
  mayMatchBeneath(directory: string): boolean {
    const path = directory === "/" ? "/" : `${directory}/`;
    let at = 0;
    for (const token of this.#tokens) {
      if (at >= path.length || token === "star") return true;
      const taken = step(token, path, at);
      if (taken === 0) return false;
      at += taken;
    }
    return at >= path.length || path.charCodeAt(at) === SLASH;
  }

  /** Going back to the last star alone is enough: an earlier star's leftmost match leaves the most room. Linear in practice. */
  #matchFrom(path: string, start: number): boolean {
    const tokens = this.#tokens;
    let at = start;
    let next = start;
    let star = -1;
    let starAt = 0;
    for (;;) {
      const token = tokens[next];
      if (token === undefined) {
        if (at === path.length || path.charCodeAt(at) === SLASH) return true;
      } else if (token === "star") {
        star = next++;
        starAt = at;
        continue;
      } else {
        const taken = at < path.length ? step(token, path, at) : 0;
        if (taken > 0) {
          at += taken;
          next++;
          continue;
        }
      }
      if (star < 0 || ++starAt > path.length) return false;
      at = starAt;
      next = star + 1;
    }
  }
}

/** Bytes that the token takes at `at`; 0 for no match. */
function step(token: Exclude<Token, "star">, path: string, at: number): number {
  if (typeof token === "number") return path.charCodeAt(at) === token ? 1 : 0;
  const character = characterAt(path, at);
  return token === "any" || token.has(character.code) ? character.bytes : 0;
}

function parse(pattern: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length; ) {
    const character = pattern[at];
    if (character === "*") {
      if (tokens.at(-1) !== "star") tokens.push("star");
      at++;
    } else if (character === "?") {
      tokens.push("any");
      at++;
    } else if (character === "[") {
      const parsed = parseClass(pattern, at);
      tokens.push(parsed?.class ?? pattern.charCodeAt(at));
      at = parsed?.end ?? at + 1;
    } else {
      if (character === "\\" && at + 1 < pattern.length) at++;
      tokens.push(pattern.charCodeAt(at++));
    }
  }
  return tokens;
}

/** A pattern that matches exactly this text. */
export const escapeGlob = (text: string): string => text.replace(/[\\*?[]/g, "\\$&");

/** The text that a pattern without wildcards stands for; undefined where it has some. */
export function literalText(pattern: string): string | undefined {
  const tokens = parse(pattern);
  if (tokens.some((token) => typeof token !== "number")) return undefined;
  return String.fromCharCode(...(tokens as number[]));
}
