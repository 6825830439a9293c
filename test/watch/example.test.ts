import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { temporaryDirectory } from "../link/stand-in.js";
import { WatchCommand } from "./watch-command.js";

const directory = temporaryDirectory("example");
const at = (name: string): string => join(directory.path, name);
let watch: WatchCommand;

beforeAll(() => cpSync(join(import.meta.dirname, "../../examples/watch/app"), at("app"), { recursive: true }));
afterAll(async () => {
  if (watch?.child.exitCode === null) await watch.end("SIGTERM");
  directory.dispose();
});

/** In one step, so that there is one publication of it. The text is not shorter than the file. */
const overwrite = (name: string, text: string): void => writeFileSync(at(name), text, { flag: "r+" });
/** The address that the server printed last. */
const addresses = (): string[] => watch.stderr.match(/http:\S+/g) ?? [];
const answer = async (): Promise<string> => (await fetch(addresses().at(-1) ?? "")).text();

it("the example's server answers from the image, and anew after each edit", async () => {
  watch = new WatchCommand(directory.path, [
    "app",
    "-o",
    "app.so",
    "--",
    "./app.so",
    process.execPath,
    "/server.mjs",
    "0",
  ]);
  await watch.next("ready");
  await watch.until(() => addresses().length === 1);
  expect(await answer()).toBe("Hello, world!\n");

  overwrite("app/greet.mjs", readFileSync(at("app/greet.mjs"), "utf8").replace("Hello", "Good morning"));
  expect((await watch.next("published"))["changed"]).toEqual(["/greet.mjs"]);
  await watch.until(() => addresses().length === 2);
  expect(await answer()).toBe("Good morning, world!\n");

  overwrite("app/name.txt", "everybody\n");
  expect((await watch.next("published"))["changed"]).toEqual(["/name.txt"]);
  await watch.until(() => addresses().length === 3);
  expect(await answer()).toBe("Good morning, everybody!\n");

  expect(await watch.end()).toBe(130);
  await expect(answer()).rejects.toThrow();
  for (const line of watch.lines.filter(({ event }) => event === "started")) {
    expect(() => process.kill(line["pid"] as number, 0)).toThrow();
  }
  expect(readdirSync(directory.path).sort()).toEqual([".cache", "app", "app.so"]);
  expect(readdirSync(at(".cache"), { recursive: true }).filter((name) => String(name).endsWith(".tmp"))).toEqual([]);
});
