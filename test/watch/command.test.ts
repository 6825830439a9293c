import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { commandLine } from "../cli/command-line.js";
import { useStandInRuntime } from "../inspect/sample.js";
import { isInstalled, temporaryDirectory } from "../link/stand-in.js";
import { type Line, WatchCommand } from "./watch-command.js";

let directory: ReturnType<typeof temporaryDirectory>;
let watch: WatchCommand | undefined;
const at = (name: string): string => join(directory.path, name);

beforeEach(() => {
  directory = temporaryDirectory("watch-command");
  useStandInRuntime(directory.path);
  mkdirSync(at("tree/a/b"), { recursive: true });
  writeFileSync(at("tree/a/file"), "1");
  writeFileSync(at("tree/a/b/deep"), "1");
});
afterEach(async () => {
  if (watch?.child.exitCode === null) await watch.end("SIGTERM");
  watch = undefined;
  directory.dispose();
});

async function begin(...args: string[]): Promise<WatchCommand> {
  watch = new WatchCommand(directory.path, ["tree", "-o", "x.so", ...args]);
  await watch.next("ready");
  return watch;
}

/**
 * Writes a file that is there in one step, so that there is one publication of it: the command looks as soon as it hears of a change, and would see the file without its
 * content between the steps of another way. The text is not to be shorter than the file.
 */
const overwrite = (path: string, text: string): void => writeFileSync(path, text, { flag: "r+" });

/** What a clean build gives, and what `find` sees, is what the watched library holds. */
function expectExact(): void {
  const binaryfs = commandLine(directory.path);
  expect(binaryfs(["build", "tree", "-o", "clean.so", "--no-state"]).status).toBe(0);
  expect(spawnSync("cmp", [at("x.so"), at("clean.so")], { encoding: "utf8" })).toMatchObject({ status: 0, stdout: "" });
  const found = execFileSync("sh", ["-c", "find . | sed 's/^\\.//; s/^$/\\//' | LC_ALL=C sort"], {
    cwd: at("tree"),
    encoding: "latin1",
    maxBuffer: 1 << 26,
  });
  expect(binaryfs(["ls", "x.so"]).stdout.split("\n").sort()).toEqual(found.split("\n").sort());
}

/** Publications come until the library is what a clean build makes. */
async function exact(command: WatchCommand): Promise<void> {
  const binaryfs = commandLine(directory.path);
  for (;;) {
    expect(binaryfs(["build", "tree", "-o", "clean.so", "--no-state"]).status).toBe(0);
    if (spawnSync("cmp", ["-s", at("x.so"), at("clean.so")]).status === 0) break;
    await command.next("published");
  }
  expectExact();
}

/** One that has ended and waits for its parent is none. */
function isRunning(pid: unknown): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}

const changedOf = (line: Line): readonly string[] | undefined => line["changed"] as readonly string[] | undefined;

describe("binaryfs watch", () => {
  it("says the same of a build as build does", async () => {
    const command = await begin();
    expect(command.lines[0]).toMatchObject({
      event: "ready",
      files: 2,
      directories: 3,
      backend: "chokidar",
      method: "new",
    });
    overwrite(at("tree/a/file"), "2");
    const published = await command.next("published");
    expect(published).toMatchObject({ changed: ["/a/file"], upToDate: false, sourceBytes: 1 });
    const built = commandLine(directory.path)(["build", "tree", "-o", "y.so", "--json", "--no-state"]);
    const fields = JSON.parse(built.stdout.trim().split("\n").at(-1) ?? "");
    expect(
      Object.keys(published)
        .filter((key) => key !== "changed")
        .sort(),
    ).toEqual(Object.keys(fields).sort());
    expect(fields.digest).toBe(published["digest"]);
  });

  it("publishes atomic saves, modes, links and directories exactly", async () => {
    const command = await begin();
    writeFileSync(at("tree/a/.swp"), "22");
    renameSync(at("tree/a/.swp"), at("tree/a/file"));
    // The command may have looked before it was renamed.
    await exact(command);
    chmodSync(at("tree/a/b/deep"), 0o600);
    const changed = await command.next("published", (line) => changedOf(line)?.includes("/a/b/deep") === true);
    expect(changedOf(changed)).toEqual(["/a/b/deep"]);
    expect(command.lines.some((line) => changedOf(line)?.includes("/a/file"))).toBe(true);
    symlinkSync("file", at("tree/a/link"));
    await command.next("published");
    expectExact();
    renameSync(at("tree/a"), at("tree/z"));
    await exact(command);
    appendFileSync(at("tree/z/b/deep"), "2");
    await exact(command);
    rmSync(at("tree/z/b"), { recursive: true });
    await exact(command);
  });

  it("goes on after the root was removed and made again", async () => {
    const command = await begin();
    rmSync(at("tree"), { recursive: true });
    await command.next("error");
    mkdirSync(at("tree/new"), { recursive: true });
    writeFileSync(at("tree/new/file"), "1");
    await command.next("published");
    await exact(command);
    writeFileSync(at("tree/new/file"), "2");
    await exact(command);
  });

  it("ends exactly right after 30,000 creates in one directory", async () => {
    const command = await begin();
    execFileSync("sh", ["-c", "i=0; while [ $i -lt 30000 ]; do : > many-$i; i=$((i+1)); done"], { cwd: at("tree/a") });
    await exact(command);
  });

  it.skipIf(!isInstalled("git"))("ends exactly right after a checkout", async () => {
    const git = (...args: string[]) =>
      execFileSync("git", ["-c", "user.name=x", "-c", "user.email=x@localhost", ...args], {
        cwd: at("tree"),
        stdio: "ignore",
      });
    git("init", "-q", "-b", "one");
    git("add", ".");
    git("commit", "-qm", "1");
    git("checkout", "-qb", "two");
    for (let index = 0; index < 3000; index++) {
      if (index % 50 === 0) mkdirSync(at(`tree/two/${index / 50}`), { recursive: true });
      writeFileSync(at(`tree/two/${Math.floor(index / 50)}/${index}`), `${index}`);
    }
    git("add", ".");
    git("commit", "-qm", "2");
    git("checkout", "-q", "one");
    renameSync(at("tree/.git"), at("git"));
    writeFileSync(at("tree/a/file"), "1");
    const command = await begin();
    const checkout = (branch: string) =>
      execFileSync("git", ["--git-dir", at("git"), "--work-tree", at("tree"), "checkout", "-qf", branch]);
    for (const branch of ["two", "one"]) {
      checkout(branch);
      await exact(command);
    }
  });

  it.skipIf(process.getuid?.() === 0)("tells of a file that it may not read, and recovers", async () => {
    const command = await begin();
    writeFileSync(at("tree/a/new"), "1", { mode: 0 });
    expect(await command.next("error")).toMatchObject({ code: "unreadable" });
    chmodSync(at("tree/a/new"), 0o644);
    await command.next("published");
    await exact(command);
  });

  it("leaves no temporary at the end", async () => {
    const command = await begin();
    for (let round = 0; round < 5; round++) {
      overwrite(at("tree/a/file"), `round ${round}`);
      await command.next("published");
    }
    expect(await command.end("SIGTERM")).toBe(143);
    const left = readdirSync(directory.path, { recursive: true }).map(String);
    expect(left.filter((name) => name.includes(".tmp") || name.includes(".binaryfs-"))).toEqual([]);
    expectExact();
  });
});

describe("its command", () => {
  /** Says when it starts and which signals it gets, and does not end by itself. */
  const script = (onTerm: string): string[] => [
    "sh",
    "-c",
    `trap '${onTerm}' TERM; trap 'echo INT; exit 0' INT; trap 'echo USR1' USR1; echo "run $BINARYFS_LIBRARY" >&2; while :; do sleep 0.02; done`,
  ];
  const runs = (command: WatchCommand): number => command.stderr.match(/^run /gm)?.length ?? 0;

  it("is started after the first publication and after each", async () => {
    const command = await begin("--", ...script("echo TERM; exit 0"));
    await command.until(() => runs(command) === 1);
    expect(command.stderr).toContain(`run ${at("x.so")}\n`);
    overwrite(at("tree/a/file"), "2");
    await command.until(() => runs(command) === 2);
    // Standard output of the program is no line of JSON.
    expect(command.stderr).toContain("TERM\n");
    command.child.kill("SIGUSR1");
    await command.until(() => command.stderr.includes("USR1\n"));
    expect(await command.end()).toBe(130);
    expect(command.stderr).toContain("INT\n");
  });

  it("that takes its time to end starts once for several publications", async () => {
    const released = at("released");
    const onTerm = `echo TERM; while ! [ -e "${released}" ]; do sleep 0.02; done; exit 0`;
    const command = await begin("--kill-after", "3600", "--", ...script(onTerm));
    await command.until(() => runs(command) === 1);
    for (const text of ["2", "3", "4"]) {
      overwrite(at("tree/a/file"), text);
      await command.next("published");
      await command.until(() => command.stderr.includes("TERM\n"));
    }
    writeFileSync(released, "");
    await command.until(() => runs(command) === 2);
    expect(await command.end("SIGTERM")).toBe(143);
    expect(runs(command)).toBe(2);
  });

  it("that does not end is killed, with all that it started", async () => {
    const command = await begin("--kill-after", "2", "--", ...script("echo TERM"));
    await command.until(() => runs(command) === 1);
    overwrite(at("tree/a/file"), "2");
    await command.until(() => runs(command) === 2);
    expect(command.stderr).toContain("TERM\n");
    const pids = command.lines.filter(({ event }) => event === "started").map((line) => line["pid"] as number);
    expect(isRunning(pids[0])).toBe(false);
    expect(await command.end("SIGTERM")).toBe(143);
    for (const pid of pids) expect(isRunning(pid)).toBe(false);
  });

  it("that a shell started does not outlive it", async () => {
    const command = await begin("--", "sh", "-c", "sleep 1000 & echo inner $! >&2; wait");
    await command.until(() => /inner \d+\n/.test(command.stderr));
    const inner = /inner (\d+)/.exec(command.stderr)?.[1];
    overwrite(at("tree/a/file"), "2");
    await command.until(() => (command.stderr.match(/inner/g)?.length ?? 0) === 2);
    expect(isRunning(inner)).toBe(false);
    await command.end();
    expect(isRunning(/inner (\d+)\n$/.exec(command.stderr)?.[1])).toBe(false);
  });

  it("that ends by itself is told, and the next publication starts it again", async () => {
    const command = await begin("--", "sh", "-c", "exit 3");
    expect(await command.next("exited")).toMatchObject({ status: 3 });
    overwrite(at("tree/a/file"), "2");
    expect(await command.next("exited")).toMatchObject({ status: 3 });
  });

  it("ends when nobody reads what watch says any more", async () => {
    const command = await begin("--", ...script("echo TERM; exit"));
    const { pid } = await command.next("started");
    await command.until(() => runs(command) === 1);
    command.child.stdout?.destroy();
    overwrite(at("tree/a/file"), "2");
    const [status] = await once(command.child, "exit");
    expect(status).toBe(0);
    expect(isRunning(pid)).toBe(false);
  });

  it("that cannot be started is told", async () => {
    const command = await begin("--", "./no-such-command");
    expect(await command.next("exited")).toMatchObject({ error: "ENOENT" });
    expect(await command.end()).toBe(130);
  });
});
