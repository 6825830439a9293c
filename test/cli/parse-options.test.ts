import { describe, expect, it } from "vitest";
import { BUILD_OPTIONS, SCONE_OPTIONS } from "../../src/cli/options.js";
import { parseOptions } from "../../src/cli/parse-options.js";

const parse = (line: string, specs = BUILD_OPTIONS) => parseOptions(line.split(" "), specs);
const pairs = (line: string, specs = BUILD_OPTIONS) => {
  const parsed = parse(line, specs);
  return parsed.ok ? parsed.value.options.map(({ name, value }) => `${name}=${value}`) : parsed.error.detail;
};

describe("parseOptions", () => {
  it.each([
    ["-o x.so", ["output=x.so"]],
    ["-ox.so", ["output=x.so"]],
    ["--output=x.so", ["output=x.so"]],
    ["--output x.so", ["output=x.so"]],
    ["-i a -e b --include=c", ["include=a", "exclude=b", "include=c"]],
    ["-pvv", ["preserve-symbolic-links=", "verbose=", "verbose="]],
    ["-vi a", ["verbose=", "include=a"]],
    ["--volume=/a=/b", ["volume=/a=/b"]],
    ["-i -x", ["include=-x"]],
    ["--frob", "unknown option --frob"],
    ["-q", "unknown option -q"],
    ["--strict=1", "--strict takes no value"],
    ["-o", "-o needs a value"],
  ])("reads %s", (line, expected) => {
    expect(pairs(line)).toEqual(expected);
  });

  it("mixes operands and options, and ends both at --", () => {
    expect(parse("root -v more - -- -v cmd")).toMatchObject({
      ok: true,
      value: { operands: ["root", "more", "-"], options: [{ name: "verbose" }], rest: ["-v", "cmd"] },
    });
  });

  it("takes -h as help under a command and as a host path in SCONE's form", () => {
    expect(pairs("-h")).toEqual(["help="]);
    expect(pairs("-h /etc/hosts --host-path=/etc/resolv.conf", SCONE_OPTIONS)).toEqual([
      "host-path=/etc/hosts",
      "host-path=/etc/resolv.conf",
    ]);
  });
});
