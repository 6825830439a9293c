/** How each slot of the stable layout differs from the same slot of an earlier image. */

import { BLOCK_BYTES, CHUNK_ENTRY_BYTES, INODE_BYTES, NID_BYTES, ROOT_OFFSET } from "../image/constants.js";
import { BLOCK_CELLS } from "./cells.js";
import { CHANGED, type InodeChanges } from "./changed-inodes.js";
import type { SegmentChange } from "./changes.js";
import { lowerBound, packedBlocks, SHAPE } from "./shapes.js";
import { GRANULE_BLOCKS, SLOT_BLOCKS, SLOT_GRANULES } from "./slots.js";
import type { StablePlan } from "./stable.js";
import { isInPack } from "./stable-addresses.js";
import { firstObjectFrom } from "./stable-pieces.js";

const GRANULE_BYTES = GRANULE_BLOCKS * BLOCK_BYTES;

/** A change without parts: of the whole segment, or of the header alone. */
export const wholly = (kind: SegmentChange["kind"], segment: number): SegmentChange => ({
  segment,
  kind,
  inodes: [],
  contents: [],
  vacated: [],
});

/** A patch while it is put together. */
class Patch {
  readonly #inodes = new Set<number>();
  readonly #contents = new Set<number>();
  readonly #vacated: (readonly [start: number, end: number])[] = [];

  addInode(ordinal: number): void {
    this.#inodes.add(ordinal);
  }

  addContent(ordinal: number): void {
    this.#contents.add(ordinal);
  }

  vacate(start: number, sizeBytes: number): void {
    if (sizeBytes > 0) this.#vacated.push([start, start + sizeBytes]);
  }

  change(segment: number): SegmentChange | undefined {
    if (this.#inodes.size + this.#contents.size + this.#vacated.length === 0) return undefined;
    return {
      segment,
      kind: "patch",
      inodes: [...this.#inodes],
      contents: [...this.#contents],
      vacated: this.#vacated,
    };
  }
}

export class SlotComparison {
  readonly #previous: StablePlan;
  readonly #next: StablePlan;
  readonly #changes: InodeChanges;

  constructor(previous: StablePlan, next: StablePlan, changes: InodeChanges) {
    this.#previous = previous;
    this.#next = next;
    this.#changes = changes;
  }

  /** @returns undefined where the slot's bytes are those of the earlier image */
  change(slot: number): SegmentChange | undefined {
    return slot === 0 ? this.#header() : this.#slot(slot);
  }

  #slot(slot: number): SegmentChange | undefined {
    const now = objectsOf(this.#next, slot);
    const before = objectsOf(this.#previous, slot);
    if (now.length === 0) {
      const wasEmpty = before.length === 0 && slot < this.#previous.slotCount;
      return wasEmpty ? undefined : wholly("zero", slot);
    }
    const patch = new Patch();
    const fresh: number[] = [];
    let at = 0;
    let kept = 0;
    for (const object of now) {
      const place = this.#next.objectPlace[object] as number;
      for (; at < before.length && this.#placeThen(before[at]) < place; at++) this.#vacateObject(patch, before[at]);
      const old = at < before.length && this.#placeThen(before[at]) === place ? before[at++] : undefined;
      if (old !== undefined && this.#isSame(object, old)) {
        kept++;
        this.#patchObject(patch, object);
      } else {
        if (old !== undefined) this.#vacateObject(patch, old);
        fresh.push(object);
      }
    }
    for (; at < before.length; at++) this.#vacateObject(patch, before[at]);
    if (kept === 0) return wholly("rebuild", slot);
    for (const object of fresh) this.#addObject(patch, object);
    return patch.change(slot);
  }

  #placeThen(object: number | undefined): number {
    return this.#previous.objectPlace[object as number] as number;
  }

  #vacateObject(patch: Patch, object: number | undefined): void {
    const granules = this.#previous.objectGranules[object as number] as number;
    patch.vacate(this.#placeThen(object) * GRANULE_BYTES, granules * GRANULE_BYTES);
  }

  /** Whether it is the same object, all that lies in it in its old place. */
  #isSame(object: number, old: number): boolean {
    const kind = classOf(this.#next, object);
    const kindThen = classOf(this.#previous, old);
    if (kind.name !== kindThen.name) return false;
    if (kind.name === "pack") return this.#isSamePack(object, old);
    if (kind.name === "own") return this.#isSameContent(kind.index, kindThen.index);
    return kind.index === kindThen.index && this.#next.headerBlocks === this.#previous.headerBlocks;
  }

  #isSamePack(pack: number, packThen: number): boolean {
    const { packs, shapes } = this.#next;
    const previous = this.#previous;
    const start = packs.start[pack] as number;
    const length = (packs.start[pack + 1] as number) - start;
    const startThen = previous.packs.start[packThen] as number;
    if (length !== (previous.packs.start[packThen + 1] as number) - startThen) return false;
    if (packs.dataBlocks[pack] !== previous.packs.dataBlocks[packThen]) return false;
    if (packs.inodeBlocks[pack] !== previous.packs.inodeBlocks[packThen]) return false;
    const changes = this.#changes;
    for (let index = 0; index < length; index++) {
      const ordinal = start + index;
      const old = startThen + index;
      if (
        changes.before(ordinal) !== old ||
        shapes.shape[ordinal] !== previous.shapes.shape[old] ||
        packs.unit[ordinal] !== previous.packs.unit[old] ||
        packs.block[ordinal] !== previous.packs.block[old]
      ) {
        return false;
      }
    }
    return true;
  }

  #isSameContent(own: number, ownThen: number): boolean {
    const { ordinal, part } = ownPart(this.#next, own);
    const then = ownPart(this.#previous, ownThen);
    if (this.#changes.before(ordinal) !== then.ordinal || part !== then.part) return false;
    return ((this.#changes.flags[ordinal] as number) & CHANGED.extent) === 0;
  }

  /** What changed of an object that is the same. */
  #patchObject(patch: Patch, object: number): void {
    const { packs } = this.#next;
    const { flags } = this.#changes;
    const kind = classOf(this.#next, object);
    if (kind.name === "table") {
      this.#patchTable(patch, kind.index);
      return;
    }
    if (kind.name === "own") {
      const { ordinal } = ownPart(this.#next, kind.index);
      if (((flags[ordinal] as number) & CHANGED.content) !== 0) patch.addContent(ordinal);
      return;
    }
    const end = packs.start[object + 1] as number;
    for (let ordinal = packs.start[object] as number; ordinal < end; ordinal++) {
      const flag = flags[ordinal] as number;
      if (flag !== 0) this.#patchInode(patch, ordinal, flag);
    }
  }

  /** What of a changed inode lies in its pack. */
  #patchInode(patch: Patch, ordinal: number, flag: number): void {
    const { shapes, dataBlock, nid } = this.#next;
    const shape = shapes.shape[ordinal] as number;
    const isResized = (flag & CHANGED.extent) !== 0;
    if (isInPack(shape) && (flag & CHANGED.inode) !== 0) {
      const bytes = isResized ? (shape & SHAPE.units) * NID_BYTES : this.#headBytes(ordinal);
      patch.addInode(ordinal);
      // Padding between xattrs is zero whatever stood there; an inode alone has none.
      if (bytes > INODE_BYTES) patch.vacate((nid[ordinal] as number) * NID_BYTES, bytes);
    }
    if (this.#isInPackContent(ordinal) && (flag & CHANGED.content) !== 0) {
      patch.addContent(ordinal);
      if (isResized) patch.vacate((dataBlock[ordinal] as number) * BLOCK_BYTES, packedBlocks(shape) * BLOCK_BYTES);
    }
  }

  #isInPackContent(ordinal: number): boolean {
    const { shapes, inlineBytes } = this.#next;
    return packedBlocks(shapes.shape[ordinal] as number) > 0 || (inlineBytes[ordinal] as number) > 0;
  }

  /** Inode, xattrs and chunk map. */
  #headBytes(ordinal: number): number {
    const chunks = this.#next.chunkBlocks(ordinal).length;
    return (this.#next.inventory.headBytes[ordinal] as number) + chunks * CHUNK_ENTRY_BYTES;
  }

  /** All of an object that was not here. */
  #addObject(patch: Patch, object: number): void {
    const { packs, shapes, cellOccupant } = this.#next;
    const kind = classOf(this.#next, object);
    if (kind.name === "own") {
      patch.addContent(ownPart(this.#next, kind.index).ordinal);
      return;
    }
    if (kind.name === "table") {
      const firstCell = this.#firstCell(kind.index);
      for (const ordinal of cellOccupant.subarray(firstCell, firstCell + SLOT_BLOCKS * BLOCK_CELLS)) {
        if (ordinal > 0) patch.addInode(ordinal);
      }
      return;
    }
    const end = packs.start[object + 1] as number;
    for (let ordinal = packs.start[object] as number; ordinal < end; ordinal++) {
      if (isInPack(shapes.shape[ordinal] as number)) patch.addInode(ordinal);
      if (this.#isInPackContent(ordinal)) patch.addContent(ordinal);
    }
  }

  #firstCell(table: number): number {
    return (SLOT_BLOCKS - this.#next.headerBlocks + table * SLOT_BLOCKS) * BLOCK_CELLS;
  }

  #patchTable(patch: Patch, table: number): void {
    const firstCell = this.#firstCell(table);
    const object = this.#next.objectPlace.length - this.#tableObjects() + table;
    const address = (this.#next.objectPlace[object] as number) * GRANULE_BYTES;
    this.#patchCells(patch, firstCell, firstCell + SLOT_BLOCKS * BLOCK_CELLS, address);
  }

  #tableObjects(): number {
    const { objectPlace, packs, shapes } = this.#next;
    return objectPlace.length - packs.count - (shapes.ownFirst.at(-1) as number);
  }

  /** Header, root and the first blocks of the directory table. */
  #header(): SegmentChange | undefined {
    const next = this.#next;
    if (next.headerBlocks !== this.#previous.headerBlocks) return wholly("rebuild", 0);
    const patch = new Patch();
    if (((this.#changes.flags[0] as number) & CHANGED.inode) !== 0) {
      patch.addInode(0);
      const bytes = Math.max(next.shapes.rootBytes, this.#previous.shapes.rootBytes);
      if (bytes > INODE_BYTES) patch.vacate(ROOT_OFFSET, bytes);
    }
    const cells = (SLOT_BLOCKS - next.headerBlocks) * BLOCK_CELLS;
    this.#patchCells(patch, 0, cells, next.headerBlocks * BLOCK_BYTES);
    return patch.change(0);
  }

  /** @param address of the first cell */
  #patchCells(patch: Patch, firstCell: number, endCell: number, address: number): void {
    const now = this.#next.cellOccupant;
    const before = this.#previous.cellOccupant;
    const changes = this.#changes;
    const { flags, only } = changes;
    if (only?.cells !== undefined) {
      for (const cell of only.cells) {
        if (cell < firstCell || cell >= endCell) continue;
        const occupant = now[cell] as number;
        if (((flags[occupant] as number) & CHANGED.inode) !== 0) patch.addInode(occupant);
      }
      return;
    }
    const end = Math.min(endCell, Math.max(now.length, before.length));
    for (let cell = firstCell; cell < end; cell++) {
      const occupant = now[cell] ?? 0;
      const old = before[cell] ?? 0;
      if (occupant > 0) {
        const isSame = changes.before(occupant) === old && ((flags[occupant] as number) & CHANGED.inode) === 0;
        if (!isSame) patch.addInode(occupant);
      } else if (old > 0) {
        patch.vacate(address + (cell - firstCell) * INODE_BYTES, INODE_BYTES);
      }
    }
  }
}

/** Objects of a slot in ascending order of their places. */
function objectsOf(plan: StablePlan, slot: number): Uint32Array {
  const place = slot * SLOT_GRANULES;
  return plan.objectsByPlace.subarray(firstObjectFrom(plan, place), firstObjectFrom(plan, place + SLOT_GRANULES));
}

/** Whose an object of content apart is, and which of its parts. */
function ownPart({ shapes }: StablePlan, own: number): { readonly ordinal: number; readonly part: number } {
  const index = lowerBound(shapes.ownFirst, own + 1) - 1;
  return { ordinal: shapes.ownOrdinal[index] as number, part: own - (shapes.ownFirst[index] as number) };
}

interface ObjectClass {
  readonly name: "pack" | "own" | "table";
  /** Among its like. */
  readonly index: number;
}

function classOf({ packs, shapes }: StablePlan, object: number): ObjectClass {
  if (object < packs.count) return { name: "pack", index: object };
  const own = object - packs.count;
  const owned = shapes.ownFirst.at(-1) as number;
  return own < owned ? { name: "own", index: own } : { name: "table", index: own - owned };
}
