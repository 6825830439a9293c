/** What insertions bring: decided on and scanned before rows are made of them. */

import { type NodeTable, STAT_WORDS } from "../model.js";
import type { SelectionContext } from "./context.js";
import { type Edit, type InsertEdit, isDirectory } from "./edits.js";
import { type Closed, decideDirectory, type Listing, latin1, newListing, scanLevels } from "./listing.js";
import { guestText } from "./look.js";
import { joinPath } from "./paths.js";

export interface NewEntry {
  readonly listing: Listing;
  readonly directory: Listing | Closed | undefined;
}

interface NewNames {
  readonly entries: ReadonlyMap<InsertEdit, NewEntry>;
  readonly seeds: readonly Listing[];
  /** Upper bounds. */
  readonly rows: number;
  readonly bytes: number;
}

/** Decides on new directories and scans them. */
export function scanNew(table: NodeTable, edits: readonly Edit[], context: SelectionContext): NewNames {
  const listings = new Map<number, Listing>();
  const entries = new Map<InsertEdit, NewEntry>();
  const seeds: Listing[] = [];
  let rows = 0;
  let bytes = 0;
  for (const edit of edits) {
    if (edit.kind !== "insert") continue;
    const { block, entry, start, end } = edit;
    rows++;
    bytes += end - start;
    let listing = listings.get(edit.directory);
    if (listing === undefined) {
      const match = table.match[edit.directory] as number;
      const at = edit.directory * STAT_WORDS;
      listing = newListing(guestText(table, edit.directory), match, table.stats, at, context);
      listing.block = block;
      listings.set(edit.directory, listing);
    }
    const at = block.statAt + entry * STAT_WORDS;
    let directory: Listing | Closed | undefined;
    if (isDirectory(block.words, at)) {
      const guest = joinPath(listing.guest, latin1(block.bytes, start, end));
      directory = decideDirectory(listing, guest, block.words, at, context);
      if ("guest" in directory) seeds.push(directory);
    }
    entries.set(edit, { listing, directory });
  }
  const scanned = seeds.length === 0 ? { rows: 0, bytes: 0 } : scanLevels(seeds, context);
  return { entries, seeds, rows: rows + scanned.rows, bytes: bytes + scanned.bytes };
}
