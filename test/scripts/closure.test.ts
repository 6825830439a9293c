/** What the demo finds that a program needs. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asPattern, existing, filesBelow, sharedLibraries } from "../../scripts/lib/closure.mjs";

describe("a tree with links", () => {
  let directory = "";
  beforeAll(() => {
    directory = realpathSync(mkdtempSync(`${tmpdir()}/binaryfs-closure-`));
    mkdirSync(`${directory}/real/inner`, { recursive: true });
    writeFileSync(`${directory}/real/inner/file`, "");
    symlinkSync("real", `${directory}/relative`);
    symlinkSync(`${directory}/relative/inner/file`, `${directory}/absolute`);
    symlinkSync("nowhere", `${directory}/broken`);
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test("what leads nowhere is left out, and a path that is named twice comes once", () => {
    const names = ["absolute", "broken", "real", "absent", "real"];
    expect(existing(names.map((name) => `${directory}/${name}`))).toEqual([
      `${directory}/absolute`,
      `${directory}/real`,
    ]);
  });

  test("files and links below a directory are told apart, links not followed", () => {
    const { files, links } = filesBelow(directory, () => true);
    expect(files).toEqual([`${directory}/real/inner/file`]);
    expect(links.sort()).toEqual([`${directory}/absolute`, `${directory}/broken`, `${directory}/relative`]);
  });
});

test("a dynamic program's libraries are absolute, hold libc and the loader", async () => {
  const libraries = await sharedLibraries([process.execPath]);
  expect(libraries.every((path) => path.startsWith("/"))).toBe(true);
  expect(libraries.some((path) => /\/libc\.so\.6$/.test(path))).toBe(true);
  expect(libraries.some((path) => /\/ld-linux-x86-64\.so\.2$/.test(path))).toBe(true);
});

test("a path with glob characters becomes a pattern for itself", () => {
  expect(asPattern("/a[1]/b*c?\\d")).toBe("/a\\[1\\]/b\\*c\\?\\\\d");
});
