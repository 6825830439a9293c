/** UTF-8 characters of byte strings (latin1, one character a byte). */

/** Code points of bytes that are no UTF-8, outside of Unicode. */
const INVALID_BASE = 0x110000;

/** One UTF-8 character, whatever the locale; a byte that begins none counts as a character of its own. */
export function characterAt(text: string, at: number): { readonly code: number; readonly bytes: number } {
  const lead = text.charCodeAt(at);
  if (lead < 0x80) return { code: lead, bytes: 1 };
  const bytes = lead >= 0xf0 && lead < 0xf5 ? 4 : lead >= 0xe0 ? 3 : 2;
  const invalid = { code: INVALID_BASE + lead, bytes: 1 };
  if (lead < 0xc2 || lead >= 0xf5) return invalid;
  let code = lead & (0x7f >> bytes);
  for (let index = 1; index < bytes; index++) {
    const next = text.charCodeAt(at + index);
    if ((next & 0xc0) !== 0x80) return invalid;
    code = (code << 6) | (next & 0x3f);
  }
  return { code, bytes };
}
