/** The ELF note by which a library's image is found (docs/format.md section 2). */

export const NOTE_NAME_BYTES = 76;
export const NOTE_TYPE = 1;
export const NOTE_VERSION = 1;
export const NOTE_HAS_IMAGE = 1;
/** Whole note, and where its descriptor begins. */
export const NOTE_BYTES = 88;
export const NOTE_DESCRIPTOR_AT = 24;
export const MERKLE_ROOT_BYTES = 32;

const NAME = Buffer.from("binaryfs\0\0\0\0", "latin1");

/** What an image is to a linker. */
export interface ImageIdentity {
  /** Bytes, a positive multiple of 4,096. */
  readonly sizeBytes: number;
  /** 32 bytes (docs/format.md 1.3). */
  readonly merkleRoot: Buffer;
}

export interface Note {
  readonly version: number;
  readonly flags: number;
  /** Virtual address of the image minus that of the descriptor. */
  readonly imageDelta: bigint;
  readonly imageBytes: bigint;
  readonly merkleRoot: Buffer;
}

/** The 64 bytes of the descriptor of a library that carries `image`. */
export function encodeNoteDescriptor(image: ImageIdentity, imageDelta: bigint): Buffer {
  const bytes = Buffer.alloc(NOTE_BYTES - NOTE_DESCRIPTOR_AT);
  bytes.writeUInt32LE(NOTE_VERSION, 0);
  bytes.writeUInt32LE(NOTE_HAS_IMAGE, 4);
  bytes.writeBigInt64LE(imageDelta, 8);
  bytes.writeBigUInt64LE(BigInt(image.sizeBytes), 16);
  image.merkleRoot.copy(bytes, 24, 0, MERKLE_ROOT_BYTES);
  return bytes;
}

/**
 * Looks through the notes of one PT_NOTE segment.
 * @param segment the segment's bytes
 * @param align the segment's `p_align`: 8 pads names and descriptors to 8 bytes, anything else to 4
 * @returns the note and the offset of its descriptor in the segment; undefined where there is none
 */
export function findNote(segment: Buffer, align: bigint): { note: Note; descriptorAt: number } | undefined {
  const unit = align === 8n ? 8 : 4;
  const up = (n: number) => Math.ceil(n / unit) * unit;
  let at = 0;
  while (at + 12 <= segment.length) {
    const nameBytes = segment.readUInt32LE(at);
    const descriptorBytes = segment.readUInt32LE(at + 4);
    const isOurs = nameBytes === NOTE_NAME_BYTES && descriptorBytes === 0 && segment.readUInt32LE(at + 8) === NOTE_TYPE;
    const isWhole = segment.length - at >= NOTE_BYTES;
    if (isOurs && isWhole && segment.subarray(at + 12, at + 24).equals(NAME)) {
      const descriptorAt = at + NOTE_DESCRIPTOR_AT;
      return {
        descriptorAt,
        note: {
          version: segment.readUInt32LE(descriptorAt),
          flags: segment.readUInt32LE(descriptorAt + 4),
          imageDelta: segment.readBigInt64LE(descriptorAt + 8),
          imageBytes: segment.readBigUInt64LE(descriptorAt + 16),
          merkleRoot: Buffer.from(segment.subarray(descriptorAt + 24, descriptorAt + 24 + MERKLE_ROOT_BYTES)),
        },
      };
    }
    at = up(up(at + 12 + nameBytes) + descriptorBytes);
  }
  return undefined;
}
