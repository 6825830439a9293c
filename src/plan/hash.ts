/** The integer hashes that decide places (docs/format.md 1.5): 32-bit arithmetic, the same on every machine. */

/** A bijection of 32-bit integers that spreads every bit ("lowbias32", Chris Wellons, hash-prospector). @returns u32 */
export function mix(value: number): number {
  let x = value;
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb_352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846c_a68b);
  x ^= x >>> 16;
  return x >>> 0;
}

/** The hash of a pair. @returns u32 */
export const combine = (first: number, second: number): number => mix((Math.imul(first, 0x9e37_79b1) + second) | 0);

/**
 * Jump consistent hash (Lamping and Veach, 2014) with 32 bits of state: of all keys, 1 / (buckets + 1) move when a bucket is added.
 * @param buckets at least 1
 */
export function jumpHash(key: number, buckets: number): number {
  let state = key;
  let bucket = 0;
  for (let next = 0; next < buckets; ) {
    bucket = next;
    state = (Math.imul(state, 0x2c92_77b5) + 0xac56_4b05) | 0;
    next = Math.floor((bucket + 1) * (0x8000_0000 / ((state >>> 1) + 1)));
  }
  return bucket;
}

const RADIX_BITS = 11;
const RADIX = 1 << RADIX_BITS;

/** Indexes of `keys` (u32) in ascending order of key, equal ones in their order: a radix sort, since a comparison costs more than a key. */
export function orderBy(keys: Uint32Array): Uint32Array {
  const { length } = keys;
  let order = new Uint32Array(length);
  for (let index = 0; index < length; index++) order[index] = index;
  let other = new Uint32Array(length);
  const next = new Uint32Array(RADIX);
  for (let shift = 0; shift < 32; shift += RADIX_BITS) {
    next.fill(0);
    for (let index = 0; index < length; index++) {
      const digit = ((keys[index] as number) >>> shift) & (RADIX - 1);
      next[digit] = (next[digit] as number) + 1;
    }
    let sum = 0;
    for (let digit = 0; digit < RADIX; digit++) {
      const here = next[digit] as number;
      next[digit] = sum;
      sum += here;
    }
    for (let at = 0; at < length; at++) {
      const index = order[at] as number;
      const digit = ((keys[index] as number) >>> shift) & (RADIX - 1);
      const place = next[digit] as number;
      next[digit] = place + 1;
      other[place] = index;
    }
    [order, other] = [other, order];
  }
  return order;
}
