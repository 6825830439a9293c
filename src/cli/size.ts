/** Sizes as people write them: 512M, 1.5 is none, 2G. */

const SIZE = /^(\d{1,15})([KMGT]?)(?:iB|B)?$/i;

/** @returns bytes; K, M, G and T are powers of 1,024; undefined for what is no size */
export function parseSize(text: string): number | undefined {
  const found = SIZE.exec(text);
  if (found === null) return undefined;
  const power = "KMGT".indexOf((found[2] ?? "").toUpperCase() || " ") + 1;
  const bytes = Number(found[1]) * 1024 ** power;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
