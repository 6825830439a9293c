/** The only printer: bytes and JSON lines to standard output, errors and warnings to standard error. */

import { isUtf8 } from "node:buffer";
import { once } from "node:events";

/** Output is handed on in pieces of about this size. */
const FLUSH_BYTES = 1 << 16;

let endInOrder: (() => void) | undefined;
let isBroken = false;

/** For work that has processes or files to tidy up: from now on a reader that goes away leads to a call of `end`, once, instead of to the end at once. */
export function onBrokenPipe(end: () => void): void {
  endInOrder = end;
}

function breakPipe(): void {
  if (endInOrder === undefined) process.exit(0);
  if (!isBroken) endInOrder();
  isBroken = true;
}

/**
 * A reader that went away (`| head`) wants no more and no complaint.
 * @param onFailure told what else goes wrong with standard output; it ends the process
 */
export function surviveBrokenPipes(onFailure: (cause: NodeJS.ErrnoException) => void): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE" || isBroken) return breakPipe();
      // Where complaints cannot be written either, the status has to do.
      if (stream === process.stderr) process.exit(1);
      onFailure(error);
    });
  }
}

/** Collects bytes for standard output. Call `flush` at the end. */
export class StandardOutput {
  #pieces: Buffer[] = [];
  #bytes = 0;

  async write(piece: Buffer | string): Promise<void> {
    const bytes = typeof piece === "string" ? Buffer.from(piece) : piece;
    this.#pieces.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes >= FLUSH_BYTES) await this.flush();
  }

  async line(text: Buffer | string): Promise<void> {
    await this.write(text);
    await this.write("\n");
  }

  async json(value: object): Promise<void> {
    await this.line(JSON.stringify(value));
  }

  async flush(): Promise<void> {
    const all = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#bytes = 0;
    if (all.length === 0 || isBroken || process.stdout.write(all)) return;
    await once(process.stdout, "drain").catch((cause: unknown) => {
      if (!isBroken) throw cause;
    });
  }
}

export const printError = (line: string): void => {
  if (!isBroken) process.stderr.write(`${line}\n`);
};

/** Control characters and invalid UTF-8 as escapes: a file name must not drive a terminal or forge lines of ours. */
export function escapePath(path: Buffer): string {
  const text = isUtf8(path) ? path.toString("utf8") : escapeBytes(path);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, escapeCharacter);
}

const escapeBytes = (path: Buffer): string =>
  [...path].map((byte) => (byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16)}`)).join("");

function escapeCharacter(character: string): string {
  const short = { "\n": "\\n", "\t": "\\t", "\r": "\\r" }[character];
  if (short !== undefined) return short;
  const code = character.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
}

/** A path for JSON: lossy text, and the bytes where they are not UTF-8. */
export function jsonPath(path: Buffer, field = "path"): Record<string, string> {
  const text = { [field]: path.toString("utf8") };
  return isUtf8(path) ? text : { ...text, [`${field}Base64`]: path.toString("base64") };
}
