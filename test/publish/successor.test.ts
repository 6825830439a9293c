/** A successor holds the library's bytes and its own changes, however it came to be; whoever mapped an old library keeps its bytes. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { addon } from "../../src/native/addon.js";
import type { Stretch } from "../../src/publish/copy.js";
import { identityOf } from "../../src/publish/identity.js";
import { makeSpare, removeSpare } from "../../src/publish/spare.js";
import { canKeepSpare, spareDirectoryBeside, sparePath } from "../../src/publish/spare-place.js";
import { type Published, Successor, type SuccessorOptions } from "../../src/publish/successor.js";
import { ContentStore } from "../../src/store/content-store.js";
import { writeState } from "../../src/store/state-file.js";

const KIB = 1024;

interface Place {
  readonly name: string;
  readonly make: () => { readonly directory: string; readonly remove: () => void };
  /** What must occur there, and what must not. */
  readonly uses?: string;
  readonly never: readonly string[];
}

const temporaryIn = (parent: string) => () => {
  const directory = realpathSync(mkdtempSync(join(parent, "binaryfs-successor-")));
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
};

/** A file system of its own in a file, mounted. */
function mounted(kind: "xfs" | "overlay" | "full") {
  return () => {
    const base = temporaryIn(tmpdir())();
    const at = (name: string): string => join(base.directory, name);
    const point = at("mounted");
    mkdirSync(point);
    const run = (...[command = "", ...args]: string[]): Buffer => execFileSync(command, args, { stdio: "ignore" });
    try {
      if (kind === "xfs") {
        run("truncate", "-s", "320M", at("disk"));
        run("mkfs.xfs", "-q", "-m", "reflink=1", at("disk"));
        run("mount", "-o", "loop", at("disk"), point);
      } else if (kind === "full") {
        run("mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", point);
      } else {
        for (const name of ["lower", "upper", "work"]) mkdirSync(at(name));
        const layers = `lowerdir=${at("lower")},upperdir=${at("upper")},workdir=${at("work")}`;
        run("mount", "-t", "overlay", "-o", layers, "overlay", point);
      }
    } catch (cause) {
      base.remove();
      throw cause;
    }
    const remove = (): void => {
      execFileSync("umount", [point]);
      base.remove();
    };
    return { directory: point, remove };
  };
}

/** Where mounting is not allowed, or a tool is missing, there is nothing to try. */
function works(make: Place["make"]): boolean {
  try {
    make().remove();
    return true;
  } catch {
    return false;
  }
}

const places: Place[] = [
  { name: "the temporary directory", make: temporaryIn(tmpdir()), never: [] },
  { name: "tmpfs", make: temporaryIn("/dev/shm"), uses: "spare", never: ["clone"] },
  { name: "xfs with shared blocks", make: mounted("xfs"), uses: "clone", never: ["spare", "copy"] },
  { name: "overlayfs", make: mounted("overlay"), never: ["spare"] },
].filter(({ make }) => works(make));

let directory: string;
let remove: () => void;
let output: string;

function open(place: Place): void {
  ({ directory, remove } = place.make());
  output = join(directory, "lib.so");
}

const spareDirectories = (): Buffer[] => [
  Buffer.from(join(directory, "state")),
  spareDirectoryBeside(Buffer.from(output)),
];
const firstLibrary = (bytes: Buffer): Published => {
  writeFileSync(output, bytes, { mode: 0o755 });
  const library = identityOf(Buffer.from(output));
  return { library: library! };
};

async function create(
  published: Published,
  sizeBytes: number,
  more: Partial<SuccessorOptions> = {},
): Promise<Successor> {
  const created = await Successor.create({
    output: Buffer.from(output),
    library: published.library,
    ...(published.spare !== undefined && { spare: published.spare }),
    spareDirectories: spareDirectories(),
    sizeBytes,
    ...more,
  });
  if (!created.ok || created.value === undefined) throw new Error(JSON.stringify(created));
  return created.value;
}

function published(successor: Successor, written: readonly Stretch[]): Published {
  const result = successor.publish(written);
  if (!result.ok) throw new Error(JSON.stringify(result));
  // What is recorded is recorded as JSON.
  const { library, spare } = result.value;
  return spare === undefined
    ? { library }
    : {
        library,
        spare: { ...spare, ...JSON.parse(JSON.stringify({ identity: spare.identity, behind: spare.behind })) },
      };
}

const names = (path: string): string[] => (existsSync(path) ? readdirSync(path).sort() : []);

/** xorshift32: the same on every run of a seed. */
function random(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Writes, holes and another size, on the file and on a model of it. */
function change(successor: Successor, model: Buffer, next: (below: number) => number, generation: number): Stretch[] {
  const written: Stretch[] = [];
  for (let times = next(4); times > 0 && model.length > 0; times--) {
    const start = next(model.length);
    const end = Math.min(model.length, start + 1 + next(40 * KIB));
    if (next(3) === 0) {
      model.fill(0, start, end);
      expect(addon.punchHole(successor.fd, start, end - start)).toBe(0);
    } else {
      model.fill(generation, start, end);
      expect(writeSync(successor.fd, model, start, end - start, start)).toBe(end - start);
    }
    written.push([start, end]);
  }
  return written;
}

const resized = (bytes: Buffer, sizeBytes: number): Buffer =>
  Buffer.concat([bytes.subarray(0, sizeBytes), Buffer.alloc(Math.max(0, sizeBytes - bytes.length))]);

for (const place of places) {
  describe(place.name, () => {
    beforeEach(() => {
      open(place);
      mkdirSync(join(directory, "state"), { mode: 0o700 });
    });
    afterEach(() => remove());

    test("after random changes of bytes and size each library is what it should be, and nothing else is left", async () => {
      const seed = Math.floor(Math.random() * 2 ** 31);
      const next = random(seed);
      let model: Buffer = Buffer.alloc(300 * KIB, 1);
      let last = firstLibrary(model);
      const methods = new Set<string>();
      for (let generation = 2; generation < 80; generation++) {
        const sizeBytes = next(4) === 0 ? 1 + next(500 * KIB) : model.length;
        const successor = await create(last, sizeBytes);
        methods.add(successor.method);
        model = resized(model, sizeBytes);
        const written = change(successor, model, next, generation & 0xff);
        if (next(6) === 0) {
          const kept = successor.discard(next(2) === 0 ? written : undefined);
          last = { library: last.library, ...(kept !== undefined && { spare: kept }) };
          model = readFileSync(output);
          continue;
        }
        last = published(successor, written);
        expect(readFileSync(output).equals(model), `seed ${seed}, generation ${generation}`).toBe(true);
        expect(statSync(output).mode & 0o777).toBe(0o755 & ~process.umask());
        expect(last.library).toEqual(identityOf(Buffer.from(output)));
      }
      for (const method of place.never) expect(methods).not.toContain(method);
      if (place.uses !== undefined) expect(methods).toContain(place.uses);
      const kept = last.spare === undefined ? [] : [last.spare.path.toString().split("/").at(-1)];
      expect(names(join(directory, "state"))).toEqual(kept);
      expect(names(directory)).toEqual(["lib.so", "state"]);
    });

    test("a reader that maps the library keeps its bytes through 200 publications", async () => {
      const bytes = Buffer.alloc(64 * KIB, 1);
      let last = firstLibrary(bytes);
      const readers: ChildProcess[] = [];
      const methods = new Map<string, number>();
      for (let generation = 2; generation < 202; generation++) {
        if (generation % 60 === 2) readers.push(await reader(output, (generation - 1) & 0xff));
        const successor = await create(last, bytes.length);
        methods.set(successor.method, (methods.get(successor.method) ?? 0) + 1);
        bytes.fill(generation & 0xff);
        writeSync(successor.fd, bytes, 0, bytes.length, 0);
        last = published(successor, [[0, bytes.length]]);
      }
      for (const child of readers) {
        child.stdin?.end();
        const [code] = await once(child, "exit");
        expect(code).toBe(0);
      }
      expect(readFileSync(output).equals(bytes)).toBe(true);
      // One copy to begin with, one for each reader that holds the spare.
      if (methods.has("spare")) expect(methods.get("copy")).toBeLessThanOrEqual(1 + readers.length);
    });
  });
}

/** Maps the file without keeping it open, and checks its bytes again when its input ends. */
async function reader(path: string, value: number): Promise<ChildProcess> {
  const script = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
fd = os.open(sys.argv[1], os.O_RDONLY)
size = os.fstat(fd).st_size
at = libc.mmap(None, size, 1, 2, fd, 0)
os.close(fd)
old = bytes([int(sys.argv[2])]) * size
print("mapped", flush=True)
sys.stdin.read()
sys.exit(0 if ctypes.string_at(at, size) == old else 1)
`;
  const child = spawn("python3", ["-c", script, path, `${value}`], { stdio: ["pipe", "pipe", "inherit"] });
  await once(createInterface({ input: child.stdout }), "line");
  return child;
}

const keepsSpares = canKeepSpare(Buffer.from(realpathSync(tmpdir()))) && statfsSync(tmpdir()).type === 0xef53;

describe.skipIf(!keepsSpares)("the spare", () => {
  const size = 40 * KIB;
  const bytes = Buffer.alloc(size, 1);
  beforeEach(() => {
    open({ name: "", make: temporaryIn(tmpdir()), never: [] });
    mkdirSync(join(directory, "state"), { mode: 0o700 });
  });
  afterEach(() => remove());

  const twice = async (): Promise<Published> => {
    const first = firstLibrary(bytes);
    const successor = await create(first, size);
    expect(successor.method).toBe("copy");
    return published(successor, []);
  };

  test("is one generation behind, and its stretches say where", async () => {
    const second = await twice();
    const third = await create(second, size);
    expect(third.method).toBe("spare");
    writeSync(third.fd, "third", 5000);
    const last = published(third, [[5000, 5005]]);
    expect(last.spare?.behind).toEqual([[5000, 5005]]);
    expect(readFileSync(last.spare!.path).equals(bytes)).toBe(true);
    expect(readFileSync(output).subarray(5000, 5005).toString()).toBe("third");
  });

  test("that somebody has open or linked to is not written to", async () => {
    for (const hold of ["open", "link", "written", "mode"]) {
      const second = await twice();
      const path = second.spare!.path;
      const before = readFileSync(path);
      const fd = openSync(path, "r");
      if (hold !== "open") closeSync(fd);
      const other = join(directory, "other");
      if (hold === "link") linkSync(path, other);
      if (hold === "written") writeFileSync(path, "x");
      if (hold === "mode") chmodSync(path, 0o700);
      const successor = await create(second, size);
      expect(successor.method, hold).toBe("copy");
      writeSync(successor.fd, "new", 0);
      const last = published(successor, [[0, 3]]);
      if (hold === "open") closeSync(fd);
      if (hold === "link") expect(readFileSync(other).equals(before)).toBe(true);
      rmSync(other, { force: true });
      expect(last.spare?.path).toEqual(path);
      expect(names(join(directory, "state"))).toHaveLength(1);
      removeSpare(Buffer.from(output), spareDirectories());
    }
    expect(names(join(directory, "state"))).toEqual([]);
  });

  test("that nobody recorded is removed, and one elsewhere is not touched", async () => {
    const second = await twice();
    const elsewhere = join(directory, "elsewhere");
    writeFileSync(elsewhere, bytes);
    const { spare: _, ...forgotten } = second;
    const successor = await create(forgotten, size);
    expect(names(join(directory, "state"))).toEqual([]);
    successor.discard();
    const other = { path: Buffer.from(elsewhere), identity: identityOf(Buffer.from(elsewhere))!, behind: [] };
    const again = await create({ ...forgotten, spare: other }, size);
    expect(again.method).toBe("copy");
    again.discard();
    expect(readFileSync(elsewhere).equals(bytes)).toBe(true);
  });

  test("is kept beside the library where the state directory cannot take it", async () => {
    rmSync(join(directory, "state"), { recursive: true });
    symlinkSync("/", join(directory, "state"));
    const second = await twice();
    const beside = join(directory, ".binaryfs-lib.so");
    expect(second.spare?.path.toString().startsWith(`${beside}/`)).toBe(true);
    expect(lstatSync(beside).mode & 0o777).toBe(0o700);
    const third = await create(second, size);
    expect(third.method).toBe("spare");
    published(third, []);
    removeSpare(Buffer.from(output), spareDirectories());
    expect(names(directory)).toEqual(["lib.so", "state"]);
  });

  test("can be made ahead of need, in a state directory on another file system or not at all", async () => {
    const library = firstLibrary(Buffer.alloc(20 << 20, 7));
    const shm = temporaryIn("/dev/shm")();
    try {
      const directories = [Buffer.from(shm.directory), ...spareDirectories()];
      const options = { output: Buffer.from(output), library: library.library, spareDirectories: directories };
      const made = await makeSpare(options);
      expect(made.ok && made.value?.behind).toEqual([]);
      const spare = made.ok ? made.value : undefined;
      expect(spare?.path).toEqual(sparePath(Buffer.from(join(directory, "state")), Buffer.from(output)));
      const successor = await create({ ...library, spare: spare! }, 20 << 20);
      expect(successor.method).toBe("spare");
      published(successor, []);
      // The library that was named is no more.
      expect(await makeSpare(options)).toEqual({ ok: true, value: undefined });
    } finally {
      shm.remove();
    }
  });

  test("is not made when that is interrupted", async () => {
    const library = firstLibrary(Buffer.alloc(20 << 20, 7));
    const stop = new AbortController();
    const making = makeSpare({
      output: Buffer.from(output),
      library: library.library,
      spareDirectories: spareDirectories(),
      signal: stop.signal,
    });
    stop.abort();
    expect(await making).toMatchObject({ ok: false, error: { code: "interrupted" } });
    expect(names(directory)).toEqual(["lib.so", "state"]);
    expect(names(join(directory, "state"))).toEqual([]);
  });

  test("may be opened while it is written to: the other waits, and this process lives", async () => {
    const second = await twice();
    const successor = await create(second, size);
    expect(successor.method).toBe("spare");
    const temporary = names(directory).find((name) => name.endsWith(".tmp"))!;
    const child = spawn("cat", [join(directory, temporary)], { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (data: Buffer) => {
      text += data.toString("latin1");
    });
    // locks(5): the kernel says there that an open waits for the lease.
    const { ino } = statSync(join(directory, temporary));
    const isWaitedFor = (line: string): boolean => line.includes("BREAKING") && line.includes(`:${ino} `);
    await until(() => readFileSync("/proc/locks", "latin1").split("\n").some(isWaitedFor) || child.exitCode !== null);
    writeSync(successor.fd, "final", 0);
    published(successor, [[0, 5]]);
    await once(child, "close");
    expect(text.startsWith("final")).toBe(true);
    expect(text.length).toBe(size);
  });
});

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}

describe("a library that is not the one that was named", () => {
  beforeEach(() => open({ name: "", make: temporaryIn(tmpdir()), never: [] }));
  afterEach(() => remove());

  test("has no successor", async () => {
    const first = firstLibrary(Buffer.from("one"));
    writeFileSync(output, "two");
    const options = { output: Buffer.from(output), library: first.library, spareDirectories: [], sizeBytes: 3 };
    expect(await Successor.create(options)).toEqual({ ok: true, value: undefined });
    rmSync(output);
    expect(await Successor.create(options)).toEqual({ ok: true, value: undefined });
    expect(names(directory)).toEqual([]);
  });

  test("that appears before publication is replaced and not taken for a spare", async () => {
    const first = firstLibrary(Buffer.from("one"));
    const successor = await create(first, 3);
    rmSync(output);
    writeFileSync(output, "another build's");
    expect(published(successor, []).spare).toBeUndefined();
    expect(readFileSync(output, "utf8")).toBe("one");
    expect(names(directory)).toEqual(["lib.so"]);
  });

  test("a symlink as output stays one", async () => {
    const link = join(directory, "link.so");
    const first = firstLibrary(Buffer.from("one"));
    symlinkSync("lib.so", link);
    const successor = await create(first, 3, { output: Buffer.from(link) });
    writeSync(successor.fd, "two", 0);
    published(successor, [[0, 3]]);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(output, "utf8")).toBe("two");
  });
});

const full: Place = { name: "a full disk", make: mounted("full"), never: [] };

describe.skipIf(!works(full.make))(full.name, () => {
  beforeEach(() => {
    open(full);
    mkdirSync(join(directory, "state"), { mode: 0o700 });
  });
  afterEach(() => remove());

  test("leaves the old library alone and nothing else", async () => {
    const bytes = Buffer.alloc(600 * KIB, 1);
    const { library } = firstLibrary(bytes);
    const options = { output: Buffer.from(output), library, spareDirectories: spareDirectories() };
    const noSpace = { ok: false, error: { code: "no-space", path: options.output } };
    expect(await Successor.create({ ...options, sizeBytes: bytes.length })).toMatchObject(noSpace);
    expect(await makeSpare(options)).toMatchObject(noSpace);
    expect(identityOf(options.output)).toEqual(library);
    const store = new ContentStore(Buffer.from(join(directory, "state/store")));
    expect(store.put(Buffer.alloc(500 * KIB))).toBeUndefined();
    const state = Buffer.from(join(directory, "state/state"));
    expect(writeState(state, { meta: {}, columns: { large: Buffer.alloc(500 * KIB) } })).toMatchObject({
      ok: false,
      error: { code: "no-space" },
    });
    expect(names(directory)).toEqual(["lib.so", "state"]);
    expect(readdirSync(directory, { recursive: true }).filter((name) => `${name}`.endsWith(".tmp"))).toEqual([]);
  });
});
