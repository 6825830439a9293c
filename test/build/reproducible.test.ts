/** One tree gives one sequence of bytes: whoever builds it, where, when, and in whatever order the file system lists it. */

import { execFileSync, spawnSync } from "node:child_process";
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readableCli } from "../support/readable-copy.js";

const cli = join(import.meta.dirname, "../../dist/bin/main.js");
const isRoot = process.getuid?.() === 0;
const directories: string[] = [];
let first: string;

/** The second copy lies in another file system where there is one: that lists names in another order. */
const places = ["/dev/shm", tmpdir()].filter((path) => {
  try {
    accessSync(path, constants.W_OK);
    return existsSync(path);
  } catch {
    return false;
  }
});

function fresh(parent: string): string {
  const directory = realpathSync(mkdtempSync(join(parent, "binaryfs-same-")));
  chmodSync(directory, 0o777);
  directories.push(directory);
  return directory;
}

beforeAll(() => {
  first = join(fresh(tmpdir()), "root");
  mkdirSync(first);
  // More than the threads' threshold, so that both the pool and its order of completion take part.
  for (let number = 0; number < 3000; number++) {
    const directory = join(first, `d${number % 37}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `f${(number * 7919) % 3001}`), Buffer.alloc((number * 97) % 40_000, number));
  }
  writeFileSync(join(first, "large"), Buffer.alloc(20 << 20, "large"));
  writeFileSync(Buffer.from(`${first}/\xe4\xf6`, "latin1"), "umlauts", { mode: 0o640 });
  chmodSync(Buffer.from(`${first}/\xe4\xf6`, "latin1"), 0o644);
  linkSync(join(first, "large"), join(first, "d1", "again"));
  symlinkSync("d1/again", join(first, "link"));
  symlinkSync(join(first, "large"), join(first, "by-host-path"));
  if (isRoot) execFileSync("chown", ["-R", "1234:70000", join(first, "d3")]);
});
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** A copy made in order of names: a file system in memory lists them as they were made, others by a hash. */
function copy(): string {
  const root = join(fresh(places[0] as string), "some", "other", "root");
  mkdirSync(root, { recursive: true });
  const from = `--directory=${first}`;
  const names = execFileSync("find", [first, "-mindepth", "1", "-printf", "%P\\0"]);
  const sorted = Buffer.from(`${names.toString("latin1").split("\0").filter(Boolean).sort().join("\0")}\0`, "latin1");
  const list = join(root, "..", "names");
  writeFileSync(list, sorted);
  execFileSync("sh", [
    "-c",
    'tar -c --format=posix --no-recursion "$1" --null -T "$2" | tar -xp --delay-directory-restore -C "$3"',
    "sh",
    from,
    list,
    root,
  ]);
  execFileSync("touch", ["-r", first, root]);
  rmSync(join(root, "by-host-path"));
  symlinkSync(join(root, "large"), join(root, "by-host-path"));
  execFileSync("touch", ["-h", "-r", join(first, "by-host-path"), join(root, "by-host-path")]);
  execFileSync("touch", ["-r", first, root]);
  return root;
}

interface Circumstances {
  readonly umask: string;
  readonly env: Readonly<Record<string, string>>;
  readonly unprivileged?: boolean;
}

function build(root: string, { umask, env, unprivileged = false }: Circumstances): Buffer {
  const output = join(fresh(tmpdir()), "lib.so");
  const command = [
    process.execPath,
    unprivileged ? readableCli() : cli,
    "build",
    root,
    "-o",
    output,
    "--no-state",
    "--json",
  ];
  const nobody = [
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    "--inh-caps=-all",
    "--bounding-set=-all",
  ];
  const run = spawnSync("sh", ["-c", `umask ${umask}; exec "$@"`, "sh", ...(unprivileged ? nobody : []), ...command], {
    cwd: unprivileged ? "/" : root,
    env: { PATH: process.env["PATH"] ?? "", ...env },
    encoding: "utf8",
  });
  expect(run).toMatchObject({ status: 0, stderr: "" });
  expect(JSON.parse(run.stdout.trim().split("\n").at(-1) ?? "")).toMatchObject({ files: 3005 });
  return readFileSync(output);
}

const plain: Circumstances = { umask: "022", env: { TZ: "UTC", LC_ALL: "C" } };

test("two directories, orders of names, users, locales, time zones and umasks: the same bytes", (context) => {
  const second = copy();
  // Not readdir, which sorts.
  const listing = (root: string): string => execFileSync("ls", ["-U", join(root, "d3")], { encoding: "latin1" });
  const one = build(first, plain);
  expect(one.length).toBeGreaterThan(48 << 20);
  expect(build(first, plain).equals(one)).toBe(true);
  const strange = {
    umask: "077",
    env: { TZ: "Asia/Kathmandu", LC_ALL: "tr_TR.UTF-8", LANG: "tr_TR.UTF-8", HOME: "/" },
  };
  expect(build(second, strange).equals(one)).toBe(true);
  if (places.length > 1) expect(listing(second)).not.toBe(listing(first));
  if (!isRoot) return context.skip("two directories agree; a second user needs root");
  expect(build(second, { ...strange, unprivileged: true }).equals(one)).toBe(true);
});

test("a changed byte, mode or name does change the library", () => {
  const root = copy();
  const one = build(root, plain);
  chmodSync(join(root, "large"), 0o600);
  const mode = build(root, plain);
  expect(mode.equals(one)).toBe(false);
  chmodSync(join(root, "large"), 0o644);
  expect(build(root, plain).equals(one)).toBe(true);
});
