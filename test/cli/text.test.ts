import { describe, expect, it } from "vitest";
import { COMMANDS, RESERVED_WORDS } from "../../src/cli/commands.js";
import { modeString, timeString } from "../../src/cli/format-node.js";
import { commandHelp, generalHelp, sconeHelp } from "../../src/cli/help.js";
import { escapePath, jsonPath } from "../../src/cli/output.js";
import { progressText } from "../../src/cli/progress.js";
import { describeError, describeWarnings, humanBytes } from "../../src/cli/wording.js";

describe("escapePath", () => {
  it.each([
    ["plain é", "plain é"],
    ["a\nb\tc", "a\\nb\\tc"],
    ["\u001b[31mred", "\\x1b[31mred"],
    ["right\u202eleft", "right\\u202eleft"],
  ])("shows %j as %j", (path, shown) => {
    expect(escapePath(Buffer.from(path))).toBe(shown);
  });

  it("shows bytes that are not UTF-8", () => {
    expect(escapePath(Buffer.from([0x61, 0xff]))).toBe("a\\xff");
  });
});

describe("jsonPath", () => {
  it("adds the bytes where text cannot hold them", () => {
    expect(jsonPath(Buffer.from("/é"))).toEqual({ path: "/é" });
    expect(jsonPath(Buffer.from([0x2f, 0xff]))).toEqual({ path: "/\ufffd", pathBase64: "L/8=" });
  });
});

describe("an error", () => {
  it("is one line with code, facts and path, and one that says what to do", () => {
    const text = describeError({
      code: "compiler-failed",
      detail: "a: error\nb: \u001b[1mhere",
      path: Buffer.from("/x\ny"),
    });
    expect(text).toBe(
      "binaryfs: compiler-failed: the compiler failed: a: error; b: \\x1b[1mhere (/x\\ny)\n  These are its last words. `binaryfs build` without `--linker gcc` needs no compiler.",
    );
  });
});

describe("warnings", () => {
  it("end after ten unless all are wanted", () => {
    const warnings = Array.from({ length: 12 }, () => ({ code: "special-skipped" as const, path: Buffer.from("/f") }));
    expect(describeWarnings(warnings, false)).toHaveLength(11);
    expect(describeWarnings(warnings, false).at(-1)).toContain("2 more");
    expect(describeWarnings(warnings, true)).toHaveLength(12);
  });
});

describe("figures", () => {
  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1536, "1.50 KiB"],
    [5 * 2 ** 40, "5.00 TiB"],
  ])("%d bytes are %s", (bytes, text) => {
    expect(humanBytes(bytes)).toBe(text);
  });

  it("modes and times read as ls has them", () => {
    expect(modeString("file", 0o4755)).toBe("-rwsr-xr-x");
    expect(modeString("directory", 0o1776)).toBe("drwxrwxrwT");
    expect(modeString("character", 0o2640)).toBe("crw-r-S---");
    expect(timeString(-1n)).toBe("1969-12-31T23:59:59.999999999Z");
  });

  it("progress tells share and amount", () => {
    expect(progressText({ stage: "serialize", done: 512, total: 1024, unit: "bytes" })).toContain("50%");
    expect(progressText({ stage: "select", done: 7, total: 0, unit: "files" })).toBe("select  7 files");
  });
});

describe("help", () => {
  it("fits a terminal, lists what exists and nothing that does not", () => {
    const texts = [generalHelp(COMMANDS), sconeHelp(), ...COMMANDS.map(commandHelp)];
    for (const line of texts.flatMap((text) => text.split("\n"))) expect(line.length).toBeLessThanOrEqual(130);
    for (const word of RESERVED_WORDS) expect(generalHelp(COMMANDS)).not.toContain(`binaryfs ${word}`);
    for (const { name } of COMMANDS) expect(generalHelp(COMMANDS)).toContain(`binaryfs ${name}`);
  });
});
