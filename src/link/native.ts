/** The native ELF writer: the head that, put before an image, makes a shared library of it without compiler or linker. */

import {
  ELF_HEADER_BYTES,
  FIELD,
  PF_R,
  PROGRAM_HEADER_BYTES,
  PT_LOAD,
  PT_NOTE,
  parseElfHeader,
  parseProgramHeaders,
  parseSectionHeaders,
  SECTION_HEADER_BYTES,
  SHF_ALLOC,
  SHT_NOBITS,
  stringAt,
} from "./elf.js";
import { encodeNoteDescriptor, findNote, type ImageIdentity } from "./note.js";

/** Bytes before the image in a native library; the image then runs to the end of the file. */
export const NATIVE_HEAD_BYTES = 2 * 1024 * 1024;

const PLACEHOLDER = Buffer.from(".binfs", "latin1");

/**
 * The head of a native library (docs/format.md section 3).
 *
 * The linker leaves sections that are not loaded (symbols, names) and the section header table behind the placeholder, where the image must
 * end the file: they move into the head. The placeholder's segment and section stretch to the image's size, and the note learns where it is.
 * A section keeps covering the image because strip, objcopy and patchelf would drop a segment without one.
 *
 * @param template bytes of `template.so`, made by `template.mk` of this directory
 * @param image its size in bytes and Merkle root
 * @returns exactly `NATIVE_HEAD_BYTES` bytes
 * @throws Error when the template is not one that `template.mk` made: that is a broken installation, not an input
 */
export function nativeHead(template: Buffer, image: ImageIdentity): Buffer {
  const elf = parseElfHeader(template);
  if (elf === undefined || template.length <= NATIVE_HEAD_BYTES) throw broken("not an ELF file with a placeholder");
  const programTable = Number(elf.programHeaderOffset);
  const programs = parseProgramHeaders(
    template.subarray(programTable, programTable + elf.programHeaderCount * PROGRAM_HEADER_BYTES),
  );
  const sectionTable = Number(elf.sectionHeaderOffset);
  const sectionTableBytes = elf.sectionHeaderCount * SECTION_HEADER_BYTES;
  const sections = parseSectionHeaders(template.subarray(sectionTable, sectionTable + sectionTableBytes));

  const head = Buffer.alloc(NATIVE_HEAD_BYTES);
  template.copy(head, 0, 0, NATIVE_HEAD_BYTES);

  const imageProgram = programs.findIndex((p) => p.type === PT_LOAD && p.offset === BigInt(NATIVE_HEAD_BYTES));
  const imageSegment = programs[imageProgram];
  if (imageSegment === undefined || imageSegment.flags !== PF_R) throw broken("no placeholder segment");
  const isLast = programs.every((p) => p.type !== PT_LOAD || p.vaddr <= imageSegment.vaddr);
  if (!isLast) throw broken("the placeholder segment is not the last");
  const names = sections[elf.sectionNamesIndex];
  const nameTable = names && template.subarray(Number(names.offset), Number(names.offset + names.size));
  const imageSection = sections.findIndex((s) => nameTable && stringAt(nameTable, s.name)?.equals(PLACEHOLDER));
  if (imageSection < 0) throw broken("no placeholder section");

  // From here on every offset in the head is decided: loaded bytes stay, the rest follows them.
  const loaded = programs.filter((p, index) => p.type === PT_LOAD && index !== imageProgram);
  let end = loaded.reduce((most, p) => Math.max(most, Number(p.offset + p.fileSize)), ELF_HEADER_BYTES);
  head.fill(0, end);
  const moved = new Map<number, number>();
  sections.forEach((section, index) => {
    const stays = (section.flags & SHF_ALLOC) !== 0n || section.type === SHT_NOBITS || index === 0;
    if (stays) return;
    end = alignUp(end, Math.max(1, Number(section.align)));
    const size = Number(section.size);
    if (size > NATIVE_HEAD_BYTES - end) throw broken("its symbols do not fit into the head");
    template.copy(head, end, Number(section.offset), Number(section.offset) + size);
    moved.set(index, end);
    end += size;
  });
  const newTable = alignUp(end, 8);
  if (sectionTableBytes > NATIVE_HEAD_BYTES - newTable) throw broken("its section headers do not fit into the head");
  template.copy(head, newTable, sectionTable, sectionTable + sectionTableBytes);
  for (const [index, offset] of moved) {
    head.writeBigUInt64LE(BigInt(offset), newTable + index * SECTION_HEADER_BYTES + FIELD.shOffset);
  }
  head.writeBigUInt64LE(BigInt(newTable), FIELD.shoff);

  const size = BigInt(image.sizeBytes);
  head.writeBigUInt64LE(size, newTable + imageSection * SECTION_HEADER_BYTES + FIELD.shSize);
  head.writeBigUInt64LE(size, programTable + imageProgram * PROGRAM_HEADER_BYTES + FIELD.phFileSize);
  head.writeBigUInt64LE(size, programTable + imageProgram * PROGRAM_HEADER_BYTES + FIELD.phMemSize);

  for (const p of programs.filter((candidate) => candidate.type === PT_NOTE)) {
    const segment = head.subarray(Number(p.offset), Number(p.offset + p.fileSize));
    const found = findNote(segment, p.align);
    if (found === undefined) continue;
    const descriptorAddress = p.vaddr + BigInt(found.descriptorAt);
    encodeNoteDescriptor(image, imageSegment.vaddr - descriptorAddress).copy(segment, found.descriptorAt);
    return head;
  }
  throw broken("no binaryfs note");
}

const alignUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;

const broken = (why: string): Error => new Error(`native template: ${why}`);
