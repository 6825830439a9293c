/** Where state is kept, and where it is not trusted. */

import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findStore, openStateDirectory, type StateDirectory } from "../../src/store/state-directory.js";

let directory: string;
beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "binaryfs-statedir-")));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const output = Buffer.from("/some/lib.so");

function opened(options: Parameters<typeof openStateDirectory>[0]): StateDirectory {
  const result = openStateDirectory(options);
  if (!result.ok) throw new Error(JSON.stringify(result));
  return result.value;
}

test("each output has its own in the cache directory; the store is shared", () => {
  const cache = opened({ output, env: { XDG_CACHE_HOME: join(directory, "cache"), HOME: "/nowhere" } });
  const base = join(directory, "cache/binaryfs");
  expect(cache.path.toString()).toMatch(new RegExp(`^${base}/outputs/[0-9a-f]{32}$`));
  expect(cache.state.toString()).toMatch(/\/([0-9a-f]{32})\/\1\.state$/);
  expect(cache.store.toString()).toBe(`${base}/store`);
  expect(statSync(base).mode & 0o777).toBe(0o700);
  expect(statSync(cache.path).mode & 0o777).toBe(0o700);
  const other = opened({ output: Buffer.from("/other"), env: { XDG_CACHE_HOME: join(directory, "cache") } });
  expect(other.path).not.toEqual(cache.path);
  expect(other.store).toEqual(cache.store);
  const home = opened({ output, env: { XDG_CACHE_HOME: "relative", HOME: directory } });
  expect(home.store.toString()).toBe(`${directory}/.cache/binaryfs/store`);
  expect(findStore({ env: { HOME: directory } })).toMatchObject({ ok: true, value: { store: home.store } });
});

test("a named one is it; outputs have names of their own in it", () => {
  const named = Buffer.from(join(directory, "named"));
  const one = opened({ output, directory: named, env: {} });
  const other = opened({ output: Buffer.from("/other"), directory: named, env: {} });
  expect(one.path).toEqual(named);
  expect(other.path).toEqual(named);
  expect(other.state).not.toEqual(one.state);
  symlinkSync("named", join(directory, "link"));
  expect(opened({ output, directory: Buffer.from(join(directory, "link")), env: {} }).path).toEqual(named);
});

test("one that others may write to is refused", () => {
  const named = join(directory, "named");
  mkdirSync(named);
  for (const mode of [0o777, 0o770, 0o722]) {
    chmodSync(named, mode);
    const refused = openStateDirectory({ output, directory: Buffer.from(named), env: {} });
    expect(refused).toMatchObject({ ok: false, error: { code: "state-unusable", detail: "writable" } });
  }
  chmodSync(named, 0o1777);
  expect(openStateDirectory({ output, directory: Buffer.from(named), env: {} }).ok).toBe(true);
});

test("so is what is no directory, or cannot be made", () => {
  writeFileSync(join(directory, "file"), "");
  const file = openStateDirectory({ output, directory: Buffer.from(join(directory, "file")), env: {} });
  expect(file).toMatchObject({ ok: false, error: { code: "state-unusable", detail: "EEXIST" } });
  const beneath = openStateDirectory({ output, directory: Buffer.from(join(directory, "file/below")), env: {} });
  expect(beneath).toMatchObject({ ok: false, error: { code: "state-unusable", detail: "ENOTDIR" } });
});

test.skipIf(process.geteuid?.() !== 0)("so is somebody else's", () => {
  const named = join(directory, "named");
  mkdirSync(named, { mode: 0o700 });
  chownSync(named, 12_345, 12_345);
  const refused = openStateDirectory({ output, directory: Buffer.from(named), env: {} });
  expect(refused).toMatchObject({ ok: false, error: { code: "state-unusable", detail: "owner" } });
});
