/** A state comes back as it was written, or is thrown away with the reason. */

import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Columns, type LoadedState, readState, writeState } from "../../src/store/state-file.js";

let directory: string;
let path: string;
beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "binaryfs-state-")));
  path = join(directory, "one.state");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const write = (meta: unknown, columns: Columns): void =>
  expect(writeState(Buffer.from(path), { meta, columns })).toEqual({ ok: true, value: undefined });

function read(): LoadedState {
  const loaded = readState(Buffer.from(path));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded));
  return loaded.value;
}
const discarded = (reason: string) => ({ kind: "discarded", reason });

const sample = (): Columns => ({
  bytes: Buffer.from([1, 2, 3]),
  none: new Uint32Array(0),
  u8: Uint8Array.of(0, 255),
  i8: Int8Array.of(-1, 7, 3),
  u16: Uint16Array.of(65_535),
  i16: Int16Array.of(-5),
  u32: Uint32Array.of(1, 2, 0xffff_ffff),
  i32: Int32Array.of(-9),
  f64: Float64Array.of(Math.PI, Number.MAX_SAFE_INTEGER),
  u64: BigUint64Array.of(2n ** 64n - 1n),
  i64: BigInt64Array.of(-(2n ** 63n)),
  part: new Uint32Array(Uint32Array.of(7, 8, 9).buffer, 4, 1),
});

test("every type of column comes back, as views of one piece of memory", () => {
  const meta = { name: "ü", list: [1, null, { deep: true }] };
  write(meta, sample());
  const loaded = read();
  expect(loaded).toEqual({ kind: "state", contents: { meta, columns: sample() } });
  const columns = loaded.kind === "state" ? Object.values(loaded.contents.columns) : [];
  expect(new Set(columns.map(({ buffer }) => buffer)).size).toBe(1);
  expect(readdirSync(directory)).toEqual(["one.state"]);
});

test("many columns and long ones", () => {
  const columns: Record<string, Uint32Array> = {};
  for (let number = 0; number < 3000; number++) columns[`${number}`] = Uint32Array.of(number);
  columns["long"] = new Uint32Array(2_000_000).map((_, index) => index * 7);
  write({}, columns);
  const loaded = read();
  const found = loaded.kind === "state" ? loaded.contents.columns : {};
  expect(Object.keys(found)).toHaveLength(3001);
  expect(found["2999"]).toEqual(Uint32Array.of(2999));
  const long = found["long"] as Uint32Array;
  expect(
    Buffer.compare(Buffer.from(long.buffer, long.byteOffset, long.byteLength), Buffer.from(columns["long"].buffer)),
  ).toBe(0);
});

test("none is absent", () => expect(read()).toEqual({ kind: "absent" }));

test("any truncation is found, and what was appended", () => {
  write({ a: 1 }, sample());
  const whole = readFileSync(path);
  for (let size = whole.length - 1; size >= 0; size -= 5) {
    truncateSync(path, size);
    expect(read()).toEqual(discarded("truncated"));
  }
  writeFileSync(path, Buffer.concat([whole, Buffer.from("x")]));
  expect(read()).toEqual(discarded("corrupted"));
});

test("any changed byte is found, and no length is believed before it is checked", () => {
  write({ a: 1 }, sample());
  const whole = readFileSync(path);
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, bits) => {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] as number) ^ bits;
      writeFileSync(path, changed);
      expect(read().kind).toBe("discarded");
    }),
    { numRuns: 300 },
  );
  const huge = Buffer.from(whole);
  huge.writeBigUInt64LE(2n ** 63n, 16);
  writeFileSync(path, huge);
  expect(read()).toEqual(discarded("corrupted"));
});

test("another version's is told apart", () => {
  write({}, {});
  const other = readFileSync(path);
  other.writeUInt32LE(99, 8);
  writeFileSync(path, other);
  expect(read()).toEqual(discarded("version"));
});

test("what cannot be written says so and leaves the old one", () => {
  write({ old: true }, {});
  const nowhere = writeState(Buffer.from(join(directory, "missing/one.state")), { meta: {}, columns: {} });
  expect(nowhere).toMatchObject({ ok: false, error: { code: "output-unwritable", detail: "ENOENT" } });
  expect(read()).toMatchObject({ kind: "state", contents: { meta: { old: true } } });
});
