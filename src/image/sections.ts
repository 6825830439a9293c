/** Encodes what the image says beyond files: the section table and its sections (docs/format.md 1.2). */

import type { Declarations, Volume } from "../model.js";
import { NO_HOST, POLICY_SEALED, roundUp, SECTION, SECTION_CRITICAL, SECTION_ENTRY_BYTES } from "./constants.js";

interface Section {
  readonly type: number;
  readonly body: Buffer;
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const lengthPrefixed = (bytes: Buffer): Buffer => Buffer.concat([u32(bytes.length), bytes]);
const encodeHostPaths = (paths: readonly Buffer[]): Buffer =>
  Buffer.concat([u32(paths.length), ...paths.map(lengthPrefixed)]);
const encodeVolume = ({ guest, host }: Volume): Buffer =>
  Buffer.concat([lengthPrefixed(guest), host === undefined ? u32(NO_HOST) : lengthPrefixed(host)]);

function sectionsOf(declarations: Declarations): Section[] {
  const { hostPaths, volumes, sealed } = declarations;
  const sections: Section[] = [];
  if (hostPaths.length > 0) sections.push({ type: SECTION.hostPaths, body: encodeHostPaths(hostPaths) });
  if (volumes.length > 0) {
    const body = Buffer.concat([u32(volumes.length), ...volumes.map(encodeVolume)]);
    sections.push({ type: SECTION.volumes, body });
  }
  if (sealed) sections.push({ type: SECTION.policy, body: u32(POLICY_SEALED) });
  return sections;
}

export interface EncodedSections {
  readonly count: number;
  /** Table, then sections, each at a multiple of 8; empty without sections. */
  readonly bytes: Buffer;
}

/**
 * @param declarations host paths and volumes already in byte order
 * @param offset where the bytes will lie in the image; a multiple of 8
 */
export function encodeSections(declarations: Declarations, offset: number): EncodedSections {
  const sections = sectionsOf(declarations);
  let end = sections.length * SECTION_ENTRY_BYTES;
  const placed = sections.map((section) => {
    const at = end;
    end += roundUp(section.body.length, 8);
    return { ...section, at };
  });
  const bytes = Buffer.alloc(end);
  for (const [index, { type, body, at }] of placed.entries()) {
    const entry = index * SECTION_ENTRY_BYTES;
    bytes.writeUInt32LE(type, entry);
    bytes.writeUInt16LE(1, entry + 4);
    bytes.writeUInt16LE(SECTION_CRITICAL, entry + 6);
    bytes.writeBigUInt64LE(BigInt(offset + at), entry + 8);
    bytes.writeBigUInt64LE(BigInt(body.length), entry + 16);
    body.copy(bytes, at);
  }
  return { count: sections.length, bytes };
}
