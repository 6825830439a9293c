/** Remote caches: a second workspace builds nothing itself; damaged entries and servers that are no help cost time at most. */

import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { build as packed } from "../../src/build.js";
import { BazelWorkspace, bazelIsMissing, LOAD } from "../support/bazel.js";
import { startServer } from "../support/bazel-cache.js";
import { type NginxCache, nginxMissing, startNginxCache } from "../support/nginx.js";

const SHARDS = 3;
/** Longer than a build here takes, and shorter than a test. */
const BOUND_MS = 400_000;
const TIMEOUT = "--remote_timeout=1";

function fill(workspace: BazelWorkspace): void {
  workspace.write({ "BUILD.bazel": `${LOAD}binary_fs(name = "fs", srcs = glob(["app/**"]), shards = ${SHARDS})\n` });
  for (let index = 0; index < 12; index++) workspace.write({ [`app/${index}`]: `${index}\n`.repeat(1000) });
}

describe.skipIf(bazelIsMissing)("a remote cache", () => {
  let first: BazelWorkspace;
  let expected: Buffer;

  beforeAll(async () => {
    first = new BazelWorkspace();
    fill(first);
    const { status, stderr } = await first.build(["//:fs"]);
    expect(status, stderr).toBe(0);
    expected = await first.bytes("fs.so");
  });
  afterAll(() => first.close());

  const build = async (workspace: BazelWorkspace, ...flags: string[]) => {
    const started = performance.now();
    const result = await workspace.build(["//:fs"], flags);
    expect(result.status, result.stderr).toBe(0);
    expect((await workspace.bytes("fs.so")).equals(expected)).toBe(true);
    return { ...result, milliseconds: performance.now() - started };
  };

  describe.skipIf(nginxMissing() !== undefined)("of nginx", () => {
    let cache: NginxCache;
    let directory: string;
    const entries = (kind: "ac" | "cas"): string[] => cache.names(kind).map((name) => join(cache.store, kind, name));
    beforeAll(async () => {
      directory = realpathSync(mkdtempSync(join(tmpdir(), "binaryfs-bazel-cache-")));
      cache = await startNginxCache({ directory });
      await first.clean();
      const { spawns } = await build(first, `--remote_cache=${cache.url}`);
      expect(spawns.filter(({ remoteCacheHit }) => remoteCacheHit)).toHaveLength(0);
      expect(entries("ac").length).toBeGreaterThanOrEqual(SHARDS + 1);
    });
    afterAll(async () => {
      await cache.stop();
      rmSync(directory, { recursive: true, force: true });
    });

    test("a second workspace in another directory runs no action itself", async () => {
      const second = new BazelWorkspace();
      try {
        fill(second);
        expect(second.directory).not.toBe(first.directory);
        const { spawns, ran } = await build(second, `--remote_cache=${cache.url}`);
        expect(ran).toHaveLength(SHARDS + 1);
        expect(spawns.filter(({ remoteCacheHit }) => !remoteCacheHit)).toEqual([]);
      } finally {
        await second.close();
      }
    });

    test("serves the command line as well, each beside the other", async () => {
      const tree = join(directory, "tree");
      mkdirSync(tree, { mode: 0o755 });
      cpSync(join(first.directory, "app"), join(tree, "app"), { recursive: true });
      const own = async (name: string) => {
        const report = await packed({
          root: tree,
          output: join(directory, name),
          state: join(directory, `${name}.state`),
          remoteCache: { url: cache.url },
        });
        return report.ok ? report.value : report.error;
      };
      const known = entries("ac");
      expect(await own("one.so")).toMatchObject({ method: "new", remote: { outcome: "miss" } });
      // Neither reads what is the other's: an entry more, and all of Bazel's.
      expect(entries("ac")).toHaveLength(known.length + 1);
      expect(await own("two.so")).toMatchObject({ method: "remote", remote: { outcome: "hit" } });
      await first.clean();
      const { spawns } = await build(first, `--remote_cache=${cache.url}`);
      expect(spawns.filter(({ remoteCacheHit }) => !remoteCacheHit)).toEqual([]);
    });

    test("a damaged entry is refused, and its action runs", async () => {
      const large = entries("cas").filter((path) => statSync(path).size > 4096);
      expect(large.length).toBeGreaterThanOrEqual(SHARDS + 1);
      for (const path of large) {
        const bytes = readFileSync(path);
        bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
        writeFileSync(path, bytes);
      }
      await first.clean();
      const { spawns } = await build(first, `--remote_cache=${cache.url}`);
      expect(spawns).toHaveLength(SHARDS + 1);
      expect(spawns.filter(({ remoteCacheHit }) => remoteCacheHit)).toEqual([]);
    });

    test("entries that are gone are made again, whichever half of them", async () => {
      for (const kind of ["ac", "cas"] as const) {
        await first.clean();
        await build(first, `--remote_cache=${cache.url}`);
        for (const path of entries(kind)) rmSync(path);
        await first.clean();
        const { spawns } = await build(first, `--remote_cache=${cache.url}`);
        expect(spawns.filter(({ remoteCacheHit }) => remoteCacheHit)).toEqual([]);
      }
    });
  });

  test("a server that refuses costs nothing but a warning", async () => {
    const { url, close } = await startServer(() => undefined);
    await close();
    await first.clean();
    const { spawns, milliseconds } = await build(first, `--remote_cache=${url}`, TIMEOUT);
    expect(spawns).toHaveLength(SHARDS + 1);
    expect(milliseconds).toBeLessThan(BOUND_MS);
  });

  test.each([
    ["says nothing", () => undefined],
    [
      "dies half way",
      (socket) => void socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\nhalf")),
    ],
    [
      "answers with an error",
      (socket) => void socket.on("data", () => socket.write("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")),
    ],
  ] as readonly (readonly [string, Parameters<typeof startServer>[0]])[])(
    "a server that %s costs its timeouts at most",
    async (_, then) => {
      const server = await startServer(then);
      try {
        await first.clean();
        const { spawns, milliseconds } = await build(
          first,
          `--remote_cache=${server.url}`,
          TIMEOUT,
          "--remote_retries=0",
        );
        expect(server.connections()).toBeGreaterThan(0);
        expect(spawns).toHaveLength(SHARDS + 1);
        expect(spawns.filter(({ remoteCacheHit }) => remoteCacheHit)).toEqual([]);
        expect(milliseconds).toBeLessThan(BOUND_MS);
      } finally {
        await server.close();
      }
    },
  );
});
