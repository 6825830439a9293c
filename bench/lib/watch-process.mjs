/** `binaryfs watch --json` as a child: its events with the moments at which they came. */
import { watch } from "node:fs";
import { basename, dirname } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { binaryfsArgs } from "./binaryfs.mjs";
import { memoryOf, start } from "./measure-process.mjs";

const stopMs = 10_000;

/** @typedef {{ event: string, files?: number, changed?: string[], code?: string, message?: string, directories?: number, backend?: string, durationMs?: number, stages?: Record<string, number> }} Event */
/** @typedef {{ at: number, event: Event }} Seen `at`: `performance.now()` */

export class WatchProcess {
  /** Everything so far. @type {Seen[]} */
  events = [];
  /** Moments at which a file took the library's name. @type {number[]} */
  renames = [];
  /** Ends a wait when something comes. */
  #wake = () => {};
  #isOver = false;
  #stderr = "";
  #child;
  #names;

  /** @param {{ root: string, output: string, state: string }} paths */
  constructor(paths) {
    this.startedAt = performance.now();
    this.#child = start(process.execPath, binaryfsArgs("watch", paths), { stdio: ["ignore", "pipe", "pipe"] });
    if (this.#child.stdout === null) throw new Error("watch has no output");
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      this.events.push({ at: performance.now(), event: JSON.parse(line) });
      this.#wake();
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text) => {
      this.#stderr = (this.#stderr + text).slice(-2000);
    });
    this.#child.once("close", () => {
      this.#isOver = true;
      this.#wake();
    });
    this.#names = watch(dirname(paths.output), (_, name) => {
      if (name === basename(paths.output)) this.renames.push(performance.now());
    });
  }

  /** Resident memory now and at most, in bytes. */
  get memory() {
    return memoryOf(this.#child.pid);
  }

  get errors() {
    return this.events
      .filter(({ event }) => event.event === "error")
      .map(({ event }) => `${event.code}: ${event.message}`);
  }

  /**
   * The first event from number FROM on that is wanted.
   * @param {number} from
   * @param {(event: Event) => boolean} isWanted
   * @param {number} timeoutMs
   * @returns {Promise<Seen | undefined>} undefined where it did not come in time
   */
  async next(from, isWanted, timeoutMs) {
    const deadline = performance.now() + timeoutMs;
    for (let at = from; ; ) {
      for (; at < this.events.length; at++) {
        const seen = this.events[at];
        if (seen !== undefined && isWanted(seen.event)) return seen;
      }
      if (this.#isOver) throw new Error(`watch ended by itself: ${this.#stderr.trim()}`);
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return undefined;
      await this.#change(leftMs);
    }
  }

  /** Until there was no event for a while. @param {number} quietMs */
  async quiet(quietMs) {
    for (let count = -1; count !== this.events.length; ) {
      count = this.events.length;
      await sleep(quietMs);
    }
  }

  /** As Ctrl-C does. */
  async stop() {
    this.#names.close();
    this.#child.kill("SIGINT");
    const deadline = performance.now() + stopMs;
    while (!this.#isOver && performance.now() < deadline) await this.#change(deadline - performance.now());
    if (!this.#isOver) this.#child.kill("SIGKILL");
  }

  /** @param {number} timeoutMs */
  #change(timeoutMs) {
    return /** @type {Promise<void>} */ (
      new Promise((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      })
    );
  }
}
