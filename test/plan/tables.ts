/** Node tables made from lists of paths, for tests of plans: no file system takes part. */

import { NO_ROW, type NodeTable, ROW, STAT, STAT_WORDS, type Tree, type Xattr } from "../../src/model.js";
import { deriveParents } from "../../src/tree/derive-parents.js";
import { hashName } from "../../src/tree/hash-name.js";

/** A node and its names beneath the directory that it is in. */
export interface Made {
  readonly mode: number;
  readonly sizeBytes: number;
  /** Names of the same inode have the same number; others have one of their own. */
  readonly ino?: number;
  readonly mtime?: number;
  readonly body?: Buffer;
  readonly xattrs?: readonly Xattr[];
  /** Of a directory: by name, latin1 text of its bytes. */
  readonly children?: Map<string, Made>;
  /** Stays in the table without being selected. */
  readonly unselected?: boolean;
  /** Changes whenever the bytes do. */
  readonly version?: number;
}

export const file = (sizeBytes: number, more: Partial<Made> = {}): Made => ({ mode: 0o100644, sizeBytes, ...more });
export const link = (length: number, text = "t"): Made => ({
  mode: 0o120777,
  sizeBytes: length,
  body: Buffer.alloc(length, text),
});
export const directory = (children: Readonly<Record<string, Made>> = {}, more: Partial<Made> = {}): Made => ({
  mode: 0o040755,
  sizeBytes: 4096,
  children: new Map(Object.entries(children)),
  ...more,
});
export const xattr = (size: number, byte = 1): Xattr => ({
  name: Buffer.from("user.x"),
  value: Buffer.alloc(size, byte),
});

interface Row {
  readonly name: string;
  readonly depth: number;
  readonly node: Made;
}

const byBytes = ([a]: readonly [string, Made], [b]: readonly [string, Made]): number => (a < b ? -1 : a > b ? 1 : 0);

/** Rows depth first, names in byte order; explicit stack, for trees of any depth. */
function rowsOf(root: Made): Row[] {
  const rows: Row[] = [];
  const stack: Row[] = [{ name: "", depth: 0, node: root }];
  for (let row = stack.pop(); row !== undefined; row = stack.pop()) {
    rows.push(row);
    const children = [...(row.node.children ?? [])].sort(byBytes).reverse();
    for (const [name, node] of children) stack.push({ name, depth: row.depth + 1, node });
  }
  return rows;
}

const hashes = new Map<string, number>();
function hashOf(name: string): number {
  let hash = hashes.get(name);
  if (hash === undefined) {
    const bytes = Buffer.from(name, "latin1");
    hash = hashName(bytes, 0, bytes.length);
    hashes.set(name, hash);
  }
  return hash;
}

export function treeOf(root: Made, more: Partial<Tree> = {}): Tree {
  const rows = rowsOf(root);
  const count = rows.length;
  const depth = Uint16Array.from(rows, (row) => row.depth);
  const stats = new Uint32Array(count * STAT_WORDS);
  const nameStart = new Uint32Array(count);
  const nameLength = new Uint16Array(count);
  const bodyStart = new Uint32Array(count);
  const bodyLength = new Uint16Array(count);
  const links = new Map<number, number>();
  for (const { node } of rows) if (node.ino !== undefined) links.set(node.ino, (links.get(node.ino) ?? 0) + 1);
  const names = Buffer.from(rows.map(({ name }) => name).join(""), "latin1");
  let end = 0;
  const bodies: Buffer[] = [];
  let bodyEnd = names.length;
  const xattrs = new Map<number, readonly Xattr[]>();
  for (const [row, { name, node }] of rows.entries()) {
    nameStart[row] = end;
    nameLength[row] = name.length;
    end += name.length;
    if (node.body !== undefined) {
      bodies.push(node.body);
      bodyStart[row] = bodyEnd;
      bodyLength[row] = node.body.length;
      bodyEnd += node.body.length;
    }
    if (node.xattrs !== undefined) xattrs.set(row, node.xattrs);
    const at = row * STAT_WORDS;
    stats[at + STAT.mode] = node.mode;
    stats[at + STAT.size] = node.sizeBytes;
    stats[at + STAT.size + 1] = Math.floor(node.sizeBytes / 2 ** 32);
    stats[at + STAT.mtime] = node.mtime ?? 0;
    stats[at + STAT.dev] = 1;
    stats[at + STAT.ino] = node.ino ?? hashOf(name);
    stats[at + STAT.nlink] = node.ino === undefined ? 1 : (links.get(node.ino) as number);
  }
  const table: NodeTable = {
    count,
    depth,
    ...deriveParents(count, depth),
    nameStart,
    nameLength,
    nameHash: Uint32Array.from(rows, ({ name }) => hashOf(name)),
    bodyStart,
    bodyLength,
    flags: Uint8Array.from(rows, ({ node }) => (node.unselected ? 0 : ROW.selected)),
    match: new Int32Array(count).fill(-1),
    stats,
    bytes: Buffer.concat([names, ...bodies]),
    xattrs,
  };
  return {
    table,
    rootHost: "/",
    owner: "keep",
    mtime: { kind: "keep" },
    declarations: { hostPaths: [], volumes: [], sealed: false },
    fileCount: 0,
    warnings: [],
    ...more,
  };
}

/** Versions by row: what tells whether bytes changed. */
export const versionsOf = (root: Made): number[] => rowsOf(root).map(({ node }) => node.version ?? 0);

/** By row of the new tree whether the version is another than that of its origin. */
export function contentChangedBetween(before: Made, after: Made, origin: Uint32Array): Uint8Array {
  const then = versionsOf(before);
  const now = versionsOf(after);
  return Uint8Array.from(now, (version, row) => {
    const from = origin[row] as number;
    return from !== NO_ROW && then[from] !== version ? 1 : 0;
  });
}

/** A generator of numbers in [0, 1) (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x = (x + Math.imul(x ^ (x >>> 7), x | 61)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

export interface Sizes {
  /** Median of file sizes in bytes, which are log-normal. */
  readonly median: number;
  readonly sigma: number;
}

/** A tree of `files` files, one directory in ten names, up to five levels deep. */
export function syntheticTree(files: number, seed: number, { median, sigma }: Sizes): Made {
  const random = randomFrom(seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const root = directory();
  const directories: { node: Made; depth: number }[] = [{ node: root, depth: 0 }];
  for (let index = 0; index < files; index++) {
    if (random() < 0.11) {
      const parent = directories[Math.floor(random() * directories.length)] as { node: Made; depth: number };
      if (parent.depth < 5) {
        const node = directory();
        parent.node.children?.set(`dir${index}`, node);
        directories.push({ node, depth: parent.depth + 1 });
      }
    }
    const { node } = directories[Math.floor(random() * directories.length)] as { node: Made };
    const suffix = [".js", ".json", ".py", ".d.ts", ".so"][Math.floor(random() ** 3 * 4.05)] as string;
    node.children?.set(`file${index}${suffix}`, file(Math.floor(median * Math.exp(sigma * normal()))));
  }
  return root;
}
