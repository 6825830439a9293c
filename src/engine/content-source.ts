/** Content that an update need not read from source files: what the library holds already, and what the store kept of earlier ones. */

import { closeSync, fstatSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { ok, type Result } from "../errors.js";
import { sha256Of } from "../fingerprint/sha256.js";
import { sha256OfPart } from "../fingerprint/sha256-of-part.js";
import { SEGMENT_BYTES } from "../image/constants.js";
import { NATIVE_HEAD_BYTES } from "../link/native.js";
import { NO_ROW, STAT_WORDS } from "../model.js";
import type { SegmentChange } from "../plan/changes.js";
import type { Plan } from "../plan/plan.js";
import type { ContentStore } from "../store/content-store.js";
import { hostPath } from "../tree/paths.js";
import { LibraryContent } from "./library-content.js";
import { keepSegment, type Member, membersOf, recallSegment } from "./segment-content.js";

/** Of the library's size: what the store may take, so that library, spare and store together stay below 2.3 images. */
const STORE_SHARE = 0.2;

/** About 3 ms each. */
const QUICK_SEGMENTS = 4;

export interface ContentUpdate {
  readonly previous: Plan;
  readonly next: Plan;
  /** Row of `next` → row of `previous`, or NO_ROW. */
  readonly origin: Uint32Array;
  /** By row of `next`. */
  readonly contentChanged: Uint8Array;
  readonly changes: readonly SegmentChange[];
  readonly library: LibraryContent;
}

export interface Provided {
  /** See `EmitOptions.provided`. */
  readonly content: (ordinal: number, offset: number, sizeBytes: number) => Buffer | undefined;
  /** Segments whose content came from the store. */
  readonly hits: number;
}

interface Leaving {
  readonly plan: Plan;
  /** The library as it was, open for reading. */
  readonly fd: number;
  /** Segments of which some content is in no segment of the new library. */
  readonly segments: readonly number[];
}

export class ContentSource {
  readonly #store: ContentStore | undefined;
  #leaving: Leaving | undefined;

  constructor(store: ContentStore | undefined) {
    this.#store = store;
  }

  /** Errors: `input-changed`, `unreadable`, `io` */
  async provide(update: ContentUpdate): Promise<Result<Provided>> {
    const { previous, next, origin, contentChanged, library } = update;
    const { row, count } = next.inventory;
    const recalled = new Map<number, readonly (Member & { readonly content: Buffer })[]>();
    let hits = 0;
    /** Ordinal in the previous plan, where the content is the same. */
    const unchanged = (ordinal: number): number | undefined => {
      const own = row[ordinal] as number;
      const from = origin[own] as number;
      if (from === NO_ROW || contentChanged[own] === 1) return undefined;
      const before = previous.inventory.ordinal[from] as number;
      return before === NO_ROW ? undefined : before;
    };
    if (this.#store?.isEmpty() === false) {
      for (const change of update.changes) {
        if (change.kind === "zero" || (change.kind === "patch" && change.contents.length === 0)) continue;
        const members = membersOf(next, change.segment);
        if (members.every(({ ordinal }) => unchanged(ordinal) !== undefined)) continue;
        const digests: Buffer[] = [];
        for (const { ordinal, offset, sizeBytes } of members) {
          const before = unchanged(ordinal);
          if (before !== undefined) {
            digests.push(sha256Of(library.read(before, offset, sizeBytes)));
            continue;
          }
          const own = row[ordinal] as number;
          const { table } = next.inventory.tree;
          const digest = await sha256OfPart(
            hostPath(next.inventory.tree, own),
            table.stats.subarray(own * STAT_WORDS, (own + 1) * STAT_WORDS),
            offset,
            sizeBytes,
          );
          if (!digest.ok) return digest;
          digests.push(digest.value);
        }
        const contents = recallSegment(this.#store, members, digests);
        if (contents === undefined) continue;
        hits++;
        for (const [index, member] of members.entries()) {
          const parts = recalled.get(member.ordinal) ?? [];
          recalled.set(member.ordinal, [...parts, { ...member, content: contents[index] as Buffer }]);
        }
      }
    }
    if (count === 0) return ok({ content: () => undefined, hits });
    return ok({
      hits,
      content: (ordinal, offset, sizeBytes) => {
        const before = unchanged(ordinal);
        if (before !== undefined) return library.read(before, offset, sizeBytes);
        const part = recalled
          .get(ordinal)
          ?.find((member) => offset >= member.offset && offset + sizeBytes <= member.offset + member.sizeBytes);
        return part?.content.subarray(offset - part.offset, offset - part.offset + sizeBytes);
      },
    });
  }

  /** Segments of the previous library whose content is lost with it. */
  leaving({ previous, origin, contentChanged, changes }: ContentUpdate): number[] {
    if (this.#store === undefined) return [];
    const { ordinal, row } = previous.inventory;
    const stays = new Uint8Array(previous.inventory.count);
    for (let own = 0; own < origin.length; own++) {
      const from = origin[own] as number;
      if (from === NO_ROW || contentChanged[own] === 1) continue;
      const before = ordinal[from] as number;
      if (before !== NO_ROW && row[before] === from) stays[before] = 1;
    }
    return changes
      .filter(({ kind, contents }) => kind !== "patch" || contents.length > 0)
      .map(({ segment }) => segment)
      .filter((segment) => membersOf(previous, segment).some((member) => stays[member.ordinal] === 0));
  }

  /** To be kept by `keep`. @param fd the previous library, open for reading; taken over */
  remember(plan: Plan, fd: number, segments: readonly number[]): void {
    this.stop();
    if (segments.length === 0) closeSync(fd);
    else this.#leaving = { plan, fd, segments: segments.slice(0, limitOf(fd) / SEGMENT_BYTES) };
  }

  /** Puts into the store what is leaving. Goes on where it stopped when it was aborted. */
  async keep(signal?: AbortSignal): Promise<void> {
    const store = this.#store;
    while (store !== undefined && this.#leaving !== undefined && signal?.aborted !== true) {
      const { plan, fd, segments } = this.#leaving;
      const [segment, ...others] = segments;
      if (segment !== undefined) {
        keepSegment(store, plan, segment, new LibraryContent(plan, { fd, offset: NATIVE_HEAD_BYTES }));
        this.#leaving = { plan, fd, segments: others };
      } else {
        const limitBytes = limitOf(fd);
        this.stop();
        store.collect(limitBytes);
      }
      await nextTurn();
    }
  }

  /** Before the next update, which may write to what is left: finishes if that is quick. */
  async settle(): Promise<void> {
    if ((this.#leaving?.segments.length ?? 0) <= QUICK_SEGMENTS) await this.keep();
    this.stop();
  }

  /** The library that is left may be written to from now on. */
  stop(): void {
    if (this.#leaving !== undefined) closeSync(this.#leaving.fd);
    this.#leaving = undefined;
  }
}

const limitOf = (library: number): number => STORE_SHARE * fstatSync(library).blocks * 512;
