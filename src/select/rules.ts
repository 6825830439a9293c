/** Ordered includes and excludes: the last that matches decides. */

import { ok, type Result } from "../errors.js";
import { expandPattern, type RootView, type RuleKind } from "./expand.js";
import type { Glob } from "./glob.js";
import { type PathLike, toLatin1 } from "./paths.js";

export interface Rule {
  readonly kind: RuleKind;
  readonly pattern: PathLike;
}

interface ExpandedRule {
  readonly kind: RuleKind;
  readonly pattern: string;
  readonly meant: readonly Glob[];
  /** All of it: `meant` and the links on the way. */
  readonly globs: readonly Glob[];
}

/** No rule has matched. */
export const NO_RULE = -1;

export class RuleSet {
  readonly #rules: readonly ExpandedRule[];
  readonly #unmatched: Set<number>;
  /** A path that each matched rule is known to match. */
  readonly #witnesses = new Map<number, string>();
  readonly #selectedByDefault: boolean;

  private constructor(rules: readonly ExpandedRule[]) {
    this.#rules = rules;
    this.#unmatched = new Set(rules.keys());
    // Without any include the whole of ROOT is meant.
    this.#selectedByDefault = rules.every(({ kind }) => kind === "exclude");
  }

  static create(rules: readonly Rule[], root: RootView): Result<RuleSet> {
    const expanded: ExpandedRule[] = [];
    for (const { kind, pattern } of rules) {
      const text = toLatin1(pattern);
      const globs = expandPattern(text, kind, root);
      if (!globs.ok) return globs;
      const { meant, onTheWay } = globs.value;
      expanded.push({ kind, pattern: text, meant, globs: [...meant, ...onTheWay] });
    }
    return ok(new RuleSet(expanded));
  }

  /** Everything that decides what the rules match, as a value that JSON can hold. */
  get canonical(): readonly unknown[] {
    return this.#rules.map(({ kind, meant, globs }) => [
      kind,
      meant.map(({ pattern }) => pattern),
      globs.map(({ pattern }) => pattern),
    ]);
  }

  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /** Forgets what matched. */
  reset(): void {
    this.#witnesses.clear();
    for (const index of this.#rules.keys()) this.#unmatched.add(index);
  }

  /** Forgets the matches whose path is no longer there. Returns whether there were some. */
  forgetMatches(isThere: (path: string) => boolean): boolean {
    const gone = [...this.#witnesses].filter(([, path]) => !isThere(path));
    for (const [index] of gone) {
      this.#witnesses.delete(index);
      this.#unmatched.add(index);
    }
    return gone.length > 0;
  }

  /** Looks for a first match of every rule that has none so far. */
  matchAll(paths: Iterable<string>): void {
    if (this.#unmatched.size === 0) return;
    for (const path of paths) {
      for (const index of this.#unmatched) this.#matches(index, path);
      if (this.#unmatched.size === 0) return;
    }
  }

  /**
   * Index of the last rule that matches the path.
   * @param inherited the same of its directory: what matches a directory matches everything beneath
   */
  lastMatch(path: string, inherited: number): number {
    let last = inherited;
    for (let index = this.#rules.length - 1; index > inherited; index--) {
      if (!this.#matches(index, path)) continue;
      last = index;
      break;
    }
    // Rules that could not decide here still count as matched.
    for (const index of this.#unmatched) if (index < last) this.#matches(index, path);
    return last;
  }

  selects(lastMatch: number): boolean {
    return lastMatch === NO_RULE ? this.#selectedByDefault : this.#rules[lastMatch]?.kind === "include";
  }

  /** Whether something beneath a directory that is not selected itself may be. */
  maySelectBeneath(directory: string, lastMatch: number): boolean {
    for (let index = this.#rules.length - 1; index > lastMatch; index--) {
      const { kind, globs } = this.#rules[index] as ExpandedRule;
      if (kind === "include" && globs.some((glob) => glob.mayMatchBeneath(directory))) return true;
    }
    return false;
  }

  /** Patterns that matched nothing so far, in their order. */
  unmatchedPatterns(): string[] {
    return [...this.#unmatched].sort((a, b) => a - b).map((index) => this.#rules[index]?.pattern as string);
  }

  #matches(index: number, path: string): boolean {
    const rule = this.#rules[index];
    const matches = rule?.globs.some((glob) => glob.matches(path)) === true;
    if (matches && this.#unmatched.has(index) && rule?.meant.some((glob) => glob.matches(path))) {
      this.#unmatched.delete(index);
      this.#witnesses.set(index, path);
    }
    return matches;
  }
}
