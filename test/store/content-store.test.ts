/** The store gives back what was put or nothing, keeps within its limit, and touches nothing that is not its own. */

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ContentStore } from "../../src/store/content-store.js";
import { packKey } from "../../src/store/pack-key.js";

let directory: string;
let root: string;
let store: ContentStore;
beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "binaryfs-store-")));
  root = join(directory, "store");
  store = new ContentStore(Buffer.from(root));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const sha256 = (bytes: Buffer): Buffer => createHash("sha256").update(bytes).digest();
const pathOf = (kind: string, digest: Buffer): string =>
  join(root, kind, digest.toString("hex").slice(0, 2), digest.toString("hex"));
const content = (value: number, size = 10_000): Buffer => Buffer.alloc(size, value);
const key = (text: string): Buffer => sha256(Buffer.from(text));

function put(bytes: Buffer): Buffer {
  const digest = store.put(bytes);
  if (digest === undefined) throw new Error("not stored");
  return digest;
}
/** As if it had last been used so many seconds ago. */
function age(digest: Buffer, seconds: number): void {
  const then = Date.now() / 1000 - seconds;
  utimesSync(pathOf("cas", digest), then, then);
}

test("gives what was put, by its SHA-256, to every user of the directory", () => {
  const digest = put(content(1));
  expect(digest).toEqual(sha256(content(1)));
  expect(new ContentStore(Buffer.from(root)).get(digest)).toEqual(content(1));
  expect(put(content(1))).toEqual(digest);
  expect(put(Buffer.alloc(0))).toEqual(sha256(Buffer.alloc(0)));
  expect(store.get(sha256(Buffer.alloc(0)))).toEqual(Buffer.alloc(0));
  expect(store.get(key("unknown"))).toBeUndefined();
  expect(store.corrupted).toBe(0);
  expect(store.stats()).toMatchObject({ entries: 2, bytes: 10_000, actions: 0 });
});

test("what was damaged is removed and not given", () => {
  const damages: ((path: string) => void)[] = [
    (path) => truncateSync(path, 9_999),
    (path) => writeFileSync(path, content(2)),
    (path) => writeFileSync(path, ""),
  ];
  for (const [index, damage] of damages.entries()) {
    const digest = put(content(1));
    damage(pathOf("cas", digest));
    expect(store.get(digest)).toBeUndefined();
    expect(store.corrupted).toBe(index + 1);
    expect(existsSync(pathOf("cas", digest))).toBe(false);
    expect(store.get(put(content(1)))).toEqual(content(1));
  }
  store.link(key("action"), put(content(1)));
  truncateSync(pathOf("ac", key("action")), 31);
  expect(store.lookup(key("action"))).toBeUndefined();
  expect(existsSync(pathOf("ac", key("action")))).toBe(false);
});

test("actions lead to contents", () => {
  const digest = put(content(1));
  store.link(key("action"), digest);
  expect(store.lookup(key("action"))).toEqual(digest);
  expect(store.lookup(key("other"))).toBeUndefined();
  store.link(key("action"), put(content(2)));
  expect(store.lookup(key("action"))).toEqual(sha256(content(2)));
});

test("collection removes what was unused for the longest time, and actions that lead nowhere", () => {
  const digests = [1, 2, 3, 4].map((value) => put(content(value)));
  const [first, second, third, fourth] = digests as [Buffer, Buffer, Buffer, Buffer];
  for (const [index, digest] of digests.entries()) {
    age(digest, 1000 - index * 100);
    store.link(sha256(digest), digest);
  }
  expect(store.collect(40_000)).toBe(0);
  // Used: the first is the youngest now.
  store.get(first);
  put(content(2));
  expect(store.stats().oldestMs).toBe(statSync(pathOf("cas", third)).mtimeMs);
  expect(store.collect(25_000)).toBe(20_000);
  expect([first, second, third, fourth].map((digest) => existsSync(pathOf("cas", digest)))).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect(store.lookup(sha256(first))).toEqual(first);
  expect(store.lookup(sha256(third))).toBeUndefined();
  expect(store.stats()).toMatchObject({ entries: 2, bytes: 20_000, actions: 2 });
  expect(store.collect(0)).toBe(20_000);
  expect(store.stats()).toEqual({ entries: 0, bytes: 0, actions: 0 });
});

test("nothing is touched that is not ours", () => {
  const digest = put(content(1));
  const shard = join(root, "cas", digest.toString("hex").slice(0, 2));
  const outside = join(directory, "outside");
  const victim = join(outside, "ab", "ab".repeat(32));
  mkdirSync(join(outside, "ab"), { recursive: true });
  writeFileSync(victim, "victim");
  writeFileSync(join(root, "notes"), "mine");
  writeFileSync(join(shard, "notes"), "mine");
  const link = join(shard, "cd".repeat(32));
  symlinkSync(victim, link);
  symlinkSync(join(outside, "ab"), join(root, "cas", digest[0] === 0xab ? "ac" : "ab"));
  mkdirSync(join(shard, "ef".repeat(32)));
  const living = join(shard, `.${"12".repeat(32)}.binaryfs-${process.pid}-0123456789ab.tmp`);
  const dead = join(shard, `.${"12".repeat(32)}.binaryfs-4194999-0123456789ab.tmp`);
  for (const temporary of [living, dead]) writeFileSync(temporary, "x");
  store.collect(0);
  put(content(1));
  store.clear();
  expect(readFileSync(victim, "utf8")).toBe("victim");
  expect(existsSync(join(root, "notes"))).toBe(true);
  expect(readdirSync(shard).sort()).toEqual(
    ["notes", "cd".repeat(32), "ef".repeat(32), living.slice(shard.length + 1)].sort(),
  );
});

test("a link in an entry's place is not followed", () => {
  const digest = put(content(1));
  const elsewhere = join(directory, "elsewhere");
  writeFileSync(elsewhere, content(1));
  rmSync(pathOf("cas", digest));
  symlinkSync(elsewhere, pathOf("cas", digest));
  expect(store.get(digest)).toBeUndefined();
  // Replaced, as anything under the name is.
  expect(put(content(1))).toEqual(digest);
  expect(store.get(digest)).toEqual(content(1));
});

test("where nothing can be stored nothing is", () => {
  writeFileSync(root, "a file in the store's place");
  expect(store.put(content(1))).toBeUndefined();
  store.link(key("a"), key("b"));
  expect(store.lookup(key("a"))).toBeUndefined();
  expect(store.collect(0)).toBe(0);
  store.clear();
  expect(store.stats()).toEqual({ entries: 0, bytes: 0, actions: 0 });
});

test("several processes put, get and collect at once", async () => {
  const program = join(import.meta.dirname, "use-store.mjs");
  const children = [1, 2, 3].map(() =>
    spawn(process.execPath, [program, root], { stdio: ["ignore", "pipe", "inherit"] }),
  );
  const ended = children.map(async (child) => {
    let text = "";
    child.stdout.on("data", (data: Buffer) => {
      text += data.toString();
    });
    const [code] = await once(child, "close");
    return { code, text };
  });
  for (const end of ended) expect(await end).toEqual({ code: 0, text: "corrupted 0, wrong 0\n" });
  store.collect(0);
  expect(readdirSync(root)).toEqual([]);
});

test("a pack's key depends on sizes, contents and their order alone", () => {
  const member = (value: number) => ({ sizeBytes: 10, sha256: sha256(content(value, 10)) });
  expect(packKey([member(1), member(2)])).toEqual(packKey([member(1), member(2)]));
  const keys = [[], [member(1)], [member(1), member(2)], [member(2), member(1)], [{ ...member(1), sizeBytes: 11 }]].map(
    (members) => packKey(members).toString("hex"),
  );
  expect(new Set(keys).size).toBe(5);
});

test("what a writer left that was killed goes with the next sweep, and a living one's stays", () => {
  store.put(content(1));
  const shard = join(root, "cas", "aa");
  mkdirSync(shard, { recursive: true });
  const temporary = (pid: number): string => `.${"aa".repeat(32)}.binaryfs-${pid}-0123456789ab.tmp`;
  const dead = spawnSync(process.execPath, ["-e", ""]).pid;
  for (const pid of [dead, process.pid]) writeFileSync(join(shard, temporary(pid)), "torn");
  store.sweep();
  // Nobody said that it wrote: nothing is looked for.
  expect(existsSync(join(shard, temporary(dead)))).toBe(true);
  writeFileSync(join(root, `.writer-${dead}`), "");
  store.sweep();
  expect(readdirSync(shard)).toEqual([temporary(process.pid)]);
  expect(readdirSync(root).sort()).toEqual([`.writer-${process.pid}`, "cas"]);
  store.rest();
  expect(readdirSync(root)).toEqual(["cas"]);
});
