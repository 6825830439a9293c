/** Seeded random numbers: the same seed gives the same trees everywhere. */

/** A 32-bit generator (Mulberry32): values in [0, 1). @param {number} seed */
export function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Normally distributed (Box and Muller), mean 0, deviation 1. @param {() => number} random */
export const normal = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** An integer in [0, limit). @param {() => number} random @param {number} limit */
export const below = (random, limit) => Math.floor(random() * limit);

/**
 * One of the items.
 * @template T
 * @param {() => number} random
 * @param {readonly [T, ...T[]]} items
 * @returns {T}
 */
export const pick = (random, items) => items[below(random, items.length)] ?? items[0];

/** @param {Uint32Array} words filled in place @param {() => number} random */
export function fillRandom(words, random) {
  for (let at = 0; at < words.length; at++) words[at] = random() * 2 ** 32;
}
