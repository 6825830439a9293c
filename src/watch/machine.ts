/**
 * The state machine of watching: inputs in, actions out. It has no clock and touches nothing.
 *
 *         hint          settle          built, with
 *         doubt         limit           other directories
 *   idle ───────► settling ───────► building ───────► attaching
 *    │ ▲             ▲ ▲             ▲ │ │ │             │ │
 *    │ │             │ └─────────────┼─┘ │ │             │ │
 *    │ │             │ built, and more   │ │             │ │
 *    │ │             │ came meanwhile    │ │             │ │
 *    │ └─────────────┼───────────────┼───┘ │             │ │
 *    │ built, failed │               │     │ root gone   │ │
 *    └───────────────┼───────────────┤     ▼             │ │
 *    calm, retry,    │     root-back └── broken          │ │
 *    poll            │                                   │ │
 *                    └───────────────────────────────────┘ │
 *                      attached: look at new ones again     │
 *    idle ◄────────────────────────────────────────────────┘
 *                      attached: nothing to look at
 *
 *     abort leads from everywhere to closing (which waits for a build or for watches under way), and `closed` ends it.
 *
 * It begins in `building`, with a look at everything. What comes in while it builds waits for the next build. A burst is answered by a look
 * at everything, and by another one when it is over: the kernel's queue of events overflows without a word.
 */

/** A guest path that an event named. `isListing`: the directory's names may have changed; otherwise it is the name itself that is to be looked at. */
export interface Hint {
  readonly path: Buffer;
  readonly isListing: boolean;
}

/** `settle`: quiet for a moment. `limit`: quiet or not. `calm`: after a burst. */
export type Timer = "settle" | "limit" | "calm" | "retry" | "poll" | "root";

/** What a failed build waits for: a moment, a while, an event, or its root. */
export type Retry = "soon" | "later" | "event" | "root";

export type Input =
  | { readonly kind: "hint"; readonly hint: Hint }
  /** Something happened, and nobody knows what. */
  | { readonly kind: "doubt" }
  | { readonly kind: "timer"; readonly timer: Timer }
  /** `hasOtherDirectories`: other directories than those that are watched are to be. */
  | { readonly kind: "built"; readonly ok: true; readonly hasOtherDirectories: boolean; readonly durationMs: number }
  /** `subject`: equal for two failures that are one to the user. */
  | { readonly kind: "built"; readonly ok: false; readonly retry: Retry; readonly subject: string }
  /** `again`: directories whose watches are new. What appeared in them before has had no event. */
  | { readonly kind: "attached"; readonly again: readonly Hint[] }
  /** The system refuses more watches. */
  | { readonly kind: "watching-failed" }
  | { readonly kind: "root-gone" }
  | { readonly kind: "root-back" }
  | { readonly kind: "abort" }
  | { readonly kind: "closed" };

export type Action =
  /** Starts the timer, anew if it runs. */
  | { readonly kind: "start"; readonly timer: Timer; readonly ms: number }
  | { readonly kind: "stop"; readonly timer: Timer }
  /** Answered by `built`. */
  | { readonly kind: "build"; readonly hints: "all" | readonly Hint[] }
  /** Watch what is to be watched; always answered by `attached`, also after `watching-failed`. */
  | { readonly kind: "attach" }
  | { readonly kind: "detach" }
  /** Tell of the failure that the input brought. */
  | { readonly kind: "report" }
  /** Nothing is to be done: time for work that makes the next build faster. */
  | { readonly kind: "rest" }
  | { readonly kind: "wake" }
  /** Answered by `root-gone` or `root-back`. */
  | { readonly kind: "look-for-root" }
  /** Answered by `closed`. */
  | { readonly kind: "close" };

type Phase = "idle" | "settling" | "building" | "attaching" | "broken" | "closing" | "closed";

export interface State {
  readonly phase: Phase;
  /** Came in, and no build that began after it has been started. */
  readonly pending: Pending;
  /** Nothing has been built or the last build failed: the next one looks at everything. */
  readonly owesAll: boolean;
  /** A burst came that no look after it has followed yet. */
  readonly isBurst: boolean;
  /** Watches cannot be had. */
  readonly isPolling: boolean;
  /** A build has succeeded, so that its directories are watched. */
  readonly isWatching: boolean;
  readonly isResting: boolean;
  /** Subject of the failure that was told of last, until a build succeeds. */
  readonly reported: string | undefined;
  /** Duration of the last build that looked at everything. */
  readonly fullMs: number;
  readonly isFull: boolean;
}

interface Pending {
  readonly hints: readonly Hint[];
  readonly isAll: boolean;
}

const NOTHING: Pending = { hints: [], isAll: false };
const EVERYTHING: Pending = { hints: [], isAll: true };

/** An editor writes, renames and removes within a few milliseconds. */
const SETTLE_MS = 5;
/** Whoever writes all the time is published all the same. */
const LIMIT_MS = 50;
/** More hints than this before one build are a burst. */
export const BURST_HINTS = 1000;
const CALM_MS = 250;
const SOON_MS = 100;
const LATER_MS = 2000;
const ROOT_MS = 200;
/** Polling may take this share of the time. */
const POLL_FACTOR = 4;
const MIN_POLL_MS = 1000;

export interface Step {
  readonly state: State;
  readonly actions: readonly Action[];
}

export function start(): Step {
  return {
    state: {
      phase: "building",
      pending: NOTHING,
      owesAll: false,
      isBurst: false,
      isPolling: false,
      isWatching: false,
      isResting: false,
      reported: undefined,
      fullMs: 0,
      isFull: true,
    },
    actions: [{ kind: "build", hints: "all" }],
  };
}

export function step(state: State, input: Input): Step {
  if (state.phase === "closed") return { state, actions: [] };
  if (state.phase === "closing") return whileClosing(state, input);
  switch (input.kind) {
    case "hint":
      return gather(withHint(state, input.hint));
    case "doubt":
      return gather({ ...state, pending: EVERYTHING });
    case "timer":
      return onTimer(state, input.timer);
    case "built":
      if (state.phase !== "building") return { state, actions: [] };
      return input.ok ? onSuccess(state, input) : onFailure(state, input);
    case "attached":
      if (state.phase !== "attaching") return { state, actions: [] };
      return settleOrRest(input.again.reduce(withHint, state));
    case "watching-failed":
      return onLimit(state);
    case "root-gone":
      return state.phase === "broken" ? { state, actions: [startTimer("root", ROOT_MS)] } : { state, actions: [] };
    case "root-back":
      return state.phase === "broken" ? build({ ...state, pending: EVERYTHING }) : { state, actions: [] };
    case "abort":
      return onAbort(state);
    case "closed":
      return { state: { ...state, phase: "closed" }, actions: [] };
    default:
      return input satisfies never;
  }
}

function withHint(state: State, hint: Hint): State {
  const { pending } = state;
  if (pending.isAll) return state;
  if (pending.hints.length >= BURST_HINTS) return { ...state, pending: EVERYTHING, isBurst: true };
  return { ...state, pending: { hints: [...pending.hints, hint], isAll: false } };
}

/** Something came in. */
function gather(state: State): Step {
  switch (state.phase) {
    case "idle":
      return settle(state);
    case "settling":
      return { state, actions: [startTimer("settle", SETTLE_MS)] };
    default:
      return { state, actions: [] };
  }
}

function onTimer(state: State, timer: Timer): Step {
  switch (timer) {
    case "settle":
    case "limit":
      return state.phase === "settling" ? build(state) : { state, actions: [] };
    case "calm":
    case "retry":
    case "poll": {
      // A build under way began before now: what it misses is for the next one.
      const due = { ...state, pending: EVERYTHING };
      if (state.phase === "idle") return build(due);
      return { state: state.phase === "broken" ? state : due, actions: [] };
    }
    case "root":
      return { state, actions: state.phase === "broken" ? [{ kind: "look-for-root" }] : [] };
    default:
      return timer satisfies never;
  }
}

function build(state: State): Step {
  const isAll = state.pending.isAll || state.owesAll;
  return {
    state: { ...state, phase: "building", pending: NOTHING, isResting: false, isFull: isAll },
    actions: [
      ...awake(state),
      ...(["settle", "limit", "retry", "poll"] as const).map(stopTimer),
      { kind: "build", hints: isAll ? "all" : state.pending.hints },
    ],
  };
}

function onSuccess(state: State, input: Extract<Input, { kind: "built"; ok: true }>): Step {
  const built: State = {
    ...state,
    owesAll: false,
    isBurst: false,
    isWatching: true,
    reported: undefined,
    fullMs: state.isFull ? input.durationMs : state.fullMs,
  };
  // What overflowed has had no event: everything is looked at once more after the burst.
  const calm: Action[] = state.isBurst && !state.pending.isAll ? [startTimer("calm", CALM_MS)] : [];
  const kept: State = { ...built, isBurst: state.isBurst && state.pending.isAll };
  if (input.hasOtherDirectories && !state.isPolling) {
    return { state: { ...kept, phase: "attaching" }, actions: [...calm, { kind: "attach" }] };
  }
  return after(calm, settleOrRest(kept));
}

function onFailure(state: State, input: Extract<Input, { kind: "built"; ok: false }>): Step {
  const report: Action[] = state.reported === input.subject ? [] : [{ kind: "report" }];
  const failed: State = { ...state, owesAll: true, reported: input.subject };
  if (input.retry === "root") {
    const actions: Action[] = [...report, stopTimer("calm"), { kind: "detach" }, startTimer("root", ROOT_MS)];
    return { state: { ...failed, phase: "broken", pending: NOTHING, isBurst: false, isWatching: false }, actions };
  }
  if (isPending(failed)) return after(report, settle(failed));
  return after(report, { state: { ...failed, phase: "idle" }, actions: waitingFor(failed, input.retry) });
}

/** Without watches there is no event to wait for. */
function waitingFor(state: State, retry: Retry): Action[] {
  if (retry === "soon") return [startTimer("retry", SOON_MS)];
  if (state.isPolling) return [startPoll(state)];
  return retry === "later" || !state.isWatching ? [startTimer("retry", LATER_MS)] : [];
}

function onLimit(state: State): Step {
  if (state.isPolling) return { state, actions: [] };
  const polling: State = { ...state, isPolling: true };
  const detach: Action = { kind: "detach" };
  if (state.phase === "broken") return { state: polling, actions: [detach] };
  const doubtful: State = { ...polling, pending: EVERYTHING };
  return after([detach], gather(doubtful));
}

function settleOrRest(state: State): Step {
  if (isPending(state)) return settle(state);
  const poll = state.isPolling ? [startPoll(state)] : [];
  return { state: { ...state, phase: "idle", isResting: true }, actions: [...poll, { kind: "rest" }] };
}

function settle(state: State): Step {
  return {
    state: { ...state, phase: "settling", isResting: false },
    actions: [...awake(state), startTimer("settle", SETTLE_MS), startTimer("limit", LIMIT_MS)],
  };
}

const TIMERS: readonly Timer[] = ["settle", "limit", "calm", "retry", "poll", "root"];

function onAbort(state: State): Step {
  const isBusy = state.phase === "building" || state.phase === "attaching";
  const close: Action[] = isBusy ? [] : [{ kind: "close" }];
  return {
    state: { ...state, phase: "closing", isResting: false },
    actions: [...awake(state), ...TIMERS.map(stopTimer), { kind: "detach" }, ...close],
  };
}

function whileClosing(state: State, input: Input): Step {
  switch (input.kind) {
    case "built":
    case "attached":
      // What was under way is over: nothing else can answer.
      return { state, actions: [{ kind: "close" }] };
    case "closed":
      return { state: { ...state, phase: "closed" }, actions: [] };
    default:
      return { state, actions: [] };
  }
}

const isPending = ({ pending }: State): boolean => pending.isAll || pending.hints.length > 0;
const awake = (state: State): Action[] => (state.isResting ? [{ kind: "wake" }] : []);
const startTimer = (timer: Timer, ms: number): Action => ({ kind: "start", timer, ms });
const stopTimer = (timer: Timer): Action => ({ kind: "stop", timer });
const startPoll = (state: State): Action => startTimer("poll", Math.max(MIN_POLL_MS, POLL_FACTOR * state.fullMs));
const after = (first: readonly Action[], { state, actions }: Step): Step => ({
  state,
  actions: [...first, ...actions],
});
