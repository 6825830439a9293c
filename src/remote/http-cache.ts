/**
 * Requests to a cache that speaks Bazel's HTTP protocol (https://bazel.build/remote/caching#http-caching): GET, HEAD and PUT below `/ac/` and `/cas/`.
 * Each has one budget of time for connecting, retries and the last byte. The first that cannot be answered turns the cache off: no request is made any more.
 */

import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import type { RemotePlace } from "./url.js";

export interface HttpCacheOptions {
  readonly place: RemotePlace;
  /** Value of `Authorization`. */
  readonly authorization?: string;
  /** Budget of a request, milliseconds. */
  readonly timeoutMs: number;
  /** Ends all requests at once. */
  readonly signal?: AbortSignal;
}

/** Most bytes that are wanted, or exactly so many. */
export interface BodyLimit {
  readonly bytes: number;
  readonly isExact: boolean;
}

/** `wrong`: there is something, of a size that it cannot have. `off`: there is no answer, and there will be none; `fault` says why. */
export type Fetched =
  | { readonly kind: "found"; readonly body: Buffer<ArrayBuffer> }
  | { readonly kind: "missing" | "wrong" | "off" };

/** `unknown`: the server does not tell. */
export type Existence = "there" | "missing" | "unknown" | "off";

interface Answer {
  readonly status: number;
  /** Undefined where it is not of the size that was wanted. */
  readonly body: Buffer<ArrayBuffer> | undefined;
}

const MOST_ATTEMPTS = 5;
const FIRST_PAUSE_MS = 100;
/** Connections that are kept between requests; as many requests are under way at once. */
export const PARALLEL_REQUESTS = 4;

const RETRIED_STATUS: readonly number[] = [408, 425, 429];
const MISSING_STATUS: readonly number[] = [404, 410];
const NO_HEAD_STATUS: readonly number[] = [405, 501];
/** Of a connection; HPE_… are broken responses. What concerns certificates does not get better by asking again. */
const RETRIED_ERROR =
  /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|HPE_.*|ERR_STREAM_.*)$/;

const NOTHING: BodyLimit = { bytes: 0, isExact: false };

export class HttpCache {
  /** Bodies that came and went, bytes, failed attempts among them. */
  downloadedBytes = 0;
  uploadedBytes = 0;
  readonly #options: HttpCacheOptions;
  readonly #off = new AbortController();
  readonly #agent: HttpAgent;
  readonly #isSecure: boolean;
  #fault: string | undefined;

  constructor(options: HttpCacheOptions) {
    this.#options = options;
    this.#isSecure = options.place.base.startsWith("https:");
    const pool = { keepAlive: true, maxSockets: PARALLEL_REQUESTS };
    this.#agent = this.#isSecure ? new HttpsAgent(pool) : new HttpAgent(pool);
    options.signal?.addEventListener("abort", this.#abort, { once: true });
    if (options.signal?.aborted === true) this.#abort();
  }

  get isOff(): boolean {
    return this.#off.signal.aborted;
  }

  /** Why the cache is off: method, URL without credentials, and a status, an errno name or the timeout. Undefined when it is not, or was interrupted. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** @param path begins with a slash */
  async get(path: string, limit: BodyLimit): Promise<Fetched> {
    const answer = await this.#ask("GET", path, limit);
    if (answer === undefined) return { kind: "off" };
    if (MISSING_STATUS.includes(answer.status)) return { kind: "missing" };
    if (answer.status !== 200) return this.#refused("GET", path, answer.status);
    return answer.body === undefined ? { kind: "wrong" } : { kind: "found", body: answer.body };
  }

  async has(path: string): Promise<Existence> {
    const answer = await this.#ask("HEAD", path, NOTHING);
    if (answer === undefined) return "off";
    if (answer.status === 200 || answer.status === 204) return "there";
    if (MISSING_STATUS.includes(answer.status)) return "missing";
    return NO_HEAD_STATUS.includes(answer.status) ? "unknown" : this.#refused("HEAD", path, answer.status).kind;
  }

  /** @returns whether it is stored */
  async put(path: string, body: Buffer): Promise<boolean> {
    const answer = await this.#ask("PUT", path, NOTHING, body);
    if (answer === undefined) return false;
    const isStored = answer.status >= 200 && answer.status < 300;
    if (!isStored) this.#refused("PUT", path, answer.status);
    return isStored;
  }

  /** No connection stays. */
  close(): void {
    this.#options.signal?.removeEventListener("abort", this.#abort);
    this.#abort();
    this.#agent.destroy();
  }

  readonly #abort = (): void => this.#off.abort();

  #turnOff(method: string, path: string, what: string): void {
    if (this.isOff) return;
    this.#fault = `${method} ${this.#options.place.base}${path}: ${what}`;
    this.#off.abort();
  }

  #refused(method: string, path: string, status: number): { readonly kind: "off" } {
    this.#turnOff(method, path, `status ${status}`);
    return { kind: "off" };
  }

  /** With retries, in the budget. @returns undefined when the cache is off */
  async #ask(method: string, path: string, limit: BodyLimit, body?: Buffer): Promise<Answer | undefined> {
    const { timeoutMs } = this.#options;
    const end = performance.now() + timeoutMs;
    const budget = new AbortController();
    const { signal } = budget;
    const stop = (): void => budget.abort();
    this.#off.signal.addEventListener("abort", stop);
    const timer = setTimeout(() => this.#turnOff(method, path, `no answer in ${timeoutMs / 1000} s`), timeoutMs);
    try {
      return await this.#askUntil(end, signal, method, path, limit, body);
    } finally {
      clearTimeout(timer);
      this.#off.signal.removeEventListener("abort", stop);
    }
  }

  async #askUntil(
    end: number,
    signal: AbortSignal,
    method: string,
    path: string,
    limit: BodyLimit,
    body: Buffer | undefined,
  ): Promise<Answer | undefined> {
    for (let attempt = 1; !this.isOff; attempt++) {
      const answer = await this.#attempt(method, path, limit, body, signal).catch(
        (cause: NodeJS.ErrnoException) => cause,
      );
      if (this.isOff) break;
      const isAnswer = !(answer instanceof Error);
      if (isAnswer && !isRetried(answer.status)) return answer;
      const what = isAnswer ? `status ${answer.status}` : (answer.code ?? answer.message);
      // Half of the pause is left to chance, so that many clients do not come back together.
      const pauseMs = FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
      const isHopeless = !isAnswer && !RETRIED_ERROR.test(answer.code ?? "");
      if (isHopeless || attempt === MOST_ATTEMPTS || performance.now() + pauseMs >= end) {
        this.#turnOff(method, path, what);
        return undefined;
      }
      await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    }
    return undefined;
  }

  #attempt(
    method: string,
    path: string,
    limit: BodyLimit,
    body: Buffer | undefined,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { place, authorization } = this.#options;
    const headers = {
      "user-agent": "binaryfs",
      // What is compressed on its way is of another size.
      "accept-encoding": "identity",
      ...(authorization !== undefined && { authorization }),
      ...(body !== undefined && { "content-type": "application/octet-stream", "content-length": body.length }),
    };
    // A redirection is an answer like any other: nothing is sent to where it leads.
    const send = this.#isSecure ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const request = send(`${place.base}${path}`, { method, headers, agent: this.#agent, signal });
      request.on("response", (response) => this.#receive(response, limit).then(resolve, reject));
      request.on("error", reject);
      request.end(body, () => {
        this.uploadedBytes += body?.length ?? 0;
      });
    });
  }

  /** No more is kept than was asked for, whatever is sent. */
  async #receive(response: IncomingMessage, limit: BodyLimit): Promise<Answer> {
    const status = response.statusCode ?? 0;
    if (status !== 200 || limit === NOTHING) {
      // Read past, so that the connection may serve again; `close` ends one that never does.
      response.on("error", () => undefined).resume();
      return { status, body: undefined };
    }
    const announced = Number(response.headers["content-length"] ?? Number.NaN);
    if (announced > limit.bytes || (limit.isExact && announced < limit.bytes)) {
      response.destroy();
      return { status, body: undefined };
    }
    // What is exactly known is put in its place as it comes.
    const whole = limit.isExact ? Buffer.allocUnsafe(limit.bytes) : undefined;
    const pieces: Buffer[] = [];
    let sizeBytes = 0;
    for await (const piece of response as AsyncIterable<Buffer>) {
      this.downloadedBytes += piece.length;
      // Leaving the loop destroys the response.
      if (piece.length > limit.bytes - sizeBytes) return { status, body: undefined };
      if (whole === undefined) pieces.push(piece);
      else whole.set(piece, sizeBytes);
      sizeBytes += piece.length;
    }
    if (limit.isExact && sizeBytes < limit.bytes) return { status, body: undefined };
    return { status, body: whole ?? Buffer.concat(pieces, sizeBytes) };
  }
}

const isRetried = (status: number): boolean => status >= 500 || RETRIED_STATUS.includes(status);
