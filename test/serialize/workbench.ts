/** A tree on disk, its plans, its images: written from nothing, and brought up to date. */

import { closeSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { Result } from "../../src/errors.js";
import type { MerkleTree } from "../../src/image/merkle.js";
import { ROW, STAT_WORDS, type Tree } from "../../src/model.js";
import { changesBetween } from "../../src/plan/changes.js";
import { planCompact } from "../../src/plan/compact.js";
import type { Plan } from "../../src/plan/plan.js";
import { planStable, type StablePlan } from "../../src/plan/stable.js";
import { select } from "../../src/select/select.js";
import { type Emission, type EmitOptions, emitChanges } from "../../src/serialize/emit-changes.js";
import { type SerializeOptions, serialize } from "../../src/serialize/serialize.js";
import { originBetween } from "../../src/tree/origin.js";

export function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.error.code} ${result.error.path ?? ""} ${result.error.detail ?? ""}`);
  return result.value;
}

const treeOf = (root: string): Tree => unwrap(select({ root }));

/** What a library that was published holds, and what is known of it. */
export interface Built {
  readonly plan: StablePlan;
  readonly merkle: MerkleTree;
  readonly image: string;
}

/** What is asked of `emitChanges` beyond plans and files. */
export type Extra = Pick<EmitOptions, "provided" | "pool" | "signal">;

export class Workbench {
  readonly directory = mkdtempSync(join(tmpdir(), "binaryfs-serialize-"));
  readonly root = join(this.directory, "root");
  #images = 0;

  constructor() {
    mkdirSync(this.root);
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  compact = (): Plan => unwrap(planCompact(treeOf(this.root), 0));

  stable = (tree = treeOf(this.root)): StablePlan => unwrap(planStable(tree, { buildTime: 0 }));

  newPath = (): string => join(this.directory, `image-${this.#images++}`);

  async write(plan: Plan, image: string, options: SerializeOptions = {}, offset = 0): Promise<Result<MerkleTree>> {
    const fd = openSync(image, "w+");
    try {
      return await serialize(plan, { fd, offset }, options);
    } finally {
      closeSync(fd);
    }
  }

  async build(): Promise<Built> {
    const plan = this.stable();
    const image = this.newPath();
    return { plan, merkle: unwrap(await this.write(plan, image)), image };
  }

  /** Over a copy of the earlier image. */
  async emit(
    previous: Built,
    extra: Extra = {},
    image = this.newPath(),
  ): Promise<{ readonly emission: Result<Emission>; readonly built: Built }> {
    const tree = treeOf(this.root);
    const origin = originBetween(previous.plan.inventory.tree.table, tree.table);
    const plan = unwrap(planStable(tree, { buildTime: 0 }, { plan: previous.plan, origin }));
    const changes = changesBetween(
      previous.plan,
      plan,
      origin,
      contentChanged(previous.plan.inventory.tree, tree, origin),
    );
    if (!existsSync(image)) copyFileSync(previous.image, image);
    const source = openSync(previous.image, "r");
    const target = openSync(image, "r+");
    try {
      const emission = await emitChanges({
        plan,
        changes,
        previous: { fd: source, offset: 0 },
        target: { fd: target, offset: 0 },
        merkle: previous.merkle,
        ...extra,
      });
      return { emission, built: { plan, image, merkle: emission.ok ? emission.value.merkle : previous.merkle } };
    } finally {
      closeSync(source);
      closeSync(target);
    }
  }

  /** Brings the image up to date; expects it to be the one that is written from nothing, and only what is said to be written to differ. */
  async update(previous: Built, extra: Extra = {}): Promise<{ readonly emission: Emission; readonly built: Built }> {
    const { emission: result, built } = await this.emit(previous, extra);
    const emission = unwrap(result);
    const clean = await this.build();
    const bytes = readFileSync(built.image);
    expect(bytes.equals(readFileSync(clean.image))).toBe(true);
    expect(emission.merkleRoot).toEqual(clean.merkle.root(clean.plan.sizeBytes));
    expect(emission.merkle.toBytes()).toEqual(clean.merkle.toBytes());
    const before = readFileSync(previous.image);
    const after = Buffer.concat([bytes, Buffer.alloc(Math.max(0, before.length - bytes.length))]);
    const longer = Buffer.concat([before, Buffer.alloc(after.length - before.length)]);
    for (const [start, end] of emission.written) longer.set(after.subarray(start, end), start);
    expect(longer.subarray(0, bytes.length).equals(bytes)).toBe(true);
    for (const image of [previous.image, clean.image]) rmSync(image);
    return { emission, built };
  }
}

/** A file whose stat record differs counts as changed. */
function contentChanged(before: Tree, { table }: Tree, origin: Uint32Array): Uint8Array {
  const changed = new Uint8Array(table.count);
  for (let row = 0; row < table.count; row++) {
    if (((table.flags[row] as number) & ROW.selected) === 0) continue;
    const old = (origin[row] as number) * STAT_WORDS;
    const words = table.stats.subarray(row * STAT_WORDS, (row + 1) * STAT_WORDS);
    changed[row] = words.every((word, index) => word === before.table.stats[old + index]) ? 0 : 1;
  }
  return changed;
}
