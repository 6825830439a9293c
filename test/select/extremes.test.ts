/** Trees at the limits of names, paths, depth and width, and nodes that cannot be read: selected, packed, and read back by name. */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { compareTrees } from "../support/compare-trees.js";
import { canMount, isRoot, withMounted } from "../support/images.js";
import { readableCli } from "../support/readable-copy.js";

const cli = join(import.meta.dirname, "../../dist/bin/main.js");
const HEAD_BYTES = 2 * 1024 * 1024;

let directory: string;
let root: string;
let library: string;
beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "b-")));
  root = join(directory, "r");
  library = join(directory, "lib.so");
  mkdirSync(root);
});
// rm(1), since its paths may be longer than one call takes.
afterEach(() => spawnSync("rm", ["-rf", directory]));

const binaryfs = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { maxBuffer: 2 ** 28 });
  return { status, stdout: stdout.toString("latin1"), stderr: stderr.toString("latin1") };
};
const built = (...args: string[]) =>
  expect(binaryfs("build", root, "-o", library, ...args)).toMatchObject({ status: 0 });
const listed = (): string[] => binaryfs("ls", "-0", library).stdout.split("\0").slice(0, -1);

/** The kernel's reader too, where it may be asked. */
function readsBackEqual(nodes: number): void {
  if (!canMount) return;
  const mountPoint = join(directory, "m");
  const compared = withMounted(library, mountPoint, () => compareTrees(root, mountPoint), HEAD_BYTES);
  expect(compared.differences).toEqual([]);
  expect(compared.nodes).toBe(nodes);
}

test("names: not UTF-8, with newlines, of 255 bytes, around . and ..", () => {
  const names = [
    "\xff\xfe\x80",
    "new\nline",
    "n".repeat(255),
    "\xe4".repeat(255),
    "!",
    "-",
    "...",
    ".a",
    " ",
    "*",
    "\\",
    "\x01\x7f",
  ];
  for (const name of names) writeFileSync(Buffer.from(`${root}/${name}`, "latin1"), name, "latin1");
  built();
  expect(listed()).toEqual(["", ...names].map((name) => `/${name}`).sort());
  expect(binaryfs("cat", library, "/new\nline").stdout).toBe("new\nline");
  expect(binaryfs("cat", library, `/${"n".repeat(255)}`).stdout).toBe("n".repeat(255));
  readsBackEqual(names.length + 1);
});

test("a path of 4,000 bytes", () => {
  const parts = Array.from({ length: 20 }, (_, level) => `${String(level).padStart(2, "0")}${"p".repeat(197)}`);
  const path = `/${parts.join("/")}`;
  expect(path.length).toBe(4000);
  mkdirSync(join(root, ...parts.slice(0, -1)), { recursive: true });
  writeFileSync(root + path, "deep");
  built();
  expect(listed().at(-1)).toBe(path);
  expect(binaryfs("cat", library, path).stdout).toBe("deep");
  readsBackEqual(21);
});

test("200 levels", () => {
  const path = "/d".repeat(200);
  mkdirSync(root + path, { recursive: true });
  writeFileSync(`${root + path}/leaf`, "leaf");
  built();
  expect(listed()).toHaveLength(202);
  expect(binaryfs("cat", library, `${path}/leaf`).stdout).toBe("leaf");
  readsBackEqual(202);
});

test("a directory of 100,000 entries, each found by its name", () => {
  const count = 100_000;
  for (let number = 0; number < count; number++) writeFileSync(`${root}/${(number * 7919) % count}`, "");
  built();
  expect(listed()).toHaveLength(count + 1);
  for (const name of ["0", "1", "99999", "54321"]) {
    expect(binaryfs("stat", library, `/${name}`)).toMatchObject({ status: 0 });
  }
  expect(binaryfs("stat", library, "/100000")).toMatchObject({ status: 1 });
  readsBackEqual(count + 1);
});

test("special files are skipped with a warning each, and kept on request", () => {
  execFileSync("mkfifo", [join(root, "fifo")]);
  writeFileSync(join(root, "file"), "");
  if (isRoot) execFileSync("mknod", [join(root, "null"), "c", "1", "3"]);
  expect(binaryfs("build", root, "-o", library).stderr).toContain("/fifo");
  expect(listed()).toEqual(["/", "/file"]);
  built("--specials", "keep");
  expect(listed()).toEqual(["/", "/fifo", "/file", ...(isRoot ? ["/null"] : [])]);
});

test("a file that may not be read is an error with its path, and no output is touched", () => {
  writeFileSync(join(root, "secret"), "x", { mode: 0 });
  writeFileSync(library, "old");
  execFileSync("chmod", ["777", directory]);
  const command = [process.execPath, isRoot ? readableCli() : cli, "build", root, "-o", library, "--no-state"];
  const nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--"];
  const run = isRoot
    ? spawnSync("setpriv", [...nobody, ...command], { encoding: "utf8", cwd: "/" })
    : spawnSync(command[0] as string, command.slice(1), { encoding: "utf8" });
  expect(run.status).toBe(1);
  expect(run.stderr).toMatch(/^binaryfs: unreadable: .*\/r\/secret/);
  expect(readFileSync(library, "latin1")).toBe("old");
  expect(readdirSync(directory).sort()).toEqual(["lib.so", "r"]);
});

test.each([
  ["nothing is selected", ["-e", "/*"], "nothing-selected"],
  ["an include leads outside ROOT", ["-i", "/../etc"], "include-outside-root"],
  ["a pattern is unmatched under --strict", ["-i", "/file", "-i", "/none", "--strict"], "pattern-unmatched"],
  ["a path grows longer than the kernel takes", ["-i", "/deep"], "unreadable"],
])("when %s, no output is touched", (_, args, code) => {
  writeFileSync(join(root, "file"), "");
  writeFileSync(library, "old");
  if (code === "unreadable") {
    const script = 'cd "$1" && mkdir deep && cd deep && for i in $(seq 30); do mkdir "$2" && cd "$2" || exit 1; done';
    execFileSync("bash", ["-c", script, "bash", root, "p".repeat(200)]);
  }
  const { status, stderr } = binaryfs("build", root, "-o", library, ...args);
  expect({ status, code: /^binaryfs: ([a-z-]+):/.exec(stderr)?.[1] }).toEqual({ status: 1, code });
  expect(readFileSync(library, "latin1")).toBe("old");
});

test("extended attributes are taken where asked, by name", (context) => {
  writeFileSync(join(root, "file"), "");
  const set = `import os, sys; [os.setxattr(sys.argv[1], n, b"v") for n in ("user.one", "user.two")]`;
  if (spawnSync("python3", ["-c", set, join(root, "file")]).status !== 0) context.skip("no attributes here");
  const attributes = (): string => binaryfs("stat", library, "/file").stdout;
  built();
  expect(attributes()).not.toContain("user.");
  built("--xattrs", "user.t*");
  expect(attributes()).toContain("user.two");
  expect(attributes()).not.toContain("user.one");
});

test("host paths are declared, sorted, and stay out of the tree", () => {
  writeFileSync(join(root, "file"), "");
  built("--host-path", "/etc/resolv.conf", "--host-path", "/dev/shm/", "--host-path", "/etc/resolv.conf");
  const { stdout } = binaryfs("check", library);
  expect(stdout.match(/\/etc\/resolv\.conf/g)).toHaveLength(1);
  expect(stdout).toContain("/dev/shm");
  expect(listed()).toEqual(["/", "/file"]);
  rmSync(library);
});
