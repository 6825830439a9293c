/** Compares two directory trees node by node, in this process: the judge of mounted and of extracted images. */

import { type BigIntStats, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { addon } from "../../src/native/addon.js";

export interface CompareOptions {
  /** Extended attributes too, of all names but those that the host gives every file. */
  readonly xattrs?: boolean;
  /** Owners, device nodes: what only root can give back. Default: true. */
  readonly privileged?: boolean;
  /** Nodes of `expected` that are to be left out, by path from the root. */
  readonly skip?: (path: string) => boolean;
}

export interface Comparison {
  /** Nodes looked at in the expected tree, its root included. */
  readonly nodes: number;
  readonly bytes: number;
  /** What differs, a line each; empty where the trees are equal. */
  readonly differences: readonly string[];
}

const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");

/** Every name is looked up, so is one beside it that must be absent. Directories' sizes are the file systems' own business. */
export function compareTrees(expected: string, actual: string, options: CompareOptions = {}): Comparison {
  const differences: string[] = [];
  const paths: string[] = [];
  const groups = [new Map<bigint, string[]>(), new Map<bigint, string[]>()] as const;
  let bytes = 0;
  const differ = (path: string, what: string, one: unknown, other: unknown): void => {
    differences.push(`${JSON.stringify(path)}: ${what}: ${String(one)} became ${String(other)}`);
  };
  const visit = (path: string): void => {
    const [left, right] = [expected + path, actual + path].map(latin1) as [Buffer, Buffer];
    const one = lstatSync(left, { bigint: true });
    const other = lstatSync(right, { bigint: true, throwIfNoEntry: false });
    paths.push(path);
    if (other === undefined) {
      differ(path, "lookup", "found", "absent");
      return;
    }
    for (const field of fieldsOf(one, options)) {
      if (one[field] !== other[field]) differ(path, field, one[field], other[field]);
    }
    if (one.isSymbolicLink() && !readlinkSync(left, "buffer").equals(readlinkSync(right, "buffer"))) {
      differ(path, "target", readlinkSync(left), readlinkSync(right));
    }
    if (one.isFile()) {
      const content = readFileSync(left);
      bytes += content.length;
      if (!content.equals(readFileSync(right))) differ(path, "content", content.length, "other bytes");
    }
    if (!one.isDirectory() && one.nlink > 1n) {
      for (const [index, { ino }] of [one, other].entries()) {
        const group = groups[index] as Map<bigint, string[]>;
        group.set(ino, [...(group.get(ino) ?? []), path]);
      }
    }
    if (!one.isDirectory()) return;
    const names = readdirSync(left, "latin1").sort();
    const kept = names.filter((name) => options.skip?.(`${path}/${name}`) !== true);
    const found = readdirSync(right, "latin1").sort();
    if (kept.join("\0") !== found.join("\0")) differ(path, "names", kept.length, found.length);
    for (const name of kept) visit(`${path}/${name}`);
    if (
      lstatSync(latin1(`${actual}${path}/absent~`), { throwIfNoEntry: false }) !== undefined &&
      !names.includes("absent~")
    )
      differ(path, "lookup of a missing name", "absent", "found");
    const subdirectories = kept.filter((name) => lstatSync(latin1(`${left.toString("latin1")}/${name}`)).isDirectory());
    if (options.privileged !== false && other.nlink !== BigInt(2 + subdirectories.length))
      differ(path, "nlink", 2 + subdirectories.length, other.nlink);
  };
  visit("");
  const [one, other] = groups.map((group) =>
    [...group.values()]
      .map((names) => names.join("|"))
      .sort()
      .join("\n"),
  );
  if (one !== other) differ("", "hard links", one, other);
  if (options.xattrs === true) {
    const lists = [expected, actual].map((root) => xattrsOf(paths.map((path) => root + path)));
    for (const [index, path] of paths.entries()) {
      const [left, right] = lists.map((list) => list[index]);
      if (left !== right) differ(path, "xattrs", left, right);
    }
  }
  return { nodes: paths.length, bytes, differences: differences.slice(0, 20) };
}

function fieldsOf(stats: BigIntStats, { privileged = true }: CompareOptions): (keyof BigIntStats)[] {
  const fields: (keyof BigIntStats)[] = ["mode", "mtimeNs"];
  if (privileged) fields.push("uid", "gid", "rdev");
  if (!stats.isDirectory()) fields.push("nlink", "size");
  return fields;
}

/** One text a path. */
function xattrsOf(paths: readonly string[]): string[] {
  const stdout = Buffer.from(addon.readXattrs(latin1(`${paths.join("\0")}\0`), paths.length));
  let at = 0;
  const number = (): number => {
    at += 4;
    return stdout.readUInt32LE(at - 4);
  };
  const text = (): string => {
    const size = number();
    at += size;
    return stdout.toString("latin1", at - size, at);
  };
  return paths.map(() => {
    const errno = number();
    const list = Array.from({ length: number() }, () => `${text()}=${text()}`);
    return errno === 0 ? list.sort().join("\n") : `errno ${errno}`;
  });
}
