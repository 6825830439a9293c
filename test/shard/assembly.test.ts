/** A library that is linked time and again, by several at once: what one keeps is no other's, and goes with it. */

import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Assembly } from "../../src/engine/assembly.js";
import { readShard } from "../../src/shard/read-shard.js";
import { writeShard } from "../../src/shard/write-shard.js";

let directory: string;
const at = (name: string): Buffer => Buffer.from(join(directory, name));
beforeAll(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "binaryfs-assembly-")));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function link(assembly: Assembly, content: string): Promise<Buffer> {
  writeFileSync(at("a"), content);
  const files = [{ path: "/a", host: at("a"), kind: "file" as const }];
  expect(writeShard({ output: at("0.shard"), files, rules: [], links: new Map() })).toMatchObject({ ok: true });
  const shard = readShard(at("0.shard"));
  if (!shard.ok) throw new Error(shard.error.code);
  // As a build system does before it asks for an output.
  rmSync(at("out.so"), { force: true });
  const tree = { links: new Map(), directories: new Map(), modes: [], fileMode: 0o755, directoryMode: 0o755 };
  const linked = await assembly.link({
    output: at("out.so"),
    shards: [shard.value],
    tree: { ...tree, mtimeSeconds: 0 },
    layout: "stable",
  });
  expect(linked).toMatchObject({ ok: true });
  return readFileSync(at("out.so"));
}

test("one that ends takes nothing away from another", async () => {
  const [one, other] = [new Assembly(at("kept")), new Assembly(at("kept"))];
  await link(one, "first");
  await link(other, "second");
  expect(readdirSync(at("kept"))).toHaveLength(2);
  await one.close();
  expect(readdirSync(at("kept"))).toHaveLength(1);
  const again = await link(other, "third");
  expect(again.equals(await link(new Assembly(), "third"))).toBe(true);
  await other.close();
  expect(existsSync(at("kept"))).toBe(false);
});
