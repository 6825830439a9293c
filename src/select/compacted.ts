/** Frees the bytes of names and bodies that went. */

import type { NodeTable } from "../model.js";

/** The same table without bytes that no row refers to, where these are more than half. */
export function compacted(table: NodeTable): NodeTable {
  let used = 0;
  for (let row = 0; row < table.count; row++) {
    used += (table.nameLength[row] as number) + (table.bodyLength[row] as number);
  }
  if (used * 2 >= table.bytes.length) return table;
  const bytes = Buffer.allocUnsafeSlow(used);
  const nameStart = new Uint32Array(table.count);
  const bodyStart = new Uint32Array(table.count);
  let at = 0;
  const move = (start: number, length: number): number => {
    if (length === 0) return 0;
    table.bytes.copy(bytes, at, start, start + length);
    at += length;
    return at - length;
  };
  for (let row = 0; row < table.count; row++) {
    nameStart[row] = move(table.nameStart[row] as number, table.nameLength[row] as number);
    bodyStart[row] = move(table.bodyStart[row] as number, table.bodyLength[row] as number);
  }
  return { ...table, bytes, nameStart, bodyStart };
}
