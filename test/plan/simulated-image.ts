/** What lies where in a planned image, without bytes: labels that are equal where the bytes would be. */

import { BLOCK_BYTES, SEGMENT_BYTES } from "../../src/image/constants.js";
import type { SegmentChange } from "../../src/plan/changes.js";
import type { StablePlan } from "../../src/plan/stable.js";
import { attributesOf } from "../../src/tree/attributes.js";
import { bodyOf, nameOf } from "../../src/tree/row.js";

const WORD_BYTES = 4;

/** By byte address: of words where inodes and inline tails lie, of blocks where content does. */
export type Image = Map<number, string>;

const numbers = new Map<string, number>();
/** Stands for a long text in labels. */
function numberOf(text: string): number {
  const known = numbers.get(text) ?? numbers.size;
  numbers.set(text, known);
  return known;
}

export class Labels {
  readonly #plan: StablePlan;
  readonly #fileLabel: (row: number) => string;
  readonly #dirents: string[];

  /** @param fileLabel what stands for a file's bytes, by its first row */
  constructor(plan: StablePlan, fileLabel: (row: number) => string) {
    this.#plan = plan;
    this.#fileLabel = fileLabel;
    this.#dirents = direntsOf(plan);
  }

  #content(ordinal: number): string {
    const { tree, row } = this.#plan.inventory;
    const at = row[ordinal] as number;
    const { type } = attributesOf(tree, at);
    if (type === "directory") return this.#dirents[ordinal] as string;
    return type === "symlink" ? bodyOf(tree.table, at).toString("latin1") : this.#fileLabel(at);
  }

  writeInode(image: Image, ordinal: number): void {
    const { inventory, nid, ino, dataLayout, dataBlock } = this.#plan;
    const row = inventory.row[ordinal] as number;
    const chunks = this.#plan.chunkBlocks(ordinal);
    const xattrs = inventory.tree.table.xattrs.get(row) ?? [];
    const facts = numberOf(
      JSON.stringify([
        attributesOf(inventory.tree, row),
        inventory.contentBytes[ordinal],
        inventory.nlink[ordinal],
        ino[ordinal],
        dataLayout[ordinal],
        chunks.length > 0 ? [...chunks] : dataBlock[ordinal],
        xattrs.map(({ name, value }) => [name.toString("hex"), value.toString("hex")]),
      ]),
    );
    const bytes = (inventory.headBytes[ordinal] as number) + chunks.length * WORD_BYTES;
    for (let at = 0; at < bytes; at += WORD_BYTES)
      image.set((nid[ordinal] as number) * 32 + at, `${at} of inode ${facts}`);
  }

  /** What of an ordinal's content lies in [start, end). */
  writeContent(image: Image, ordinal: number, start: number, end: number): void {
    const { inventory, nid, inlineBytes } = this.#plan;
    const label = numberOf(this.#content(ordinal));
    const size = inventory.contentBytes[ordinal] as number;
    for (const piece of this.#plan.piecesIn(start, end)) {
      if (piece.kind !== "content" || piece.ordinal !== ordinal) continue;
      for (let at = 0; at < piece.sizeBytes; at += BLOCK_BYTES) {
        const bytes = Math.min(BLOCK_BYTES, piece.sizeBytes - at);
        image.set(piece.offset + at, `${bytes} from ${piece.contentOffset + at} of ${label}`);
      }
    }
    const tail = inlineBytes[ordinal] as number;
    const at = (nid[ordinal] as number) * 32 + (inventory.headBytes[ordinal] as number);
    if (at < start || at >= end) return;
    for (let word = 0; word < tail; word += WORD_BYTES) {
      image.set(at + word, `${Math.min(WORD_BYTES, tail - word)} from ${size - tail + word} of ${label}`);
    }
  }

  clean(): Image {
    const image: Image = new Map();
    for (let ordinal = 0; ordinal < this.#plan.inventory.count; ordinal++) {
      this.writeInode(image, ordinal);
      this.writeContent(image, ordinal, 0, this.#plan.sizeBytes);
    }
    return image;
  }

  /** @returns the image that an earlier one becomes */
  apply(earlier: Image, changes: readonly SegmentChange[]): Image {
    const image: Image = new Map(earlier);
    const clean = this.clean();
    const remove = (start: number, end: number): void => {
      if (end - start <= SEGMENT_BYTES) for (let at = start; at < end; at += WORD_BYTES) image.delete(at);
      else for (const at of image.keys()) if (at >= start && at < end) image.delete(at);
    };
    remove(this.#plan.sizeBytes, Number.MAX_SAFE_INTEGER);
    for (const { segment, kind, inodes, contents, vacated } of changes) {
      const start = segment * SEGMENT_BYTES;
      const end = start + SEGMENT_BYTES;
      if (kind !== "patch") remove(start, end);
      if (kind === "rebuild") for (const [at, label] of clean) if (at >= start && at < end) image.set(at, label);
      for (const [from, to] of vacated) remove(from, to);
      for (const ordinal of inodes) this.writeInode(image, ordinal);
      for (const ordinal of contents) this.writeContent(image, ordinal, start, end);
    }
    return image;
  }
}

function direntsOf({ inventory, nid }: StablePlan): string[] {
  const { tree, ordinal, parent, count } = inventory;
  const { table } = tree;
  const dirents = Array.from({ length: count }, (_, own) => `${nid[own]} in ${nid[parent[own] as number]}:`);
  for (let row = 1; row < table.count; row++) {
    const own = ordinal[row] as number;
    const above = ordinal[table.parent[row] as number] as number;
    if (own === 0xffff_ffff || above === 0xffff_ffff) continue;
    const { type } = attributesOf(tree, row);
    dirents[above] += `${nameOf(table, row).toString("latin1")}/${nid[own]}/${type};`;
  }
  return dirents;
}

/** A file's bytes by their version alone: a name may be gone while another of the same inode stays. */
export const fileLabels =
  (versions: readonly number[]) =>
  (row: number): string =>
    `version ${versions[row]}`;
