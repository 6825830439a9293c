/** What is kept between builds: the table, the plan, the Merkle tree and which file they describe. */

import { SEGMENT_BYTES } from "../image/constants.js";
import { MerkleTree } from "../image/merkle.js";
import type { Declarations, MtimePolicy, NodeTable, OwnerPolicy, Tree, Warning, WarningCode, Xattr } from "../model.js";
import type { StablePlan } from "../plan/stable.js";
import { stableColumns, stableFromColumns, type TypedArray } from "../plan/stable-columns.js";
import type { Published } from "../publish/successor.js";
import { Pieces } from "../remote/pieces.js";
import type { Columns, StateContents } from "../store/state-file.js";
import { deriveParents } from "../tree/derive-parents.js";
import type { ContentDigests } from "./content-digests.js";

/** The engine's view of a published library. */
export interface Recorded {
  /** What the options decide beyond selection: layout, linker, time of build, cuts. */
  readonly planKey: string;
  /** `Selector.key`. */
  readonly selectionKey: string;
  readonly tree: Tree;
  /** Of native libraries in the stable layout: what an incremental build starts from. */
  readonly incremental?: { readonly plan: StablePlan; readonly merkle: MerkleTree };
  readonly published: Published;
  readonly digest: string;
  readonly merkleRoot: Buffer;
  readonly imageBytes: number;
  /** Once a remote cache was used: so that a later build hashes, and stores there, what changed since. */
  readonly remote?: RemoteFacts;
}

export interface RemoteFacts {
  /** By row of the table. */
  readonly contents: ContentDigests;
  /** Of the library file. */
  readonly pieces: Pieces;
  /** SHA-256 of the URL of the cache that took all pieces of which the hash is known, 64 hex digits. */
  readonly sharedWith?: string;
}

interface Meta {
  readonly engine: string;
  readonly planKey: string;
  readonly selectionKey: string;
  readonly count: number;
  readonly rootHost: string;
  readonly owner: OwnerPolicy;
  readonly mtime: MtimePolicy;
  readonly hostPaths: readonly string[];
  readonly volumes: readonly { readonly guest: string; readonly host?: string }[];
  readonly sealed: boolean;
  readonly fileCount: number;
  readonly warnings: readonly { readonly code: WarningCode; readonly path?: string; readonly detail?: string }[];
  /** Without the spare, whose path is bytes. */
  readonly published: Omit<Published, "spare">;
  readonly spare?: {
    readonly path: string;
    readonly identity: Published["library"];
    readonly behind: (readonly [number, number])[];
  };
  readonly digest: string;
  readonly merkleRoot: string;
  readonly imageBytes: number;
  readonly buildTime: number;
  readonly remote?: { readonly libraryBytes: number; readonly sharedWith?: string };
}

/** latin1 text stands for bytes. */
const text = (bytes: Buffer): string => bytes.toString("latin1");
const bytes = (latin1: string): Buffer => Buffer.from(latin1, "latin1");

/** @param engine names the format and the runtime: what another engine recorded is not for this one */
export function encodeRecorded(recorded: Recorded, engine: string): StateContents {
  const { tree, incremental, published, remote } = recorded;
  const { table, declarations } = tree;
  const { spare, ...withoutSpare } = published;
  const meta: Meta = {
    engine,
    planKey: recorded.planKey,
    selectionKey: recorded.selectionKey,
    count: table.count,
    rootHost: tree.rootHost,
    owner: tree.owner,
    mtime: tree.mtime,
    hostPaths: declarations.hostPaths.map(text),
    volumes: declarations.volumes.map(({ guest, host }) => ({
      guest: text(guest),
      ...(host !== undefined && { host: text(host) }),
    })),
    sealed: declarations.sealed,
    fileCount: tree.fileCount,
    warnings: tree.warnings.map(({ code, path, detail }) => ({
      code,
      ...(path !== undefined && { path: text(path) }),
      ...(detail !== undefined && { detail }),
    })),
    published: withoutSpare,
    ...(spare !== undefined && { spare: { ...spare, path: text(spare.path), behind: [...spare.behind] } }),
    digest: recorded.digest,
    merkleRoot: recorded.merkleRoot.toString("hex"),
    imageBytes: recorded.imageBytes,
    buildTime: incremental?.plan.buildTime ?? 0,
    ...(remote !== undefined && {
      remote: {
        libraryBytes: remote.pieces.sizeBytes,
        ...(remote.sharedWith !== undefined && { sharedWith: remote.sharedWith }),
      },
    }),
  };
  const columns: Record<string, Columns[string]> = {
    depth: table.depth,
    nameStart: table.nameStart,
    nameLength: table.nameLength,
    nameHash: table.nameHash,
    bodyStart: table.bodyStart,
    bodyLength: table.bodyLength,
    flags: table.flags,
    match: table.match,
    stats: table.stats,
    bytes: table.bytes,
    xattrs: encodeXattrTable(table.xattrs),
  };
  if (incremental !== undefined) {
    for (const [name, column] of Object.entries(stableColumns(incremental.plan))) columns[`plan.${name}`] = column;
    columns["merkle"] = incremental.merkle.toBytes();
  }
  if (remote !== undefined) {
    columns["remote.contents"] = remote.contents;
    columns["remote.pieces"] = remote.pieces.hashes;
  }
  return { meta, columns };
}

/** @returns undefined where another engine wrote it */
export function decodeRecorded({ meta: json, columns }: StateContents, engine: string): Recorded | undefined {
  const meta = json as Meta;
  if (meta.engine !== engine) return undefined;
  const { count } = meta;
  const column = <T>(name: string): T => columns[name] as T;
  const depth = column<Uint16Array>("depth");
  const table: NodeTable = {
    count,
    depth,
    ...deriveParents(count, depth),
    nameStart: column("nameStart"),
    nameLength: column("nameLength"),
    nameHash: column("nameHash"),
    bodyStart: column("bodyStart"),
    bodyLength: column("bodyLength"),
    flags: column("flags"),
    match: column("match"),
    stats: column("stats"),
    bytes: asBuffer(column("bytes")),
    xattrs: decodeXattrTable(asBuffer(column("xattrs"))),
  };
  const declarations: Declarations = {
    hostPaths: meta.hostPaths.map(bytes),
    volumes: meta.volumes.map(({ guest, host }) => ({
      guest: bytes(guest),
      ...(host !== undefined && { host: bytes(host) }),
    })),
    sealed: meta.sealed,
  };
  const tree: Tree = {
    table,
    rootHost: meta.rootHost,
    owner: meta.owner,
    mtime: meta.mtime,
    declarations,
    fileCount: meta.fileCount,
    warnings: meta.warnings.map(
      ({ code, path, detail }): Warning => ({
        code,
        ...(path !== undefined && { path: bytes(path) }),
        ...(detail !== undefined && { detail }),
      }),
    ),
  };
  const { spare, published, planKey, selectionKey, digest, imageBytes } = meta;
  const recorded: Recorded = {
    planKey,
    selectionKey,
    tree,
    published: {
      ...published,
      ...(spare !== undefined && { spare: { ...spare, path: bytes(spare.path) } }),
    },
    digest,
    merkleRoot: Buffer.from(meta.merkleRoot, "hex"),
    imageBytes,
    ...(meta.remote !== undefined && {
      remote: {
        contents: asBuffer(column("remote.contents")),
        pieces: new Pieces(meta.remote.libraryBytes, asBuffer(column("remote.pieces"))),
        ...(meta.remote.sharedWith !== undefined && { sharedWith: meta.remote.sharedWith }),
      },
    }),
  };
  if (columns["merkle"] === undefined) return recorded;
  const plan = stableFromColumns(tree, planColumns(columns), meta.buildTime);
  const merkle = MerkleTree.fromBytes(asBuffer(column("merkle")), Math.ceil(imageBytes / SEGMENT_BYTES));
  return plan.ok && merkle !== undefined ? { ...recorded, incremental: { plan: plan.value, merkle } } : undefined;
}

const PLAN_PREFIX = "plan.";

function planColumns(columns: Columns): Record<string, TypedArray> {
  const own = Object.entries(columns).filter(([name]) => name.startsWith(PLAN_PREFIX));
  return Object.fromEntries(own.map(([name, column]) => [name.slice(PLAN_PREFIX.length), column as TypedArray]));
}

const asBuffer = (column: Uint8Array): Buffer => Buffer.from(column.buffer, column.byteOffset, column.byteLength);

/** u32 row, u32 count, then for each attribute u32 length and bytes of its name and of its value. */
function encodeXattrTable(xattrs: NodeTable["xattrs"]): Buffer {
  const parts: Buffer[] = [];
  const number = (value: number): void => {
    const word = Buffer.alloc(4);
    word.writeUInt32LE(value);
    parts.push(word);
  };
  for (const [row, list] of xattrs) {
    number(row);
    number(list.length);
    for (const { name, value } of list) {
      number(name.length);
      parts.push(name);
      number(value.length);
      parts.push(value);
    }
  }
  return Buffer.concat(parts);
}

function decodeXattrTable(encoded: Buffer): Map<number, readonly Xattr[]> {
  const table = new Map<number, readonly Xattr[]>();
  let at = 0;
  const number = (): number => {
    at += 4;
    return encoded.readUInt32LE(at - 4);
  };
  const take = (): Buffer => {
    const size = number();
    at += size;
    return Buffer.from(encoded.subarray(at - size, at));
  };
  while (at < encoded.length) {
    const row = number();
    table.set(
      row,
      Array.from({ length: number() }, () => ({ name: take(), value: take() })),
    );
  }
  return table;
}
