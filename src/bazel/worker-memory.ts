/** What a worker remembers of contents, by the digests that Bazel sends: they say whether something has changed, never what it is. */

import { Assembly } from "../engine/assembly.js";
import type { Shard } from "../shard/read-shard.js";
import type { KnownContent } from "../shard/write-shard.js";
import type { ActionContext } from "./actions.js";
import { pathOf } from "./worker-messages.js";

interface Remembered<T> {
  /** As Bazel sent it: of whatever digest function it uses. */
  readonly digest: string;
  readonly value: T;
}

/** Of each path the last content: a build system asks for the newest. */
export class WorkerMemory {
  readonly #contents = new Map<string, Remembered<KnownContent>>();
  readonly #turns = new Map<string, { readonly stop: AbortController; readonly done: Promise<void> }>();
  readonly #assemblies = new Map<string, Assembly>();
  readonly #shards = new Map<string, Remembered<Pick<Shard, "entries" | "links">>>();

  /** @param inputs of the request: path → digest */
  contextFor(
    inputs: ReadonlyMap<string, string>,
  ): Pick<ActionContext, "knownContent" | "onContent" | "knownShard" | "onShard" | "assemblyFor" | "takeTurn"> {
    const byName = new Map([...inputs].map(([path, digest]) => [pathOf(path), digest]));
    return {
      knownContent: (host) => recall(this.#contents, host, byName),
      onContent: (host, content) => remember(this.#contents, host, byName, content),
      knownShard: (host) => recall(this.#shards, host, byName),
      onShard: (host, { entries, links }) => remember(this.#shards, host, byName, { entries, links }),
      assemblyFor: (output, base) => this.#assemblyFor(output, base),
      takeTurn: (output) => this.#takeTurn(output),
    };
  }

  async close(): Promise<void> {
    for (const assembly of this.#assemblies.values()) await assembly.close();
  }

  /** Bazel asks for an output again only once it no longer wants what it asked for before: an interrupted build's request may still be under way. */
  async #takeTurn(output: string): Promise<{ signal: AbortSignal; end: () => void }> {
    const before = this.#turns.get(output);
    before?.stop.abort();
    const stop = new AbortController();
    let end = (): void => undefined;
    const done = new Promise<void>((resolve) => {
      end = resolve;
    });
    const turn = { stop, done };
    this.#turns.set(output, turn);
    await before?.done;
    return {
      signal: stop.signal,
      end: () => {
        if (this.#turns.get(output) === turn) this.#turns.delete(output);
        end();
      },
    };
  }

  #assemblyFor(output: string, base: Buffer): Assembly {
    const known = this.#assemblies.get(output);
    if (known !== undefined) return known;
    const assembly = new Assembly(base);
    this.#assemblies.set(output, assembly);
    return assembly;
  }
}

function recall<T>(known: ReadonlyMap<string, Remembered<T>>, host: string, inputs: ReadonlyMap<string, string>) {
  const digest = inputs.get(host);
  const remembered = known.get(host);
  return digest !== undefined && remembered?.digest === digest ? remembered.value : undefined;
}

function remember<T>(
  known: Map<string, Remembered<T>>,
  host: string,
  inputs: ReadonlyMap<string, string>,
  value: T,
): void {
  const digest = inputs.get(host);
  if (digest !== undefined) known.set(host, { digest, value });
}
