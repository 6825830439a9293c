/** A progress line on a terminal; nothing elsewhere, where lines that overwrite each other would be noise. */

import { humanBytes } from "./wording.js";

export interface Progress {
  readonly stage: string;
  readonly done: number;
  /** 0 while it is unknown. */
  readonly total: number;
  readonly unit?: "bytes" | "files";
}

const BAR_CELLS = 30;
/** Often enough for the eye. */
const REDRAW_MS = 50;

export class ProgressLine {
  readonly #isShown: boolean;
  #drawnAt = 0;
  #isDirty = false;

  constructor(isWanted: boolean) {
    this.#isShown = isWanted && process.stderr.isTTY === true;
  }

  update(progress: Progress): void {
    const now = performance.now();
    if (!this.#isShown || now - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = now;
    this.#isDirty = true;
    process.stderr.write(`\r\u001b[K${progressText(progress)}`);
  }

  clear(): void {
    if (this.#isDirty) process.stderr.write("\r\u001b[K");
    this.#isDirty = false;
  }
}

export function progressText({ stage, done, total, unit = "files" }: Progress): string {
  const amount = (value: number) => (unit === "bytes" ? humanBytes(value) : `${value}`);
  if (total <= 0) return `${stage}  ${amount(done)}${unit === "files" ? " files" : ""}`;
  const share = Math.min(1, done / total);
  const cells = Math.round(share * BAR_CELLS);
  return `${stage}  [${"#".repeat(cells)}${" ".repeat(BAR_CELLS - cells)}] ${Math.floor(share * 100)}%  ${amount(done)} of ${amount(total)}`;
}
