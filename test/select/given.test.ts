/** Selection over names that a build system gives: the decisions and checks of `select`, without a tree to scan. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ROW } from "../../src/model.js";
import {
  GivenDecision,
  type GivenName,
  type GivenOptions,
  givenRules,
  pathKey,
  selectGiven,
} from "../../src/select/given.js";
import type { Rule } from "../../src/select/rules.js";

const OPTIONS: GivenOptions = { mtimeSeconds: 1, directoryMode: 0o755 };
const rules = (...texts: string[]): Rule[] =>
  texts.map((text) => ({
    kind: text[0] === "+" ? "include" : "exclude",
    pattern: Buffer.from(text.slice(1), "latin1"),
  }));
const file = (path: string): GivenName => ({ path, type: "file", mode: 0o644, sizeBytes: 1 });
const link = (path: string, body: string): GivenName => ({ path, type: "symlink", mode: 0o777, sizeBytes: 0, body });
const directory = (path: string): GivenName => ({ path, type: "directory", mode: 0o700, sizeBytes: 0 });

/** In the order that is asked for. */
const ordered = (names: readonly GivenName[]): GivenName[] =>
  [...names].sort((a, b) => (pathKey(a.path) < pathKey(b.path) ? -1 : 1));

/** Paths of the names that are selected, or the failure. */
function select(names: readonly GivenName[], options: Partial<GivenOptions> = {}) {
  const sorted = ordered(names);
  const given = selectGiven(sorted, { ...OPTIONS, ...options });
  if (!given.ok) return given.error;
  const { tree, rows } = given.value;
  const selected = sorted.filter(
    (_, index) => ((tree.table.flags[rows[index] as number] as number) & ROW.selected) !== 0,
  );
  return { paths: selected.map(({ path }) => path), warnings: tree.warnings, rows: tree.table.count };
}

describe("names", () => {
  test("directories above them come by themselves, once", () => {
    expect(select([file("/a/b/c"), file("/a/b/d"), file("/a.b"), file("/a/e")])).toMatchObject({ rows: 7 });
  });

  test.each<readonly [string, readonly GivenName[], string, string | undefined]>([
    ["twice", [file("/a"), file("/a")], "/a", undefined],
    ["a file beneath a file", [file("/a"), file("/a/b")], "/a/b", "/a"],
    ["a file far beneath a link", [link("/a", "b"), file("/a/b/c")], "/a/b/c", "/a"],
    ["a directory and a file", [directory("/a"), file("/a")], "/a", undefined],
    ["a file as the root", [file("/")], "/", undefined],
  ])("%s: a conflict that is named", (_, names, path, detail) => {
    const error = select(names);
    expect(error).toMatchObject({ code: "path-conflict" });
    if ("code" in error) expect([error.path?.toString(), error.detail]).toEqual([path, detail]);
  });

  test("names that begin alike are no conflict", () => {
    expect(select([file("/a"), file("/a!"), file("/a.b/c"), file("/a-/d")])).toMatchObject({ rows: 7 });
    expect(select([directory("/a"), file("/a/b"), directory("/")])).toMatchObject({ rows: 3 });
  });
});

describe("rules", () => {
  const names = [file("/a/x.txt"), file("/a/x.log"), file("/b/deep/y.txt"), file("/c")];

  test.each<readonly [readonly string[], readonly string[]]>([
    [[], ["/a/x.log", "/a/x.txt", "/b/deep/y.txt", "/c"]],
    [["+*.txt"], ["/a/x.txt", "/b/deep/y.txt"]],
    [["-*.log"], ["/a/x.txt", "/b/deep/y.txt", "/c"]],
    [["+/b"], ["/b/deep/y.txt"]],
    [["+/a", "-*.log"], ["/a/x.txt"]],
    [["-*.log", "+/a/x.log"], ["/a/x.log"]],
  ])("%j", (texts, expected) => {
    expect(select(names, { rules: rules(...texts) })).toMatchObject({ paths: expected });
  });

  test("a pattern leads through a given link", () => {
    expect(select([link("/now", "b"), ...names], { rules: rules("+/now/deep/*") })).toMatchObject({
      paths: expect.arrayContaining(["/b/deep/y.txt"]),
    });
  });

  test("without a match: a warning, or strictly an error", () => {
    expect(select(names, { rules: rules("+/a", "-*.none") })).toMatchObject({
      warnings: [{ code: "pattern-unmatched" }],
    });
    expect(select(names, { rules: rules("+/a", "-*.none"), strict: true })).toMatchObject({
      code: "pattern-unmatched",
    });
    expect(select(names, { rules: rules("-*") })).toMatchObject({ code: "nothing-selected" });
    expect(select(names, { rules: rules("+../x") })).toMatchObject({ code: "include-outside-root" });
  });

  test("a secret is an error until it is allowed, left out, or only warned of", () => {
    const secret = [...names, file("/a/.env")];
    expect(select(secret)).toMatchObject({ code: "secrets-selected" });
    expect(select(secret, { allowSecrets: ["/a/.env"] })).toMatchObject({ paths: expect.arrayContaining(["/a/.env"]) });
    expect(select(secret, { rules: rules("-*/.env") })).toMatchObject({ warnings: [] });
    expect(select(secret, { secrets: "warn" })).toMatchObject({ paths: expect.arrayContaining(["/a/.env"]) });
  });

  test("declarations are checked", () => {
    expect(select(names, { hostPaths: ["relative"] })).toMatchObject({ code: "bad-host-path" });
  });
});

test("a decision on single paths is that of the selection", () => {
  const component = fc.constantFrom("a", "b", "a.txt", "b.log", "a!");
  const paths = fc.array(
    fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join("/")}`),
    { minLength: 1, maxLength: 15 },
  );
  const pattern = fc.constantFrom("*", "/a", "/a/*", "*.txt", "*/b", "/b/a", "?a*", "/*/b.log");
  const texts = fc.array(
    fc.tuple(fc.constantFrom("+", "-"), pattern).map(([sign, text]) => sign + text),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(paths, texts, (all, patterns) => {
      const free = [...new Set(all)].filter((path) => !all.some((other) => other.startsWith(`${path}/`)));
      const made = givenRules(rules(...patterns), new Map());
      if (!made.ok) throw new Error(made.error.code);
      const decision = new GivenDecision(made.value);
      const names = ordered(free.map(file));
      const decided = names.filter(({ path }) => decision.selects(path)).map(({ path }) => path);
      const selected = select(names, { rules: rules(...patterns) });
      if ("code" in selected) {
        expect(selected.code).toBe("nothing-selected");
        expect(decided).toEqual([]);
      } else {
        expect(selected.paths).toEqual(decided);
      }
    }),
  );
});
