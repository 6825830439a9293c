/** A stable plan as typed arrays, for the state between builds, and back. */

import { fail, type Result } from "../errors.js";
import type { Tree } from "../model.js";
import type { StablePlan } from "./stable.js";
import { completeStable } from "./stable.js";

export type TypedArray = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array;
interface Kinds {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
}

const KINDS = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, f64: Float64Array };

/** Names of the columns and their element types; addresses are not among them, since they follow from these quickly. */
const COLUMNS = {
  row: "u32",
  ordinal: "u32",
  parent: "u32",
  nlink: "u32",
  contentBytes: "f64",
  headBytes: "u32",
  isDirectory: "u8",
  mappable: "u8",
  pathHash: "u32",
  shape: "u32",
  dataLayout: "u8",
  inlineBytes: "u16",
  ownOrdinal: "u32",
  ownFirst: "u32",
  ownLastBlocks: "u16",
  cellOrdinal: "u32",
  rootBytes: "u32",
  packStart: "u32",
  packLimit: "u32",
  packDataBlocks: "u16",
  packInodeBlocks: "u16",
  packUnit: "u16",
  packBlock: "u8",
  objectKey: "u32",
  objectGranules: "u8",
  objectPlace: "u32",
  cell: "u32",
} as const satisfies Record<string, keyof Kinds>;

type Columns = { readonly [Name in keyof typeof COLUMNS]: Kinds[(typeof COLUMNS)[Name]] };

/** The arrays are the plan's own, not copies. */
export function stableColumns(plan: StablePlan): Record<string, TypedArray> {
  const { inventory, shapes, packs } = plan;
  return {
    row: inventory.row,
    ordinal: inventory.ordinal,
    parent: inventory.parent,
    nlink: inventory.nlink,
    contentBytes: inventory.contentBytes,
    headBytes: inventory.headBytes,
    isDirectory: inventory.isDirectory,
    mappable: inventory.mappable,
    pathHash: inventory.pathHash,
    shape: shapes.shape,
    dataLayout: shapes.dataLayout,
    inlineBytes: shapes.inlineBytes,
    ownOrdinal: shapes.ownOrdinal,
    ownFirst: shapes.ownFirst,
    ownLastBlocks: shapes.ownLastBlocks,
    cellOrdinal: shapes.cellOrdinal,
    rootBytes: Uint32Array.of(shapes.rootBytes),
    packStart: packs.start,
    packLimit: packs.limit,
    packDataBlocks: packs.dataBlocks,
    packInodeBlocks: packs.inodeBlocks,
    packUnit: packs.unit,
    packBlock: packs.block,
    objectKey: plan.objectKey,
    objectGranules: plan.objectGranules,
    objectPlace: plan.objectPlace,
    cell: plan.cell,
  } satisfies Columns;
}

/**
 * @param columns as `stableColumns` gave them for the same tree: only their types and lengths are checked
 * @returns `state-unusable` where they cannot be of that tree
 */
export function stableFromColumns(
  tree: Tree,
  columns: Readonly<Record<string, TypedArray | undefined>>,
  buildTime: number,
): Result<StablePlan> {
  if (!hasTypes(columns)) return fail("state-unusable", { detail: "plan columns" });
  const count = columns.row.length;
  const { packLimit, objectKey, cell, cellOrdinal } = columns;
  const lengthsFit =
    columns.ordinal.length === tree.table.count &&
    BY_ORDINAL.every((name) => columns[name].length === count) &&
    columns.packStart.length === packLimit.length + 1 &&
    columns.packDataBlocks.length === packLimit.length &&
    columns.packInodeBlocks.length === packLimit.length &&
    columns.ownFirst.length === columns.ownOrdinal.length + 1 &&
    columns.ownLastBlocks.length === columns.ownOrdinal.length &&
    columns.objectGranules.length === objectKey.length &&
    columns.objectPlace.length === objectKey.length &&
    objectKey.length > 0 &&
    cell.length === cellOrdinal.length;
  if (!lengthsFit) return fail("state-unusable", { detail: "plan columns" });
  const { row, ordinal, parent, nlink, contentBytes, headBytes, isDirectory, mappable, pathHash } = columns;
  const { shape, dataLayout, inlineBytes, ownOrdinal, ownFirst, ownLastBlocks, objectGranules, objectPlace } = columns;
  return completeStable(
    { tree, count, row, ordinal, parent, nlink, contentBytes, headBytes, isDirectory, mappable, pathHash },
    buildTime,
    {
      shapes: {
        shape,
        dataLayout,
        inlineBytes,
        ownOrdinal,
        ownFirst,
        ownLastBlocks,
        cellOrdinal,
        rootBytes: columns.rootBytes[0] as number,
      },
      packs: {
        count: packLimit.length,
        start: columns.packStart,
        limit: packLimit,
        dataBlocks: columns.packDataBlocks,
        inodeBlocks: columns.packInodeBlocks,
        unit: columns.packUnit,
        block: columns.packBlock,
      },
      objectKey,
      objectGranules,
      objectPlace,
      cell,
    },
  );
}

const BY_ORDINAL = [
  "parent",
  "nlink",
  "contentBytes",
  "headBytes",
  "isDirectory",
  "mappable",
  "pathHash",
  "shape",
  "dataLayout",
  "inlineBytes",
  "packUnit",
  "packBlock",
] as const satisfies readonly (keyof Columns)[];

function hasTypes(columns: Readonly<Record<string, TypedArray | undefined>>): columns is Columns {
  return Object.entries(COLUMNS).every(([name, kind]) => columns[name] instanceof KINDS[kind]);
}
