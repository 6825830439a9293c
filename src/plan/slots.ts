/** Gives every object of the stable layout a place in a slot (docs/format.md 1.5): where one goes depends little on which others there are. */

import { BLOCK_BYTES, SEGMENT_BYTES } from "../image/constants.js";
import { combine, jumpHash, mix, orderBy } from "./hash.js";

/** A slot is a segment. */
export const SLOT_BLOCKS = SEGMENT_BYTES / BLOCK_BYTES;
/** Places are counted in granules: an object that grows within its last one moves no other. */
export const GRANULE_BLOCKS = 4;
export const SLOT_GRANULES = SLOT_BLOCKS / GRANULE_BLOCKS;

const PROBES = 64;
const SLOT_SALT = 0x736c_6f74;
const CLASS_SHIFT = 29;

export const granulesOf = (blocks: number): number => Math.ceil(blocks / GRANULE_BLOCKS);

/** Granules for objects of so many: a quarter stays free, so that few others move when one comes. */
const roomFor = (granules: number): number => Math.ceil((granules * 4) / 3);

/** Slots for objects of so many granules, the header's included. */
export const slotCountFor = (granules: number): number => Math.ceil(roomFor(granules) / SLOT_GRANULES) + 1;

/** The larger an object, the earlier it is placed (sizes by powers of two); else a hash decides. */
function priorities(keys: Uint32Array, granules: Uint8Array): Uint32Array {
  return keys.map((key, object) => {
    const sizeClass = Math.clz32((granules[object] as number) - 1) - Math.clz32(SLOT_GRANULES - 1);
    return (Math.min(sizeClass, 7) << CLASS_SHIFT) | (mix(key) >>> (32 - CLASS_SHIFT));
  });
}

/**
 * @param keys of the objects (u32)
 * @param granules of the objects, 1–64
 * @returns the place of each in granules from the image's start; slot 0 is the header's
 */
export function assignPlaces(keys: Uint32Array, granules: Uint8Array): Uint32Array {
  const places = new Uint32Array(keys.length);
  let total = 0;
  for (let object = 0; object < granules.length; object++) total += granules[object] as number;
  const slots = slotCountFor(total) - 1;
  const last = slots - 1;
  // The last slot fills by and by: a whole one more at a time would move many objects at once.
  const lastRoom = roomFor(total) - last * SLOT_GRANULES;
  /** Granules taken in each slot but the header's; those beyond `slots` are for what finds no room. */
  const taken: number[] = new Array(slots).fill(0);
  const hasRoom = (slot: number, granules: number): boolean =>
    (taken[slot] as number) + granules <= (slot === last ? lastRoom : SLOT_GRANULES);
  const order = orderBy(priorities(keys, granules));
  for (let at = 0; at < order.length; at++) {
    const object = order[at] as number;
    const key = combine(keys[object] as number, SLOT_SALT);
    const size = granules[object] as number;
    let slot = last;
    for (let probe = 0; probe < PROBES; probe++) {
      const hash = combine(key, probe);
      slot = jumpHash(hash, slots);
      // Where it would be with a slot fewer.
      if (slot === last && last > 0 && !hasRoom(last, size)) slot = jumpHash(hash, last);
      if (hasRoom(slot, size)) break;
    }
    if (!hasRoom(slot, size)) slot = taken.findIndex((_, other) => hasRoom(other, size));
    if (slot < 0) slot = taken.push(0) - 1;
    const first = taken[slot] as number;
    places[object] = (slot + 1) * SLOT_GRANULES + first;
    taken[slot] = first + size;
  }
  return places;
}
