/** What lies where in an image of the stable layout: pieces of a stretch, chunks of a file. */

import { BLOCK_BYTES, CHUNK_BYTES, DATA_LAYOUT, NID_BYTES, SEGMENT_BYTES } from "../image/constants.js";
import { BLOCK_CELLS } from "./cells.js";
import { NO_ORDINALS, type Piece } from "./plan.js";
import { lowerBound, ownIndex, packedBlocks } from "./shapes.js";
import { GRANULE_BLOCKS, SLOT_BLOCKS, SLOT_GRANULES } from "./slots.js";
import type { StablePlan } from "./stable.js";
import { isInPack } from "./stable-addresses.js";

const GRANULE_BYTES = GRANULE_BLOCKS * BLOCK_BYTES;
const FARTHEST = SEGMENT_BYTES / NID_BYTES;

export function stablePiecesIn(plan: StablePlan, start: number, end: number): Piece[] {
  const { objectsByPlace, objectPlace, sections } = plan;
  const pieces: Piece[] = [];
  const add = (piece: Piece): void => {
    if (reaches(piece, start, end)) pieces.push(piece);
  };
  if (start < SEGMENT_BYTES) add(tablePiece(plan, 0, 0, plan.headerBlocks));
  // No object reaches over the end of its slot, so what reaches into the stretch begins in its first slot or later.
  const firstPlace = Math.floor(start / SEGMENT_BYTES) * SLOT_GRANULES;
  for (let at = firstObjectFrom(plan, firstPlace); at < objectsByPlace.length; at++) {
    const object = objectsByPlace[at] as number;
    if ((objectPlace[object] as number) * GRANULE_BYTES >= end) break;
    addObject(plan, object, add);
  }
  if (sections.bytes.length > 0) add(inodesOrSections("sections", sections.offset, sections.bytes.length, NO_ORDINALS));
  return pieces;
}

/** Least index in `objectsByPlace` of an object at or after a place. */
export function firstObjectFrom({ objectsByPlace, objectPlace }: StablePlan, place: number): number {
  let from = 0;
  for (let to = objectsByPlace.length; from < to; ) {
    const middle = (from + to) >>> 1;
    if ((objectPlace[objectsByPlace[middle] as number] as number) < place) from = middle + 1;
    else to = middle;
  }
  return from;
}

const reaches = ({ offset, sizeBytes }: Piece, start: number, end: number): boolean =>
  offset < end && offset + sizeBytes > start;

const inodesOrSections = (kind: Piece["kind"], offset: number, sizeBytes: number, ordinals: Uint32Array): Piece => ({
  kind,
  offset,
  sizeBytes,
  ordinal: 0,
  contentOffset: 0,
  ordinals,
});

function addObject(plan: StablePlan, object: number, add: (piece: Piece) => void): void {
  const { packs, shapes } = plan;
  if (object < packs.count) {
    addPack(plan, object, add);
    return;
  }
  const offset = (plan.objectPlace[object] as number) * GRANULE_BYTES;
  const own = object - packs.count;
  const owned = shapes.ownFirst.at(-1) as number;
  const firstBlock = SLOT_BLOCKS - plan.headerBlocks + (own - owned) * SLOT_BLOCKS;
  add(own < owned ? ownPiece(plan, own, offset) : tablePiece(plan, offset, firstBlock, 0));
}

/** Blocks of the directory table from `firstBlock` on, behind `blocksBefore` blocks of header. */
function tablePiece(plan: StablePlan, offset: number, firstBlock: number, blocksBefore: number): Piece {
  const blocks = Math.max(0, Math.min(plan.tableBlocks - firstBlock, SLOT_BLOCKS - blocksBefore));
  const cells = plan.cellOccupant.subarray(firstBlock * BLOCK_CELLS, (firstBlock + blocks) * BLOCK_CELLS);
  const ordinals = cells.filter((ordinal) => ordinal > 0);
  return inodesOrSections(
    "inodes",
    offset,
    (blocksBefore + blocks) * BLOCK_BYTES,
    offset === 0 ? Uint32Array.of(0, ...ordinals) : ordinals,
  );
}

function addPack(plan: StablePlan, pack: number, add: (piece: Piece) => void): void {
  const { packs, shapes, inventory, dataBlock } = plan;
  const first = packs.start[pack] as number;
  const end = packs.start[pack + 1] as number;
  const byPlace = new Uint32Array(end - first);
  let inodes = 0;
  for (let ordinal = first; ordinal < end; ordinal++) {
    const shape = shapes.shape[ordinal] as number;
    // Units are at most 2¹⁵, and a pack has fewer inodes.
    if (isInPack(shape)) byPlace[inodes++] = ((FARTHEST - (packs.unit[ordinal] as number)) << 15) | (ordinal - first);
    if (packedBlocks(shape) === 0) continue;
    const content = inventory.contentBytes[ordinal] as number;
    const isChunked = plan.dataLayout[ordinal] === DATA_LAYOUT.chunkBased;
    const contentOffset = isChunked ? content - (content % CHUNK_BYTES) : 0;
    add({
      kind: "content",
      offset: (dataBlock[ordinal] as number) * BLOCK_BYTES,
      sizeBytes: content - contentOffset - (plan.inlineBytes[ordinal] as number),
      ordinal,
      contentOffset,
      ordinals: NO_ORDINALS,
    });
  }
  if (inodes === 0) return;
  const ordinals = byPlace
    .subarray(0, inodes)
    .sort()
    .map((key) => first + (key & 0x7fff));
  const offset = (plan.objectPlace[pack] as number) * GRANULE_BYTES + (packs.dataBlocks[pack] as number) * BLOCK_BYTES;
  add(inodesOrSections("inodes", offset, (packs.inodeBlocks[pack] as number) * BLOCK_BYTES, ordinals));
}

/** Content apart: a chunk, or all of what lies at block boundaries. */
function ownPiece({ shapes, inventory, inlineBytes }: StablePlan, own: number, offset: number): Piece {
  const index = lowerBound(shapes.ownFirst, own + 1) - 1;
  const ordinal = shapes.ownOrdinal[index] as number;
  const contentOffset = (own - (shapes.ownFirst[index] as number)) * CHUNK_BYTES;
  const outline = (inventory.contentBytes[ordinal] as number) - (inlineBytes[ordinal] as number);
  return {
    kind: "content",
    offset,
    sizeBytes: Math.min(CHUNK_BYTES, outline - contentOffset),
    ordinal,
    contentOffset,
    ordinals: NO_ORDINALS,
  };
}

export function stableChunkBlocks(plan: StablePlan, ordinal: number): Uint32Array {
  if (plan.dataLayout[ordinal] !== DATA_LAYOUT.chunkBased) return NO_ORDINALS;
  const { shapes, packs, objectPlace, dataBlock } = plan;
  const index = ownIndex(shapes, ordinal);
  const first = shapes.ownFirst[index] as number;
  const owned = (shapes.ownFirst[index + 1] as number) - first;
  const hasRest = packedBlocks(shapes.shape[ordinal] as number) > 0;
  const blocks = new Uint32Array(hasRest ? owned + 1 : owned);
  for (let chunk = 0; chunk < owned; chunk++) {
    blocks[chunk] = (objectPlace[packs.count + first + chunk] as number) * GRANULE_BLOCKS;
  }
  if (hasRest) blocks[owned] = dataBlock[ordinal] as number;
  return blocks;
}
