import { describe, expect, it } from "vitest";
import { nearestCommand } from "../../src/cli/commands.js";
import { readConfig } from "../../src/cli/config.js";
import { parseSize } from "../../src/cli/size.js";
import { describeWait, pollingMessage } from "../../src/cli/wording.js";

describe("parseSize", () => {
  it.each([
    ["0", 0],
    ["512", 512],
    ["1K", 1024],
    ["500M", 500 * 1024 ** 2],
    ["2GiB", 2 * 1024 ** 3],
    ["1tb", 1024 ** 4],
    ["", undefined],
    ["-1", undefined],
    ["1.5G", undefined],
    ["99999999999999G", undefined],
  ])("reads %j", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });
});

it("a configuration names the state directory, or none", () => {
  expect(readConfig({ state: "s" }, "/d")).toMatchObject({ value: { options: [{ name: "state", value: "/d/s" }] } });
  expect(readConfig({ state: false }, "/d")).toMatchObject({ value: { options: [{ name: "no-state" }] } });
  expect(readConfig({ state: 1 }, "/d")).toMatchObject({ error: { detail: "wrong value of state" } });
});

it("tells for whom a build waits, and what limits watches", () => {
  expect(describeWait({ pid: 7, command: "binaryfs build\n-o x" })).toBe(
    "binaryfs: waiting for process 7 (binaryfs build; -o x), which uses the same state directory",
  );
  expect(pollingMessage("ENOSPC", "fs.inotify.max_user_watches")).toContain("`sysctl fs.inotify.max_user_watches`");
});

it("knows its new commands by their slips", () => {
  expect(nearestCommand("wacth")).toBe("watch");
  expect(nearestCommand("cahce")).toBe("cache");
});
