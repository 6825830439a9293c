/** Shapes of a tree that differs little from an earlier one. */

import { NO_ROW } from "../model.js";
import { CarriedColumn } from "./carried-column.js";
import { type InodePairs, OrdinalMap } from "./inode-pairs.js";
import { lowerBound, SHAPE, Shaper, type Shapes, tooManyOwned } from "./shapes.js";
import type { InventoryUpdate } from "./update-inventory.js";

export interface ShapesUpdate {
  readonly shapes: Shapes;
  /** Ordinals, ascending, of new inodes and of those with another shape. */
  readonly reshaped: Uint32Array;
  /** The directory table holds the same directories in the same order. */
  readonly sameTable: boolean;
}

/** What `Shaper` says of the touched inodes. */
interface Touched {
  readonly ordinals: Uint32Array;
  readonly own: Uint32Array;
  readonly lastBlocks: Uint16Array;
  readonly inTable: Uint8Array;
}

/**
 * @param cuts ordinals before which a pack must end
 * @param cutsThen such ordinals of the earlier tree
 * @returns what `takeShapes` would, or undefined where it would fail
 */
export function updateShapes(
  { inventory, touched: ordinals }: InventoryUpdate,
  before: Shapes,
  pairs: InodePairs,
  cuts: readonly number[],
  cutsThen: readonly number[],
): ShapesUpdate | undefined {
  const shape = new CarriedColumn(before.shape, pairs);
  const dataLayout = new CarriedColumn(before.dataLayout, pairs);
  const inlineBytes = new CarriedColumn(before.inlineBytes, pairs);
  const map = new OrdinalMap(pairs);
  const size = ordinals.length;
  const touched = {
    ordinals,
    own: new Uint32Array(size),
    lastBlocks: new Uint16Array(size),
    inTable: new Uint8Array(size),
  };
  const shaper = new Shaper();
  let { rootBytes } = before;
  const shapeNow = new Map<number, number>();
  const isCut = new Set(cuts);
  for (let index = 0; index < size; index++) {
    const ordinal = ordinals[index] as number;
    if (!shaper.take(inventory, ordinal)) return undefined;
    if (ordinal === 0) rootBytes = shaper.rootBytes;
    shapeNow.set(ordinal, shaper.shape);
    dataLayout.set(ordinal, shaper.dataLayout);
    inlineBytes.set(ordinal, shaper.inlineBytes);
    touched.own[index] = shaper.own;
    touched.lastBlocks[index] = shaper.lastBlocks;
    touched.inTable[index] = shaper.inTable ? 1 : 0;
  }
  for (const then of cutsThen) addCut(map.now(then));
  for (const ordinal of cuts) addCut(ordinal);
  const reshaped: number[] = [];
  for (const [ordinal, bare] of shapeNow) {
    const now = isCut.has(ordinal) ? bare | SHAPE.cut : bare;
    shape.set(ordinal, now);
    const then = map.before(ordinal);
    if (then === NO_ROW || before.shape[then] !== now) reshaped.push(ordinal);
  }
  const owns = updateOwns(before, pairs, map, touched);
  if (tooManyOwned(owns.ownFirst.at(-1) as number)) return undefined;
  const { cellOrdinal, sameTable } = updateTable(before, pairs, map, touched);
  return {
    shapes: {
      shape: shape.cells,
      dataLayout: dataLayout.cells,
      inlineBytes: inlineBytes.cells,
      ...owns,
      cellOrdinal,
      rootBytes,
    },
    reshaped: Uint32Array.from(reshaped).sort(),
    sameTable,
  };

  function addCut(ordinal: number): void {
    if (ordinal === NO_ROW || shapeNow.has(ordinal)) return;
    shapeNow.set(ordinal, shape.at(ordinal) & ~SHAPE.cut);
  }
}

type Owns = Pick<Shapes, "ownOrdinal" | "ownFirst" | "ownLastBlocks">;

function updateOwns(before: Owns, pairs: InodePairs, map: OrdinalMap, touched: Touched): Owns {
  const ordinals: number[] = [];
  const first: number[] = [0];
  const lastBlocks: number[] = [];
  let owned = 0;
  let isSame = pairs.isIdentity;
  const add = (ordinal: number, own: number, last: number): void => {
    owned += own;
    ordinals.push(ordinal);
    first.push(owned);
    lastBlocks.push(last);
  };
  let next = 0;
  const addTouchedBelow = (limit: number): void => {
    for (; next < touched.ordinals.length && (touched.ordinals[next] as number) < limit; next++) {
      if (touched.own[next] === 0) continue;
      add(touched.ordinals[next] as number, touched.own[next] as number, touched.lastBlocks[next] as number);
      isSame = false;
    }
  };
  for (let index = 0; index < before.ownOrdinal.length; index++) {
    const now = map.now(before.ownOrdinal[index] as number);
    if (now === NO_ROW) continue;
    addTouchedBelow(now);
    const own = (before.ownFirst[index + 1] as number) - (before.ownFirst[index] as number);
    const last = before.ownLastBlocks[index] as number;
    if (touched.ordinals[next] !== now) {
      add(now, own, last);
      continue;
    }
    const ownNow = touched.own[next] as number;
    const lastNow = touched.lastBlocks[next] as number;
    next++;
    if (ownNow > 0) add(now, ownNow, lastNow);
    if (ownNow !== own || lastNow !== last) isSame = false;
  }
  addTouchedBelow(NO_ROW);
  if (isSame) return { ownOrdinal: before.ownOrdinal, ownFirst: before.ownFirst, ownLastBlocks: before.ownLastBlocks };
  return {
    ownOrdinal: new Uint32Array(ordinals),
    ownFirst: new Uint32Array(first),
    ownLastBlocks: new Uint16Array(lastBlocks),
  };
}

function updateTable(
  { cellOrdinal: before }: Shapes,
  pairs: InodePairs,
  map: OrdinalMap,
  touched: Touched,
): { readonly cellOrdinal: Uint32Array; readonly sameTable: boolean } {
  if (pairs.isIdentity && touched.inTable.every((own, index) => own === wasInTable(before, touched, index))) {
    return { cellOrdinal: before, sameTable: true };
  }
  const cells = new Uint32Array(before.length + touched.ordinals.length);
  let count = 0;
  let sameTable = true;
  let next = 0;
  const { ordinals, inTable } = touched;
  const addTouchedBelow = (limit: number): void => {
    for (; next < ordinals.length && (ordinals[next] as number) < limit; next++) {
      if (inTable[next] === 0) continue;
      cells[count++] = ordinals[next] as number;
      sameTable = false;
    }
  };
  let nextTouched = ordinals[0] ?? NO_ROW;
  for (let index = 0; index < before.length; index++) {
    const now = map.now(before[index] as number);
    if (now < nextTouched) {
      cells[count++] = now;
      continue;
    }
    if (now === NO_ROW) {
      sameTable = false;
      continue;
    }
    addTouchedBelow(now);
    if (ordinals[next] === now) {
      if (inTable[next++] === 1) cells[count++] = now;
      else sameTable = false;
    } else {
      cells[count++] = now;
    }
    nextTouched = ordinals[next] ?? NO_ROW;
  }
  addTouchedBelow(NO_ROW);
  return { cellOrdinal: cells.slice(0, count), sameTable };
}

/** With the same ordinals then as now. */
const wasInTable = (before: Uint32Array, { ordinals }: Touched, index: number): number =>
  before[lowerBound(before, ordinals[index] as number)] === ordinals[index] ? 1 : 0;
