/** Walks ROOT and builds the tree of what is selected. */

import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from "node:fs";
import { type BinaryfsError, fail, ok, type Result } from "../errors.js";
import { NAME_MAX } from "../image/constants.js";
import type { NodeType, TreeEntry, TreeNode, Warning } from "../model.js";
import { encodeDevice, type MtimePolicy, mtimeUnder, type OwnerPolicy, statKeyOf, typeOf } from "./attributes.js";
import type { IsIgnored } from "./ignore-files.js";
import type { ResolvedLink } from "./links.js";
import type { OwnOutputIn } from "./own-output.js";
import { asText, isWithin, joinPath, toBytes } from "./paths.js";
import { pseudoFilesystem } from "./pseudo-filesystems.js";
import { NO_RULE, type RuleSet } from "./rules.js";

export interface WalkOptions {
  /** Host path of ROOT, normalized; empty for `/`. */
  readonly rootHost: string;
  readonly rules: RuleSet;
  readonly isIgnored: IsIgnored;
  readonly ownOutputIn: OwnOutputIn;
  readonly specials: "skip" | "keep";
  readonly owner: OwnerPolicy;
  readonly mtime: MtimePolicy;
  readonly resolveLink: (directory: string, body: string) => ResolvedLink;
  /** Guest paths that exist at run time without being in the image; links may lead there. */
  readonly provided: readonly string[];
  readonly onProgress?: (nodes: number) => void;
}

export interface Walked {
  readonly root: TreeNode;
  readonly nodes: readonly WalkedNode[];
  readonly warnings: readonly Warning[];
  /** Names that are no directories. */
  readonly fileCount: number;
}

/** A node and where on the host it came from. */
export interface WalkedNode {
  readonly node: { -readonly [Key in keyof TreeNode]: TreeNode[Key] };
  readonly guest: string;
  /** Of a symlink that stays in ROOT: where it leads. */
  readonly leadsTo?: string;
}

/** Thrown within this file alone: unwinds the recursion with an expected failure. */
class WalkFailure {
  readonly error: BinaryfsError;
  constructor(error: BinaryfsError) {
    this.error = error;
  }
}

/**
 * Errors: `unreadable` (a directory or node that cannot be looked at, `detail` the errno: ENAMETOOLONG for a path of more than 4,095 bytes),
 * `input-changed` (a name that vanished meanwhile), `name-too-long`.
 */
export function walk(options: WalkOptions): Result<Walked> {
  try {
    return ok(new Walker(options).walk());
  } catch (failure) {
    if (failure instanceof WalkFailure) return { ok: false, error: failure.error };
    throw failure;
  }
}

const PROGRESS_EVERY = 4096;

class Walker {
  readonly #options: WalkOptions;
  readonly #nodes: WalkedNode[] = [];
  readonly #warnings: Warning[] = [];
  /** Inodes with several names, by device and inode number. */
  readonly #linked = new Map<string, TreeNode>();
  #fileCount = 0;

  constructor(options: WalkOptions) {
    this.#options = options;
  }

  walk(): Walked {
    const stats = this.#stat("/");
    const root = this.#directory("/", stats, NO_RULE, true) as TreeNode;
    return { root, nodes: this.#nodes, warnings: this.#warnings, fileCount: this.#fileCount };
  }

  #hostPath(guest: string): Buffer {
    return toBytes(guest === "/" ? this.#options.rootHost || "/" : this.#options.rootHost + guest);
  }

  #stat(guest: string): BigIntStats {
    const path = this.#hostPath(guest);
    return this.#attempt(path, () => lstatSync(path, { bigint: true }));
  }

  #attempt<T>(path: Buffer, action: () => T): T {
    try {
      return action();
    } catch (cause) {
      const detail = (cause as NodeJS.ErrnoException).code;
      if (detail === undefined) throw cause;
      const code = detail === "ENOENT" || detail === "ENOTDIR" ? "input-changed" : "unreadable";
      throw new WalkFailure(fail(code, { path, detail, cause }).error);
    }
  }

  /** The directory's node; undefined when it is neither selected nor has selected nodes beneath. */
  #directory(guest: string, stats: BigIntStats, lastMatch: number, selected: boolean): TreeNode | undefined {
    const { rules, ownOutputIn } = this.#options;
    const path = this.#hostPath(guest);
    const place = this.#nodes.length;
    const walked = { node: this.#node("directory", stats), guest };
    this.#nodes.push(walked);
    const children: TreeEntry[] = [];
    const isOwnOutput = ownOutputIn(stats);
    // latin1 names: the default order of strings is then byte order.
    const names = this.#attempt(path, () => readdirSync(path, "latin1")).sort();
    for (const name of names) {
      if (isOwnOutput?.(name) === true) continue;
      const child = joinPath(guest, name);
      const match = rules.lastMatch(child, lastMatch);
      const node = this.#child(guest, child, match, stats.dev);
      if (node === undefined) continue;
      if (name.length > NAME_MAX) throw new WalkFailure(fail("name-too-long", { path: this.#hostPath(child) }).error);
      children.push({ name: toBytes(name), node });
    }
    if (!selected && children.length === 0) {
      this.#nodes.length = place;
      return undefined;
    }
    walked.node.children = children;
    return walked.node;
  }

  #child(directory: string, guest: string, match: number, parentDevice: bigint): TreeNode | undefined {
    const { rules, isIgnored } = this.#options;
    const selected = rules.selects(match);
    // Neither it nor, should it be a directory, anything beneath: not even looked at.
    if (!selected && !rules.maySelectBeneath(guest, match)) return undefined;
    const stats = this.#stat(guest);
    const type = typeOf(stats);
    if (isIgnored(guest, type === "directory")) return undefined;
    if (type !== "directory") return selected ? this.#leaf(type, directory, guest, stats) : undefined;
    if (stats.dev !== parentDevice) {
      const name = this.#attempt(this.#hostPath(guest), () => pseudoFilesystem(this.#hostPath(guest)));
      if (name !== undefined) return this.#mountPoint(guest, stats, name, selected);
    }
    return this.#directory(guest, stats, match, selected);
  }

  /** A kernel file system's directory stays, empty, as the place to mount it at. */
  #mountPoint(guest: string, stats: BigIntStats, filesystem: string, selected: boolean): TreeNode | undefined {
    this.#warnings.push({ code: "special-skipped", path: toBytes(guest), detail: filesystem });
    if (!selected) return undefined;
    const node = { ...this.#node("directory", stats), children: [] };
    this.#nodes.push({ node, guest });
    return node;
  }

  #leaf(type: NodeType, directory: string, guest: string, stats: BigIntStats): TreeNode | undefined {
    if (type !== "file" && type !== "symlink" && this.#options.specials === "skip") {
      this.#warnings.push({ code: "special-skipped", path: toBytes(guest), detail: type });
      return undefined;
    }
    this.#fileCount++;
    const key = stats.nlink > 1n ? `${stats.dev}:${stats.ino}` : undefined;
    const known = key === undefined ? undefined : this.#linked.get(key);
    // A link rewritten by its place is another link: only bodies that stay the same may be shared.
    if (known !== undefined && type !== "symlink") return known;
    const node = this.#node(type, stats);
    let leadsTo: string | undefined;
    if (type === "file") {
      node.source = this.#hostPath(guest);
      node.statKey = statKeyOf(stats);
      node.sizeBytes = Number(stats.size);
    } else if (type === "symlink") {
      const resolved = this.#link(directory, guest);
      leadsTo = resolved.guest;
      node.target = toBytes(resolved.body);
      node.sizeBytes = node.target.length;
      if (known?.target?.equals(node.target)) return known;
    } else if (type === "character" || type === "block") {
      node.rdev = encodeDevice(stats.rdev);
    }
    if (key !== undefined && known === undefined) this.#linked.set(key, node);
    this.#nodes.push({ node, guest, ...(leadsTo !== undefined && { leadsTo }) });
    if (this.#nodes.length % PROGRESS_EVERY === 0) this.#options.onProgress?.(this.#nodes.length);
    return node;
  }

  #link(directory: string, guest: string): ResolvedLink {
    const path = this.#hostPath(guest);
    const body = this.#attempt(path, () => readlinkSync(path, "latin1"));
    const resolved = this.#options.resolveLink(directory, body);
    const isProvided = this.#options.provided.some((provided) => isWithin(body, provided));
    if (resolved.guest === undefined && !isProvided) {
      this.#warnings.push({ code: "symlink-leaves-root", path: toBytes(guest), detail: asText(body) });
    }
    return resolved;
  }

  #node(type: NodeType, stats: BigIntStats): WalkedNode["node"] {
    const { owner, mtime } = this.#options;
    return {
      type,
      mode: Number(stats.mode & 0o7777n),
      uid: owner === "root" ? 0 : Number(stats.uid),
      gid: owner === "root" ? 0 : Number(stats.gid),
      mtimeNs: mtimeUnder(mtime, stats.mtimeNs),
      sizeBytes: 0,
    };
  }
}
