/** Finds the objects that are not where they were, the slots that they are or were in, and the inodes that they hold. */

import { NO_ROW } from "../model.js";
import { type InodePairs, type OrdinalMap, pieceOf } from "./inode-pairs.js";
import { lowerBound } from "./shapes.js";
import { SLOT_GRANULES } from "./slots.js";
import type { StablePlan } from "./stable.js";

export class MovedObjects {
  /** In which an object came, went or was made anew; slot 0 and slots beyond the new image's end may be among them. */
  readonly slots = new Set<number>();
  /** Every cell of the directory table holds the directory that it held, where it was. */
  sameCells = false;
  readonly #previous: StablePlan;
  readonly #next: StablePlan;
  readonly #pairs: InodePairs;
  readonly #map: OrdinalMap;
  /** By object of the earlier plan: 1 where it still is. */
  #stays = new Uint8Array(0);

  constructor(previous: StablePlan, next: StablePlan, pairs: InodePairs, map: OrdinalMap) {
    this.#previous = previous;
    this.#next = next;
    this.#pairs = pairs;
    this.#map = map;
  }

  /**
   * @param touched inodes of which the shape may differ
   * @param visit called with every other inode of which an address may differ
   */
  compare(touched: readonly number[], visit: (ordinal: number) => void): void {
    const now = this.#next;
    const then = this.#previous;
    for (let slot = then.slotCount; slot < now.slotCount; slot++) this.slots.add(slot);
    const { shapes } = now;
    if (
      this.#pairs.isIdentity &&
      now.packs === then.packs &&
      now.objectPlace === then.objectPlace &&
      now.cell === then.cell &&
      now.headerBlocks === then.headerBlocks &&
      shapes.ownOrdinal === then.shapes.ownOrdinal &&
      shapes.cellOrdinal === then.shapes.cellOrdinal
    ) {
      this.sameCells = true;
      return;
    }
    this.#stays = new Uint8Array(then.objectPlace.length);
    this.#comparePacks(touched, visit);
    this.#compareOwn(visit);
    const sameTables = this.#compareTables();
    this.sameCells = sameTables && this.#sameCells();
    if (!this.sameCells) {
      // A cell that is empty now is no inode's.
      const firstTable = now.packs.count + (shapes.ownFirst.at(-1) as number);
      for (const place of now.objectPlace.subarray(firstTable)) this.#addSlot(place);
      for (const ordinal of shapes.cellOrdinal) {
        const old = this.#map.before(ordinal);
        if (old === NO_ROW || now.nid[ordinal] !== then.nid[old]) visit(ordinal);
      }
    }
    for (let object = 0; object < this.#stays.length; object++) {
      if (this.#stays[object] === 0) this.#addSlot(then.objectPlace[object] as number);
    }
  }

  #addSlot(place: number): void {
    this.slots.add(Math.floor(place / SLOT_GRANULES));
  }

  /** Notes whether an object is where it was; `old` may be no object. */
  #settle(object: number, old: number | undefined): boolean {
    const place = this.#next.objectPlace[object] as number;
    if (old !== undefined && this.#previous.objectPlace[old] === place) {
      this.#stays[old] = 1;
      return true;
    }
    this.#addSlot(place);
    return false;
  }

  #comparePacks(touched: readonly number[], visit: (ordinal: number) => void): void {
    const { packs, shapes } = this.#next;
    const then = this.#previous;
    const unsettled = new Set<number>();
    for (const ordinal of touched) {
      const old = this.#map.before(ordinal);
      if (old === NO_ROW || shapes.shape[ordinal] !== then.shapes.shape[old]) {
        unsettled.add(lowerBound(packs.start, ordinal + 1) - 1);
      }
    }
    let old = 0;
    for (let pack = 0; pack < packs.count; pack++) {
      const start = packs.start[pack] as number;
      const end = packs.start[pack + 1] as number;
      const startThen = this.#map.before(start);
      if (startThen !== NO_ROW) {
        while (old < then.packs.count && (then.packs.start[old] as number) < startThen) old++;
      }
      const isSame =
        !unsettled.has(pack) &&
        then.packs.start[old] === startThen &&
        then.packs.start[old + 1] === startThen + end - start &&
        // A cut may have been declared.
        shapes.shape[start] === then.shapes.shape[startThen] &&
        this.#map.before(end - 1) === startThen + end - 1 - start &&
        this.#isOneRun(start, end);
      if (this.#settle(pack, isSame ? old : undefined)) continue;
      for (let ordinal = start; ordinal < end; ordinal++) visit(ordinal);
    }
  }

  #isOneRun(start: number, end: number): boolean {
    const { pieces } = this.#pairs;
    if (pieces.length === 1) return true;
    const piece = pieceOf(pieces, start);
    return piece !== undefined && end <= piece.first + piece.length;
  }

  /** Chunks, and other content that is not in packs. */
  #compareOwn(visit: (ordinal: number) => void): void {
    const { shapes, packs } = this.#next;
    const then = this.#previous;
    const { ownOrdinal, ownFirst } = shapes;
    let old = 0;
    for (let index = 0; index < ownOrdinal.length; index++) {
      const ordinal = ownOrdinal[index] as number;
      const ordinalThen = this.#map.before(ordinal);
      if (ordinalThen !== NO_ROW) {
        while (old < then.shapes.ownOrdinal.length && (then.shapes.ownOrdinal[old] as number) < ordinalThen) old++;
      }
      const isSame = then.shapes.ownOrdinal[old] === ordinalThen;
      const first = ownFirst[index] as number;
      const firstThen = isSame ? (then.shapes.ownFirst[old] as number) : 0;
      const partsThen = isSame ? (then.shapes.ownFirst[old + 1] as number) - firstThen : 0;
      const parts = (ownFirst[index + 1] as number) - first;
      let stays = parts === partsThen;
      for (let part = 0; part < parts; part++) {
        const object = packs.count + first + part;
        if (!this.#settle(object, part < partsThen ? then.packs.count + firstThen + part : undefined)) stays = false;
      }
      if (!stays) visit(ordinal);
    }
  }

  /** @returns whether all objects of the directory table are where they were */
  #compareTables(): boolean {
    const now = this.#next;
    const then = this.#previous;
    const first = now.packs.count + (now.shapes.ownFirst.at(-1) as number);
    const firstThen = then.packs.count + (then.shapes.ownFirst.at(-1) as number);
    const sameHeader = now.headerBlocks === then.headerBlocks;
    let isSame = sameHeader && now.objectPlace.length - first === then.objectPlace.length - firstThen;
    for (let object = first; object < now.objectPlace.length; object++) {
      const old = object - first + firstThen;
      if (!this.#settle(object, sameHeader && old < then.objectPlace.length ? old : undefined)) isSame = false;
    }
    return isSame;
  }

  /** Of directories in the same order. */
  #sameCells(): boolean {
    const { cell, tableBlocks, shapes } = this.#next;
    const then = this.#previous;
    if (cell !== then.cell || tableBlocks !== then.tableBlocks) return false;
    const before = then.shapes.cellOrdinal;
    return shapes.cellOrdinal.every((ordinal, index) => this.#map.before(ordinal) === before[index]);
  }
}
