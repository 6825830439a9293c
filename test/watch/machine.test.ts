import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Action, BURST_HINTS, type Hint, type Input, type State, start, step } from "../../src/watch/machine.js";

const hint = (name: string): Input => ({ kind: "hint", hint: { path: Buffer.from(name), isListing: false } });
const built = (hasOtherDirectories = false): Input => ({
  kind: "built",
  ok: true,
  hasOtherDirectories,
  durationMs: 10,
});
const failed = (retry: "soon" | "later" | "event" | "root", subject = "x"): Input => ({
  kind: "built",
  ok: false,
  retry,
  subject,
});
const timer = (name: "settle" | "limit" | "calm" | "retry" | "poll" | "root"): Input => ({
  kind: "timer",
  timer: name,
});
const attached = (...names: string[]): Input => ({
  kind: "attached",
  again: names.map((name) => ({ path: Buffer.from(name), isListing: true })),
});

/** Actions as short text, those of the last input alone. */
function played(inputs: readonly Input[]): { phase: string; actions: string[]; state: State } {
  let { state, actions } = start();
  for (const input of inputs) ({ state, actions } = step(state, input));
  return { phase: state.phase, actions: actions.map(text), state };
}

function text(action: Action): string {
  if (action.kind === "start") return `start ${action.timer} ${action.ms}`;
  if (action.kind === "stop") return `stop ${action.timer}`;
  if (action.kind !== "build") return action.kind;
  return `build ${action.hints === "all" ? "all" : action.hints.map(({ path }) => path.toString()).join(" ")}`;
}

const WATCHING = [built(true), attached()];
const BUILD_STOPS = ["stop settle", "stop limit", "stop retry", "stop poll"];

describe("the machine", () => {
  it.each<[string, Input[], string, string[]]>([
    ["begins with a build of everything", [], "building", ["build all"]],
    ["watches what the first build listed", [built(true)], "attaching", ["attach"]],
    ["rests when all is watched", WATCHING, "idle", ["rest"]],
    [
      "looks at new directories again",
      [built(true), attached("/new")],
      "settling",
      ["start settle 5", "start limit 50"],
    ],
    ["lets an event settle", [...WATCHING, hint("/a")], "settling", ["wake", "start settle 5", "start limit 50"]],
    ["waits for more", [...WATCHING, hint("/a"), hint("/b")], "settling", ["start settle 5"]],
    [
      "builds what was named when it is quiet",
      [...WATCHING, hint("/a"), hint("/b"), timer("settle")],
      "building",
      [...BUILD_STOPS, "build /a /b"],
    ],
    [
      "builds at the limit, quiet or not",
      [...WATCHING, hint("/a"), timer("limit")],
      "building",
      [...BUILD_STOPS, "build /a"],
    ],
    ["keeps what comes in while it builds", [hint("/a")], "building", []],
    ["builds that next", [hint("/a"), built(), timer("settle")], "building", [...BUILD_STOPS, "build /a"]],
    [
      "looks at everything in doubt",
      [...WATCHING, hint("/a"), { kind: "doubt" }, hint("/b"), timer("settle")],
      "building",
      [...BUILD_STOPS, "build all"],
    ],
    ["tells of a failure", [...WATCHING, hint("/a"), timer("settle"), failed("event")], "idle", ["report"]],
    [
      "tells of it once",
      [...WATCHING, hint("/a"), timer("settle"), failed("event"), hint("/b"), timer("settle"), failed("event")],
      "idle",
      [],
    ],
    [
      "tells of it anew after a success",
      [failed("later"), timer("retry"), built(), hint("/a"), timer("settle"), failed("event")],
      "idle",
      ["report"],
    ],
    [
      "looks at everything after a failure",
      [...WATCHING, hint("/a"), timer("settle"), failed("event"), hint("/b"), timer("settle")],
      "building",
      [...BUILD_STOPS, "build all"],
    ],
    [
      "tries soon again when a file changed under it",
      [...WATCHING, hint("/a"), timer("settle"), failed("soon")],
      "idle",
      ["report", "start retry 100"],
    ],
    ["tries again without watches, for want of events", [failed("event")], "idle", ["report", "start retry 2000"]],
    [
      "waits for a root that is gone",
      [...WATCHING, hint("/a"), timer("settle"), failed("root")],
      "broken",
      ["report", "stop calm", "detach", "start root 200"],
    ],
    ["looks for it", [failed("root"), timer("root")], "broken", ["look-for-root"]],
    ["and again", [failed("root"), timer("root"), { kind: "root-gone" }], "broken", ["start root 200"]],
    [
      "builds everything when it is back",
      [failed("root"), timer("root"), { kind: "root-back" }],
      "building",
      [...BUILD_STOPS, "build all"],
    ],
    [
      "polls where watches are refused",
      [built(true), { kind: "watching-failed" }, attached(), timer("settle"), built(true)],
      "idle",
      ["start poll 1000", "rest"],
    ],
    [
      "polls",
      [built(true), { kind: "watching-failed" }, attached(), timer("settle"), built(), timer("poll")],
      "building",
      ["wake", ...BUILD_STOPS, "build all"],
    ],
    [
      "closes at once when idle",
      [...WATCHING, { kind: "abort" }],
      "closing",
      [
        "wake",
        ...["settle", "limit", "calm", "retry", "poll", "root"].map((name) => `stop ${name}`),
        "detach",
        "close",
      ],
    ],
    ["closes after a build under way", [{ kind: "abort" }, failed("event")], "closing", ["close"]],
    ["closes after watches under way", [built(true), { kind: "abort" }, attached()], "closing", ["close"]],
    ["is closed", [...WATCHING, { kind: "abort" }, { kind: "closed" }, hint("/a")], "closed", []],
  ])("%s", (_, inputs, phase, actions) => {
    expect(played(inputs)).toMatchObject({ phase, actions });
  });

  it("answers a burst with a look at everything, and another one when it is calm", () => {
    const burst = Array.from({ length: BURST_HINTS + 1 }, (_, index) => hint(`/${index}`));
    const first = [...WATCHING, ...burst, timer("settle")];
    expect(played(first).actions).toContain("build all");
    expect(played([...first, built()]).actions).toEqual(["start calm 250", "rest"]);
    expect(played([...first, built(), timer("calm")]).actions).toContain("build all");
    // A burst during that build is one of its own.
    expect(played([...first, ...burst, built(), timer("settle"), built()]).actions).toEqual(["start calm 250", "rest"]);
  });
});

/** Drives the machine as the loop does, with builds that record what they looked at. */
class World {
  state: State;
  #time = 0;
  readonly #timers = new Map<string, number>();
  running: { hints: "all" | readonly Hint[]; began: number } | undefined;
  attaching = false;
  closing = false;
  isClosed = false;
  closes = 0;
  #seenAll = -1;
  readonly #seen = new Map<string, number>();

  constructor() {
    const first = start();
    this.state = first.state;
    for (const action of first.actions) this.#do(action);
  }

  give(input: Input): void {
    this.#time++;
    const { state, actions } = step(this.state, input);
    this.state = state;
    for (const action of actions) this.#do(action);
  }

  /** The name was looked at, with success, after that time. */
  sawAfter = (path: string, time: number): boolean => Math.max(this.#seenAll, this.#seen.get(path) ?? -1) >= time;
  now = (): number => this.#time;

  fire(): boolean {
    const [next] = [...this.#timers].sort((a, b) => a[1] - b[1]);
    if (next === undefined) return false;
    this.#timers.delete(next[0]);
    this.give(timer(next[0] as "settle"));
    return true;
  }

  finish(input: Input): void {
    const running = this.running;
    if (running === undefined) return;
    this.running = undefined;
    if (input.kind === "built" && input.ok) {
      if (running.hints === "all") this.#seenAll = running.began;
      else for (const { path } of running.hints) this.#seen.set(path.toString(), running.began);
    }
    this.give(input);
  }

  attach(): void {
    if (!this.attaching) return;
    this.attaching = false;
    this.give(attached());
  }

  #do(action: Action): void {
    switch (action.kind) {
      case "start":
        this.#timers.set(action.timer, this.#time * 1e6 + action.ms);
        break;
      case "stop":
        this.#timers.delete(action.timer);
        break;
      case "build":
        expect(this.running).toBeUndefined();
        this.running = { hints: action.hints, began: this.#time };
        break;
      case "attach":
        expect(this.attaching).toBe(false);
        this.attaching = true;
        break;
      case "close":
        expect(this.running).toBeUndefined();
        expect(this.attaching).toBe(false);
        this.closes++;
        break;
    }
  }
}

const names = ["/a", "/b", "/c/d"];
const anyInput = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...names).map((name) => ({ do: "hint", name }) as const) },
  { weight: 3, arbitrary: fc.constant({ do: "fire" } as const) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("succeed" as const), other: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("fail" as const),
      retry: fc.constantFrom("soon" as const, "later" as const, "event" as const, "root" as const),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ do: "attach" } as const) },
  { weight: 1, arbitrary: fc.constantFrom("doubt", "limit", "burst", "root").map((kind) => ({ do: kind }) as const) },
);

type Play = typeof anyInput extends fc.Arbitrary<infer T> ? T : never;

function play(world: World, inputs: readonly Play[], heard: Map<string, number>): void {
  const hear = (name: string): void => {
    world.give(hint(name));
    heard.set(name, world.now());
  };
  for (const input of inputs) {
    if (input.do === "hint") hear(input.name);
    else if (input.do === "burst") for (let count = 0; count <= BURST_HINTS; count++) hear(`/burst/${count}`);
    else if (input.do === "fire") world.fire();
    else if (input.do === "succeed") world.finish(built(input.other));
    else if (input.do === "fail") world.finish(failed(input.retry));
    else if (input.do === "attach") world.attach();
    else if (input.do === "doubt") world.give({ kind: "doubt" });
    else if (input.do === "limit") world.give({ kind: "watching-failed" });
    else world.give({ kind: world.state.phase === "broken" ? "root-back" : "root-gone" });
  }
}

describe("after any sequence of inputs", () => {
  it("every name that an event named is looked at after that event", () => {
    fc.assert(
      fc.property(fc.array(anyInput, { maxLength: 60 }), (inputs) => {
        const world = new World();
        const heard = new Map<string, number>();
        play(world, inputs, heard);
        // Things calm down: builds succeed, timers fire, the root comes back. A failure may need one more event.
        const last = () => play(world, [{ do: "hint", name: "/last" }], heard);
        if (world.running === undefined) last();
        for (let round = 0; round < 40; round++) {
          world.finish(built());
          world.attach();
          if (world.state.phase === "broken") world.give({ kind: "root-back" });
          if (world.state.phase !== "idle" || round < 20) world.fire();
        }
        world.finish(built());
        world.attach();
        expect(world.state.phase).toBe("idle");
        for (const [name, time] of heard) expect(world.sawAfter(name, time), name).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("an abort closes once, when nothing is under way any more", () => {
    fc.assert(
      fc.property(fc.array(anyInput, { maxLength: 40 }), fc.array(anyInput, { maxLength: 20 }), (before, later) => {
        const world = new World();
        play(world, before, new Map());
        world.give({ kind: "abort" });
        play(world, later, new Map());
        world.finish(failed("event"));
        world.attach();
        expect(world.fire()).toBe(false);
        expect(world.closes).toBe(1);
        world.give({ kind: "closed" });
        expect(world.state.phase).toBe("closed");
      }),
      { numRuns: 300 },
    );
  });
});
