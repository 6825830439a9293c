/** What the scanner could not look at matters only where it is or may be selected. */

import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { STAT } from "../../src/model.js";
import { addon } from "../../src/native/addon.js";
import { type SelectOptions, Selector, select } from "../../src/select/select.js";
import { selectedPaths } from "./nested.js";

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "binaryfs-failures-")));
  writeFileSync(join(root, "bad"), "");
  writeFileSync(join(root, "file"), "");
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(root, { recursive: true, force: true });
});

/** ROOT's listing has three words before the records, of which the first is that of `bad`. */
const FIRST = 3;
const { scanDirectories } = addon;

/** Lets every scan whose first directory is ROOT answer as if it had failed. */
function failing(edit: (words: Uint32Array) => void): void {
  vi.spyOn(addon, "scanDirectories").mockImplementation((paths, count, threads) => {
    const answer = scanDirectories(paths, count, threads);
    const isRoot = Buffer.from(paths).toString("latin1").startsWith(`${root}\0`);
    if (isRoot) edit(new Uint32Array(answer.buffer, answer.byteOffset, answer.byteLength >>> 2));
    return answer;
  });
}
const outcome = (options: Partial<SelectOptions> = {}): unknown => {
  const tree = select({ root, ...options });
  return tree.ok ? selectedPaths(tree.value) : tree.error;
};

test.each([
  [constants.errno.EACCES, "unreadable", "EACCES"],
  [constants.errno.EIO, "unreadable", "EIO"],
])("a name without a record (errno %i)", (errno, code, detail) => {
  failing((words) => {
    words[FIRST] = errno;
    words[FIRST + STAT.mode] = 0;
  });
  expect(outcome()).toMatchObject({ code, detail, path: Buffer.from(join(root, "bad")) });
  expect(outcome({ rules: [{ kind: "include", pattern: "/bad/beneath" }] })).toMatchObject({ code, detail });
  expect(outcome({ rules: [{ kind: "exclude", pattern: "/bad" }] })).toEqual(["/file"]);
});

test.each([
  [constants.errno.EACCES, "unreadable", "EACCES"],
  [constants.errno.ENOENT, "input-changed", "ENOENT"],
  [constants.errno.ELOOP, "input-changed", "ELOOP"],
])("a directory that cannot be listed (errno %i), at first and later", (errno, code, detail) => {
  const fail = (words: Uint32Array): void => {
    words[0] = errno;
  };
  const error = { code, detail, path: Buffer.from(root) };
  const selector = Selector.open({ root });
  const tree = selector.ok ? selector.value.select() : selector;
  if (!selector.ok || !tree.ok) throw new Error("not selected");
  failing(fail);
  expect(outcome()).toMatchObject(error);
  expect(selector.value.update(tree.value, "all")).toMatchObject({ ok: false, error });
  vi.restoreAllMocks();
  expect(selector.value.update(tree.value, "all")).toEqual({ ok: true, value: { kind: "unchanged" } });
});

test("a directory that is not selected is not listed", () => {
  mkdirSync(join(root, "closed"));
  const scan = vi.spyOn(addon, "scanDirectories");
  expect(outcome({ rules: [{ kind: "exclude", pattern: "/closed" }] })).toEqual(["/bad", "/file"]);
  expect(scan).toHaveBeenCalledTimes(1);
});
