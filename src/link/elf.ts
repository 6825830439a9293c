/** The parts of ELF64 (little-endian, x86-64) that the writer and the reader of libraries need; every read is bounds-checked. */

export const ELF_HEADER_BYTES = 64;
export const PROGRAM_HEADER_BYTES = 56;
export const SECTION_HEADER_BYTES = 64;

export const ET_EXEC = 2;
export const ET_DYN = 3;
export const EM_X86_64 = 62;

export const PT_LOAD = 1;
export const PT_DYNAMIC = 2;
export const PT_INTERP = 3;
export const PT_NOTE = 4;

export const PF_R = 4;

export const SHT_NOBITS = 8;
export const SHF_ALLOC = 2n;

export const DT_NULL = 0n;
export const DT_NEEDED = 1n;
export const DT_STRTAB = 5n;
export const DT_STRSZ = 10n;
export const DT_RPATH = 15n;
export const DT_RUNPATH = 29n;
export const DT_FLAGS_1 = 0x6ffffffbn;
export const DF_1_PIE = 0x08000000n;

export interface ElfHeader {
  readonly type: number;
  readonly machine: number;
  readonly programHeaderOffset: bigint;
  readonly programHeaderCount: number;
  readonly sectionHeaderOffset: bigint;
  readonly sectionHeaderCount: number;
  readonly sectionNamesIndex: number;
}

export interface ProgramHeader {
  readonly type: number;
  readonly flags: number;
  readonly offset: bigint;
  readonly vaddr: bigint;
  readonly fileSize: bigint;
  readonly memSize: bigint;
  readonly align: bigint;
}

export interface SectionHeader {
  readonly name: number;
  readonly type: number;
  readonly flags: bigint;
  readonly address: bigint;
  readonly offset: bigint;
  readonly size: bigint;
  readonly align: bigint;
}

/** Byte offsets of the fields that the writer patches. */
export const FIELD = {
  shoff: 40,
  phOffset: 8,
  phVaddr: 16,
  phFileSize: 32,
  phMemSize: 40,
  shOffset: 24,
  shSize: 32,
} as const;

/**
 * The header of a 64-bit little-endian ELF file with entries of the standard sizes.
 * @param bytes the file's first bytes, any number
 * @returns undefined for anything else
 */
export function parseElfHeader(bytes: Buffer): ElfHeader | undefined {
  if (bytes.length < ELF_HEADER_BYTES) return undefined;
  const magic64LittleEndian = 0x464c457f;
  if (bytes.readUInt32LE(0) !== magic64LittleEndian || bytes[4] !== 2 || bytes[5] !== 1) return undefined;
  const programHeaderCount = bytes.readUInt16LE(56);
  if (programHeaderCount > 0 && bytes.readUInt16LE(54) !== PROGRAM_HEADER_BYTES) return undefined;
  return {
    type: bytes.readUInt16LE(16),
    machine: bytes.readUInt16LE(18),
    programHeaderOffset: bytes.readBigUInt64LE(32),
    programHeaderCount,
    sectionHeaderOffset: bytes.readBigUInt64LE(FIELD.shoff),
    sectionHeaderCount: bytes.readUInt16LE(60),
    sectionNamesIndex: bytes.readUInt16LE(62),
  };
}

/** The program headers in `bytes`, which holds the whole table. */
export function parseProgramHeaders(bytes: Buffer): ProgramHeader[] {
  const headers: ProgramHeader[] = [];
  for (let at = 0; at + PROGRAM_HEADER_BYTES <= bytes.length; at += PROGRAM_HEADER_BYTES) {
    headers.push({
      type: bytes.readUInt32LE(at),
      flags: bytes.readUInt32LE(at + 4),
      offset: bytes.readBigUInt64LE(at + FIELD.phOffset),
      vaddr: bytes.readBigUInt64LE(at + FIELD.phVaddr),
      fileSize: bytes.readBigUInt64LE(at + FIELD.phFileSize),
      memSize: bytes.readBigUInt64LE(at + FIELD.phMemSize),
      align: bytes.readBigUInt64LE(at + 48),
    });
  }
  return headers;
}

/** The section headers in `bytes`, which holds the whole table. */
export function parseSectionHeaders(bytes: Buffer): SectionHeader[] {
  const headers: SectionHeader[] = [];
  for (let at = 0; at + SECTION_HEADER_BYTES <= bytes.length; at += SECTION_HEADER_BYTES) {
    headers.push({
      name: bytes.readUInt32LE(at),
      type: bytes.readUInt32LE(at + 4),
      flags: bytes.readBigUInt64LE(at + 8),
      address: bytes.readBigUInt64LE(at + 16),
      offset: bytes.readBigUInt64LE(at + FIELD.shOffset),
      size: bytes.readBigUInt64LE(at + FIELD.shSize),
      align: bytes.readBigUInt64LE(at + 48),
    });
  }
  return headers;
}

/** The bytes before the first NUL at or after `offset`; undefined where there is none. */
export function stringAt(table: Buffer, offset: number): Buffer | undefined {
  if (offset < 0 || offset >= table.length) return undefined;
  const end = table.indexOf(0, offset);
  return end < 0 ? undefined : table.subarray(offset, end);
}
