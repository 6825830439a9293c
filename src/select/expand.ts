/** Prepares a pattern: makes it absolute, resolves `..`, and follows symlinks in the part without wildcards. */

import { fail, ok, type Result } from "../errors.js";
import { escapeGlob, Glob, literalText } from "./glob.js";
import { componentsOf, joinPath, parentOf, toBytes } from "./paths.js";

/** What the expansion needs to know about ROOT. */
export interface RootView {
  /**
   * Where a symlink at this guest path leads: undefined when there is none (another node, or nothing), `outside` when it leads out of ROOT.
   */
  readonly linkAt: (guest: string) => { readonly guest?: string } | undefined;
}

export type RuleKind = "include" | "exclude";

export interface ExpandedPattern {
  /** A path that matches one of these is what the pattern is about. */
  readonly meant: readonly Glob[];
  /** Links that lead there: taken too, and no proof that the pattern matches anything. */
  readonly onTheWay: readonly Glob[];
}

/** As the kernel limits a path's resolution (path_resolution(7)). */
const MAX_LINKS = 40;

/**
 * A pattern is taken from ROOT, whether it begins with a slash or not. Its literal beginning may lead through symlinks
 * (`/lib/libssl.so.3` where `/lib` is a link to `usr/lib`): an include takes those links and what they lead to; so does an include
 * that names a link itself, without wildcards, which takes the chain of links and the file or directory at its end. An exclude
 * excludes what is beneath the link's target, and a link that it names itself, not its target.
 *
 * @returns the globs, or `include-outside-root` for a pattern whose `..` lead above ROOT, `usage` for an empty one
 */
export function expandPattern(pattern: string, kind: RuleKind, root: RootView): Result<ExpandedPattern> {
  // It would mean the whole of ROOT: more likely a variable of a script was not set.
  if (pattern === "") return fail("usage", { detail: "a pattern is empty" });
  const components: string[] = [];
  for (const part of componentsOf(pattern)) {
    if (part !== "..") components.push(part);
    else if (components.pop() === undefined) return fail("include-outside-root", { path: toBytes(pattern) });
  }
  const literals: string[] = [];
  for (const part of components) {
    const text = literalText(part);
    if (text === undefined) break;
    literals.push(text);
  }
  const rest = components.slice(literals.length);
  const followLast = kind === "include" || rest.length > 0;
  const { path, links, namedFrom } = followLinks(literals, followLast, root);
  const exact = (link: string): Glob => new Glob(escapeGlob(link));
  const isNamed = (index: number): boolean => rest.length === 0 && index >= namedFrom;
  const meant = [new Glob([escapeGlob(path === "/" ? "" : path), ...rest].join("/") || "/")];
  if (kind === "exclude") return ok({ meant, onTheWay: [] });
  meant.push(...links.filter((_, index) => isNamed(index)).map(exact));
  return ok({ meant, onTheWay: links.filter((_, index) => !isNamed(index)).map(exact) });
}

/** The path with links resolved, as far as it exists in ROOT, and the links on the way; from `namedFrom` on, those that the last component led to. */
function followLinks(literals: readonly string[], followLast: boolean, root: RootView) {
  const pending = [...literals];
  const links: string[] = [];
  let namedFrom = Number.POSITIVE_INFINITY;
  /** How many of the pending components come out of links. */
  let foreign = 0;
  let path = "/";
  for (let part = pending.shift(); part !== undefined; part = pending.shift()) {
    foreign = Math.max(0, foreign - 1);
    if (part === "..") {
      path = parentOf(path);
      continue;
    }
    const next = joinPath(path, part);
    const link = pending.length > 0 || followLast ? root.linkAt(next) : undefined;
    if (link?.guest === undefined || links.length >= MAX_LINKS) {
      path = next;
      if (link !== undefined) break;
      continue;
    }
    if (pending.length === foreign) namedFrom = Math.min(namedFrom, links.length);
    links.push(next);
    const target = componentsOf(link.guest);
    foreign += target.length;
    pending.unshift(...target);
    path = "/";
  }
  return { path: pending.reduce(joinPath, path), links, namedFrom };
}
