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

/** As the kernel limits a path's resolution (path_resolution(7)). */
const MAX_LINKS = 40;

/**
 * A pattern is taken from ROOT, whether it begins with a slash or not. Its literal beginning may lead through symlinks
 * (`/lib/libssl.so.3` where `/lib` is a link to `usr/lib`): an include takes those links and what they lead to; so does an include
 * that names a link itself, without wildcards, which takes the chain of links and the file or directory at its end. An exclude
 * excludes what is beneath the link's target, and a link that it names itself, not its target.
 *
 * @returns the globs of which any is a match, or `include-outside-root` for a pattern whose `..` lead above ROOT
 */
export function expandPattern(pattern: string, kind: RuleKind, root: RootView): Result<Glob[]> {
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
  const { path, links } = followLinks(literals, followLast, root);
  const globs = [new Glob([escapeGlob(path === "/" ? "" : path), ...rest].join("/") || "/")];
  if (kind === "include") globs.push(...links.map((link) => new Glob(escapeGlob(link))));
  return ok(globs);
}

/** The path with links resolved, as far as it exists in ROOT, and the links on the way. */
function followLinks(literals: readonly string[], followLast: boolean, root: RootView) {
  const pending = [...literals];
  const links: string[] = [];
  let path = "/";
  for (let part = pending.shift(); part !== undefined; part = pending.shift()) {
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
    links.push(next);
    pending.unshift(...componentsOf(link.guest));
    path = "/";
  }
  return { path: pending.reduce(joinPath, path), links };
}
