/** Makes the next library of the last one: plans anew, writes what differs, publishes. */

import { closeSync, readSync } from "node:fs";
import { ok, type Result } from "../errors.js";
import { BLOCK_BYTES, SEGMENT_BYTES } from "../image/constants.js";
import { NATIVE_HEAD_BYTES, nativeHead } from "../link/native.js";
import type { Tree } from "../model.js";
import { changesBetween, type SegmentChange } from "../plan/changes.js";
import { planStable } from "../plan/stable.js";
import type { Stretch } from "../publish/copy.js";
import { openLibrary, type Spare } from "../publish/spare.js";
import { Successor } from "../publish/successor.js";
import { emitChanges } from "../serialize/emit-changes.js";
import type { SerializerPool } from "../serialize/pool.js";
import { writeBytes } from "../serialize/target.js";
import { checkContents, settle } from "./content-check.js";
import { carriedDigests } from "./content-digests.js";
import type { ContentSource, ContentUpdate } from "./content-source.js";
import { libraryDigestOf, type Workshop } from "./from-nothing.js";
import { LibraryContent } from "./library-content.js";
import { type Built, type TableUpdate, upToDate } from "./outcome.js";
import type { Recorded } from "./recorded.js";
import { stableOptions } from "./stages.js";

export interface IncrementalWorkshop extends Workshop {
  readonly spareDirectories: readonly Buffer[];
  readonly contents: ContentSource;
  readonly pool: () => Promise<SerializerPool>;
  /** With `incremental`. */
  readonly current: Recorded;
  /** The spare after an update that failed. */
  readonly onSpare: (spare: Spare) => void;
  readonly selectionKey: string;
  /** As it is now. */
  readonly tree: Tree;
  /** How its table came from the recorded one; undefined when it is that table. */
  readonly update: TableUpdate | undefined;
}

/** Below this, starting threads takes longer than they save. */
const SEGMENTS_WORTH_THREADS = 48;

/**
 * @returns undefined where the library is no longer what was published: it has to be made from nothing.
 * Errors: `input-changed`, `unreadable`, `image-too-large`, `no-space`, `io`, `interrupted`, `output-unwritable`
 */
export async function updateIncrementally(workshop: IncrementalWorkshop): Promise<Result<Built | undefined>> {
  const { current, place, tree, timer, output } = workshop;
  const before = current.incremental as NonNullable<Recorded["incremental"]>;
  timer.start("fingerprint");
  const fd = openLibrary(place, current.published.library);
  if (fd === undefined) return ok(undefined);
  const image = { fd, offset: NATIVE_HEAD_BYTES };
  let isTaken = false;
  try {
    const library = new LibraryContent(before.plan, image);
    const checked = await checkContents(tree, workshop.update, before.plan, library);
    if (!checked.ok) return checked;
    const { contentChanged, anyChanged, settled } = checked.value;
    if (workshop.update === undefined && !anyChanged) {
      settle(tree.table, settled);
      // Worth recording.
      return ok({ recorded: settled.length > 0 ? { ...current } : current, outcome: upToDate(output, current) });
    }
    const { origin, delta } = workshop.update ?? sameTable(contentChanged);

    timer.start("plan");
    const plan = planStable(tree, stableOptions(workshop.options), { plan: before.plan, origin, delta });
    if (!plan.ok) return plan;
    const changes = changesBetween(before.plan, plan.value, origin, contentChanged, delta);
    const { selectionKey } = workshop;
    const incremental = { plan: plan.value, merkle: before.merkle };
    const contents =
      current.remote && carriedDigests(current.remote.contents, origin, (row) => contentChanged[row] === 1);
    if (changes.length === 0 && plan.value.sizeBytes === before.plan.sizeBytes) {
      settle(tree.table, settled);
      const remote = current.remote && contents && { ...current.remote, contents };
      const recorded = { ...current, tree, incremental, selectionKey, ...(remote !== undefined && { remote }) };
      return ok({ recorded, outcome: upToDate(output, recorded) });
    }

    timer.start("fingerprint");
    const update: ContentUpdate = { previous: before.plan, next: plan.value, origin, contentChanged, changes, library };
    const provided = await workshop.contents.provide(update);
    if (!provided.ok) return provided;
    const leaving = workshop.contents.leaving(update);

    timer.start("publish");
    const successor = await Successor.create({
      output: place,
      ...current.published,
      spareDirectories: workshop.spareDirectories,
      sizeBytes: NATIVE_HEAD_BYTES + plan.value.sizeBytes,
      ...(workshop.options.signal !== undefined && { signal: workshop.options.signal }),
    });
    if (!successor.ok) return successor;
    if (successor.value === undefined) return ok(undefined);
    const next = successor.value;
    /** A spare would take what space there is. */
    let isFull = false;
    try {
      // The layout is fixed from here on.
      timer.start("serialize");
      const emission = await emitChanges({
        plan: plan.value,
        changes,
        previous: image,
        target: { fd: next.fd, offset: NATIVE_HEAD_BYTES },
        merkle: before.merkle,
        provided: provided.value.content,
        ...(changes.length >= SEGMENTS_WORTH_THREADS && { pool: await workshop.pool() }),
        ...(workshop.options.signal !== undefined && { signal: workshop.options.signal }),
      });
      if (!emission.ok) {
        isFull = emission.error.code === "no-space";
        return emission;
      }
      const { merkleRoot, merkle } = emission.value;
      timer.start("link");
      const head = nativeHead(workshop.template, { sizeBytes: plan.value.sizeBytes, merkleRoot });
      const headWritten = writeHead(head, fd, next.fd);
      if (!headWritten.ok) return headWritten;
      const digest = libraryDigestOf(head, merkleRoot);
      timer.start("publish");
      const imageWritten = emission.value.written.map(
        ([start, end]): Stretch => [start + NATIVE_HEAD_BYTES, end + NATIVE_HEAD_BYTES],
      );
      const written = [...headWritten.value, ...imageWritten];
      const published = next.publish(written);
      if (!published.ok) return published;
      workshop.contents.remember(before.plan, fd, leaving);
      isTaken = true;
      settle(tree.table, settled);
      const recorded: Recorded = {
        planKey: current.planKey,
        selectionKey,
        tree,
        incremental: { plan: plan.value, merkle },
        published: published.value,
        digest,
        merkleRoot,
        imageBytes: plan.value.sizeBytes,
        ...(current.remote !== undefined &&
          contents !== undefined && {
            remote: {
              ...current.remote,
              contents,
              pieces: current.remote.pieces.changed(NATIVE_HEAD_BYTES + plan.value.sizeBytes, written),
            },
          }),
      };
      return ok({
        recorded,
        outcome: {
          ...upToDate(output, recorded),
          upToDate: false,
          emittedBytes: emission.value.emittedBytes,
          segmentsEmitted: emission.value.segmentsEmitted,
          segmentsTotal: Math.ceil(plan.value.sizeBytes / SEGMENT_BYTES),
          sourceBytes: emission.value.sourceBytes,
          storeHits: provided.value.hits,
          method: next.method,
        },
      });
    } finally {
      // After a failure: the file holds some of what was to be written.
      const written = isFull ? undefined : [[0, NATIVE_HEAD_BYTES] as const, ...changes.map(stretchOf)];
      const spare = next.discard(written);
      if (spare !== undefined) workshop.onSpare(spare);
    }
  } finally {
    if (!isTaken) closeSync(fd);
  }
}

/** A table that is as it was, while contents differ. */
function sameTable(contentChanged: Uint8Array): TableUpdate {
  const count = contentChanged.length;
  return {
    origin: Uint32Array.from(contentChanged, (_, row) => row),
    delta: {
      ranges: Uint32Array.of(0, 0, count),
      changedRows: Uint32Array.from(contentChanged.keys()).filter((row) => contentChanged[row] === 1),
      removedRows: new Uint32Array(0),
    },
  };
}

function stretchOf({ segment }: SegmentChange): Stretch {
  const start = NATIVE_HEAD_BYTES + segment * SEGMENT_BYTES;
  return [start, start + SEGMENT_BYTES];
}

/** Writes the blocks of the head that differ from the last library's; returns where. */
function writeHead(head: Buffer, previousFd: number, fd: number): Result<Stretch[]> {
  const before = Buffer.alloc(NATIVE_HEAD_BYTES);
  readSync(previousFd, before, 0, NATIVE_HEAD_BYTES, 0);
  const written: Stretch[] = [];
  for (let at = 0; at < NATIVE_HEAD_BYTES; at += BLOCK_BYTES) {
    const end = at + BLOCK_BYTES;
    if (head.compare(before, at, end, at, end) === 0) continue;
    const result = writeBytes(head.subarray(at, end), at, { fd, offset: 0 });
    if (!result.ok) return result;
    written.push([at, end]);
  }
  return ok(written);
}
