/**
 * Paths as latin1 strings: one character a byte, so that names of any bytes survive, string order is byte order and regular expressions work.
 * A *guest* path is absolute as seen from ROOT; a *host* path is one of this machine.
 */

export type PathLike = string | Buffer;

/** Strings come from people and are UTF-8; Buffers are bytes already. */
export const toLatin1 = (path: PathLike): string =>
  (typeof path === "string" ? Buffer.from(path, "utf8") : path).toString("latin1");

export const toBytes = (path: string): Buffer => Buffer.from(path, "latin1");

/** For details of errors and warnings, which are text. */
export const asText = (path: string): string => toBytes(path).toString("utf8");

export const joinPath = (directory: string, name: string): string =>
  directory.endsWith("/") ? directory + name : `${directory}/${name}`;

export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf("/")) || "/";

export const componentsOf = (path: string): string[] => path.split("/").filter((part) => part !== "" && part !== ".");

/** Whether `path` is `ancestor` or lies beneath it; both normalized. */
export const isWithin = (path: string, ancestor: string): boolean =>
  ancestor === "/" || path === ancestor || path.startsWith(`${ancestor}/`);

export interface Normalized {
  readonly path: string;
  /** `..` went above the root, where it was taken as the root. */
  readonly climbed: boolean;
}

/** Resolves `.`, `..` and repeated slashes lexically, from `/`. */
export function normalize(path: string): Normalized {
  const kept: string[] = [];
  let climbed = false;
  for (const part of componentsOf(path)) {
    if (part !== "..") kept.push(part);
    else if (kept.pop() === undefined) climbed = true;
  }
  return { path: `/${kept.join("/")}`, climbed };
}

/** A relative path from a directory to a target, both normalized guest paths. */
export function relativePath(directory: string, target: string): string {
  const from = componentsOf(directory);
  const to = componentsOf(target);
  let common = 0;
  while (common < from.length && common < to.length && from[common] === to[common]) common++;
  return [...from.slice(common).map(() => ".."), ...to.slice(common)].join("/") || ".";
}
