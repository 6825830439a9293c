import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeActionResult, encodeActionResult } from "../../src/remote/action-result.js";

const HASH = "ab".repeat(32);
const MOST = 1000;

const fileArbitrary = fc.record({
  path: fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }),
  hash: fc.stringMatching(/^[0-9a-f]{64}$/),
  sizeBytes: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
});

/** A length-delimited field. */
const field = (number: number, body: Uint8Array): Buffer => {
  expect(body.length).toBeLessThan(128);
  return Buffer.concat([Buffer.from([(number << 3) | 2, body.length]), body]);
};

describe("ActionResult", () => {
  it("is encoded as the field numbers of remote_execution.proto say", () => {
    const digest = Buffer.concat([field(1, Buffer.from(HASH)), Buffer.from([0x10, 0x80, 0x20])]);
    const file = Buffer.concat([field(1, Buffer.from("a/b")), field(2, digest)]);
    expect(encodeActionResult([{ path: "a/b", hash: HASH, sizeBytes: 4096 }])).toEqual(field(2, file));
  });

  it("is decoded to what was encoded", () => {
    fc.assert(
      fc.property(fc.array(fileArbitrary, { maxLength: 20 }), (files) => {
        expect(decodeActionResult(encodeActionResult(files), MOST)).toEqual(files);
      }),
    );
  });

  it("passes over what others put into it", () => {
    const [file] = [{ path: "p", hash: HASH, sizeBytes: 7 }];
    const metadata = field(9, field(1, Buffer.from("worker")));
    const stdout = field(5, Buffer.from("said"));
    const fixed = Buffer.from([((100 << 3) & 0x7f) | 0x80 | 1, (100 << 3) >> 7, 1, 2, 3, 4, 5, 6, 7, 8]);
    const bytes = Buffer.concat([stdout, encodeActionResult([file]), Buffer.from([0x20, 0]), metadata, fixed]);
    expect(decodeActionResult(bytes, MOST)).toEqual([file]);
  });

  it.each([
    ["of a failed action", Buffer.from([0x20, 1])],
    ["with a length beyond the end", Buffer.from([0x12, 0x7f, 0x0a])],
    ["with a length of 2⁶³", Buffer.from([0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])],
    ["with a varint that does not end", Buffer.alloc(64, 0xff)],
    ["with a text that leaves its message", Buffer.from([0x12, 0x02, 0x0a, 0x05, 1, 2, 3, 4, 5])],
    ["with a number where a message belongs", Buffer.from([0x10, 5])],
    ["with a group", Buffer.from([0x13, 0x14])],
    ["that is a web page", Buffer.from("<!doctype html><title>sign in</title>")],
  ])("is refused: one %s", (_, bytes) => {
    expect(decodeActionResult(bytes, MOST)).toBeUndefined();
  });

  it("is refused with more files than it may have", () => {
    const files = Array.from({ length: 3 }, (_, index) => ({ path: `${index}`, hash: HASH, sizeBytes: 1 }));
    expect(decodeActionResult(encodeActionResult(files), 3)).toHaveLength(3);
    expect(decodeActionResult(encodeActionResult(files), 2)).toBeUndefined();
  });

  it("cut short anywhere is no other message, and any bytes are read to an end", () => {
    const whole = encodeActionResult([{ path: "library/0", hash: HASH, sizeBytes: 123_456 }]);
    for (let end = 1; end < whole.length; end++)
      expect(decodeActionResult(whole.subarray(0, end), MOST)).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodeActionResult(bytes, MOST);
      }),
      { numRuns: 2000 },
    );
  });
});
