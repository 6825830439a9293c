/** Cuts what Bazel writes to a worker into messages. */

/** Protobuf: each message behind its length, a varint. */
export class LengthFrames {
  #bytes: Buffer = Buffer.alloc(0);

  /** @returns the messages that are complete now */
  push(chunk: Buffer): Buffer[] {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const messages: Buffer[] = [];
    for (;;) {
      const head = readLength(this.#bytes);
      if (head === undefined || this.#bytes.length - head.end < head.length) return messages;
      messages.push(this.#bytes.subarray(head.end, head.end + head.length));
      this.#bytes = this.#bytes.subarray(head.end + head.length);
    }
  }
}

/** As `writeDelimitedTo` of the protobuf libraries writes it: 7 bits a byte, the low ones first. */
function readLength(bytes: Buffer): { readonly length: number; readonly end: number } | undefined {
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    length += (byte & 0x7f) * 2 ** (7 * at);
    if (at > 4) throw new RangeError("no length of a message");
    if ((byte & 0x80) === 0) return { length, end: at + 1 };
  }
  return undefined;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** JSON: objects one after another; versions of Bazel differ in what stands between them. */
export class JsonFrames {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #depth = 0;
  #inString = false;

  /** @returns the texts of the objects that are complete now */
  push(chunk: Buffer): string[] {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const texts: string[] = [];
    for (; this.#at < this.#bytes.length; this.#at++) {
      const byte = this.#bytes[this.#at];
      if (this.#inString) {
        // The escaped byte, too, may be the last of a chunk.
        if (byte === BACKSLASH) this.#at++;
        else if (byte === QUOTE) this.#inString = false;
      } else if (byte === QUOTE) {
        this.#inString = true;
      } else if (byte === OPEN) {
        this.#depth++;
      } else if (byte === CLOSE && --this.#depth === 0) {
        texts.push(this.#bytes.toString("utf8", 0, this.#at + 1));
        this.#bytes = this.#bytes.subarray(this.#at + 1);
        this.#at = -1;
      }
    }
    return texts;
  }
}
