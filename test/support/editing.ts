/** Directory trees that are made and then edited at random, reproducibly: every kind of edit that an incremental build has to notice. */

import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import fc from "fast-check";

type Kind = "file" | "directory" | "symlink";

const KINDS = [
  "write",
  "rewrite",
  "writeUnseen",
  "grow",
  "shrink",
  "resize",
  "add",
  "addMany",
  "remove",
  "rename",
  "exchange",
  "chmod",
  "chown",
  "touch",
  "symlink",
  "hardLink",
  "makeDirectory",
  "fileToDirectory",
  "directoryToFile",
  "remakeDirectory",
  "addChunked",
  "revert",
] as const;

/** What the numbers mean depends on the kind; all are taken modulo what there is. */
export interface Edit {
  readonly kind: (typeof KINDS)[number];
  readonly pick: number;
  readonly other: number;
  readonly sizeBytes: number;
  readonly seed: number;
}

const number = fc.nat(0xffff);
const sizeBytes = fc.oneof(
  { weight: 5, arbitrary: fc.nat(9000) },
  { weight: 2, arbitrary: fc.constantFrom(0, 1, 4031, 4032, 4033, 4095, 4096, 4097, 8192, 12_288 + 4032, 65_536) },
  { weight: 1, arbitrary: fc.constantFrom(1_048_575, 1_048_576, 1_048_577, 1_500_000, 2_097_152, 2_097_153) },
);
const kindWeights: Partial<Record<Edit["kind"], number>> = {
  write: 4,
  add: 3,
  remove: 2,
  rename: 3,
  grow: 2,
  revert: 3,
};

export const arbitraryEdit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.oneof(
    ...KINDS.map((kind) => ({ weight: kindWeights[kind] ?? 1, arbitrary: fc.constant<Edit["kind"]>(kind) })),
  ),
  pick: number,
  other: number,
  sizeBytes,
  seed: number,
});

/** mulberry32: reproducible edits without shrinking, for long series. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below) >>> 0;
  };
}

/** One edit of a series. */
export function randomEdit(random: (below: number) => number, largestBytes: number): Edit {
  const large = random(12) === 0;
  return {
    kind: KINDS[random(KINDS.length)] as Edit["kind"],
    pick: random(0x1_0000),
    other: random(0x1_0000),
    sizeBytes: large ? random(largestBytes) : random(20_000),
    seed: random(0x1_0000),
  };
}

/** Reproducible bytes. One seed in four has zeros in the middle, which become holes. */
export function contentOf(size: number, seed: number): Buffer {
  const bytes = Buffer.alloc(size);
  let state = (Math.imul(seed, 2_654_435_761) + 1) >>> 0;
  const stretch = Math.min(size, 4096);
  for (let at = 0; at < stretch; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = (state >>> 24) | 1;
  }
  for (let at = stretch; at < size; at += stretch) {
    bytes.copy(bytes, at, 0, Math.min(stretch, size - at));
    // No two blocks are equal.
    if (at + 4 <= size) bytes.writeUInt32LE((state + at) >>> 0, at);
  }
  if (seed % 4 === 0) bytes.fill(0, size >> 2, size - (size >> 2));
  return bytes;
}

const MOST_PAST = 8;
/** xfs takes 1,024 bytes. */
const LONGEST_LINK = 1023;
/** From here on names are short, and nothing is moved to where a path becomes longer: the kernel takes 4,095 bytes. */
const LONGEST_PATH = 1500;

/** Owners that there are: in a user namespace often fewer than 65,536. */
const [USERS, GROUPS] = ["uid_map", "gid_map"].map((name) => {
  const [inside = "0", , count = "1"] = readFileSync(`/proc/self/${name}`, "latin1").trim().split(/\s+/);
  return inside === "0" ? Number(count) : 1;
}) as [number, number];

const odd = ["!x", "-", "...", ".a", "\xff\xfe", "caf\xc3\xa9", "new\nline", "*", "n".repeat(255)];
const bytes = (latin1: string): Buffer => Buffer.from(latin1, "latin1");

/** A tree on disk and what is known of it. Paths are latin1 text, as seen from the root. */
export class EditedTree {
  readonly root: string;
  /** What the last edits touched, as a watcher would tell it. */
  readonly listings = new Set<string>();
  readonly names = new Set<string>();
  readonly #kinds = new Map<string, Kind>();
  /** Contents that were replaced, the last ones. */
  readonly #past: { readonly path: string; readonly content: Buffer }[] = [];
  readonly #mostRemoved: number;
  #serial = 0;

  /**
   * @param root an empty directory
   * @param mostRemoved directories that hold more names are never removed: a long series of edits would leave little
   */
  constructor(root: string, mostRemoved = Number.POSITIVE_INFINITY) {
    this.root = root;
    this.#mostRemoved = mostRemoved;
    this.#kinds.set("", "directory");
  }

  /** With a file that no edit knows of, so that removals never leave a tree of which nothing can be selected. */
  static neverEmpty(root: string): EditedTree {
    writeFileSync(`${root}/kept`, "kept");
    return new EditedTree(root);
  }

  get count(): number {
    return this.#kinds.size;
  }

  /** Hints of all that was touched since the last call. */
  takeHints(): { readonly directories: Buffer[]; readonly files: Buffer[] } {
    const guest = (path: string): Buffer => bytes(path === "" ? "/" : path);
    const hints = { directories: [...this.listings].map(guest), files: [...this.names].map(guest) };
    this.listings.clear();
    this.names.clear();
    return hints;
  }

  apply(edit: Edit): void {
    this.#serial++;
    this[edit.kind](edit);
  }

  write({ pick, other, seed }: Edit): void {
    const file = this.#pickFile(pick);
    if (file === undefined) return;
    const { size } = lstatSync(this.#host(file));
    if (size > 0) this.#writeAt(file, other % size, seed);
  }

  /** As editors save: a new file takes the name. */
  rewrite({ pick, seed }: Edit): void {
    const file = this.#pickFile(pick);
    if (file === undefined) return;
    const temporary = bytes(`${this.root}/.saved~`);
    writeFileSync(temporary, contentOf(lstatSync(this.#host(file)).size, seed + this.#serial));
    renameSync(temporary, this.#host(file));
    this.#listed(parentOf(file));
    this.#listed("");
  }

  /** Size and mtime stay: only ctime tells. */
  writeUnseen(edit: Edit): void {
    const candidates = [...this.#kinds].filter(([path, kind]) => kind === "file" && this.#hasWholeSeconds(path));
    const [file] = candidates[edit.pick % Math.max(1, candidates.length)] ?? [];
    if (file === undefined) return;
    const { mtimeMs, size } = lstatSync(this.#host(file));
    if (size > 0) this.#writeAt(file, edit.other % size, edit.seed);
    utimesSync(this.#host(file), mtimeMs / 1000, mtimeMs / 1000);
    this.#named(file);
  }

  /** What can be set again exactly. */
  #hasWholeSeconds(path: string): boolean {
    return lstatSync(this.#host(path), { bigint: true }).mtimeNs % 1_000_000_000n === 0n;
  }

  grow({ pick, sizeBytes: more, seed }: Edit): void {
    const file = this.#pickFile(pick);
    if (file === undefined || lstatSync(this.#host(file)).size > 5 << 20) return;
    if (seed % 5 === 0) truncateSync(this.#host(file), lstatSync(this.#host(file)).size + more);
    else appendFileSync(this.#host(file), contentOf(more, seed));
    this.#named(file);
  }

  shrink({ pick, other }: Edit): void {
    const file = this.#pickFile(pick);
    if (file === undefined) return;
    truncateSync(this.#host(file), other % (lstatSync(this.#host(file)).size + 1));
    this.#named(file);
  }

  resize({ pick, sizeBytes: size, seed }: Edit): void {
    const file = this.#pickFile(pick);
    if (file === undefined) return;
    writeFileSync(this.#host(file), contentOf(size, seed));
    this.#named(file);
  }

  /** Gives a file a content that it had before, under the same name. */
  revert({ pick }: Edit): void {
    const known = this.#past.filter(({ path }) => this.#kinds.get(path) === "file");
    const chosen = known[pick % Math.max(1, known.length)];
    if (chosen === undefined) return;
    writeFileSync(this.#host(chosen.path), chosen.content);
    this.#named(chosen.path);
  }

  add(edit: Edit): void {
    this.#addTo(this.#pick("directory", edit.pick) as string, edit);
  }

  addMany({ pick, other, seed }: Edit): void {
    const directory = this.#pick("directory", pick) as string;
    for (let index = 0; index < 5 + (other % 25); index++) {
      this.#addTo(directory, {
        kind: "add",
        pick,
        other: 99,
        sizeBytes: (index * 977 + seed) % 6000,
        seed: seed + index,
      });
    }
  }

  /** Over a mebibyte: one chunk and a rest, or two. */
  addChunked(edit: Edit): void {
    this.#addTo(this.#pick("directory", edit.pick) as string, { ...edit, sizeBytes: 1_048_577 + (edit.seed << 4) });
  }

  remove({ pick }: Edit): void {
    const path = this.#pickAny(pick);
    if (path !== undefined && this.#mayGo(path)) this.#delete(path);
  }

  rename({ pick, other, seed }: Edit): void {
    const path = this.#pickAny(pick);
    const to = this.#pick("directory", other) as string;
    if (path === undefined || to === path || to.startsWith(`${path}/`)) return;
    const target = this.#freeName(to, seed);
    if (this.#isTooLong(path, target)) return;
    renameSync(this.#host(path), this.#host(target));
    this.#moveKnown(path, target);
    this.#listed(parentOf(path));
    this.#listed(to);
  }

  /** Two names change what they stand for. */
  exchange({ pick, other }: Edit): void {
    const [one, two] = [this.#pickAny(pick), this.#pickAny(other)];
    if (one === undefined || two === undefined || one === two) return;
    if (one.startsWith(`${two}/`) || two.startsWith(`${one}/`)) return;
    if (this.#isTooLong(one, two) || this.#isTooLong(two, one)) return;
    const between = "/.between~";
    const steps = [
      [one, between],
      [two, one],
      [between, two],
    ] as const;
    for (const [from, to] of steps) {
      renameSync(this.#host(from), this.#host(to));
      this.#moveKnown(from, to);
    }
    for (const path of [one, two]) this.#listed(parentOf(path));
    this.#listed("");
  }

  chmod({ pick, seed }: Edit): void {
    const path = this.#pickAny(pick);
    if (path === undefined || this.#kinds.get(path) === "symlink") return;
    const isDirectory = this.#kinds.get(path) === "directory";
    chmodSync(this.#host(path), isDirectory ? 0o700 | (seed & 0o1077) : 0o600 | (seed & 0o7177));
    this.#named(path);
  }

  chown({ pick, seed, other }: Edit): void {
    const path = this.#pickAny(pick);
    if (path === undefined || this.#kinds.get(path) === "symlink" || process.getuid?.() !== 0) return;
    const { mode } = lstatSync(this.#host(path));
    chownSync(this.#host(path), (seed * 3) % USERS, (other * 5) % GROUPS);
    chmodSync(this.#host(path), mode & 0o1777);
    this.#named(path);
  }

  touch({ pick, seed, other }: Edit): void {
    const path = this.#pickAny(pick) ?? "";
    lutimesSync(this.#host(path), seed, (seed - 0x8000) * 100_000 + other / 0x1_0000);
    this.#named(path);
  }

  /** Makes one, or gives one another body. */
  symlink({ pick, other, seed, sizeBytes: size }: Edit): void {
    const bodies = ["a", "../b", "/c", ".", "t".repeat(1 + (size % LONGEST_LINK))];
    const known = seed % 2 === 0 ? this.#pick("symlink", pick) : undefined;
    const path = known ?? this.#freeName(this.#pick("directory", pick) as string, seed);
    if (known !== undefined) unlinkSync(this.#host(path));
    symlinkSync(bodies[other % bodies.length] as string, this.#host(path));
    this.#know(path, "symlink");
  }

  hardLink({ pick, other, seed }: Edit): void {
    const file = this.#pick("file", pick);
    if (file === undefined) return;
    const path = this.#freeName(this.#pick("directory", other) as string, seed);
    linkSync(this.#host(file), this.#host(path));
    this.#know(path, "file");
    this.#named(file);
  }

  makeDirectory({ pick, seed }: Edit): string {
    const path = this.#freeName(this.#pick("directory", pick) as string, seed);
    mkdirSync(this.#host(path));
    this.#know(path, "directory");
    return path;
  }

  fileToDirectory(edit: Edit): void {
    const path = this.#pick("file", edit.pick);
    if (path === undefined) return;
    this.#delete(path);
    mkdirSync(this.#host(path));
    this.#know(path, "directory");
    this.#addTo(path, edit);
  }

  directoryToFile({ pick, sizeBytes: size, seed }: Edit): void {
    const path = this.#pick("directory", pick);
    if (path === undefined || path === "" || !this.#mayGo(path)) return;
    this.#delete(path);
    writeFileSync(this.#host(path), contentOf(size, seed));
    this.#know(path, "file");
  }

  /** Another directory of the same name, with some of the same names in it. */
  remakeDirectory({ pick, seed }: Edit): void {
    const path = this.#pick("directory", pick);
    if (path === undefined || path === "" || !this.#mayGo(path)) return;
    const files = [...this.#kinds]
      .filter(([name, kind]) => kind === "file" && parentOf(name) === path)
      .map(([name]) => ({ name, size: lstatSync(this.#host(name)).size }));
    this.#delete(path);
    mkdirSync(this.#host(path));
    this.#know(path, "directory");
    for (const [index, { name, size }] of files.entries()) {
      if ((seed + index) % 3 === 0) continue;
      writeFileSync(this.#host(name), contentOf(size, seed + index));
      this.#know(name, "file");
    }
  }

  /** A file whose content is about to change. */
  #pickFile(number: number): string | undefined {
    const path = this.#pick("file", number);
    if (path === undefined) return undefined;
    this.#past.push({ path, content: readFileSync(this.#host(path)) });
    if (this.#past.length > MOST_PAST) this.#past.shift();
    return path;
  }

  #addTo(directory: string, { seed, sizeBytes: size, other }: Edit): void {
    const path = this.#freeName(directory, seed, other);
    writeFileSync(this.#host(path), contentOf(size, seed + this.#serial));
    if (seed % 3 === 0) utimesSync(this.#host(path), seed, seed * 1000);
    this.#know(path, "file");
  }

  #writeAt(file: string, at: number, seed: number): void {
    const fd = openSync(this.#host(file), "r+");
    try {
      writeSync(fd, bytes(String.fromCharCode(seed % 256)), 0, 1, at);
    } finally {
      closeSync(fd);
    }
    this.#named(file);
  }

  /** Whether a path beneath becomes too long by the move. */
  #isTooLong(from: string, to: string): boolean {
    const grows = to.length - from.length;
    return [...this.#kinds.keys()].some(
      (name) =>
        (name === from || name.startsWith(`${from}/`)) && name.length + grows > Math.max(name.length, LONGEST_PATH),
    );
  }

  #mayGo(path: string): boolean {
    let names = 0;
    for (const name of this.#kinds.keys()) if (name.startsWith(`${path}/`)) names++;
    return names <= this.#mostRemoved;
  }

  #delete(path: string): void {
    rmSync(this.#host(path), { recursive: true });
    for (const name of [...this.#kinds.keys()]) {
      if (name === path || name.startsWith(`${path}/`)) this.#kinds.delete(name);
    }
    this.#listed(parentOf(path));
  }

  #moveKnown(from: string, to: string): void {
    for (const [name, kind] of [...this.#kinds]) {
      if (name !== from && !name.startsWith(`${from}/`)) continue;
      this.#kinds.delete(name);
      this.#kinds.set(to + name.slice(from.length), kind);
    }
  }

  #know(path: string, kind: Kind): void {
    this.#kinds.set(path, kind);
    this.#listed(parentOf(path));
  }

  #listed(directory: string): void {
    this.listings.add(directory);
    this.#named(directory);
  }

  #named(path: string): void {
    if (path !== "") this.names.add(path);
    else this.listings.add(path);
  }

  #pick(kind: Kind, number: number): string | undefined {
    const paths = [...this.#kinds].filter(([, known]) => known === kind).map(([path]) => path);
    return paths[number % paths.length];
  }

  /** Any but the root. */
  #pickAny(number: number): string | undefined {
    const paths = [...this.#kinds.keys()].filter((path) => path !== "");
    return paths[number % paths.length];
  }

  #freeName(directory: string, seed: number, other = seed): string {
    const name = other % 7 === 0 ? (odd[seed % odd.length] as string) : `${"abcdefgh"[seed % 8]}${seed % 50}`;
    const path = `${directory}/${name}`;
    const isFree = !this.#kinds.has(path) && path.length < LONGEST_PATH;
    return isFree ? path : `${directory}/${this.#serial}-${seed}-${this.#kinds.size}`;
  }

  #host(path: string): Buffer {
    return bytes(this.root + path);
  }
}

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf("/"));
