/** The tree that shards hold together, with what is declared beside them, as selection would have given it. */

import { fail, ok, type Result } from "../errors.js";
import { type ContentPlaces, ROW, type Tree } from "../model.js";
import { type GivenName, type GivenOptions, pathKey, selectGiven } from "../select/given.js";
import { Glob } from "../select/glob.js";
import { normalize, toBytes } from "../select/paths.js";
import type { Shard } from "./read-shard.js";
import type { ShardEntry } from "./shard-format.js";

export interface ShardTreeOptions extends GivenOptions {
  /** Symlinks: guest path → body, latin1 text. Those alone lead patterns on: shards were packed without knowing others. */
  readonly links: ReadonlyMap<string, string>;
  /** Directories that are there whatever lies in them: guest path (latin1 text) → permission bits. */
  readonly directories: ReadonlyMap<string, number>;
  /** Permission bits of files. */
  readonly fileMode: number;
  /** Globs over guest paths (latin1 text) and the permission bits of files that match; a directory stands for all beneath it; the last match wins. */
  readonly modes: readonly { readonly pattern: string; readonly mode: number }[];
}

/** Content lies in shards. */
export type ShardTree = Tree & { readonly places: ContentPlaces };

interface Named extends GivenName {
  readonly key: string;
  readonly shard?: number;
  readonly entry?: ShardEntry;
}

const LINK_MODE = 0o777;
const SHA256_BYTES = 32;

/** Errors: those of `selectGiven` */
export function shardTree(shards: readonly Shard[], options: ShardTreeOptions): Result<ShardTree> {
  const modeOf = fileModes(options);
  const names: Named[] = [];
  for (const [shard, { entries, links }] of shards.entries()) {
    for (const entry of entries) {
      const { path, sizeBytes } = entry;
      if (entry.isLink) {
        // Of one that is not selected nobody has read the body; it has a name alone.
        const body = links.get(path) ?? "";
        names.push({ path, key: pathKey(path), type: "symlink", mode: LINK_MODE, sizeBytes: 0, body, shard, entry });
        continue;
      }
      names.push({ path, key: pathKey(path), type: "file", mode: modeOf(path), sizeBytes, shard, entry });
    }
  }
  for (const [path, body] of options.links) {
    if (body === "") return fail("usage", { detail: "a symlink leads nowhere", path: toBytes(path) });
    names.push({ path, key: pathKey(path), type: "symlink", mode: LINK_MODE, sizeBytes: 0, body });
  }
  for (const [path, mode] of options.directories) {
    names.push({ path, key: pathKey(path), type: "directory", mode, sizeBytes: 0 });
  }
  names.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const given = selectGiven(names, options);
  if (!given.ok) return given;
  const { tree, rows } = given.value;
  const container = new Uint32Array(tree.table.count);
  const offset = new Float64Array(tree.table.count);
  const sha256 = Buffer.alloc(SHA256_BYTES * tree.table.count);
  for (const [index, { entry, shard }] of names.entries()) {
    if (entry === undefined || shard === undefined) continue;
    const row = rows[index] as number;
    // The shard was packed by other rules: it has no content of this one.
    const isSelected = ((tree.table.flags[row] as number) & ROW.selected) !== 0;
    if (isSelected && !entry.isSelected)
      return fail("bad-shard", {
        path: shards[shard]?.path ?? Buffer.alloc(0),
        detail: "it was packed by other rules",
      });
    container[row] = shard;
    offset[row] = entry.offset;
    entry.sha256.copy(sha256, SHA256_BYTES * row);
  }
  const containers = shards.map(({ path, stat }) => ({ path, stat }));
  return ok({ ...tree, places: { containers, container, offset, sha256 } });
}

function fileModes({ fileMode, modes }: ShardTreeOptions) {
  const globs = modes.map(({ pattern, mode }) => ({ glob: new Glob(normalize(pattern).path), mode })).reverse();
  return (path: string): number => globs.find(({ glob }) => glob.matches(path))?.mode ?? fileMode;
}
