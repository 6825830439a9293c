/** A persistent worker (https://bazel.build/remote/creating): answers requests until its standard input ends. */

import type { Readable, Writable } from "node:stream";
import { joinPath } from "../select/paths.js";
import type { ActionContext } from "./actions.js";
import { ShardPool } from "./shard-pool.js";
import { JsonFrames, LengthFrames } from "./worker-frames.js";
import { WorkerMemory } from "./worker-memory.js";
import {
  decodeRequest,
  encodeResponse,
  pathOf,
  requestFromJson,
  responseToJson,
  type WorkRequest,
  type WorkResponse,
} from "./worker-messages.js";

export type Protocol = "proto" | "json";

/** @param words latin1 text @returns what is said and the exit status; failures are no exceptions */
export type Perform = (
  words: readonly string[],
  context: ActionContext,
) => Promise<{ readonly exitCode: number; readonly output: string }>;

export interface WorkerOptions {
  readonly protocol: Protocol;
  /** Absolute host path that requests without a sandbox are relative to. */
  readonly directory: string;
  readonly input: Readable;
  readonly output: Writable;
  readonly perform: Perform;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

/** @returns once the input has ended and everything is answered. Errors: throws on input that is no message */
export async function serve(options: WorkerOptions): Promise<void> {
  const worker = new Worker(options);
  const decode = decoderOf(options.protocol);
  try {
    for await (const chunk of options.input) for (const request of decode(chunk as Buffer)) worker.take(request);
  } finally {
    await worker.finish();
  }
}

function decoderOf(protocol: Protocol): (chunk: Buffer) => WorkRequest[] {
  if (protocol === "json") {
    const frames = new JsonFrames();
    return (chunk) => frames.push(chunk).map(requestFromJson);
  }
  const frames = new LengthFrames();
  return (chunk) => frames.push(chunk).map(decodeRequest);
}

class Worker {
  readonly #options: WorkerOptions;
  readonly #memory = new WorkerMemory();
  readonly #running = new Map<number, { readonly done: Promise<void>; readonly stop: AbortController }>();
  #pool: ShardPool | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  take(request: WorkRequest): void {
    const { requestId, cancel } = request;
    if (cancel) {
      // It answers by itself, once nothing of it is written any more.
      this.#running.get(requestId)?.stop.abort();
      return;
    }
    const stop = new AbortController();
    const done = this.#answer(request, stop.signal).finally(() => this.#running.delete(requestId));
    this.#running.set(requestId, { done, stop });
  }

  async finish(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ done }) => done));
    await this.#pool?.close();
    await this.#memory.close();
  }

  async #answer({ arguments: words, inputs, requestId, sandboxDir }: WorkRequest, cancelled: AbortSignal) {
    const { directory, perform, signal } = this.#options;
    const context: ActionContext = {
      directory: sandboxDir === "" ? directory : joinPath(directory, pathOf(sandboxDir)),
      ...this.#memory.contextFor(inputs),
      signal: AbortSignal.any([cancelled, signal]),
      // Alone, a request is served soonest by this thread.
      ...(requestId !== 0 && { writeShard: (task, until) => this.#threads().write(task, until) }),
    };
    const { exitCode, output } = await perform(words.map(pathOf), context);
    this.#write(
      cancelled.aborted
        ? { exitCode: 0, output: "", requestId, wasCancelled: true }
        : { exitCode, output, requestId, wasCancelled: false },
    );
  }

  #threads(): ShardPool {
    this.#pool ??= new ShardPool();
    return this.#pool;
  }

  #write(response: WorkResponse): void {
    const { protocol, output } = this.#options;
    output.write(protocol === "json" ? responseToJson(response) : encodeResponse(response));
  }
}
