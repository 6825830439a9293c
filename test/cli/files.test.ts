import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { loadConfig, readConfig } from "../../src/cli/config.js";
import { expandOptionFiles } from "../../src/cli/option-files.js";
import { expandSelectionFiles, parseVolume } from "../../src/cli/selection.js";
import { temporaryDirectory } from "../link/stand-in.js";

const directory = temporaryDirectory("files");
const file = (name: string, text: string): string => {
  const path = join(directory.path, name);
  writeFileSync(path, text);
  return path;
};
afterAll(directory.dispose);
afterEach(() => void vi.unstubAllEnvs());

describe("@FILE", () => {
  it("stands for its lines, recursively, spaces and all", () => {
    const inner = file("inner", "--include\n/with space/*\n");
    const outer = file("outer", `-h\r\n/etc/hosts\r\n\n@${inner}\n`);
    expect(expandOptionFiles(["a", `@${outer}`, "b"])).toEqual({
      ok: true,
      value: ["a", "-h", "/etc/hosts", "--include", "/with space/*", "b"],
    });
  });

  it("that leads back to itself is wrong usage", () => {
    const first = join(directory.path, "first");
    file("second", `@${first}\n`);
    file("first", `@${join(directory.path, "second")}\n`);
    expect(expandOptionFiles([`@${first}`])).toMatchObject({ ok: false, error: { code: "usage" } });
  });

  it("that is missing is unreadable; a lone @ and what follows -- stay", () => {
    expect(expandOptionFiles(["@/nowhere"])).toMatchObject({ ok: false, error: { code: "unreadable" } });
    expect(expandOptionFiles(["@", "--", "@/nowhere"])).toEqual({ ok: true, value: ["@", "--", "@/nowhere"] });
  });
});

describe("--selection FILE", () => {
  it("puts its rules in its place among the flags", () => {
    const path = file("rules", "# comment\n\n/app\n-e *.pyc\n--include=/app/a b.py\n--host-path /etc/hosts\n-i\t/x\n");
    const options = [
      { name: "include", value: "/first" },
      { name: "selection", value: path },
      { name: "exclude", value: "/last" },
    ];
    const expanded = expandSelectionFiles(options);
    expect(expanded.ok && expanded.value.map(({ name, value }) => `${name} ${value}`)).toEqual([
      "include /first",
      "include /app",
      "exclude *.pyc",
      "include /app/a b.py",
      "host-path /etc/hosts",
      "include /x",
      "exclude /last",
    ]);
  });

  it("names the line that it does not understand", () => {
    const path = file("bad", "/app\nstray\n");
    expect(expandSelectionFiles([{ name: "selection", value: path }])).toMatchObject({
      ok: false,
      error: { code: "bad-config", detail: "line 2: stray" },
    });
  });
});

describe("parseVolume", () => {
  it.each([
    ["/data", "/data", undefined],
    ["/data=/srv", "/data", "/srv"],
    ["/a\\=b=/srv", "/a=b", "/srv"],
  ])("reads %s", (value, guest, host) => {
    const volume = parseVolume(value);
    expect(volume.ok && [String(volume.value.guest), volume.value.host && String(volume.value.host)]).toEqual([
      guest,
      host,
    ]);
  });

  it.each(["data", "/data=srv", "=/srv"])("refuses %s", (value) => {
    expect(parseVolume(value)).toMatchObject({ ok: false, error: { code: "bad-volume" } });
  });
});

describe("the configuration file", () => {
  it("becomes options, rules in their order", () => {
    const loaded = readConfig(
      {
        root: "rootfs",
        output: "/x.so",
        rules: [{ include: "/a" }, { exclude: "*.pyc" }],
        strict: true,
        sealed: false,
        mtime: 5,
      },
      "/srv",
    );
    expect(loaded).toEqual({
      ok: true,
      value: {
        root: "/srv/rootfs",
        output: "/x.so",
        options: [
          { name: "include", value: "/a" },
          { name: "exclude", value: "*.pyc" },
          { name: "strict", value: "" },
          { name: "mtime", value: "5" },
        ],
      },
    });
  });

  it.each([
    [{ frob: 1 }, "unknown key frob"],
    [{ toString: 1 }, "unknown key toString"],
    [{ strict: "yes" }, "wrong value of strict"],
    [{ rules: [{ include: 1 }] }, "wrong value of rules"],
    [{ root: 1 }, "root is no string, or an empty one"],
    [{ hostPaths: [""] }, "wrong value of hostPaths"],
    [[], "not an object"],
  ])("%j is refused: %s", (value, detail) => {
    expect(readConfig(value, "/")).toMatchObject({ ok: false, error: { code: "bad-config", detail } });
  });

  it("may be TypeScript, JavaScript or JSON", async () => {
    const expected = { ok: true, value: { options: [{ name: "host-path", value: "/etc/hosts" }] } };
    const json = file("c.json", '{"hostPaths":["/etc/hosts"]}');
    const ts = file(
      "c.ts",
      'interface C { hostPaths: string[] }\nconst c: C = { hostPaths: ["/etc/hosts"] };\nexport default c;\n',
    );
    const js = file("c.mjs", 'export default { hostPaths: ["/etc/hosts"] };\n');
    for (const path of [json, ts, js]) expect(await loadConfig(path)).toMatchObject(expected);
    expect(await loadConfig(file("broken.json", "{"))).toMatchObject({ ok: false, error: { code: "bad-config" } });
    expect(await loadConfig("/nowhere.json")).toMatchObject({ ok: false, error: { code: "bad-config" } });
  });

  it("leaves nothing where others could have put something: what was compiled is compiled again", async () => {
    const temporary = join(directory.path, "temporary");
    mkdirSync(temporary);
    vi.stubEnv("TMPDIR", temporary);
    const ts = file("d.ts", 'const hostPaths: string[] = ["/etc/hosts"];\nexport default { hostPaths };\n');
    expect(await loadConfig(ts)).toMatchObject({ ok: true });
    expect(readdirSync(temporary)).toEqual([]);
  });
});
