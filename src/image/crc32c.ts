/** CRC-32C (Castagnoli polynomial, reflected), as the EROFS superblock checksum uses it. */

const table = new Uint32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1;
  table[byte] = crc;
}

/**
 * @param seed initial register; EROFS uses 0xFFFFFFFF
 * @returns the register after `bytes`, without the final inversion (u32)
 */
export function crc32c(bytes: Uint8Array, seed = 0xffff_ffff): number {
  let crc = seed;
  for (const byte of bytes) crc = (table[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  return crc >>> 0;
}
