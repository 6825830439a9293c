/** rules/bazel/README.md names every attribute, argument and provider field of the rules, and no others. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CHECKOUT } from "../support/bazel.js";

const RULES = join(CHECKOUT, "rules/bazel");
const read = (path: string): string => readFileSync(join(RULES, path), "utf8");
const readme = read("README.md");

/** First column of the tables between a heading and the next. */
function documented(heading: string): string[] {
  const from = readme.indexOf(`\n${heading}`);
  expect(from, heading).toBeGreaterThan(0);
  const end = readme.indexOf("\n## ", from + heading.length);
  return [...readme.slice(from, end < 0 ? undefined : end).matchAll(/^\| `(\w+)` \|/gm)].map(
    ([, name]) => name as string,
  );
}

/** Names in a dictionary of attributes or fields; private ones aside. */
function defined(path: string, pattern: RegExp): string[] {
  const names = [...read(path).matchAll(pattern)].map(([, name]) => name as string);
  expect(names.length).toBeGreaterThan(0);
  return names.filter((name) => !name.startsWith("_"));
}

const ATTRIBUTE = /^ {4,8}"(\w+)": attr\./gm;
const FIELD = /^ {8}"(\w+)": "/gm;

test.each([
  ["## `binary_fs`\n", [...defined("private/binary_fs.bzl", ATTRIBUTE), ...defined("private/providers.bzl", FIELD)]],
  ["## `binary_fs_run`", defined("private/run.bzl", ATTRIBUTE)],
  ["## `binaryfs_toolchain`", defined("private/toolchain.bzl", ATTRIBUTE)],
])("%s", (heading, names) => {
  expect(documented(heading).sort()).toEqual(names.sort());
});

test("arguments of binaryfs_local", () => {
  const section = readme.slice(readme.indexOf("### `binaryfs_local`"), readme.indexOf("### `offline_repositories`"));
  const names = [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name as string);
  const ofTheRule = defined("private/local_installation.bzl", ATTRIBUTE);
  expect(names.sort()).toEqual([...ofTheRule, "name", "register"].sort());
});

test("defaults that the tables name are those of the rules", () => {
  const source = read("private/binary_fs.bzl");
  for (const [, name, value] of readme.matchAll(
    /^\| `(mtime|mode|directory_mode|layout|prefix|runfiles)` \|.*\| `(.*)` \|$/gm,
  )) {
    const [, definition = ""] = new RegExp(`"${name}": attr\\.([\\s\\S]*?)\\n        (?:"|\\})`).exec(source) ?? [];
    expect(definition, name).toContain(`default = ${value}`);
  }
});

test("versions of MODULE.bazel and package.json agree", () => {
  const { version } = JSON.parse(readFileSync(join(CHECKOUT, "package.json"), "utf8"));
  for (const path of ["MODULE.bazel", "examples/bazel/MODULE.bazel", "WORKSPACE.example", "rules/bazel/README.md"]) {
    expect(readFileSync(join(CHECKOUT, path), "utf8"), path).toContain(`version = "${version}"`);
  }
});
