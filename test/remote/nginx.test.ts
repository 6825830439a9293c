/** Against a real server; its access log is the witness of what was asked for. */

import { createHash } from "node:crypto";
import { appendFileSync, cpSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { decodeActionResult } from "../../src/remote/action-result.js";
import { PIECE_BYTES } from "../../src/remote/pieces.js";
import { contentOf } from "../support/editing.js";
import { built, problemsOf, settleClock } from "../support/incremental.js";
import { type NginxCache, type NginxRequest, nginxMissing, startNginxCache } from "../support/nginx.js";
import { type Machine, remoteWarnings, Scene } from "./scenes.js";

const missing = nginxMissing();
const MOST = 10_000;

describe.skipIf(missing !== undefined)(`nginx as a remote cache${missing === undefined ? "" : ` (${missing})`}`, () => {
  let scene: Scene;
  let nginx: NginxCache;
  /** With time enough on any machine. */
  const here = (): { url: string; timeoutMs: number } => ({ url: nginx.url, timeoutMs: 3_600_000 });

  beforeAll(async () => {
    scene = new Scene();
    nginx = await startNginxCache({ directory: join(scene.directory, "nginx") });
    await settleClock();
  });
  afterAll(async () => {
    await nginx?.stop();
    scene?.remove();
  });
  beforeEach(async () => {
    await nginx.requests();
  });
  afterEach(() => {
    for (const kind of ["ac", "cas"]) rmSync(join(nginx.store, kind), { recursive: true, force: true });
  });

  const asked = async (): Promise<string[]> =>
    (await nginx.requests()).map(({ method, path, status }) => `${method} ${path.split("/")[1]} ${status}`);
  const counts = (requests: readonly string[]): Record<string, number> => {
    const result: Record<string, number> = {};
    for (const request of requests) result[request] = (result[request] ?? 0) + 1;
    return result;
  };
  const pathOf = (kind: "ac" | "cas", name: string): string => join(nginx.store, kind, name);

  /** Built by one machine, stored. */
  async function filled(): Promise<Machine> {
    const machine = scene.machine(here());
    expect(await machine.build()).toMatchObject({ remote: { outcome: "miss" } });
    await nginx.requests();
    return machine;
  }

  it("takes a library from the machine that made it, and gives it to the next, byte for byte", async () => {
    const first = scene.machine(here());
    const made = await first.build();
    expect(made).toMatchObject({ method: "new", remote: { outcome: "miss", downloadedBytes: 0 } });
    const pieces = nginx.names("cas").length;
    expect(pieces).toBeGreaterThan(4);
    expect(counts(await asked())).toEqual({
      "GET ac 404": 1,
      "HEAD cas 404": pieces,
      "PUT cas 201": pieces,
      "PUT ac 201": 1,
    });

    const second = scene.machine(here());
    const fetched = await second.build();
    expect(fetched).toMatchObject({ method: "remote", emittedBytes: 0, sourceBytes: 0, digest: made.digest });
    expect(fetched.remote).toMatchObject({ outcome: "hit", uploadedBytes: 0 });
    expect(fetched.remote?.downloadedBytes).toBeGreaterThan((pieces - 1) * PIECE_BYTES);
    expect(counts(await asked())).toEqual({ "GET ac 200": 1, "GET cas 200": pieces });
    expect(await second.difference()).toBeUndefined();
    expect(problemsOf(second.output)).toEqual([]);
    expect(remoteWarnings(fetched)).toEqual([]);
  });

  it("stores what a reader of the Remote Execution API takes for true: every blob is there, of its size and hash", async () => {
    await filled();
    const [key = ""] = nginx.names("ac");
    const files = decodeActionResult(readFileSync(pathOf("ac", key)), MOST) ?? [];
    expect(files.length).toBeGreaterThan(4);
    for (const { hash, sizeBytes } of files) {
      const blob = readFileSync(pathOf("cas", hash));
      expect([blob.length, createHash("sha256").update(blob).digest("hex")]).toEqual([sizeBytes, hash]);
    }
  });

  it("is not asked when nothing has changed", async () => {
    for (const machine of [await filled(), scene.machine(here())]) {
      await machine.build();
      await nginx.requests();
      expect(await machine.build()).toMatchObject({ upToDate: true, remote: { outcome: "unasked", uploadedBytes: 0 } });
      expect(await asked()).toEqual([]);
    }
  });

  it("gets the pieces that an edit changed, and no others, also from a machine that had fetched the library", async () => {
    await filled();
    const machine = scene.machine(here());
    await machine.build();
    const before = new Set(nginx.names("cas"));
    await nginx.requests();
    appendFileSync(join(scene.root, "small/f3"), "more");
    const report = await machine.build();
    expect(report).toMatchObject({ upToDate: false, remote: { outcome: "unasked", downloadedBytes: 0 } });
    expect(report.method).not.toBe("new");
    const fresh = nginx.names("cas").filter((name) => !before.has(name));
    const requests: NginxRequest[] = await nginx.requests();
    const put = requests.filter(({ method }) => method === "PUT").map(({ path }) => path);
    expect(put.slice(0, -1).sort()).toEqual(fresh.map((name) => `/cas/${name}`).sort());
    expect(put.at(-1)).toMatch(/^\/ac\//);
    expect(fresh.length).toBeLessThanOrEqual(3);
    expect(requests.some(({ method }) => method === "GET")).toBe(false);
    expect(await machine.difference()).toBeUndefined();

    const other = scene.machine(here());
    expect(await other.build()).toMatchObject({ method: "remote", digest: report.digest });
    expect(await other.difference()).toBeUndefined();
  });

  it("lets a machine that fetched a library build on incrementally, as one that made it", async () => {
    await filled();
    const machine = scene.machine(here());
    await machine.build();
    writeFileSync(join(scene.root, "small/f7"), contentOf(2600, 77));
    const report = await machine.build();
    expect(report.sourceBytes).toBeLessThan(100_000);
    expect(await machine.difference()).toBeUndefined();
  });

  it.each([
    ["other bytes", (piece: Buffer): Buffer => Buffer.from(piece).fill(0x5a, 1000, 1001)],
    ["less", (piece: Buffer): Buffer => piece.subarray(0, -1)],
    ["more", (piece: Buffer): Buffer => Buffer.concat([piece, Buffer.from("x")])],
    ["nothing", (): Buffer => Buffer.alloc(0)],
  ])("that holds %s in a piece is set right by the machine that notices", async (_, damage) => {
    await filled();
    const name = nginx.names("cas")[2] as string;
    const sound = readFileSync(pathOf("cas", name));
    writeFileSync(pathOf("cas", name), damage(sound));
    const machine = scene.machine(here());
    const report = await machine.build();
    expect(report).toMatchObject({ method: "new", remote: { outcome: "rejected" } });
    expect(remoteWarnings(report)).toEqual(["remote-cache-rejected"]);
    expect(await machine.difference()).toBeUndefined();
    expect(readFileSync(pathOf("cas", name)).equals(sound)).toBe(true);
    const next = scene.machine(here());
    expect(await next.build()).toMatchObject({ method: "remote" });
    expect(await next.difference()).toBeUndefined();
  });

  it.each([
    ["is no message", (): Buffer => Buffer.from("<html>sign in</html>")],
    ["is empty, so that all is said to be holes", (): Buffer => Buffer.alloc(0)],
    ["is cut short", (entry: Buffer): Buffer => entry.subarray(0, -7)],
  ])("whose entry %s has it replaced", async (_, damage) => {
    await filled();
    const [key = ""] = nginx.names("ac");
    const sound = readFileSync(pathOf("ac", key));
    writeFileSync(pathOf("ac", key), damage(sound));
    const machine = scene.machine(here());
    const report = await machine.build();
    expect(report).toMatchObject({ method: "new", remote: { outcome: "rejected" } });
    expect(remoteWarnings(report)).toEqual(["remote-cache-rejected"]);
    expect(await machine.difference()).toBeUndefined();
    expect(readFileSync(pathOf("ac", key)).equals(sound)).toBe(true);
  });

  it("cannot pass off another library, complete and consistent, under a key", async () => {
    await filled();
    const [key = ""] = nginx.names("ac");
    const path = join(scene.root, "small/f9");
    const content = readFileSync(path);
    const other = Buffer.from(content);
    other[5] = (other[5] as number) ^ 1;
    // Same size and times: its library differs from the first in content alone.
    const at = new Date(1_700_000_000_000);
    utimesSync(path, at, at);
    const honest = scene.machine(here());
    const wanted = await honest.build();
    writeFileSync(path, other);
    utimesSync(path, at, at);
    await scene.machine(here()).build();
    writeFileSync(path, content);
    utimesSync(path, at, at);
    const keys = nginx.names("ac").filter((name) => name !== key);
    expect(keys).toHaveLength(2);
    const [one = "", two = ""] = keys;
    const entries = [one, two].map((name) => readFileSync(pathOf("ac", name))) as [Buffer, Buffer];
    writeFileSync(pathOf("ac", one), entries[1]);
    writeFileSync(pathOf("ac", two), entries[0]);
    await settleClock();
    const machine = scene.machine({ ...here(), readOnly: true });
    const report = await machine.build();
    expect(report).toMatchObject({ method: "new", digest: wanted.digest, remote: { outcome: "rejected" } });
    expect(await machine.difference()).toBeUndefined();
  });

  it("that dropped a piece is a miss, and gets it back", async () => {
    await filled();
    const name = nginx.names("cas")[1] as string;
    rmSync(pathOf("cas", name));
    const machine = scene.machine(here());
    const report = await machine.build();
    expect(report).toMatchObject({ method: "new", remote: { outcome: "miss" } });
    expect(remoteWarnings(report)).toEqual([]);
    expect(
      (await nginx.requests()).filter(({ method }) => method === "PUT").map(({ path }) => path.slice(5)),
    ).toContain(name);
    expect(await scene.machine(here()).build()).toMatchObject({ method: "remote" });
  });

  it("gets what changed also in builds that did not use it", async () => {
    const machine = await filled();
    const before = nginx.names("cas").length;
    appendFileSync(join(scene.root, "small/f13"), "1");
    const { remoteCache: _, ...alone } = machine.options;
    expect(await built(alone)).not.toHaveProperty("remote");
    appendFileSync(join(scene.root, "small/f14"), "2");
    await nginx.requests();
    expect(await machine.build()).toMatchObject({ remote: { outcome: "unasked" } });
    expect((await asked()).filter((request) => request.startsWith("PUT cas")).length).toBeLessThan(before);
    expect(await scene.machine(here()).build()).toMatchObject({ method: "remote" });
  });

  it("that dropped everything is filled again by an incremental build", async () => {
    const machine = await filled();
    for (const kind of ["ac", "cas"]) rmSync(join(nginx.store, kind), { recursive: true });
    appendFileSync(join(scene.root, "small/f11"), "x");
    await machine.build();
    expect(await scene.machine(here()).build()).toMatchObject({ method: "remote" });
  });

  it("is left as it is by a read-only client, which takes what is there", async () => {
    const reader = { ...here(), readOnly: true };
    expect(await scene.machine(reader).build()).toMatchObject({ method: "new", remote: { outcome: "miss" } });
    expect(nginx.names("cas")).toEqual([]);
    expect(await asked()).toEqual(["GET ac 404"]);
    await filled();
    expect(await scene.machine(reader).build()).toMatchObject({ method: "remote" });
  });

  it("serves compact layouts, and images that differ in options alone each by itself", async () => {
    const options = { layout: "compact" as const };
    expect(await scene.machine(here(), options).build()).toMatchObject({ remote: { outcome: "miss" } });
    expect(await scene.machine(here()).build()).toMatchObject({ remote: { outcome: "miss" } });
    const machine = scene.machine(here(), options);
    expect(await machine.build()).toMatchObject({ method: "remote" });
    expect(await machine.difference()).toBeUndefined();
    appendFileSync(join(scene.root, "small/f12"), "y");
    expect(await machine.build()).toMatchObject({ method: "new", remote: { outcome: "miss" } });
    expect(await machine.difference()).toBeUndefined();
  });

  it("gives back a library that was removed, without a look at files that are as they were", async () => {
    const machine = await filled();
    rmSync(machine.output);
    const passes: number[] = [];
    const report = await machine.build({
      onProgress: ({ stage, done, total }) => {
        if (stage === "fingerprint" && done === total) passes.push(total);
      },
    });
    expect(report).toMatchObject({ method: "remote" });
    // One pass alone: that over what came. The key was made of what the state knows.
    expect(passes).toHaveLength(1);
    expect(await machine.difference()).toBeUndefined();
  });

  it("holds the same library for the same tree elsewhere, of whatever age", async () => {
    const policy = { mtime: { kind: "set", epochSeconds: 1_700_000_000 } as const };
    await scene.machine(here(), policy).build();
    const other = new Scene();
    try {
      cpSync(scene.root, other.root, { recursive: true });
      const machine = other.machine(here(), policy);
      expect(await machine.build()).toMatchObject({ method: "remote" });
      expect(await machine.difference()).toBeUndefined();
    } finally {
      other.remove();
    }
  });
});
