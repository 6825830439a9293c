import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { temporaryDirectory } from "../link/stand-in.js";
import { MisbehavingServer } from "../remote/misbehaving-server.js";
import { makeTree } from "../remote/scenes.js";
import { type NginxCache, type NginxOptions, nginxMissing, startNginxCache } from "../support/nginx.js";
import { readableCli } from "../support/readable-copy.js";
import { commandLine, MAIN } from "./command-line.js";

const directory = temporaryDirectory("remote-cli");
const at = (name: string): string => join(directory.path, name);
const binaryfs = commandLine(directory.path);
const lastJson = (stdout: string): Record<string, unknown> => JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
const SECRET = "pa ss:w%rd";

beforeAll(() => {
  makeTree(at("tree"));
  expect(binaryfs(["build", "tree", "-o", "wanted.so", "--no-state"]).status).toBe(0);
});
afterAll(directory.dispose);

const isRight = (name: string): boolean => readFileSync(at(name)).equals(readFileSync(at("wanted.so")));
const servers: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

describe("usage", () => {
  it.each<[string, readonly string[]]>([
    ["takes a URL such as", ["build", "tree", "-o", "x.so", "--remote-cache", "ftp://me:hush@cache"]],
    ["takes a URL such as", ["build", "tree", "-o", "x.so", "--remote-cache", "hush"]],
    ["takes a URL such as", ["watch", "tree", "-o", "x.so", "--remote-cache=http://cache/?token=hush"]],
    [
      "--remote-timeout takes seconds",
      ["build", "tree", "-o", "x.so", "--remote-cache", "http://c", "--remote-timeout", "soon"],
    ],
    [
      "--remote-timeout takes seconds",
      ["build", "tree", "-o", "x.so", "--remote-cache", "http://c", "--remote-timeout", "0"],
    ],
    ["--remote-timeout needs --remote-cache", ["build", "tree", "-o", "x.so", "--remote-timeout", "3"]],
    ["--remote-cache-read-only needs --remote-cache", ["build", "tree", "-o", "x.so", "--remote-cache-read-only"]],
    [
      "holds libraries of --linker native",
      ["build", "tree", "-o", "x.so", "--linker", "gcc", "--remote-cache", "http://c"],
    ],
    ["holds libraries of build and watch, not artefacts", ["pack", "tree", "-o", "x", "--remote-cache", "http://c"]],
    ["is given an empty value", ["build", "tree", "-o", "x.so", "--remote-cache", ""]],
  ])("says: %s", (message, args) => {
    const { status, stdout, stderr } = binaryfs(args);
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^binaryfs: usage: [^\n]*\n {2}See `binaryfs \w+ --help`\.\n$/);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("hush");
  });

  it("is in the help of the commands that have a remote cache", () => {
    expect(binaryfs(["build", "--help"]).stdout).toContain("--remote-cache URL");
    expect(binaryfs(["watch", "--help"]).stdout).toContain("--remote-cache-read-only");
    expect(binaryfs(["pack", "--help"]).stdout).not.toContain("remote");
  });
});

it("a cache that is away: one warning, status 0, the library, within the timeout", async () => {
  const server = await MisbehavingServer.start();
  servers.push(server);
  server.misdeed = () => true;
  const { status, stderr } = await runBeside([
    ...["build", "tree", "-o", "away.so", "--no-state"],
    ...["--remote-cache", server.url.replace("//", `//me:${encodeURIComponent(SECRET)}@`), "--remote-timeout", "1.5"],
  ]);
  expect(server.log).toEqual(["GET ac"]);
  expect(status).toBe(0);
  expect(stderr).toMatch(
    /^binaryfs: warning: the remote cache is not used for the rest of this build: GET http:\/\/127\.0\.0\.1:\d+\/ac\/[0-9a-f]{64}: no answer in 1\.5 s\n$/,
  );
  expect(isRight("away.so")).toBe(true);
});

/** Without blocking this process, which is the server. */
async function runBeside(args: readonly string[]): Promise<{ status: number | null; stderr: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: directory.path, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (piece: string) => {
    stderr += piece;
  });
  const [status] = await once(child, "close");
  return { status, stderr };
}

const missing = nginxMissing();

describe.skipIf(missing !== undefined)(`nginx${missing === undefined ? "" : ` (${missing})`}`, () => {
  let count = 0;
  async function start(options: Omit<NginxOptions, "directory"> = {}): Promise<NginxCache> {
    const nginx = await startNginxCache({ directory: at(`nginx${++count}`), ...options });
    servers.push(nginx);
    return nginx;
  }
  const basicAuth = { user: "me", password: SECRET };
  /** Two builds: stored by the first, fetched by the second. */
  function twice(args: readonly string[], env: NodeJS.ProcessEnv = {}): Record<string, unknown> {
    const build = ["build", "tree", "--no-state", "--json", ...args];
    const first = binaryfs([...build, "-o", "one.so"], env);
    expect(first).toMatchObject({ status: 0, stderr: "" });
    expect(lastJson(first.stdout)).toMatchObject({ method: "new", remoteCache: { outcome: "miss" } });
    const second = binaryfs([...build, "-o", "two.so"], env);
    expect(second).toMatchObject({ status: 0, stderr: "" });
    expect(isRight("two.so")).toBe(true);
    return lastJson(second.stdout);
  }

  it("stores and fetches; the summary and --json say so", async () => {
    const nginx = await start();
    expect(twice(["--remote-cache", `${nginx.url}/`])).toMatchObject({
      event: "built",
      method: "remote",
      emittedBytes: 0,
      remoteCache: { outcome: "hit", downloadedBytes: expect.any(Number), uploadedBytes: 0 },
      stages: { remote: expect.any(Number), fingerprint: expect.any(Number) },
    });
    const { stdout } = binaryfs(["build", "tree", "--no-state", "-o", "two.so", "--remote-cache", nginx.url]);
    expect(stdout).toMatch(
      /, nothing re-emitted, remote cache hit, \d\S* MiB fetched, sha256:[0-9a-f]{64}, .* remote \d+ ms\)\n$/,
    );
    expect(nginx.names("ac")).toHaveLength(1);
  });

  it("below a path of the server, with read-only and timeout, from the configuration", async () => {
    const nginx = await start();
    mkdirSync(at("configured"), { recursive: true });
    const config = {
      root: "../tree",
      remoteCache: `${nginx.url}/team/a`,
      remoteCacheReadOnly: true,
      remoteTimeout: 3600,
    };
    writeFileSync(at("configured/c.json"), JSON.stringify(config));
    const args = ["build", "-o", "x.so", "--no-state", "--config", "configured/c.json"];
    expect(binaryfs(args).stdout).toContain("remote cache miss");
    const requests = await nginx.requests();
    expect(requests.map(({ method, path }) => [method, path.slice(0, 11)])).toEqual([["GET", "/team/a/ac/"]]);
    // Where there can be none, a configuration's remote cache is left alone.
    expect(binaryfs(["pack", "-o", "artefacts", "--config", "configured/c.json"]).status).toBe(0);
    expect(await nginx.requests()).toEqual([]);
  });

  it.each<[string, (url: string) => { args: string[]; env?: NodeJS.ProcessEnv }]>([
    [
      "the environment",
      (url) => ({ args: [url], env: { BINARYFS_REMOTE_CACHE_USER: "me", BINARYFS_REMOTE_CACHE_PASSWORD: SECRET } }),
    ],
    ["the URL", (url) => ({ args: [url.replace("//", `//me:${encodeURIComponent(SECRET)}@`)] })],
    ["netrc", (url) => ({ args: [url], env: { NETRC: at("netrc") } })],
    ["netrc in HOME", (url) => ({ args: [url], env: { HOME: at("home"), NETRC: "" } })],
  ])("takes credentials from %s, and keeps them to itself", async (_, given) => {
    const nginx = await start({ basicAuth });
    mkdirSync(at("home"), { recursive: true });
    for (const name of ["netrc", "home/.netrc"])
      writeFileSync(at(name), `machine 127.0.0.1 login me password "${SECRET}"\n`);
    const { args, env } = given(nginx.url);
    expect(twice(["--remote-cache", ...args], env)).toMatchObject({ method: "remote" });
    const stated = binaryfs(["build", "tree", "-o", "stated.so", "--state", "kept", "--remote-cache", ...args], env);
    expect(stated.status).toBe(0);
    const found = spawnSync("grep", ["-rlF", SECRET, at("kept"), at("stated.so")], { encoding: "utf8" });
    expect(found.stdout).toBe("");
    rmSync(at("kept"), { recursive: true });
  });

  it("that wants other credentials: status 401 in one warning, and a library", async () => {
    const nginx = await start({ basicAuth });
    const url = nginx.url.replace("//", "//me:hush@");
    const { status, stderr } = binaryfs(["build", "tree", "-o", "x.so", "--no-state", "--remote-cache", url]);
    expect(status).toBe(0);
    expect(stderr).toMatch(/^binaryfs: warning: [^\n]*: GET http:\/\/127[^\n]*: status 401\n$/);
    expect(stderr).not.toContain("hush");
    expect(isRight("x.so")).toBe(true);
  });

  it("that may only be read: a warning, unless that is what was said", async () => {
    const nginx = await start({ readOnly: true });
    const args = ["build", "tree", "-o", "x.so", "--no-state", "--remote-cache", nginx.url];
    expect(binaryfs(args).stderr).toMatch(/^binaryfs: warning: [^\n]*: PUT [^\n]*: status 403\n$/);
    expect(binaryfs([...args, "--remote-cache-read-only"]).stderr).toBe("");
  });

  it("speaks TLS, to those who trust its certificate", async () => {
    const nginx = await start({ tls: true });
    expect(twice(["--remote-cache", nginx.url], { NODE_EXTRA_CA_CERTS: nginx.certificate })).toMatchObject({
      method: "remote",
    });
    const { status, stderr } = binaryfs(["build", "tree", "-o", "x.so", "--no-state", "--remote-cache", nginx.url]);
    expect(status).toBe(0);
    expect(stderr).toMatch(/^binaryfs: warning: [^\n]*: DEPTH_ZERO_SELF_SIGNED_CERT\n$/);
  });

  it("is looked into by watch, which stores nothing", async () => {
    const nginx = await start();
    const url = ["--remote-cache", nginx.url];
    expect(binaryfs(["build", "tree", "-o", "w.so", "--no-state", ...url]).status).toBe(0);
    await nginx.requests();
    cpSync(at("tree"), at("watched"), { recursive: true, preserveTimestamps: true });
    for (const root of ["tree", "watched"]) {
      const child = spawn(process.execPath, [MAIN, "watch", root, "-o", `${root}.so`, "--no-state", "--json", ...url], {
        cwd: directory.path,
        stdio: ["ignore", "pipe", "ignore"],
      });
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const next = async () => JSON.parse((await lines.next()).value ?? "{}");
      const ready = await next();
      expect(ready).toMatchObject({ event: "ready", method: root === "tree" ? "remote" : expect.any(String) });
      if (root === "watched") {
        writeFileSync(at("watched/small/f1"), "edited");
        expect(await next()).toMatchObject({ event: "published", remoteCache: { outcome: "unasked" } });
      }
      child.kill("SIGTERM");
      await once(child, "close");
    }
    expect((await nginx.requests()).filter(({ method }) => method !== "GET")).toEqual([]);
  });

  it.skipIf(process.geteuid?.() !== 0)("serves a user without rights, whose HOME cannot be written", async () => {
    const nginx = await start();
    const place = mkdtempSync(at("public-"));
    chmodSync(directory.path, 0o755);
    chmodSync(place, 0o777);
    const asNobody = (output: string): SpawnSyncReturns<string> =>
      spawnSync(
        "setpriv",
        [
          ...["--reuid=65534", "--regid=65534", "--clear-groups", process.execPath, readableCli(), "build", at("tree")],
          ...["-o", join(place, output), "--json", "--remote-cache", nginx.url],
        ],
        { cwd: place, encoding: "utf8", env: { PATH: process.env["PATH"], HOME: "/nonexistent" } },
      );
    for (const [output, method] of [
      ["one.so", "new"],
      ["two.so", "remote"],
    ] as const) {
      const { status, stdout } = asNobody(output);
      expect(status).toBe(0);
      // What else it says tells why, should it be another one.
      expect(lastJson(stdout), stdout).toMatchObject({ method });
      expect(readFileSync(join(place, output)).equals(readFileSync(at("wanted.so")))).toBe(true);
    }
    expect(existsSync("/nonexistent")).toBe(false);
  });
});
