/** Content that an update need not read from source files: what the library holds already, and what the store kept of earlier ones. */

import { closeSync, fstatSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { ok, type Result } from "../errors.js";
import { sha256Of } from "../fingerprint/sha256.js";
import { sha256OfPart } from "../fingerprint/sha256-of-part.js";
import { NATIVE_HEAD_BYTES } from "../link/native.js";
import { NO_ROW, STAT_WORDS } from "../model.js";
import type { SegmentChange } from "../plan/changes.js";
import type { Plan } from "../plan/plan.js";
import type { ContentStore } from "../store/content-store.js";
import { hostPath } from "../tree/paths.js";
import { LibraryContent } from "./library-content.js";
import { keepMembers, type LeavingMembers, type Member, membersOf, recallSegment } from "./segment-content.js";

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
  /** Segments of which content came from the store. */
  readonly hits: number;
}

interface Leaving {
  readonly plan: Plan;
  /** The library as it was, open for reading. */
  readonly fd: number;
  readonly segments: readonly LeavingMembers[];
  /** More would push out what was put first. */
  readonly roomBytes: number;
}

/** Content that the store gave. */
interface Recalled extends Member {
  readonly content: Buffer;
}

export class ContentSource {
  readonly #store: ContentStore | undefined;
  #leaving: Leaving | undefined;

  constructor(store: ContentStore | undefined) {
    this.#store = store;
  }

  /** Errors: `input-changed`, `unreadable`, `io` */
  async provide(update: ContentUpdate): Promise<Result<Provided>> {
    const { previous, next, origin, contentChanged, changes, library } = update;
    const { row } = next.inventory;
    /** Ordinal in the previous plan, where the content is the same. */
    const unchanged = (ordinal: number): number | undefined => {
      const own = row[ordinal] as number;
      const from = origin[own] as number;
      if (from === NO_ROW || contentChanged[own] === 1) return undefined;
      const before = previous.inventory.ordinal[from] as number;
      return before === NO_ROW ? undefined : before;
    };
    const recalled = new Map<number, Recalled[]>();
    let hits = 0;
    if (this.#store?.isEmpty() === false) {
      for (const { kind, segment, contents } of changes) {
        if (kind === "zero" || (kind === "patch" && contents.length === 0)) continue;
        const found = await this.#recall(this.#store, membersOf(next, segment), unchanged, update);
        if (!found.ok) return found;
        if (found.value.length > 0) hits++;
        for (const part of found.value) recalled.set(part.ordinal, [...(recalled.get(part.ordinal) ?? []), part]);
      }
    }
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

  /** What the store has of a segment's members whose content is not in the library. */
  async #recall(
    store: ContentStore,
    members: readonly Member[],
    unchanged: (ordinal: number) => number | undefined,
    { next, library }: ContentUpdate,
  ): Promise<Result<Recalled[]>> {
    const { tree, row } = next.inventory;
    const digests = new Map<Member, Buffer>();
    const found: Recalled[] = [];
    for (const member of members) {
      const { ordinal, offset, sizeBytes } = member;
      if (unchanged(ordinal) !== undefined) continue;
      const own = row[ordinal] as number;
      const stat = tree.table.stats.subarray(own * STAT_WORDS, (own + 1) * STAT_WORDS);
      const digest = await sha256OfPart(hostPath(tree, own), stat, offset, sizeBytes);
      if (!digest.ok) return digest;
      digests.set(member, digest.value);
      const content = store.get(digest.value);
      if (content?.length === sizeBytes) found.push({ ...member, content });
    }
    if (found.length === digests.size) return ok(found);
    const all = members.map((member) => {
      const { ordinal, offset, sizeBytes } = member;
      return digests.get(member) ?? sha256Of(library.read(unchanged(ordinal) as number, offset, sizeBytes));
    });
    const contents = recallSegment(store, members, all);
    return ok(contents?.map((content, index) => ({ ...(members[index] as Member), content })) ?? found);
  }

  /** Content of the previous library that is lost with it. */
  leaving({ previous, origin, contentChanged, changes }: ContentUpdate): LeavingMembers[] {
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
      .map(({ segment }) => ({
        segment,
        members: membersOf(previous, segment).filter((member) => stays[member.ordinal] === 0),
      }))
      .filter(({ members }) => members.length > 0);
  }

  /** To be kept by `keep`. @param fd the previous library, open for reading; taken over */
  remember(plan: Plan, fd: number, segments: readonly LeavingMembers[]): void {
    this.stop();
    if (segments.length === 0) closeSync(fd);
    else this.#leaving = { plan, fd, segments, roomBytes: limitOf(fd) };
  }

  /** Puts into the store what is leaving. Goes on where it stopped when it was aborted. */
  async keep(signal?: AbortSignal): Promise<void> {
    const store = this.#store;
    while (store !== undefined && this.#leaving !== undefined && signal?.aborted !== true) {
      const { plan, fd, segments, roomBytes } = this.#leaving;
      const [leaving, ...others] = segments;
      if (leaving !== undefined && roomBytes > 0) {
        const library = new LibraryContent(plan, { fd, offset: NATIVE_HEAD_BYTES });
        const keptBytes = keepMembers(store, plan, leaving, library);
        this.#leaving = { plan, fd, segments: others, roomBytes: roomBytes - keptBytes };
      } else {
        const limitBytes = limitOf(fd);
        this.stop();
        store.collect(limitBytes);
        store.rest();
      }
      await nextTurn();
    }
  }

  /** Before the next update, which may write to what is left: finishes if that is quick. */
  async settle(): Promise<void> {
    if ((this.#leaving?.segments.length ?? 0) <= QUICK_SEGMENTS) await this.keep();
    this.stop();
    this.#store?.rest();
    this.#store?.sweep();
  }

  /** The library that is left may be written to from now on. */
  stop(): void {
    if (this.#leaving !== undefined) closeSync(this.#leaving.fd);
    this.#leaving = undefined;
  }
}

const limitOf = (library: number): number => STORE_SHARE * fstatSync(library).blocks * 512;
