/** Carries out what the state machine decides: timers, builds, watches. */

import type { BinaryfsError } from "../errors.js";
import { makeWatcher, type WatcherFactory } from "./backend.js";
import type { Hints, SessionReport, WatchedSession } from "./engine.js";
import { type Action, type Hint, type Input, type State, start, step, type Timer } from "./machine.js";
import { endsAtStart, retryAfter } from "./retry.js";
import { rootIdentity } from "./root-place.js";
import type { WatchEvent } from "./watch-events.js";
import { Watches } from "./watches.js";

export interface LoopOptions {
  readonly emit: (event: WatchEvent) => void;
  readonly isOwn: (host: Buffer) => boolean;
  readonly makeWatcher?: WatcherFactory;
}

export class WatchLoop {
  readonly #session: WatchedSession;
  readonly #emit: (event: WatchEvent) => void;
  readonly #watches: Watches;
  readonly #timers = new Map<Timer, NodeJS.Timeout>();
  readonly #inputs: Input[] = [];
  readonly #ended: Promise<void>;
  #end!: (failure?: unknown) => void;
  #state: State | undefined;
  #isStepping = false;
  #isReady = false;
  #report: SessionReport | undefined;
  #error: BinaryfsError | undefined;
  #rest = { controller: new AbortController(), done: Promise.resolve() };

  constructor(session: WatchedSession, options: LoopOptions) {
    this.#session = session;
    this.#emit = options.emit;
    this.#ended = new Promise((resolve, reject) => {
      this.#end = (failure) => (failure === undefined ? resolve() : reject(failure));
    });
    const input = (one: Input): void => this.#handle(one);
    this.#watches = new Watches(session, options.isOwn, options.makeWatcher ?? makeWatcher, input, options.emit);
  }

  /** Resolves when all is closed: after an abort, or a failure at the start that only another call can mend. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.#handle({ kind: "abort" });
    signal.addEventListener("abort", stop, { once: true });
    const { state, actions } = start();
    this.#state = state;
    for (const action of actions) this.#carryOut(action);
    if (signal.aborted) stop();
    try {
      await this.#ended;
    } finally {
      signal.removeEventListener("abort", stop);
      for (const timer of this.#timers.values()) clearTimeout(timer);
      // After a mistake of ours nothing may keep the process alive either.
      if (this.#state?.phase !== "closed") await Promise.allSettled([this.#watches.close(), this.#session.close()]);
    }
  }

  /** One after the other: an action may bring the next input at once. */
  #handle(input: Input): void {
    this.#inputs.push(input);
    if (this.#isStepping) return;
    this.#isStepping = true;
    for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
      const { state, actions } = step(this.#state as State, next);
      this.#state = state;
      if (!this.#isReady) this.#tellReady(state);
      for (const action of actions) this.#carryOut(action);
    }
    this.#isStepping = false;
    if (this.#state?.phase === "closed") this.#end();
  }

  #tellReady({ phase, isWatching }: State): void {
    if (!isWatching || this.#report === undefined || (phase !== "idle" && phase !== "settling")) return;
    this.#isReady = true;
    const { size: directories, backend } = this.#watches;
    this.#emit({ kind: "ready", report: this.#report, directories, backend });
  }

  #carryOut(action: Action): void {
    switch (action.kind) {
      case "start":
        clearTimeout(this.#timers.get(action.timer));
        this.#timers.set(
          action.timer,
          setTimeout(() => this.#handle({ kind: "timer", timer: action.timer }), action.ms),
        );
        return;
      case "stop":
        clearTimeout(this.#timers.get(action.timer));
        return;
      case "build":
        this.#answer(this.#build(action.hints));
        return;
      case "attach":
        this.#answer(this.#attach());
        return;
      case "detach":
        this.#watches.detach();
        return;
      case "report":
        if (this.#error !== undefined) this.#emit({ kind: "error", error: this.#error, isFatal: false });
        return;
      case "rest":
        this.#rest = beginRest(this.#session);
        // Its failure is that of the next build.
        this.#rest.done.catch(() => undefined);
        return;
      case "wake":
        this.#rest.controller.abort();
        return;
      case "look-for-root":
        this.#handle({ kind: rootIdentity(this.#session.root) === undefined ? "root-gone" : "root-back" });
        return;
      case "close":
        this.#answer(this.#close());
        return;
      default:
        action satisfies never;
    }
  }

  /** What throws is a mistake of ours, and ends all. */
  #answer(work: Promise<Input>): void {
    work.then(
      (input) => this.#handle(input),
      (cause: unknown) => this.#end(cause),
    );
  }

  async #build(hints: "all" | readonly Hint[]): Promise<Input> {
    await this.#rest.done;
    const result = await this.#session.update(hints === "all" ? "all" : hintsOf(hints));
    if (!result.ok) return this.#failed(result.error);
    const report = result.value;
    this.#report = report;
    if (this.#isReady && !report.upToDate) this.#emit({ kind: "published", report });
    return {
      kind: "built",
      ok: true,
      hasOtherDirectories: this.#watches.isDue(report),
      durationMs: report.durationMs,
    };
  }

  #failed(error: BinaryfsError): Input {
    this.#error = error;
    const subject = `${error.code} ${error.path?.toString("latin1") ?? ""} ${error.detail ?? ""}`;
    const isGone = rootIdentity(this.#session.root) === undefined;
    const isHopeless = this.#report === undefined && (isGone || endsAtStart(error.code));
    if (isHopeless && this.#state?.phase === "building") {
      this.#emit({ kind: "error", error, isFatal: true });
      this.#handle({ kind: "abort" });
    }
    return { kind: "built", ok: false, retry: isGone ? "root" : retryAfter(error.code), subject };
  }

  async #attach(): Promise<Input> {
    const again = await this.#watches.attach(this.#report as SessionReport);
    if (again === undefined) this.#handle({ kind: "doubt" });
    return { kind: "attached", again: again ?? [] };
  }

  async #close(): Promise<Input> {
    await this.#watches.close();
    // Ends the rest's work, too.
    await this.#session.close();
    await this.#rest.done.catch(() => undefined);
    return { kind: "closed" };
  }
}

/** Without edits, until the state is written. */
const CALM_MS = 1000;

function beginRest(session: WatchedSession): { controller: AbortController; done: Promise<void> } {
  const controller = new AbortController();
  return { controller, done: session.idle(controller.signal, CALM_MS) };
}

/** Each path once. */
function hintsOf(hints: readonly Hint[]): Hints {
  const unique = (isListing: boolean): Buffer[] => [
    ...new Map(
      hints.filter((hint) => hint.isListing === isListing).map(({ path }) => [path.toString("latin1"), path]),
    ).values(),
  ];
  return { directories: unique(true), files: unique(false) };
}
