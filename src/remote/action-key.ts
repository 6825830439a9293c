/** The key of a library in a remote cache: SHA-256 of everything that its bytes depend on, and of nothing else. */

import { createHash, type Hash } from "node:crypto";
import { HASH_BYTES } from "../image/merkle.js";
import type { Declarations } from "../model.js";
import type { Plan } from "../plan/plan.js";
import { attributesOf } from "../tree/attributes.js";
import { bodyOf, nameOf, rowMode } from "../tree/row.js";

/**
 * Rises with every change of what the same tree becomes. Where it is forgotten, entries of the other version are found and rejected: a library is
 * checked against the plan before it counts.
 */
const ACTION_VERSION = 1;
const TAG = "binaryfs library\0";
/** Gathered before they are hashed: a call a field would take most of the time. */
const BUFFER_BYTES = 1 << 16;

export interface ActionFacts {
  readonly plan: Plan;
  /** Paths before which packs end; they count in the stable layout alone. */
  readonly cuts: readonly Buffer[];
  /** SHA-256 of the runtime, 32 bytes. */
  readonly template: Buffer;
  /** 32 bytes a row: SHA-256 of the content, for the first row of every regular file. */
  readonly contents: Buffer;
}

/**
 * Where ROOT lies, device and inode numbers, change times, names that are not selected and the output's name are no part of it.
 * @returns 64 hex digits
 */
export function actionKey({ plan, cuts, template, contents }: ActionFacts): string {
  const encoding = new Encoding();
  encoding.bytes(Buffer.from(TAG));
  encoding.number(ACTION_VERSION);
  encoding.bytes(template);
  encoding.bytes(Buffer.from(plan.layout));
  encoding.number(plan.buildTime);
  encoding.list(plan.layout === "stable" ? distinct(cuts) : [], (cut) => encoding.bytes(cut));
  addDeclarations(encoding, plan.inventory.tree.declarations);
  addNames(encoding, plan, contents);
  return encoding.digest();
}

const distinct = (paths: readonly Buffer[]): Buffer[] =>
  [...paths]
    .sort(Buffer.compare)
    .filter((path, index, sorted) => index === 0 || !path.equals(sorted[index - 1] as Buffer));

function addDeclarations(encoding: Encoding, { hostPaths, volumes, sealed }: Declarations): void {
  encoding.list(hostPaths, (path) => encoding.bytes(path));
  encoding.list(volumes, ({ guest, host }) => {
    encoding.bytes(guest);
    encoding.list(host === undefined ? [] : [host], (path) => encoding.bytes(path));
  });
  encoding.number(sealed ? 1 : 0);
}

/** Selected names, depth first: what the planner numbers, and what inodes are made of. An inode is told with its first name, as the image takes it from there. */
function addNames(encoding: Encoding, { inventory }: Plan, contents: Buffer): void {
  const { tree, row: firstRow, ordinal, contentBytes } = inventory;
  const { table } = tree;
  encoding.number(inventory.count);
  for (let row = 0; row < table.count; row++) {
    const own = ordinal[row] as number;
    if (own >= inventory.count) continue;
    encoding.number(table.depth[row] as number);
    encoding.bytes(nameOf(table, row));
    encoding.number(own);
    if (firstRow[own] !== row) continue;
    const { type, uid, gid, mtimeSeconds, mtimeNsec, rdev } = attributesOf(tree, row);
    for (const value of [rowMode(table, row), uid, gid, mtimeSeconds, mtimeNsec, rdev]) encoding.number(value);
    encoding.list(table.xattrs.get(row) ?? [], ({ name, value }) => {
      encoding.bytes(name);
      encoding.bytes(value);
    });
    if (type === "symlink") encoding.bytes(bodyOf(table, row));
    if (type !== "file") continue;
    encoding.number(contentBytes[own] as number);
    encoding.bytes(contents.subarray(row * HASH_BYTES, (row + 1) * HASH_BYTES));
  }
}

/** Numbers as 8 bytes (IEEE 754, exact for every safe integer), bytes and lists with their lengths before them: no two sequences look the same. */
class Encoding {
  readonly #hash: Hash = createHash("sha256");
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #filled = 0;

  number(value: number): void {
    this.#reserve(8);
    this.#filled = this.#buffer.writeDoubleLE(value, this.#filled);
  }

  bytes(bytes: Uint8Array): void {
    this.number(bytes.length);
    this.#reserve(bytes.length);
    if (bytes.length > BUFFER_BYTES) {
      this.#hash.update(bytes);
    } else {
      this.#buffer.set(bytes, this.#filled);
      this.#filled += bytes.length;
    }
  }

  list<T>(items: readonly T[], add: (item: T) => void): void {
    this.number(items.length);
    for (const item of items) add(item);
  }

  digest(): string {
    this.#flush();
    return this.#hash.digest("hex");
  }

  #reserve(sizeBytes: number): void {
    if (this.#filled + sizeBytes > BUFFER_BYTES) this.#flush();
  }

  #flush(): void {
    this.#hash.update(this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }
}
