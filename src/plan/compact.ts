/** The compact layout: dense, in path order, with the tails of files, directories and symlinks inline; pure. */

import { fail, ok, type Result } from "../errors.js";
import {
  BLOCK_BYTES,
  DATA_LAYOUT,
  IMAGE_MAX_BYTES,
  INODE_BYTES,
  NID_BYTES,
  ROOT_OFFSET,
  roundUp,
  SEGMENT_BYTES,
} from "../image/constants.js";
import { encodeSections } from "../image/sections.js";
import type { Tree } from "../model.js";
import { rowFormat, S_IFREG } from "../tree/row.js";
import { BinPacker } from "./bins.js";
import { type Columns, type Group, nidsOf, outlineBytes, piecesOfGroups } from "./groups.js";
import { type Inventory, takeInventory } from "./inventory.js";
import { NO_ORDINALS, type Plan } from "./plan.js";

/**
 * Inodes and content alternate in groups of about this size, so that a file's tail and its other blocks are mostly
 * written, and read from the source, together.
 */
const GROUP_BYTES = 4 * SEGMENT_BYTES;

/**
 * @param buildTime seconds since the epoch, for the superblock
 * @returns the plan, or `image-too-large` where block addresses (2³² − 1 blocks of 4 KiB) do not reach
 */
export function planCompact(tree: Tree, buildTime: number): Result<Plan> {
  const inventory = takeInventory(tree);
  const { count } = inventory;
  const columns: Columns = {
    dataLayout: new Uint8Array(count),
    dataBlock: new Uint32Array(count),
    bin: new Uint32Array(count),
    binOffset: new Uint16Array(count),
    placed: new Uint32Array(count),
  };
  const packer = new BinPacker();
  const groups: Group[] = [];
  let nextBlock = 0;
  for (let ordinal = 0; ordinal < count; ) {
    const end = endOfGroup(ordinal, inventory, columns);
    const firstBin = packer.count;
    placeInodes(ordinal, end, inventory, columns, packer);
    groups.push({
      firstBin,
      binCount: packer.count - firstBin,
      firstOrdinal: ordinal,
      endOrdinal: end,
      block: nextBlock,
    });
    nextBlock = placeContent(ordinal, end, inventory, columns, nextBlock + packer.count - firstBin);
    ordinal = end;
  }

  const sectionsOffset = nextBlock * BLOCK_BYTES;
  const encoded = encodeSections(tree.declarations, sectionsOffset);
  const nid = nidsOf(groups, columns);
  const sectionBytes = roundUp(encoded.bytes.length, BLOCK_BYTES);
  const isBare = sectionBytes === 0 && endsWithInode(nid, sectionsOffset);
  const sizeBytes = sectionsOffset + (isBare ? BLOCK_BYTES : sectionBytes);
  if (sizeBytes > IMAGE_MAX_BYTES) return fail("image-too-large", { detail: String(sizeBytes) });
  const sections = { ...encoded, offset: encoded.count > 0 ? sectionsOffset : 0 };
  return ok({
    layout: "compact",
    sizeBytes,
    buildTime,
    inventory,
    nid,
    dataLayout: columns.dataLayout,
    dataBlock: columns.dataBlock,
    ino: Uint32Array.from({ length: count }, (_, ordinal) => ordinal + 1),
    inlineBytes: inlineBytesOf(inventory, columns),
    chunkBlocks: () => NO_ORDINALS,
    piecesIn: piecesOfGroups(groups, inventory, columns, sections),
    sections,
  });
}

/** fsck.erofs 1.5 reads behind every inode, where xattrs would be, and takes the image's end for damage. */
function endsWithInode(nid: ArrayLike<number>, endBytes: number): boolean {
  const last = (endBytes - INODE_BYTES) / NID_BYTES;
  for (let ordinal = 0; ordinal < nid.length; ordinal++) if (nid[ordinal] === last) return true;
  return false;
}

function inlineBytesOf({ contentBytes }: Inventory, { dataLayout }: Columns): Uint16Array {
  return Uint16Array.from(dataLayout, (layout, ordinal) =>
    layout === DATA_LAYOUT.flatInline ? (contentBytes[ordinal] as number) % BLOCK_BYTES : 0,
  );
}

/** The superblock stands before the root inode in block 0 and is placed as part of it. */
const bytesBefore = (ordinal: number): number => (ordinal === 0 ? ROOT_OFFSET : 0);

/** Bytes of the inode and what is inline with it, in nid units. */
function itemBytes(ordinal: number, inventory: Inventory, { dataLayout }: Columns): number {
  const tail = (inventory.contentBytes[ordinal] as number) % BLOCK_BYTES;
  const inline = dataLayout[ordinal] === DATA_LAYOUT.flatInline ? tail : 0;
  return roundUp(bytesBefore(ordinal) + (inventory.headBytes[ordinal] as number) + inline, NID_BYTES);
}

/** Decides data layouts from `start` on until the group is large enough; returns the ordinal after its last. */
function endOfGroup(start: number, inventory: Inventory, columns: Columns): number {
  let bytes = 0;
  let ordinal = start;
  for (; ordinal < inventory.count && bytes < GROUP_BYTES; ordinal++) {
    const head = bytesBefore(ordinal) + (inventory.headBytes[ordinal] as number);
    const tail = (inventory.contentBytes[ordinal] as number) % BLOCK_BYTES;
    const inline = tail > 0 && head + tail <= BLOCK_BYTES && inventory.mappable[ordinal] === 0;
    columns.dataLayout[ordinal] = inline ? DATA_LAYOUT.flatInline : DATA_LAYOUT.flatPlain;
    bytes += itemBytes(ordinal, inventory, columns) + roundUp(outlineBytes(ordinal, inventory, columns), BLOCK_BYTES);
  }
  return ordinal;
}

/** Bounds an item (i_xattr_icount has 16 bits) and a group's items, so that both fit into one number to sort by. */
const ITEM_LIMIT = 2 ** 20;

/** Largest first, which leaves the fewest gaps; the root before all, since its place is fixed. */
function placingOrder(start: number, end: number, inventory: Inventory, columns: Columns): Uint32Array {
  const keys = new Float64Array(end - start);
  for (let ordinal = start; ordinal < end; ordinal++) {
    const rank = ordinal === 0 ? 0 : ITEM_LIMIT - itemBytes(ordinal, inventory, columns);
    keys[ordinal - start] = rank * ITEM_LIMIT + (ordinal - start);
  }
  return Uint32Array.from(keys.sort(), (key) => start + (key % ITEM_LIMIT));
}

function placeInodes(start: number, end: number, inventory: Inventory, columns: Columns, packer: BinPacker): void {
  const order = placingOrder(start, end, inventory, columns);
  columns.placed.set(order, start);
  const firstBin = packer.count;
  for (const ordinal of order) {
    // Only a file with blocks beside its tail must stay in its group (it would be opened twice); all else fills gaps.
    const isFile = rowFormat(inventory.tree.table, inventory.row[ordinal] as number) === S_IFREG;
    const inline = columns.dataLayout[ordinal] === DATA_LAYOUT.flatInline;
    const twoParts = isFile && inline && outlineBytes(ordinal, inventory, columns) > 0;
    const place = packer.place(itemBytes(ordinal, inventory, columns), twoParts ? firstBin : 0);
    columns.bin[ordinal] = place.bin;
    columns.binOffset[ordinal] = place.offset + bytesBefore(ordinal);
  }
}

/** Gives content its blocks, in path order, from `block` on; returns the block after the last. */
function placeContent(start: number, end: number, inventory: Inventory, columns: Columns, block: number): number {
  let next = block;
  for (let ordinal = start; ordinal < end; ordinal++) {
    const bytes = outlineBytes(ordinal, inventory, columns);
    if (bytes === 0) continue;
    columns.dataBlock[ordinal] = next;
    next += Math.ceil(bytes / BLOCK_BYTES);
  }
  return next;
}
