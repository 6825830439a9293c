/** Files' content of one segment, by its identity: kept in the store when it leaves the library, taken from there when it comes back. */

import { sha256Of } from "../fingerprint/sha256.js";
import { SEGMENT_BYTES } from "../image/constants.js";
import type { Plan } from "../plan/plan.js";
import type { ContentStore } from "../store/content-store.js";
import { packKey } from "../store/pack-key.js";
import { rowType } from "../tree/row.js";
import type { LibraryContent } from "./library-content.js";

/** A stretch of a file's content that lies in the segment. */
export interface Member {
  readonly ordinal: number;
  /** Bytes from the content's start. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Ascending by ordinal. Content without addresses: the same wherever the segment lies. */
export function membersOf(plan: Plan, segment: number): Member[] {
  const members = new Map<number, Member>();
  const add = (ordinal: number, offset: number, sizeBytes: number): void => {
    const known = members.get(ordinal);
    members.set(ordinal, {
      ordinal,
      offset: known === undefined ? offset : Math.min(offset, known.offset),
      sizeBytes: sizeBytes + (known?.sizeBytes ?? 0),
    });
  };
  const { inventory, inlineBytes } = plan;
  const isFile = (ordinal: number): boolean =>
    rowType(inventory.tree.table, inventory.row[ordinal] as number) === "file";
  const start = segment * SEGMENT_BYTES;
  for (const piece of plan.piecesIn(start, Math.min(start + SEGMENT_BYTES, plan.sizeBytes))) {
    if (piece.kind === "content" && isFile(piece.ordinal)) add(piece.ordinal, piece.contentOffset, piece.sizeBytes);
    for (const ordinal of piece.ordinals) {
      const inline = inlineBytes[ordinal] as number;
      if (inline > 0 && isFile(ordinal)) add(ordinal, (inventory.contentBytes[ordinal] as number) - inline, inline);
    }
  }
  return [...members.values()].sort((a, b) => a.ordinal - b.ordinal);
}

/** Members of a segment whose content no segment of the next library holds. */
export interface LeavingMembers {
  readonly segment: number;
  readonly members: readonly Member[];
}

/**
 * Keeps what leaves a library: member by member or, where most of a segment leaves, all of it as one entry. A store that cannot take it is none the worse for the
 * build.
 * @returns bytes of content
 */
export function keepMembers(store: ContentStore, plan: Plan, leaving: LeavingMembers, library: LibraryContent): number {
  const all = membersOf(plan, leaving.segment);
  const isMost = leaving.members.length > 1 && 2 * leaving.members.length >= all.length;
  const contents = (isMost ? all : leaving.members).map(({ ordinal, offset, sizeBytes }) =>
    library.read(ordinal, offset, sizeBytes),
  );
  if (!isMost) {
    for (const content of contents) store.put(content);
  } else {
    const key = packKey(contents.map((content) => ({ sizeBytes: content.length, sha256: sha256Of(content) })));
    const digest = store.put(Buffer.concat(contents));
    // What the key leads to may be gone, or be damaged.
    if (digest !== undefined && store.lookup(key)?.equals(digest) !== true) store.link(key, digest);
  }
  return contents.reduce((sum, content) => sum + content.length, 0);
}

/**
 * @param digests SHA-256 of each member's content, in their order
 * @returns the content of each member, or undefined where the store does not have it
 */
export function recallSegment(
  store: ContentStore,
  members: readonly Member[],
  digests: readonly Buffer[],
): Buffer[] | undefined {
  const key = packKey(members.map(({ sizeBytes }, index) => ({ sizeBytes, sha256: digests[index] as Buffer })));
  const digest = store.lookup(key);
  const blob = digest && store.get(digest);
  if (blob === undefined || blob.length !== members.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))
    return undefined;
  let at = 0;
  const contents = members.map(({ sizeBytes }) => {
    at += sizeBytes;
    return blob.subarray(at - sizeBytes, at);
  });
  // What the key led to is intact; whether the key led to the right content is to be seen, too.
  return contents.every((content, index) => sha256Of(content).equals(digests[index] as Buffer)) ? contents : undefined;
}
