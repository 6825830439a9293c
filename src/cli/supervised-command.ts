/** A program that is started again after each publication, and that leaves nothing behind when it is stopped. */

import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { launchWords } from "./launch-words.js";
import { isAlive, type ProcessMark, processTree, signalProcess } from "./process-tree.js";
import { toText } from "./raw-arguments.js";

export interface SupervisedOptions {
  /** Program and arguments, one character a byte. */
  readonly command: readonly string[];
  /** Added to the environment, one character a byte. */
  readonly variables: Readonly<Record<string, string>>;
  /** Its standard output goes to our standard error. */
  readonly isOutputOurs: boolean;
  readonly killAfterMs: number;
  onStart(pid: number): void;
  /** It ended without being asked to. */
  onExit(status: number | undefined, signal: NodeJS.Signals | undefined): void;
  onFailure(cause: NodeJS.ErrnoException): void;
}

/** Ends of what a stopped program started are looked for this often. */
const LOOK_MS = 20;

export class SupervisedCommand {
  readonly #options: SupervisedOptions;
  #child: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | undefined;
  #isEnding = false;
  #isWanted = false;
  readonly #hurry = new AbortController();

  constructor(options: SupervisedOptions) {
    this.#options = options;
  }

  /** Starts it; one that runs is stopped first. Calls while it is being stopped start it once. */
  restart(): void {
    if (this.#isEnding) return;
    this.#isWanted = true;
    if (this.#stopping !== undefined) return;
    if (this.#child === undefined) this.#start();
    else void this.#stop("SIGTERM").then(() => this.#isWanted && !this.#isEnding && this.#start());
  }

  /** Hands a signal on to the program alone. */
  forward(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /**
   * Stops it for good. Resolves when it and what it started are gone.
   * @param signal that it gets first; undefined where it has had one
   */
  async end(signal: NodeJS.Signals | undefined): Promise<void> {
    this.#isEnding = true;
    await (this.#stopping ?? this.#stop(signal));
  }

  /** Does not wait any longer. */
  kill(): void {
    this.#hurry.abort();
  }

  #start(): void {
    this.#isWanted = false;
    const { command, variables, isOutputOurs } = this.#options;
    const [program = "", ...words] = command;
    const { file, args, environment } = launchWords(toText(program), words, variables);
    // The foreground group of the terminal stays ours and the program's: it can read, and Ctrl-C reaches it.
    const child = spawn(file, args, {
      stdio: ["inherit", isOutputOurs ? 2 : "inherit", "inherit"],
      env: { ...process.env, ...environment },
    });
    this.#child = child;
    process.on("exit", this.#onOurEnd);
    this.#gone = new Promise((resolve) => {
      child.once("error", (cause) => {
        if (child.pid !== undefined) return;
        this.#lose();
        this.#options.onFailure(cause);
        resolve();
      });
      child.once("exit", (code, signal) => {
        this.#lose();
        if (this.#stopping === undefined) this.#options.onExit(code ?? undefined, signal ?? undefined);
        resolve();
      });
    });
    if (child.pid !== undefined) this.#options.onStart(child.pid);
  }

  #lose(): void {
    this.#child = undefined;
    process.off("exit", this.#onOurEnd);
  }

  /** An end without `end`, such as by a mistake of ours or a standard output that fails. */
  readonly #onOurEnd = (): void => {
    const pid = this.#child?.pid;
    if (pid !== undefined) for (const one of processTree(pid)) signalProcess(one, "SIGTERM");
  };

  #stop(signal: NodeJS.Signals | undefined): Promise<void> {
    this.#stopping = this.#stopTree(signal).finally(() => {
      this.#stopping = undefined;
    });
    return this.#stopping;
  }

  async #stopTree(signal: NodeJS.Signals | undefined): Promise<void> {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    let tree = processTree(pid);
    if (signal !== undefined) for (const one of tree) signalProcess(one, signal);
    let isRestAsked = signal === "SIGTERM";
    const until = performance.now() + this.#options.killAfterMs;
    while (tree.some(isAlive) && performance.now() < until && !this.#hurry.signal.aborted) {
      await pause(LOOK_MS, undefined, { signal: this.#hurry.signal }).catch(() => undefined);
      // On the way to its end it may still start something.
      tree = merged(tree, processTree(pid));
      // What a shell has put into the background hears no SIGINT.
      if (isRestAsked || tree.some((one) => one.pid === pid && isAlive(one))) continue;
      isRestAsked = true;
      for (const one of tree) signalProcess(one, "SIGTERM");
    }
    for (const one of tree) signalProcess(one, "SIGKILL");
    await this.#gone;
  }
}

function merged(before: readonly ProcessMark[], now: readonly ProcessMark[]): ProcessMark[] {
  const key = ({ pid, started }: ProcessMark): string => `${pid} ${started}`;
  return [...new Map([...before, ...now].map((mark) => [key(mark), mark])).values()];
}
