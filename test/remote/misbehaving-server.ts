/** A cache that works, but for what a test has it do wrong. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

export interface Asked {
  readonly method: string;
  /** `ac` or `cas`. */
  readonly kind: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** What is stored; undefined where nothing is. */
  readonly body: Buffer | undefined;
  /** Requests of this method and kind before this one. */
  readonly earlier: number;
}

/** @returns whether it has dealt with the request, which goes its usual way otherwise */
export type Misdeed = (asked: Asked) => boolean;

export class MisbehavingServer {
  misdeed: Misdeed = () => false;
  readonly stored = new Map<string, Buffer>();
  /** METHOD kind, of every request. */
  readonly log: string[] = [];
  /** Headers of every request. */
  readonly headers: IncomingMessage["headers"][] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket)).on("error", () => undefined);
    });
  }

  static async start(): Promise<MisbehavingServer> {
    const server = new MisbehavingServer();
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** All connections end, and nobody listens any more. */
  async stop(): Promise<void> {
    this.#server.close();
    this.drop();
    await once(this.#server, "close");
  }

  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  reset(): void {
    this.misdeed = () => false;
    this.log.length = 0;
    this.headers.length = 0;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "" } = request;
    const kind = url.split("/")[1] ?? "";
    const what = `${method} ${kind}`;
    const earlier = this.log.filter((one) => one === what).length;
    this.log.push(what);
    this.headers.push(request.headers);
    response.on("error", () => undefined);
    const body = this.stored.get(url);
    if (this.misdeed({ method, kind, request, response, body, earlier })) return;
    if (method === "PUT") {
      const pieces: Buffer[] = [];
      try {
        for await (const piece of request) pieces.push(piece as Buffer);
      } catch {
        return;
      }
      this.stored.set(url, Buffer.concat(pieces));
      response.writeHead(201).end();
    } else if (body === undefined) {
      response.writeHead(404).end();
    } else {
      response.writeHead(200, { "content-length": body.length }).end(method === "HEAD" ? undefined : body);
    }
  }
}
