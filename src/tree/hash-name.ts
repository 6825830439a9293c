/** The hash of a name: what the stable layout's places follow from, so that it is part of the format and never changes. */

/** FNV-1a over the bytes, then the finalizer of MurmurHash3, which spreads names that differ in their last byte alone. A u32. */
export function hashName(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c_9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x0100_0193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
