import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  watch,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DirectoryWatcher } from "../../src/watch/directory-watcher.js";
import { ownFiles } from "../../src/watch/own-files.js";
import { isInstalled, temporaryDirectory } from "../link/stand-in.js";
import { FakeSession } from "./fake-session.js";
import { Watching } from "./watching.js";

let directory: ReturnType<typeof temporaryDirectory>;
let root: string;
let watching: Watching | undefined;
const at = (name: string): string => join(root, name);
const changed = (event: { report: { changed: readonly Buffer[] } }): string[] =>
  event.report.changed.map((path) => path.toString("latin1"));

beforeEach(() => {
  directory = temporaryDirectory("watch");
  root = join(directory.path, "root");
  mkdirSync(at("a/b/c"), { recursive: true });
  mkdirSync(at("d"));
  writeFileSync(at("a/file"), "1");
  writeFileSync(at("a/b/c/deep"), "1");
  writeFileSync(at("d/other"), "1");
});
afterEach(async () => {
  await watching?.stop();
  watching = undefined;
  directory.dispose();
});

async function begin(...args: ConstructorParameters<typeof Watching> extends [unknown, ...infer R] ? R : never) {
  watching = new Watching(new FakeSession(root), ...args);
  const ready = await watching.next("ready");
  return { watching, session: watching.session, ready };
}

describe.each(["chokidar", "directories"] as const)("watching with %s", (backend) => {
  it("tells when it is ready, and where", async () => {
    expect((await begin(backend)).ready).toMatchObject({ directories: 5, backend });
  });

  it("publishes an edit, an added file, a removed one and a mode", async () => {
    const { watching } = await begin(backend);
    appendFileSync(at("a/b/c/deep"), "2");
    expect(changed(await watching.next("published"))).toEqual(["/a/b/c/deep"]);
    writeFileSync(at("d/new"), "");
    expect(changed(await watching.next("published"))).toEqual(["/d/new"]);
    unlinkSync(at("d/new"));
    expect(changed(await watching.next("published"))).toEqual(["/d/new"]);
    chmodSync(at("a/file"), 0o600);
    expect(changed(await watching.next("published"))).toEqual(["/a/file"]);
    symlinkSync("b", at("a/link"));
    expect(changed(await watching.next("published"))).toEqual(["/a/link"]);
    chmodSync(at("a"), 0o700);
    expect(changed(await watching.next("published"))).toEqual(["/a"]);
    chmodSync(root, 0o711);
    expect(changed(await watching.next("published"))).toEqual(["/"]);
  });

  it("makes one publication of an atomic save", async () => {
    const { watching } = await begin(backend);
    writeFileSync(at("a/.file.swp"), "2");
    renameSync(at("a/.file.swp"), at("a/file"));
    expect(changed(await watching.next("published"))).toEqual(["/a/file"]);
  });

  it("sees what appears in new directories before they are watched", async () => {
    const { watching } = await begin(backend);
    execFileSync("sh", ["-c", "for i in 1 2 3 4 5 6 7 8 9; do mkdir -p n/$i/m && echo $i > n/$i/m/f; done"], {
      cwd: root,
    });
    await watching.caughtUp();
    writeFileSync(at("n/9/m/f"), "again");
    expect(changed(await watching.next("published"))).toEqual(["/n/9/m/f"]);
  });

  it("follows directories that are renamed, swapped, removed and made again", async () => {
    const { watching } = await begin(backend);
    renameSync(at("a"), at("e"));
    await watching.caughtUp();
    appendFileSync(at("e/b/c/deep"), "2");
    await watching.caughtUp();
    renameSync(at("d"), at("x"));
    renameSync(at("e"), at("d"));
    renameSync(at("x"), at("e"));
    await watching.caughtUp();
    appendFileSync(at("d/b/c/deep"), "3");
    await watching.caughtUp();
    appendFileSync(at("e/other"), "3");
    await watching.caughtUp();
    rmSync(at("d"), { recursive: true });
    mkdirSync(at("d/b/c"), { recursive: true });
    await watching.caughtUp();
    writeFileSync(at("d/b/c/deep"), "4");
    await watching.caughtUp();
    rmSync(at("d"), { recursive: true });
    writeFileSync(at("d"), "a file now");
    await watching.caughtUp();
    unlinkSync(at("d"));
    mkdirSync(at("d"));
    await watching.caughtUp();
    writeFileSync(at("d/f"), "5");
    await watching.caughtUp();
  });

  it("takes names that are no text", async () => {
    const odd = Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0x5c])]);
    mkdirSync(odd);
    const { watching } = await begin(backend);
    writeFileSync(Buffer.concat([odd, Buffer.from("/"), Buffer.from([0xfe])]), "1");
    expect(changed(await watching.next("published"))).toEqual(["/\u00ff\\/\u00fe"]);
    writeFileSync(Buffer.concat([Buffer.from(`${root}/a/`), Buffer.from([0xfe])]), "1");
    expect(changed(await watching.next("published"))).toEqual(["/a/\u00fe"]);
  });

  it("waits for a root that is removed, and goes on when it is made again", async () => {
    const { watching } = await begin(backend);
    rmSync(root, { recursive: true });
    expect(await watching.next("error")).toMatchObject({ error: { code: "root-missing" }, isFatal: false });
    mkdirSync(at("new"), { recursive: true });
    writeFileSync(at("new/file"), "1");
    await watching.caughtUp();
    writeFileSync(at("new/file"), "2");
    await watching.caughtUp();
  });

  it("goes on with a root that is another directory now", async () => {
    const { watching } = await begin(backend);
    mkdirSync(join(directory.path, "next/a"), { recursive: true });
    renameSync(root, join(directory.path, "old"));
    renameSync(join(directory.path, "next"), root);
    await watching.caughtUp();
    writeFileSync(at("a/file"), "new");
    await watching.caughtUp();
  });

  it("ends exactly right after 30,000 creates in one directory", async () => {
    const { watching, session } = await begin(backend);
    execFileSync("sh", ["-c", "i=0; while [ $i -lt 30000 ]; do : > many-$i; i=$((i+1)); done"], { cwd: at("d") });
    await watching.caughtUp();
    expect(session.updates.filter((hints) => hints === "all").length).toBeGreaterThan(1);
  });

  it.skipIf(!isInstalled("git"))("makes few publications of a checkout of thousands of files", async () => {
    const git = (...args: string[]) =>
      execFileSync("git", ["-c", "user.name=x", "-c", "user.email=x@localhost", ...args], {
        cwd: root,
        stdio: "ignore",
      });
    git("init", "-q", "-b", "one");
    git("add", ".");
    git("commit", "-qm", "1");
    git("checkout", "-qb", "two");
    for (let index = 0; index < 3000; index++) {
      if (index % 50 === 0) mkdirSync(at(`two/${index / 50}`), { recursive: true });
      writeFileSync(at(`two/${Math.floor(index / 50)}/${index}`), `${index}`);
    }
    git("add", ".");
    git("commit", "-qm", "2");
    git("checkout", "-q", "one");
    const { watching, session } = await begin(backend);
    git("checkout", "-q", "two");
    await watching.caughtUp();
    git("checkout", "-q", "one");
    await watching.caughtUp();
    expect(session.updates.length).toBeLessThan(60);
  });

  it("leaves nothing open when it ends", async () => {
    const { watching, session } = await begin(backend);
    await watching.stop();
    expect(session.isClosed).toBe(true);
    expect(session.rests.at(-1)?.aborted ?? true).toBe(true);
    writeFileSync(at("a/file"), "unseen");
    while (process.getActiveResourcesInfo().includes("FSEventWrap"))
      await new Promise((resolve) => setImmediate(resolve));
  });
});

describe("a failing build", () => {
  it("is told once, and the next event tries again", async () => {
    const { watching, session } = await begin("directories");
    const error = { code: "unreadable", path: Buffer.from("/a/file") } as const;
    session.failures = [error, error];
    writeFileSync(at("a/file"), "2");
    expect(await watching.next("error")).toMatchObject({ error, isFatal: false });
    writeFileSync(at("a/file"), "3");
    while (session.failures.length > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    writeFileSync(at("a/file"), "4");
    await watching.caughtUp();
    expect(watching.events.filter(({ kind }) => kind === "error")).toHaveLength(1);
  });

  it("of a file that changed under it is tried again by itself", async () => {
    const { watching, session } = await begin("directories");
    session.failures = [{ code: "input-changed" }];
    writeFileSync(at("a/file"), "2");
    await watching.next("error");
    await watching.next("published");
    expect(session.updates.at(-1)).toBe("all");
  });

  it("at the start ends it where only another call can help", async () => {
    const session = new FakeSession(root);
    session.failures = [{ code: "bad-config" }];
    watching = new Watching(session, "directories");
    expect(await watching.next("error")).toMatchObject({ isFatal: true });
    await expect(watching.next("error")).rejects.toThrow("no error came");
    expect(session.isClosed).toBe(true);
  });

  it("at the start that the tree can mend is tried again", async () => {
    const session = new FakeSession(root);
    session.failures = [{ code: "nothing-selected" }];
    watching = new Watching(session, "directories");
    expect(await watching.next("error")).toMatchObject({ isFatal: false });
    await watching.next("ready");
  });
});

describe("limits of the system", () => {
  const refuse = (code: string, after: number) => {
    let count = 0;
    return new Watching(
      new FakeSession(root),
      (_, listener) =>
        new DirectoryWatcher(listener, (...args) => {
          if (count++ >= after) throw Object.assign(new Error(code), { code });
          return watch(...args);
        }),
    );
  };

  it.each([
    ["ENOSPC", "fs.inotify.max_user_watches"],
    ["EMFILE", "fs.inotify.max_user_instances"],
  ])("%s: it polls, and names the setting once", async (code, setting) => {
    watching = refuse(code, 2);
    expect(await watching.next("polling")).toMatchObject({ code, setting });
    expect(await watching.next("ready")).toMatchObject({ backend: "polling", directories: 0 });
    writeFileSync(at("a/file"), "2");
    expect(changed(await watching.next("published"))).toEqual(["/a/file"]);
    expect(watching.events.filter(({ kind }) => kind === "polling")).toHaveLength(1);
  });

  it("reached later: what is known stays, and polling goes on", async () => {
    watching = refuse("ENOSPC", 5);
    expect(await watching.next("ready")).toMatchObject({ backend: "directories" });
    mkdirSync(at("new"));
    await watching.next("polling");
    writeFileSync(at("new/file"), "2");
    await watching.caughtUp();
  });
});

it("what we write ourselves is no event", async () => {
  const { watching, session } = await begin("directories", ownFiles([Buffer.from(at("lib.so"))]));
  writeFileSync(at(".lib.so.binaryfs-1-000000000000.tmp"), "");
  renameSync(at(".lib.so.binaryfs-1-000000000000.tmp"), at("lib.so"));
  mkdirSync(at(".binaryfs-lib.so"));
  rmdirSync(at(".binaryfs-lib.so"));
  writeFileSync(at("a/file"), "2");
  await watching.next("published");
  const named = session.updates.flatMap((hints) => (hints === "all" ? [] : hints.files.map(String)));
  expect(named.filter((path) => path.includes("lib.so"))).toEqual([]);
});
