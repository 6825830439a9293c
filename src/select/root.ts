/** ROOT, and what patterns and links need to know of it. */

import { lstatSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { fail, ok, type Result } from "../errors.js";
import type { RootView } from "./expand.js";
import { type LinkContext, resolveLink } from "./links.js";
import { joinPath, normalize, type PathLike, parentOf, toBytes, toLatin1 } from "./paths.js";
import { workingDirectory } from "./working-directory.js";

export interface Root {
  /** Normalized host path without symlinks; empty for `/`. */
  readonly host: string;
  /** As it was named, absolute and normalized. */
  readonly named: string;
}

/** Errors: `root-missing`, `root-not-directory`, `unreadable`. */
export function openRoot(root: PathLike): Result<Root> {
  const given = toLatin1(root);
  const named = normalize(given.startsWith("/") ? given : joinPath(workingDirectory(), given)).path;
  const path = toBytes(named);
  try {
    const host = realpathSync.native(path, "buffer").toString("latin1");
    if (!statSync(path).isDirectory()) return fail("root-not-directory", { path });
    return ok({ host: host === "/" ? "" : host, named });
  } catch (cause) {
    const detail = (cause as NodeJS.ErrnoException).code ?? "";
    const code = detail === "ENOENT" ? "root-missing" : detail === "ENOTDIR" ? "root-not-directory" : "unreadable";
    return fail(code, { path, detail, cause });
  }
}

export const linkContext = ({ host, named }: Root, preserve: boolean): LinkContext => ({
  roots: [...new Set([host || "/", named])],
  preserve,
  exists: (guest) => statOrUndefined(host + guest) !== undefined,
});

export const rootView = (host: string, links: LinkContext): RootView => ({
  linkAt: (guest) => {
    if (statOrUndefined(host + guest)?.isSymbolicLink() !== true) return undefined;
    return resolveLink(parentOf(guest), readlinkSync(toBytes(host + guest), "latin1"), links);
  },
});

/** Absent, or not to be looked at: the walk reports the latter if it matters. */
function statOrUndefined(host: string) {
  try {
    return lstatSync(toBytes(host), { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
