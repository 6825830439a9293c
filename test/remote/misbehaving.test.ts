/**
 * Whatever a cache does: the library is right, the build succeeds, it says so once, and it waits no longer than the timeout. That is seen by what the cache is asked: where
 * it hangs, by nothing once the first request was given up; where it does something wrong, by an end long before a timeout that is longer than the test.
 */

import { createHash } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { build, pack } from "../../src/build.js";
import type { BuildReport, RemoteCacheOptions } from "../../src/engine/options.js";
import { PARALLEL_REQUESTS } from "../../src/remote/http-cache.js";
import { settleClock } from "../support/incremental.js";
import { type Asked, MisbehavingServer, type Misdeed } from "./misbehaving-server.js";
import { remoteWarnings, Scene } from "./scenes.js";

/** Of a cache that hangs, and of one that is to answer in the end. */
const [SHORT_MS, LONG_MS] = [1500, 3_600_000];

let scene: Scene;
let server: MisbehavingServer;
let wanted: string | undefined;
let cache: RemoteCacheOptions;

beforeAll(async () => {
  scene = new Scene();
  await settleClock();
  wanted = (await scene.machine(undefined).build()).digest;
});
afterAll(() => scene.remove());
beforeEach(async () => {
  server = await MisbehavingServer.start();
  cache = { url: server.url, timeoutMs: LONG_MS };
});
afterEach(() => server.stop().catch(() => undefined));

async function fill(): Promise<void> {
  expect(await scene.machine(cache).build()).toMatchObject({ remote: { outcome: "miss" } });
  server.reset();
}

/** A build on a machine that has nothing yet. */
async function newBuild(options = cache): Promise<{ report: BuildReport; detail: string }> {
  const machine = scene.machine(options);
  const report = await machine.build();
  expect(report.digest).toBe(wanted);
  expect(await machine.difference()).toBeUndefined();
  expect(remoteWarnings(report).length).toBeLessThanOrEqual(1);
  const detail = report.warnings.find(({ code }) => code.startsWith("remote-cache"))?.detail ?? "";
  return { report, detail };
}

const on =
  (method: string, kind: string, act: (asked: Asked) => void): Misdeed =>
  (asked) => {
    if (asked.method !== method || asked.kind !== kind) return false;
    act(asked);
    return true;
  };
const hang = (): void => undefined;
const drip = ({ request, response, body }: Asked): void => {
  response.writeHead(200, { "content-length": body?.length ?? 100_000 });
  const timer = setInterval(() => response.write("x"), 20);
  request.on("close", () => clearInterval(timer));
  response.on("close", () => clearInterval(timer));
};
/** Half of what was announced, and the end of the connection. */
const dieHalfWay = ({ response, body }: Asked): void => {
  response.writeHead(200, { "content-length": body?.length ?? 10 });
  response.write(body?.subarray(0, Math.floor(body.length / 2)), () => response.destroy());
};
const status =
  (code: number, headers: Record<string, string> = {}) =>
  ({ response }: Asked): void => {
    response.writeHead(code, headers).end();
  };

describe("a cache that does not answer", () => {
  it.each<[string, boolean, Misdeed]>([
    ["to a look for an entry", false, on("GET", "ac", hang)],
    ["to a look for a piece", true, on("GET", "cas", hang)],
    ["to a look for the third piece", true, (asked) => asked.kind === "cas" && asked.earlier >= 2],
    ["with more than a drip of an entry", true, on("GET", "ac", drip)],
    ["with more than a drip of a piece", true, on("GET", "cas", drip)],
    ["whether it has a piece", false, on("HEAD", "cas", hang)],
    ["to a piece that is stored", false, on("PUT", "cas", hang)],
    ["to an entry that is stored", false, on("PUT", "ac", hang)],
    ["to anything", false, () => true],
  ])("%s costs the timeout, once", async (_, isFilled, misdeed) => {
    if (isFilled) await fill();
    let held = 0;
    let givenUp = 0;
    let later = 0;
    server.misdeed = (asked) => {
      if (givenUp > 0) later++;
      const isHeld = misdeed(asked);
      if (!isHeld) return false;
      held++;
      asked.response.on("close", () => givenUp++);
      return true;
    };
    const begun = performance.now();
    const { report, detail } = await newBuild({ ...cache, timeoutMs: SHORT_MS });
    const ms = performance.now() - begun;
    expect(report).toMatchObject({ method: "new", remote: { outcome: "off" } });
    expect(remoteWarnings(report)).toEqual(["remote-cache-off"]);
    expect(detail).toContain("no answer in 1.5 s");
    expect(ms).toBeGreaterThanOrEqual(SHORT_MS - 50);
    // Nothing is asked of it once it is off: only the requests that hang together with the first.
    expect(held).toBeGreaterThan(0);
    expect(held).toBeLessThanOrEqual(PARALLEL_REQUESTS);
    expect(later).toBe(0);
  });
});

describe("a cache that refuses", () => {
  it("connections costs a few attempts", async () => {
    await server.stop();
    const { report, detail } = await newBuild();
    expect(report).toMatchObject({ method: "new", remote: { outcome: "off" } });
    expect(remoteWarnings(report)).toEqual(["remote-cache-off"]);
    expect(detail).toMatch(/^GET http:\/\/127\.0\.0\.1:\d+\/ac\/[0-9a-f]{64}: ECONNREFUSED$/);
  });

  it.each<[string, string, number]>([
    ["GET", "ac", 401],
    ["GET", "ac", 403],
    ["GET", "ac", 400],
    ["HEAD", "cas", 403],
    ["PUT", "cas", 405],
    ["PUT", "cas", 413],
    ["PUT", "ac", 403],
    ["GET", "ac", 500],
    ["PUT", "cas", 503],
  ])("%s /%s/ with status %i is told by that, and asked no more", async (method, kind, code) => {
    server.misdeed = on(method, kind, status(code));
    const { report, detail } = await newBuild();
    expect(report.remote?.outcome).toBe("off");
    expect(remoteWarnings(report)).toEqual(["remote-cache-off"]);
    expect(detail).toContain(`${method} ${server.url}/${kind}/`);
    expect(detail).toMatch(new RegExp(`: status ${code}$`));
  });

  it("by a redirection, after which nobody else hears of the credentials", async () => {
    const elsewhere = await MisbehavingServer.start();
    try {
      server.misdeed = on("GET", "ac", status(302, { location: `${elsewhere.url}/ac/x` }));
      const { report, detail } = await newBuild({ ...cache, url: cache.url.replace("//", "//me:secret@") });
      expect(report.remote?.outcome).toBe("off");
      expect(detail).toMatch(/: status 302$/);
      expect(detail).not.toContain("secret");
      expect(server.headers[0]?.authorization).toBe(`Basic ${Buffer.from("me:secret").toString("base64")}`);
      expect(elsewhere.log).toEqual([]);
    } finally {
      await elsewhere.stop();
    }
  });
});

describe("a cache that dies", () => {
  it.each<[string, boolean, Misdeed]>([
    ["half way through a piece", true, on("GET", "cas", dieHalfWay)],
    ["half way through an entry", true, on("GET", "ac", dieHalfWay)],
    [
      "while a piece is stored",
      false,
      on("PUT", "cas", ({ request }) => request.once("data", () => request.destroy())),
    ],
    ["at every request", false, ({ request }) => request.destroy() !== undefined],
  ])("%s is given up after a few attempts", async (_, isFilled, misdeed) => {
    if (isFilled) await fill();
    server.misdeed = misdeed;
    const { report } = await newBuild();
    expect(report).toMatchObject({ method: "new", remote: { outcome: "off" } });
    expect(remoteWarnings(report)).toEqual(["remote-cache-off"]);
  });

  it("for good after the first piece", async () => {
    await fill();
    let gone: Promise<void> | undefined;
    server.misdeed = ({ kind, earlier }) => {
      if (kind !== "cas" || earlier < 1) return false;
      gone ??= server.stop();
      return true;
    };
    const { report } = await newBuild();
    await gone;
    expect(report).toMatchObject({ method: "new", remote: { outcome: "off" } });
  });
});

describe("a cache that stumbles", () => {
  it.each<[string, Misdeed]>([
    ["with status 500", ({ earlier, response }) => earlier === 0 && response.writeHead(500).end() !== undefined],
    ["with status 429", ({ earlier, response }) => earlier === 0 && response.writeHead(429).end() !== undefined],
    ["by ending the connection", ({ earlier, request }) => earlier === 0 && request.destroy() !== undefined],
  ])("%s at first is asked again, and nobody hears of it", async (_, misdeed) => {
    await fill();
    server.misdeed = misdeed;
    const { report } = await newBuild();
    expect(report).toMatchObject({ method: "remote", remote: { outcome: "hit" } });
    expect(remoteWarnings(report)).toEqual([]);
  });

  it("in that it does not know HEAD gets everything", async () => {
    server.misdeed = on("HEAD", "cas", status(405));
    const { report } = await newBuild();
    expect(report.remote?.outcome).toBe("miss");
    expect(remoteWarnings(report)).toEqual([]);
    server.reset();
    expect((await newBuild()).report.method).toBe("remote");
  });
});

describe("a cache that lies", () => {
  const wrong = (bytes: Buffer): Buffer => Buffer.from(bytes).fill(0x41, bytes.length >> 1, (bytes.length >> 1) + 8);
  it.each<[string, Misdeed]>([
    ["about a piece's bytes", on("GET", "cas", ({ response, body }) => response.end(wrong(body as Buffer)))],
    [
      "about a piece's size, longer",
      on("GET", "cas", ({ response, body }) => response.end(Buffer.concat([body as Buffer, Buffer.alloc(9)]))),
    ],
    [
      "about a piece's size, without announcing it",
      on("GET", "cas", ({ response, body }) => {
        response.writeHead(200, { "transfer-encoding": "chunked" });
        response.write(body);
        response.end("x");
      }),
    ],
    ["with an empty piece", on("GET", "cas", ({ response }) => response.end())],
    [
      "with an endless piece",
      on("GET", "cas", ({ response }) => {
        response.writeHead(200, { "transfer-encoding": "chunked" });
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(1 << 20)));
        };
        response.on("drain", more);
        more();
      }),
    ],
    [
      "with an entry of a petabyte",
      on("GET", "ac", ({ response }) => response.writeHead(200, { "content-length": "1000000000000000" }).write("x")),
    ],
    [
      "with an endless entry",
      on("GET", "ac", ({ response }) => {
        response.writeHead(200, { "transfer-encoding": "chunked" });
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(1 << 16, 0x12)));
        };
        response.on("drain", more);
        more();
      }),
    ],
    ["with an entry of noise", on("GET", "ac", ({ response }) => response.end(Buffer.alloc(5000, 0xfe)))],
  ])("%s is not believed, and gets what is right", async (_, misdeed) => {
    await fill();
    const before = server.stored.size;
    server.misdeed = misdeed;
    const { report } = await newBuild();
    expect(report).toMatchObject({ method: "new", remote: { outcome: "rejected" } });
    expect(remoteWarnings(report)).toEqual(["remote-cache-rejected"]);
    expect(server.stored.size).toBe(before);
    for (const [path, body] of server.stored) {
      if (path.startsWith("/cas/")) expect(`/cas/${createHash("sha256").update(body).digest("hex")}`).toBe(path);
    }
  });
});

it.each([
  ["a URL of another kind", { remoteCache: { url: "grpc://cache" } }],
  ["no URL", { remoteCache: { url: 5 as unknown as string } }],
  ["a timeout that is none", { remoteCache: { url: "http://cache", timeoutMs: 0 } }],
  ["the gcc linker", { remoteCache: { url: "http://cache" }, linker: "gcc" as const }],
])("%s is a mistake of the caller", async (_, wrong) => {
  const { options } = scene.machine(undefined);
  expect(await build({ ...options, ...wrong })).toMatchObject({ ok: false, error: { code: "bad-config" } });
});

it("pack takes no remote cache", async () => {
  const { options } = scene.machine(cache);
  expect(await pack(options)).toMatchObject({ ok: false, error: { code: "bad-config" } });
  expect(server.log).toEqual([]);
});

it("a library that somebody writes to meanwhile is not stored under hashes that are not its", async () => {
  const machine = scene.machine(cache);
  server.misdeed = on("HEAD", "cas", ({ response }) => {
    const fd = openSync(machine.output, "r+");
    writeSync(fd, "changed behind our back", 9 << 20);
    closeSync(fd);
    response.writeHead(404).end();
  });
  await machine.build();
  expect(server.log).not.toContain("PUT ac");
  for (const [path, body] of server.stored) {
    expect(`/cas/${createHash("sha256").update(body).digest("hex")}`).toBe(path);
  }
});

it("an interruption ends a request at once", async () => {
  const interruption = new AbortController();
  server.misdeed = () => {
    interruption.abort();
    return true;
  };
  const machine = scene.machine(cache);
  expect(await build({ ...machine.options, signal: interruption.signal })).toMatchObject({
    ok: false,
    error: { code: "interrupted" },
  });
});

it("an interruption of what follows the publication leaves the library, complete", async () => {
  const interruption = new AbortController();
  server.misdeed = on("PUT", "cas", () => interruption.abort());
  const machine = scene.machine(cache);
  expect(await machine.build({ signal: interruption.signal })).toMatchObject({ method: "new", digest: wanted });
  expect(await machine.difference()).toBeUndefined();
  expect(await machine.build()).toMatchObject({ upToDate: true });
});
