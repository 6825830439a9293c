/** Decodes the section table and the sections that this version knows (docs/format.md 1.2). */

import { fail, ok, type Result } from "../errors.js";
import type { Declarations, Volume } from "../model.js";
import { NO_HOST, POLICY_SEALED, SECTION, SECTION_CRITICAL, SECTION_ENTRY_BYTES } from "./constants.js";
import type { ByteSource } from "./decode-source.js";
import type { Superblock } from "./decode-superblock.js";

export interface Section {
  readonly type: number;
  readonly version: number;
  readonly flags: number;
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Far more than there are types; bounds what a hostile header makes us read. */
const MAX_SECTIONS = 1024;
/** Bytes of one declaration section. */
const MAX_DECLARATION_BYTES = 1 << 24;

const bad = (detail: string) => fail("bad-image", { detail: `sections: ${detail}` });

/** The table's entries: in ascending order of type, aligned, inside the image. */
export function decodeSectionTable(source: ByteSource, superblock: Superblock): Result<Section[]> {
  const { sectionCount, sectionTableOffset } = superblock;
  if (sectionCount > MAX_SECTIONS) return bad(`${sectionCount} entries`);
  if (sectionCount > 0 && sectionTableOffset % 8 !== 0) return bad("table not aligned");
  const table = source.read(sectionCount > 0 ? sectionTableOffset : 0, sectionCount * SECTION_ENTRY_BYTES);
  if (!table.ok) return table;
  const sections: Section[] = [];
  for (let at = 0; at < table.value.length; at += SECTION_ENTRY_BYTES) {
    const section = {
      type: table.value.readUInt32LE(at),
      version: table.value.readUInt16LE(at + 4),
      flags: table.value.readUInt16LE(at + 6),
      offset: Number(table.value.readBigUInt64LE(at + 8)),
      sizeBytes: Number(table.value.readBigUInt64LE(at + 16)),
    };
    const before = sections.at(-1);
    if (before !== undefined && before.type >= section.type) return bad("types not in order");
    if (section.offset % 8 !== 0) return bad(`type ${section.type} not aligned`);
    const limit = source.sizeBytes;
    if (section.offset > limit || section.sizeBytes > limit - section.offset)
      return bad(`type ${section.type} outside the image`);
    sections.push(section);
  }
  return ok(sections);
}

/** Host paths, volumes and policy; a critical section of unknown type or version is `bad-image`. */
export function decodeDeclarations(source: ByteSource, sections: readonly Section[]): Result<Declarations> {
  let hostPaths: Buffer[] = [];
  let volumes: Volume[] = [];
  let sealed = false;
  const known: number[] = [SECTION.hostPaths, SECTION.volumes, SECTION.policy];
  for (const section of sections) {
    if (!known.includes(section.type) || section.version !== 1) {
      if ((section.flags & SECTION_CRITICAL) === 0) continue;
      return bad(`this version does not know type ${section.type} version ${section.version}`);
    }
    if (section.sizeBytes > MAX_DECLARATION_BYTES) return bad(`type ${section.type} too large`);
    const body = source.read(section.offset, section.sizeBytes);
    if (!body.ok) return body;
    const reader = new SectionReader(body.value);
    if (section.type === SECTION.hostPaths) hostPaths = reader.list(() => reader.bytes());
    if (section.type === SECTION.volumes) volumes = reader.list(() => reader.volume());
    if (section.type === SECTION.policy) sealed = ((reader.u32() ?? 0) & POLICY_SEALED) !== 0;
    if (!reader.isComplete) return bad(`type ${section.type} malformed`);
  }
  return ok({ hostPaths, volumes, sealed });
}

/** Reads on as long as all is well; afterwards everything is undefined. */
class SectionReader {
  #at = 0;
  #failed = false;
  readonly #body: Buffer;

  constructor(body: Buffer) {
    this.#body = body;
  }

  /** Nothing was missing and nothing is left over. */
  get isComplete(): boolean {
    return !this.#failed && this.#at === this.#body.length;
  }

  u32(): number | undefined {
    const value = this.#take(4);
    return value?.readUInt32LE(0);
  }

  bytes(length = this.u32()): Buffer | undefined {
    const value = length === undefined ? undefined : this.#take(length);
    return value && Buffer.from(value);
  }

  volume(): Volume | undefined {
    const guest = this.bytes();
    const length = this.u32();
    if (guest === undefined || length === undefined) return undefined;
    if (length === NO_HOST) return { guest };
    const host = this.bytes(length);
    return host && { guest, host };
  }

  list<T>(item: () => T | undefined): T[] {
    const items: T[] = [];
    const count = this.u32() ?? 0;
    for (let k = 0; k < count && !this.#failed; k++) {
      const value = item();
      if (value !== undefined) items.push(value);
    }
    return items;
  }

  #take(length: number): Buffer | undefined {
    if (this.#failed || length > this.#body.length - this.#at) {
      this.#failed = true;
      return undefined;
    }
    this.#at += length;
    return this.#body.subarray(this.#at - length, this.#at);
  }
}
