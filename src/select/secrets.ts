/** Names that hold secrets by convention: selecting one by accident is an error until it is allowed by name. */

import type { NodeType } from "../model.js";
import { Glob } from "./glob.js";
import { isWithin, normalize, type PathLike, toLatin1 } from "./paths.js";
import type { WalkedNode } from "./walk.js";

/** Last components of files. */
const FILES =
  /^(\.env(\.(local|development|production|staging|test)(\.local)?)?|id_(rsa|dsa|ecdsa|ecdsa_sk|ed25519|ed25519_sk)|\.netrc|_netrc|\.pgpass|\.my\.cnf|\.git-credentials|\.htpasswd|\.pypirc|\.npmrc|\.dockercfg|ssh_host_[a-z0-9]+_key|g?shadow-?|.*\.kdbx)$/;
/** Last two components of files. */
const FILES_IN_DIRECTORY =
  /\/(\.aws\/credentials|\.docker\/config\.json|\.kube\/config|\.azure\/accessTokens\.json|\.gnupg\/secring\.gpg)$/;
const DIRECTORIES = /^(\.git|\.hg|\.svn|\.ssh|\.gnupg)$/;

function isSecret(path: string, type: NodeType): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (type === "directory") return DIRECTORIES.test(name);
  return type === "file" && (FILES.test(name) || FILES_IN_DIRECTORY.test(path));
}

/**
 * @param named guest paths that an include spells out: whoever writes the full name means it
 * @param allowed globs over guest paths; one without a slash is compared with names
 * @returns guest paths, in path order; of a directory, the directory alone
 */
export function findSecrets(
  nodes: readonly WalkedNode[],
  named: ReadonlySet<string>,
  allowed: readonly PathLike[],
): string[] {
  const globs = allowed.map((pattern) => {
    const text = toLatin1(pattern);
    return { byName: !text.includes("/"), glob: new Glob(text.includes("/") ? normalize(text).path : text) };
  });
  const isAllowed = (path: string): boolean =>
    globs.some(({ byName, glob }) =>
      byName ? path.split("/").some((name) => glob.matches(name)) : glob.matches(path),
    );
  const found: string[] = [];
  for (const { guest, node } of nodes) {
    const last = found.at(-1);
    if (last !== undefined && isWithin(guest, last)) continue;
    if (isSecret(guest, node.type) && !named.has(guest) && !isAllowed(guest)) found.push(guest);
  }
  return found;
}
