/** Random trees as a build system names them, by paths: laid out on disk for `build`, and packed into shards for `assemble`. */

import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { joinPath, toBytes } from "../../src/select/paths.js";
import type { ShardFile } from "../../src/shard/write-shard.js";

interface Place {
  readonly components: readonly string[];
  readonly kind: "file" | "link" | "directory";
  readonly sizeBytes: number;
  readonly mode: number;
  readonly body: string;
  /** Which shard it goes to, modulo their number. */
  readonly shard: number;
}

/** latin1 text of bytes. */
const component = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("a", "b", "c", "d.txt", "e.py", "lib") },
  {
    weight: 1,
    arbitrary: fc.constantFrom("a!", "a-", "a.", "..a", "\xff\xfe", "caf\xc3\xa9", "new\nline", "'q' \"r\""),
  },
  { weight: 1, arbitrary: fc.stringMatching(/^[a-z]{1,200}$/) },
);

const place: fc.Arbitrary<Place> = fc.record({
  components: fc.array(component, { minLength: 1, maxLength: 4 }),
  kind: fc.constantFrom("file", "file", "file", "link", "directory"),
  sizeBytes: fc.oneof(fc.nat(9000), fc.constantFrom(0, 1, 4032, 4096, 4097, 65_536, 1_048_577)),
  mode: fc.nat(0o7777),
  body: fc.constantFrom("a", "../b", "/nowhere", "lib", "./c"),
  shard: fc.nat(30),
});

export interface Places {
  /** By guest path, without what lies beneath a file or link, or has the name of a directory. */
  readonly nodes: ReadonlyMap<string, Place>;
}

export const randomPlaces: fc.Arbitrary<Places> = fc.array(place, { minLength: 1, maxLength: 40 }).map((all) => {
  const nodes = new Map<string, Place>();
  const directories = new Set<string>();
  for (const one of all) {
    const paths = one.components.map((_, index) => `/${one.components.slice(0, index + 1).join("/")}`);
    const path = paths.pop() as string;
    const isBlocked = (above: string): boolean => (nodes.get(above)?.kind ?? "directory") !== "directory";
    if (nodes.has(path) || paths.some(isBlocked) || (directories.has(path) && one.kind !== "directory")) continue;
    for (const above of paths) directories.add(above);
    nodes.set(path, one);
  }
  return { nodes };
});

/** Bytes of a file, reproducible from its size alone. */
const contentOf = (sizeBytes: number): Buffer => Buffer.alloc(sizeBytes, `content of ${sizeBytes} bytes;`);

export const DIRECTORY_MODE = 0o711;

/** Makes the tree in an empty directory. Every mode is set after what lies beneath. */
export function layOut(root: string, { nodes }: Places): void {
  for (const [path, { kind, sizeBytes, body }] of nodes) {
    const host = toBytes(root + path);
    mkdirSync(kind === "directory" ? host : toBytes((root + path).slice(0, (root + path).lastIndexOf("/"))), {
      recursive: true,
    });
    if (kind === "file") writeFileSync(host, contentOf(sizeBytes));
    if (kind === "link") symlinkSync(toBytes(body), host);
  }
  for (const path of [...directoriesOf({ nodes })].sort().reverse()) {
    chmodSync(toBytes(root + path), nodes.get(path)?.mode ?? DIRECTORY_MODE);
  }
  for (const [path, { kind, mode }] of nodes) if (kind === "file") chmodSync(toBytes(root + path), mode | 0o400);
  chmodSync(root, DIRECTORY_MODE);
}

function directoriesOf({ nodes }: Places): Set<string> {
  const found = new Set<string>();
  for (const [path, { kind }] of nodes) {
    if (kind === "directory") found.add(path);
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) found.add(path.slice(0, end));
  }
  return found;
}

/** The same tree as what `assemble` is told. Files lie beneath `sources`, by their sizes. */
export function declare(sources: string, { nodes }: Places, shards: number) {
  const files: ShardFile[][] = Array.from({ length: shards }, () => []);
  const links = new Map<string, string>();
  const directories = new Map<string, number>();
  const modes: { pattern: string; mode: number }[] = [];
  mkdirSync(sources, { recursive: true });
  for (const [path, { kind, sizeBytes, mode, body, shard }] of nodes) {
    if (kind === "directory") directories.set(path, mode);
    if (kind === "link") links.set(path, body);
    if (kind !== "file") continue;
    const host = joinPath(sources, `${sizeBytes}`);
    writeFileSync(host, contentOf(sizeBytes));
    files[shard % shards]?.push({ path, host: toBytes(host), kind: sizeBytes === 0 ? "empty" : "file" });
    // A pattern for one path alone.
    modes.push({ pattern: path.replaceAll(/[\\*?[\]]/g, "\\$&"), mode: mode | 0o400 });
  }
  return { files: files.filter((members) => members.length > 0), links, directories, modes };
}
