/** Typed arrays whose elements are all about to be written: memory that is not cleared first is had in half the time. */

export const unfilledU32 = (length: number): Uint32Array<ArrayBuffer> => new Uint32Array(unfilled(length * 4));
export const unfilledI32 = (length: number): Int32Array<ArrayBuffer> => new Int32Array(unfilled(length * 4));
export const unfilledU16 = (length: number): Uint16Array<ArrayBuffer> => new Uint16Array(unfilled(length * 2));
export const unfilledU8 = (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(unfilled(length));

/** Slow ones have a buffer of their own. */
const unfilled = (sizeBytes: number): ArrayBuffer => Buffer.allocUnsafeSlow(sizeBytes).buffer as ArrayBuffer;
