/** Symbolic links as they will resolve once ROOT has become `/`, and the rewriting that makes it so. */

import { isWithin, joinPath, normalize, relativePath } from "./paths.js";

export interface LinkContext {
  /** Host paths of ROOT: as it was named and with its own symlinks resolved. `/` for the whole machine. */
  readonly roots: readonly string[];
  readonly preserve: boolean;
  /** Whether a guest path exists in ROOT. */
  readonly exists: (guest: string) => boolean;
}

export interface ResolvedLink {
  /** The body to store. */
  readonly body: string;
  /** Where the body leads in the image; undefined where it leads out of ROOT. */
  readonly guest?: string;
}

/**
 * - An absolute body beneath ROOT's host path loses that prefix.
 * - An absolute body that exists as seen from ROOT (a root file system unpacked somewhere) is right as it is.
 * - A relative body that climbs out of ROOT and comes back into it by name is shortened to the way inside.
 * - Anything else leaves ROOT and is kept.
 *
 * @param directory guest path of the directory that holds the link
 */
export function resolveLink(directory: string, body: string, context: LinkContext): ResolvedLink {
  const fromRoot = normalize(body.startsWith("/") ? body : joinPath(directory, body));
  if (context.preserve || context.roots.includes("/")) return { body, guest: fromRoot.path };
  if (body.startsWith("/")) {
    const root = context.roots.find((candidate) => isWithin(fromRoot.path, candidate));
    if (root !== undefined) return { body: withoutRoot(body, root, fromRoot.path), guest: strip(fromRoot.path, root) };
    return context.exists(fromRoot.path) ? { body, guest: fromRoot.path } : { body };
  }
  if (!fromRoot.climbed) return { body, guest: fromRoot.path };
  for (const root of context.roots) {
    const host = normalize(`${root}${directory}/${body}`).path;
    if (!isWithin(host, root)) continue;
    const guest = strip(host, root);
    return { body: relativePath(directory, guest), guest };
  }
  return { body };
}

const strip = (host: string, root: string): string => host.slice(root.length) || "/";

/** The rest of the body as it was written, where it begins with ROOT word by word; it may pass through symlinks. */
const withoutRoot = (body: string, root: string, normalized: string): string =>
  isWithin(body, root) && !body.includes("/../") && !body.endsWith("/..") ? strip(body, root) : strip(normalized, root);
