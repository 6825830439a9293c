/** A measured figure beside the one that was aimed at. */

/**
 * @typedef {object} Check
 * @property {string} what
 * @property {number} value NaN where it could not be measured
 * @property {number} limit the greatest that will do
 * @property {"ratio" | "ms" | "bytes"} unit
 * @property {boolean} met
 */

/** @param {string} what @param {number} value @param {number} limit @param {Check["unit"]} unit @returns {Check} */
export const check = (what, value, limit, unit) => ({ what, value, limit, unit, met: value <= limit });

/** @param {string} what @param {number} value @param {number} limit */
export const ratioCheck = (what, value, limit) => check(what, value, limit, "ratio");
/** @param {string} what @param {number} value @param {number} limit milliseconds */
export const timeCheck = (what, value, limit) => check(what, value, limit, "ms");
/** @param {string} what @param {number} value @param {number} limit bytes */
export const sizeCheck = (what, value, limit) => check(what, value, limit, "bytes");
