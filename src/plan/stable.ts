/** The stable layout: slots of 1 MiB whose contents depend little on what else is in the tree (docs/format.md 1.5); pure. */

import { fail, ok, type Result } from "../errors.js";
import { BLOCK_BYTES, IMAGE_MAX_BYTES, ROOT_OFFSET, roundUp, SEGMENT_BYTES } from "../image/constants.js";
import { encodeSections } from "../image/sections.js";
import { NO_ROW, type Tree } from "../model.js";
import { assignCells, tableBlocksFor } from "./cells.js";
import { cutOrdinals } from "./cuts.js";
import { combine, orderBy } from "./hash.js";
import { pairInodes } from "./inode-pairs.js";
import { type Inventory, takeInventory } from "./inventory.js";
import { cutPacks, type EarlierPacks, type Packs, packBlocks, updatePacks } from "./packs.js";
import type { Plan } from "./plan.js";
import type { RowDelta } from "./row-delta.js";
import { SHAPE, type Shapes, takeShapes } from "./shapes.js";
import { assignPlaces, granulesOf, SLOT_BLOCKS, SLOT_GRANULES, slotCountFor } from "./slots.js";
import { addressesOf, type EarlierAddresses } from "./stable-addresses.js";
import { stableChunkBlocks, stablePiecesIn } from "./stable-pieces.js";
import { updateInventory } from "./update-inventory.js";
import { updateShapes } from "./update-shapes.js";

export interface StableOptions {
  /** Seconds since the epoch, for the superblock. */
  readonly buildTime: number;
  /** Guest paths before which a pack ends: what lies beneath a path that is declared here never shares a slot with what comes before it. */
  readonly cuts?: readonly Buffer[];
}

/** An earlier plan, of which is taken over what would come out the same. */
export interface EarlierPlan {
  readonly plan: StablePlan;
  /** By row of the new tree: the row of the same path and type then, or `NO_ROW`. */
  readonly origin: Uint32Array;
  /** Saves looking at rows that are as they were. */
  readonly delta?: RowDelta;
}

/** What decides all addresses. */
export interface StableParts {
  readonly shapes: Shapes;
  readonly packs: Packs;
  /** Objects are numbered: packs, then content apart (`Shapes.ownFirst`), then blocks of the directory table beyond slot 0. */
  readonly objectKey: Uint32Array;
  readonly objectGranules: Uint8Array;
  /** In granules from the image's start. */
  readonly objectPlace: Uint32Array;
  /** By position in `Shapes.cellOrdinal`: block of the directory table · 64 + cell in it. */
  readonly cell: Uint32Array;
}

export interface StablePlan extends Plan, StableParts {
  readonly layout: "stable";
  readonly slotCount: number;
  /** Blocks of slot 0 before the directory table: header, superblock, root inode. */
  readonly headerBlocks: number;
  readonly tableBlocks: number;
  /** Objects in ascending order of their places. */
  readonly objectsByPlace: Uint32Array;
  /** By cell of the directory table: the ordinal, 0 where it is empty. */
  readonly cellOccupant: Uint32Array;
}

const TABLE_KEY = 0x7461_626c;

/** @returns the plan, the same with and without an earlier one, or `image-too-large` */
export function planStable(tree: Tree, options: StableOptions, previous?: EarlierPlan): Result<StablePlan> {
  const updated = previous?.delta && updateStable(tree, options, previous.plan, previous.origin, previous.delta);
  if (updated !== undefined) return updated;
  const inventory = takeInventory(tree);
  const taken = takeShapes(inventory, cutOrdinals(inventory, options.cuts ?? []));
  if (!taken.ok) return taken;
  const shapes = taken.value;
  const packs = cutPacks(
    { shape: shapes.shape, pathHash: inventory.pathHash },
    previous && earlierPacks(inventory, previous),
  );
  const cellHash = hashesOf(shapes.cellOrdinal, inventory);
  const earlier = previous?.plan;
  const earlierHash = earlier && hashesOf(earlier.shapes.cellOrdinal, earlier.inventory);
  return completeStable(inventory, options.buildTime, {
    shapes,
    packs,
    ...placeObjects(inventory, shapes, packs, earlier),
    cell: earlier !== undefined && isEqual(cellHash, earlierHash) ? earlier.cell : assignCells(cellHash),
  });
}

/** @returns undefined where all rows have to be looked at */
function updateStable(
  tree: Tree,
  { buildTime, cuts = [] }: StableOptions,
  earlier: StablePlan,
  origin: Uint32Array,
  delta: RowDelta,
): Result<StablePlan> | undefined {
  const pairs = pairInodes(earlier.inventory, tree, origin, delta);
  const updated = pairs && updateInventory(tree, earlier.inventory, pairs);
  if (updated === undefined || pairs === undefined) return undefined;
  const { inventory, touched } = updated;
  const reshapen = updateShapes(updated, earlier.shapes, pairs, cutOrdinals(inventory, cuts), cutsOf(earlier));
  if (reshapen === undefined) return undefined;
  const { shapes, reshaped, sameTable } = reshapen;
  const { packs, kept } = updatePacks(
    { shape: shapes.shape, pathHash: inventory.pathHash },
    { shape: earlier.shapes.shape, pathHash: earlier.inventory.pathHash, packs: earlier.packs },
    { pairs, reshaped },
  );
  const parts = {
    shapes,
    packs,
    ...placeObjects(inventory, shapes, packs, earlier),
    cell: sameTable ? earlier.cell : assignCells(hashesOf(shapes.cellOrdinal, inventory)),
  };
  return completeStable(inventory, buildTime, parts, { plan: earlier, pairs, kept, touched });
}

/** Ordinals before which packs had to end. */
function cutsOf({ packs, shapes }: StablePlan): number[] {
  const cuts: number[] = [];
  for (let pack = 0; pack < packs.count; pack++) {
    const start = packs.start[pack] as number;
    if (((shapes.shape[start] as number) & SHAPE.cut) !== 0) cuts.push(start);
  }
  return cuts;
}

/** Columns that are those of the earlier plan are its own. */
function placeObjects(
  inventory: Inventory,
  shapes: Shapes,
  packs: Packs,
  earlier: StablePlan | undefined,
): Pick<StableParts, "objectKey" | "objectGranules" | "objectPlace"> {
  const { objectKey, objectGranules } = objectsOf(inventory, shapes, packs);
  if (
    earlier !== undefined &&
    isEqual(objectKey, earlier.objectKey) &&
    isEqual(objectGranules, earlier.objectGranules)
  ) {
    return {
      objectKey: earlier.objectKey,
      objectGranules: earlier.objectGranules,
      objectPlace: earlier.objectPlace,
    };
  }
  return { objectKey, objectGranules, objectPlace: assignPlaces(objectKey, objectGranules) };
}

const tooLarge = (sizeBytes: number) => fail("image-too-large", { detail: String(sizeBytes) });

function earlierPacks({ row }: Inventory, { plan, origin }: EarlierPlan): EarlierPacks {
  const { shapes, packs, inventory } = plan;
  const ordinalThen = (ordinal: number): number => {
    const then = origin[row[ordinal] as number] as number;
    return then === NO_ROW ? NO_ROW : (inventory.ordinal[then] as number);
  };
  return { packs, shape: shapes.shape, pathHash: inventory.pathHash, ordinalThen };
}

const hashesOf = (ordinals: Uint32Array, { pathHash }: Inventory): Uint32Array =>
  ordinals.map((ordinal) => pathHash[ordinal] as number);

function isEqual<Column extends Uint8Array | Uint32Array>(one: Column, other: Column | undefined): other is Column {
  if (one.length !== other?.length) return false;
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false;
  return true;
}

/** Blocks of slot 0 that hold header, superblock and the root with its xattrs. */
const headerBlocksOf = ({ rootBytes }: Shapes): number => Math.ceil((ROOT_OFFSET + rootBytes) / BLOCK_BYTES);

function objectsOf(
  { pathHash }: Inventory,
  shapes: Shapes,
  packs: Packs,
): Pick<StableParts, "objectKey" | "objectGranules"> {
  const { ownOrdinal, ownFirst, cellOrdinal } = shapes;
  const owned = ownFirst.at(-1) as number;
  const blocksElsewhere = tableBlocksFor(cellOrdinal.length) - (SLOT_BLOCKS - headerBlocksOf(shapes));
  const tables = Math.max(0, Math.ceil(blocksElsewhere / SLOT_BLOCKS));
  const keys = new Uint32Array(packs.count + owned + tables);
  const granules = new Uint8Array(keys.length).fill(SLOT_GRANULES);
  for (let pack = 0; pack < packs.count; pack++) {
    keys[pack] = pathHash[packs.start[pack] as number] as number;
    granules[pack] = granulesOf(packBlocks(packs, pack));
  }
  for (let index = 0; index < ownOrdinal.length; index++) {
    const first = ownFirst[index] as number;
    const hash = pathHash[ownOrdinal[index] as number] as number;
    for (let own = first; own < (ownFirst[index + 1] as number); own++) {
      keys[packs.count + own] = combine(hash, own - first);
    }
    const last = (ownFirst[index + 1] as number) - 1;
    granules[packs.count + last] = granulesOf(shapes.ownLastBlocks[index] as number);
  }
  for (let table = 0; table < tables; table++) keys[packs.count + owned + table] = combine(TABLE_KEY, table);
  return { objectKey: keys, objectGranules: granules };
}

/** Turns the parts, new or kept from an earlier build, into addresses. */
export function completeStable(
  inventory: Inventory,
  buildTime: number,
  parts: StableParts,
  earlier?: EarlierAddresses,
): Result<StablePlan> {
  const { shapes, objectPlace, objectGranules } = parts;
  const isSame = objectPlace === earlier?.plan.objectPlace;
  const objectsByPlace = isSame ? earlier.plan.objectsByPlace : orderBy(objectPlace);
  const lastPlace = objectPlace[objectsByPlace.at(-1) as number] as number;
  let granules = 0;
  for (let object = 0; object < objectGranules.length; object++) granules += objectGranules[object] as number;
  const slotCount = Math.max(slotCountFor(granules), Math.floor(lastPlace / SLOT_GRANULES) + 1);
  const sectionsOffset = slotCount * SEGMENT_BYTES;
  const encoded = encodeSections(inventory.tree.declarations, sectionsOffset);
  const sizeBytes = sectionsOffset + roundUp(encoded.bytes.length, BLOCK_BYTES);
  if (sizeBytes > IMAGE_MAX_BYTES) return tooLarge(sizeBytes);
  const placed = {
    ...parts,
    inventory,
    slotCount,
    sizeBytes,
    headerBlocks: headerBlocksOf(shapes),
    tableBlocks: tableBlocksFor(shapes.cellOrdinal.length),
    objectsByPlace,
  };
  const plan: StablePlan = {
    layout: "stable",
    buildTime,
    ...placed,
    ...addressesOf(placed, earlier),
    dataLayout: shapes.dataLayout,
    inlineBytes: shapes.inlineBytes,
    sections: { ...encoded, offset: encoded.count > 0 ? sectionsOffset : 0 },
    chunkBlocks: (ordinal) => stableChunkBlocks(plan, ordinal),
    piecesIn: (start, end) => stablePiecesIn(plan, start, end),
  };
  return ok(plan);
}
