/** `binaryfs watch --json`, started as users start it. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { MAIN } from "../cli/command-line.js";

export interface Line {
  readonly event: string;
  readonly [field: string]: unknown;
}

export class WatchCommand {
  readonly lines: Line[] = [];
  readonly child: ChildProcess;
  stderr = "";
  readonly #arrivals = new Set<() => void>();
  #taken = 0;
  readonly #ended: Promise<unknown[]>;

  constructor(directory: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(
      process.execPath,
      [MAIN, "watch", ...args.slice(0, splitAt(args)), "--json", ...args.slice(splitAt(args))],
      {
        cwd: directory,
        env: { ...process.env, XDG_CACHE_HOME: `${directory}/.cache`, ...env },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    this.child.stderr?.on("data", (piece) => {
      this.stderr += piece;
      this.#arrived();
    });
    createInterface({ input: this.child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      this.lines.push(JSON.parse(line));
      this.#arrived();
    });
    this.#ended = once(this.child, "close");
    void this.#ended.then(() => this.#arrived());
  }

  /** The next line of that event; those before it are passed over. */
  async next(event: string, isWanted: (line: Line) => boolean = () => true): Promise<Line> {
    await this.until(() => this.#find(event, isWanted) >= 0);
    const at = this.#find(event, isWanted);
    this.#taken = at + 1;
    return this.lines[at] as Line;
  }

  /** Something that shows in what it prints. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      if (this.child.exitCode !== null) throw new Error(`it ended: ${this.stderr}`);
      await new Promise<void>((resolve) => this.#arrivals.add(resolve));
    }
  }

  async end(signal: NodeJS.Signals = "SIGINT"): Promise<number | null> {
    this.child.kill(signal);
    const [status] = await this.#ended;
    return status as number | null;
  }

  readonly #find = (event: string, isWanted: (line: Line) => boolean): number =>
    this.lines.findIndex((line, index) => index >= this.#taken && line.event === event && isWanted(line));

  #arrived(): void {
    for (const resolve of this.#arrivals) resolve();
    this.#arrivals.clear();
  }
}

const splitAt = (args: readonly string[]): number => (args.includes("--") ? args.indexOf("--") : args.length);
