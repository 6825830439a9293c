/** Names that hold secrets by convention: selecting one by accident is an error until it is allowed by name. */

import { type NodeTable, ROW } from "../model.js";
import { guestPath } from "../tree/paths.js";
import { nameOf, rowType } from "../tree/row.js";
import { Glob } from "./glob.js";
import { normalize, type PathLike, toLatin1 } from "./paths.js";

/** Last components of files. */
const FILES =
  /^(\.env(\.(local|development|production|staging|test)(\.local)?)?|id_(rsa|dsa|ecdsa|ecdsa_sk|ed25519|ed25519_sk)|\.netrc|_netrc|\.pgpass|\.my\.cnf|\.git-credentials|\.htpasswd|\.pypirc|\.npmrc|\.dockercfg|ssh_host_[a-z0-9]+_key|g?shadow-?|.*\.kdbx)$/;
/** Last two components of files. */
const FILES_IN_DIRECTORY =
  /\/(\.aws\/credentials|\.docker\/config\.json|\.kube\/config|\.azure\/accessTokens\.json|\.gnupg\/secring\.gpg)$/;
const DIRECTORIES = /^(\.git|\.hg|\.svn|\.ssh|\.gnupg)$/;

/** The last of them. */
const NAMES_IN_DIRECTORY = /^(credentials|config\.json|config|accessTokens\.json|secring\.gpg)$/;

function isSecret(table: NodeTable, row: number): boolean {
  const name = nameOf(table, row).toString("latin1");
  const type = rowType(table, row);
  if (type === "directory") return DIRECTORIES.test(name);
  if (type !== "file") return false;
  return FILES.test(name) || (NAMES_IN_DIRECTORY.test(name) && FILES_IN_DIRECTORY.test(pathOf(table, row)));
}

const pathOf = (table: NodeTable, row: number): string => guestPath(table, row).toString("latin1");

/** What secrets' names begin with; those that end in `.kdbx` apart. */
const BEGINNINGS = ["_n", "id", "ss", "sh", "gs", "cr", "co", "ac", "se"];
const MAY_BEGIN = new Set(BEGINNINGS.map((text) => text.charCodeAt(0) | (text.charCodeAt(1) << 8)));
const DOT = 0x2e;
const X = 0x78;

/** Whether the name may be a secret's: most are told apart by three bytes. */
function mayBeSecret({ bytes, nameStart, nameLength }: NodeTable, row: number): boolean {
  const start = nameStart[row] as number;
  const length = nameLength[row] as number;
  const first = bytes[start] as number;
  if (length < 2) return false;
  return first === DOT || bytes[start + length - 1] === X || MAY_BEGIN.has(first | ((bytes[start + 1] as number) << 8));
}

/**
 * @param rows to be looked at, ascending; absent: all
 * @param named guest paths that an include spells out: whoever writes the full name means it
 * @param allowed globs over guest paths; one without a slash is compared with names
 * @returns selected rows, ascending; of a directory, the directory alone
 */
export function findSecrets(
  table: NodeTable,
  rows: readonly number[] | undefined,
  named: ReadonlySet<string>,
  allowed: readonly PathLike[],
): number[] {
  const globs = allowed.map((pattern) => {
    const text = toLatin1(pattern);
    return { byName: !text.includes("/"), glob: new Glob(text.includes("/") ? normalize(text).path : text) };
  });
  const isAllowed = (path: string): boolean =>
    globs.some(({ byName, glob }) =>
      byName ? path.split("/").some((name) => glob.matches(name)) : glob.matches(path),
    );
  const found: number[] = [];
  let end = 1;
  for (let index = 0; index < (rows?.length ?? table.count); index++) {
    const row = rows === undefined ? index : (rows[index] as number);
    if (row < end || ((table.flags[row] as number) & ROW.selected) === 0 || !mayBeSecret(table, row)) continue;
    if (!isSecret(table, row)) continue;
    const path = pathOf(table, row);
    if (named.has(path) || isAllowed(path)) continue;
    found.push(row);
    end = table.end[row] as number;
  }
  return found;
}
