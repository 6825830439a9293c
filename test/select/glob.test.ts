import { describe, expect, test } from "vitest";
import { Glob } from "../../src/select/glob.js";
import { toLatin1 } from "../../src/select/paths.js";

const matches = (pattern: string, path: string): boolean => new Glob(toLatin1(pattern)).matches(toLatin1(path));

describe("Glob", () => {
  test.each([
    ["/usr/lib/python3/*", "/usr/lib/python3/a/b.py", true, "* crosses slashes"],
    ["/usr/lib/python3/*", "/usr/lib/python3", false, "* needs the slash before it"],
    ["/usr/lib", "/usr/lib/x/y", true, "a directory takes all beneath"],
    ["/usr/lib", "/usr/lib", true, "itself"],
    ["/usr/lib", "/usr/libx", false, "whole components"],
    ["/lib/libz.so.1*", "/lib/libz.so.1.2.13", true, "prefix"],
    ["/*.py", "/a/b/c.py", true, "at any depth"],
    ["/*.py", "/a/b/c.pyc", false, "to the end"],
    ["/*.d", "/etc/x.d/file", true, "a matched directory takes all beneath"],
    ["/a*b*c", "/a1b2b3c", true, "several stars"],
    ["/a*b*c", "/a1c2c", false, "several stars, none fits"],
    ["/a?b", "/a/b", true, "? crosses slashes"],
    ["/caf?", "/café", true, "? is a character, not a byte"],
    ["/[a-c]x", "/bx", true, "range"],
    ["/[!a-c]x", "/bx", false, "negated with !"],
    ["/[^a-c]x", "/dx", true, "negated with ^"],
    ["/[]]x", "/]x", true, "] first is a member"],
    ["/[a-]x", "/-x", true, "- last is a member"],
    ["/[é]x", "/éx", true, "characters of several bytes in classes"],
    ["/[[:digit:]]", "/7", true, "named class"],
    ["/[[:digit:]]", "/x", false, "named class, other"],
    ["/[[:cntrl:]]", "/\n", true, "control characters"],
    ["/[x", "/[x", true, "[ without ] is itself"],
    ["/a\\*b", "/a*b", true, "escaped star"],
    ["/a\\*b", "/axb", false, "escaped star is literal"],
    ["/[\\]]", "/]", true, "escape within a class"],
    ["/", "/any/thing", true, "the root takes everything"],
    ["/.*", "/.hidden", true, "dots are ordinary"],
  ])("%s against %s is %s: %s", (pattern, path, expected) => {
    expect(matches(pattern, path)).toBe(expected);
  });

  test("matches names that are not UTF-8 byte by byte", () => {
    expect(new Glob("/\xff?x").matches("/\xff\xfex")).toBe(true);
  });

  // One that tried every division of the name among the stars would end after the universe.
  test("many stars against a long name are quick", () => {
    expect(matches(`/${"*a".repeat(20)}b`, `/${"a".repeat(4000)}`)).toBe(false);
  });

  test.each([
    ["/usr/lib/*.py", "/usr", true],
    ["/usr/lib/*.py", "/usr/lib", true],
    ["/usr/lib/*.py", "/usr/lib/sub", true],
    ["/usr/lib/*.py", "/usr/share", false],
    ["/usr/lib", "/usr/lib/sub", true],
    ["/a?c/d", "/abc", true],
    ["/a?c/d", "/abd", false],
    ["/x", "/", true],
  ])("%s may match beneath %s: %s", (pattern, directory, expected) => {
    expect(new Glob(pattern).mayMatchBeneath(directory)).toBe(expected);
  });
});
