/** A watched tree: waits for events and for the moment when all is as it should be. */

import type { WatcherFactory } from "../../src/watch/backend.js";
import { makeWatcher } from "../../src/watch/backend.js";
import { EventQueue } from "../../src/watch/event-queue.js";
import { WatchLoop } from "../../src/watch/loop.js";
import type { WatchEvent } from "../../src/watch/watch-events.js";
import type { BackendName } from "../../src/watch/watcher.js";
import type { FakeSession } from "./fake-session.js";

type EventOf<K extends WatchEvent["kind"]> = Extract<WatchEvent, { kind: K }>;

export class Watching {
  readonly events: WatchEvent[] = [];
  readonly #source: AsyncGenerator<WatchEvent>;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;

  constructor(
    readonly session: FakeSession,
    backend: BackendName | WatcherFactory,
    isOwn: (host: Buffer) => boolean = () => false,
  ) {
    const queue = new EventQueue<WatchEvent>();
    const factory: WatcherFactory =
      typeof backend === "function" ? backend : (_, listener) => makeWatcher(backend, listener);
    const loop = new WatchLoop(session, { emit: (event) => queue.push(event), isOwn, makeWatcher: factory });
    this.#running = loop.run(this.#stopping.signal).finally(() => queue.end());
    this.#source = queue[Symbol.asyncIterator]();
  }

  /** The next event of a kind; others before it stay in `events`. */
  async next<K extends WatchEvent["kind"]>(kind: K): Promise<EventOf<K>> {
    for (;;) {
      const { value, done } = await this.#source.next();
      if (done === true) throw new Error(`no ${kind} came`);
      this.events.push(value);
      if (value.kind === kind) return value as EventOf<K>;
    }
  }

  /** Takes events until the session knows what a look at everything finds. */
  async caughtUp(): Promise<void> {
    const wished = JSON.stringify([...this.session.lookAtAll()]);
    while (JSON.stringify([...this.session.picture]) !== wished) await this.next("published");
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }
}
