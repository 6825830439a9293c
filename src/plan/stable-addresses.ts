/** Addresses of the stable layout's inodes and contents, from places in packs, slots of objects and cells. */

import { BLOCK_BYTES, DATA_LAYOUT, INODE_BYTES, NID_BYTES, ROOT_NID } from "../image/constants.js";
import { carried } from "./carried-column.js";
import { BLOCK_CELLS } from "./cells.js";
import type { InodePairs } from "./inode-pairs.js";
import type { Inventory } from "./inventory.js";
import { type KeptPacks, packBlocks } from "./packs.js";
import { packedBlocks, SHAPE } from "./shapes.js";
import { GRANULE_BLOCKS, SLOT_BLOCKS } from "./slots.js";
import type { StableParts, StablePlan } from "./stable.js";

const BLOCK_UNITS = BLOCK_BYTES / NID_BYTES;
const CELL_UNITS = INODE_BYTES / NID_BYTES;

interface Placed extends StableParts {
  readonly inventory: Inventory;
  readonly sizeBytes: number;
  readonly headerBlocks: number;
  readonly tableBlocks: number;
}

type Addresses = Pick<StablePlan, "nid" | "ino" | "dataBlock" | "cellOccupant">;

/** An earlier plan that has much in common with the one that addresses are for. */
export interface EarlierAddresses {
  readonly plan: StablePlan;
  readonly pairs: InodePairs;
  readonly kept: readonly KeptPacks[];
  /** Ordinals of which the shape may differ. */
  readonly touched: Uint32Array;
}

export function addressesOf(placed: Placed, earlier?: EarlierAddresses): Addresses {
  const updated = earlier && updateAddresses(placed, earlier);
  if (updated !== undefined) return updated;
  const { count } = placed.inventory;
  const nid = new Float64Array(count);
  const dataBlock = new Uint32Array(count);
  for (let pack = 0; pack < placed.packs.count; pack++) addPack(placed, pack, nid, dataBlock);
  addOwn(placed, dataBlock);
  const cellOccupant = addCells(placed, nid);
  nid[0] = ROOT_NID;
  return { nid, dataBlock, cellOccupant, ino: inosOf(nid, placed.sizeBytes) };
}

/** @returns undefined where inode numbers are no addresses */
function updateAddresses(placed: Placed, { plan, pairs, kept, touched }: EarlierAddresses): Addresses | undefined {
  if (numbersAreTooLarge(Math.max(placed.sizeBytes, plan.sizeBytes))) return undefined;
  const { packs, shapes, objectPlace } = placed;
  if (
    pairs.isIdentity &&
    packs === plan.packs &&
    objectPlace === plan.objectPlace &&
    shapes.ownOrdinal === plan.shapes.ownOrdinal &&
    shapes.cellOrdinal === plan.shapes.cellOrdinal &&
    placed.cell === plan.cell &&
    placed.headerBlocks === plan.headerBlocks
  ) {
    const { nid, dataBlock, cellOccupant, ino } = plan;
    return { nid, dataBlock, cellOccupant, ino };
  }
  const nid = carried(plan.nid, pairs);
  const dataBlock = carried(plan.dataBlock, pairs);
  const ino = carried(plan.ino, pairs);
  for (const ordinal of touched) if (packedBlocks(shapes.shape[ordinal] as number) === 0) dataBlock[ordinal] = 0;
  const number = (pack: number): void => {
    addPack(placed, pack, nid, dataBlock);
    const end = packs.start[pack + 1] as number;
    for (let ordinal = packs.start[pack] as number; ordinal < end; ordinal++) ino[ordinal] = nid[ordinal] as number;
  };
  let next = 0;
  for (const { first, old, length } of kept) {
    for (; next < first; next++) number(next);
    for (; next < first + length; next++) {
      if (objectPlace[next] !== plan.objectPlace[old + next - first]) number(next);
    }
  }
  for (; next < packs.count; next++) number(next);
  addOwn(placed, dataBlock);
  const cellOccupant = addCells(placed, nid);
  nid[0] = ROOT_NID;
  ino[0] = ROOT_NID;
  for (const ordinal of shapes.cellOrdinal) ino[ordinal] = nid[ordinal] as number;
  return { nid, dataBlock, cellOccupant, ino };
}

function addPack(
  { shapes: { shape }, packs, objectPlace }: Placed,
  pack: number,
  nid: Float64Array,
  dataBlock: Uint32Array,
): void {
  const firstBlock = (objectPlace[pack] as number) * GRANULE_BLOCKS;
  const endUnit = (firstBlock + packBlocks(packs, pack)) * BLOCK_UNITS;
  const end = packs.start[pack + 1] as number;
  for (let ordinal = packs.start[pack] as number; ordinal < end; ordinal++) {
    nid[ordinal] = endUnit - (packs.unit[ordinal] as number);
    const block = packs.block[ordinal] as number;
    dataBlock[ordinal] = packedBlocks(shape[ordinal] as number) > 0 ? firstBlock + block : 0;
  }
}

/** Content that is not chunked and is an object of its own begins where that does. */
function addOwn({ shapes, packs, objectPlace }: Placed, dataBlock: Uint32Array): void {
  const { ownOrdinal, ownFirst, dataLayout } = shapes;
  for (let index = 0; index < ownOrdinal.length; index++) {
    const ordinal = ownOrdinal[index] as number;
    if (dataLayout[ordinal] === DATA_LAYOUT.chunkBased) continue;
    dataBlock[ordinal] = (objectPlace[packs.count + (ownFirst[index] as number)] as number) * GRANULE_BLOCKS;
  }
}

function addCells(placed: Placed, nid: Float64Array): Uint32Array {
  const { shapes, cell, tableBlocks } = placed;
  const occupant = new Uint32Array(tableBlocks * BLOCK_CELLS);
  for (let index = 0; index < cell.length; index++) {
    const ordinal = shapes.cellOrdinal[index] as number;
    const at = cell[index] as number;
    const block = tableBlockAddress(placed, Math.floor(at / BLOCK_CELLS));
    nid[ordinal] = block * BLOCK_UNITS + (at % BLOCK_CELLS) * CELL_UNITS;
    occupant[at] = ordinal;
  }
  return occupant;
}

/** Address of a block of the directory table: the first ones lie in slot 0, 256 of the others make an object each. */
function tableBlockAddress({ headerBlocks, shapes, packs, objectPlace }: Placed, block: number): number {
  const atHeader = headerBlocks + block;
  if (atHeader < SLOT_BLOCKS) return atHeader;
  const elsewhere = atHeader - SLOT_BLOCKS;
  const object = packs.count + (shapes.ownFirst.at(-1) as number) + Math.floor(elsewhere / SLOT_BLOCKS);
  return (objectPlace[object] as number) * GRANULE_BLOCKS + (elsewhere % SLOT_BLOCKS);
}

/** Nids where they have 32 bits, so that no inode number changes without its address; else, to be unique, positions in path order. */
function inosOf(nid: Float64Array, sizeBytes: number): Uint32Array {
  if (!numbersAreTooLarge(sizeBytes)) return new Uint32Array(nid);
  return new Uint32Array(nid.length).map((_, ordinal) => ordinal + 1);
}

/** Whether nids of an image of that size need more than 32 bits. */
export const numbersAreTooLarge = (sizeBytes: number): boolean => sizeBytes > NID_BYTES * 2 ** 32;

/** Whether an inode lies in its pack: neither the root nor in the directory table. */
export const isInPack = (shape: number): boolean => (shape & SHAPE.units) > 0;
