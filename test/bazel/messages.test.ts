/** What Bazel writes and what is answered: parameter files, requests, frames cut anywhere, protobuf and JSON. */

import fc from "fast-check";
import Pbf from "pbf";
import { describe, expect, test } from "vitest";
import { parseRequest } from "../../src/bazel/request.js";
import { parameterWords, shellWords } from "../../src/bazel/words.js";
import { JsonFrames, LengthFrames } from "../../src/bazel/worker-frames.js";
import {
  decodeRequest,
  encodeResponse,
  pathOf,
  requestFromJson,
  responseToJson,
} from "../../src/bazel/worker-messages.js";

describe("words of a parameter file", () => {
  test.each<readonly [string, readonly string[]]>([
    ["", []],
    ["one\ntwo\n", ["one", "two"]],
    ["'a b'\n''\n", ["a b", ""]],
    ["'it'\\''s'\n", ["it's"]],
    ["'new\nline'\nlast", ["new\nline", "last"]],
    ["a'b'c\\ d\n", ["abc d"]],
    ["'\\'\n", ["\\"]],
  ])("%j", (text, words) => {
    expect(shellWords(text)).toEqual({ ok: true, value: words });
  });

  test("a quote that does not end is an error", () => {
    expect(shellWords("'abc\n")).toMatchObject({ ok: false, error: { code: "usage" } });
  });

  test("whatever is quoted comes back", () => {
    const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;
    const bytes = fc.array(fc.integer({ min: 1, max: 255 })).map((codes) => String.fromCharCode(...codes));
    fc.assert(
      fc.property(fc.array(bytes), (words) => {
        expect(shellWords(words.map((word) => `${quoted(word)}\n`).join(""))).toEqual({ ok: true, value: words });
      }),
    );
  });

  test("names are the same bytes, whichever way this version of Bazel writes them", () => {
    const utf8 = (text: string): string => Buffer.from(text).toString("latin1");
    const text = "shard\n--encoding=é\n'fStraße'\n";
    const expected = { ok: true, value: ["shard", utf8("fStraße")] };
    expect(parameterWords(utf8(text))).toEqual(expected);
    expect(parameterWords(utf8(utf8(text)))).toEqual(expected);
    expect(parameterWords("shard\n'f\xff'\n")).toEqual({ ok: true, value: ["shard", "f\xff"] });
  });
});

describe("requests", () => {
  const shard = (...words: string[]) => parseRequest(["shard", "--output=o", "--spec={}", ...words]);

  test("files, links, empty files and directories", () => {
    const words = [
      "f/a b",
      "hx/a",
      "l/l",
      "hy",
      "e/none",
      "t/d",
      "dout/t",
      "cout/t/1",
      "cout/t/s/2",
      "t/i",
      "dp",
      "sin",
      "cp/in/3",
      "t/none",
      "dq",
    ];
    expect(shard(...words)).toMatchObject({
      ok: true,
      value: {
        action: "shard",
        files: [
          { path: "/a b", host: "x/a", kind: "file" },
          { path: "/l", host: "y", kind: "link" },
          { path: "/none", host: "", kind: "empty" },
          { path: "/d/1", host: "out/t/1", kind: "file" },
          { path: "/d/s/2", host: "out/t/s/2", kind: "file" },
          { path: "/i/3", host: "p/in/3", kind: "file" },
        ],
      },
    });
  });

  test("a place may hold newlines, and look like an option", () => {
    expect(shard("f/--x\ny", "h--z\n")).toMatchObject({ value: { files: [{ path: "/--x\ny", host: "--z\n" }] } });
  });

  test("a link has defaults", () => {
    const request = parseRequest(["link", "--output=o", "--contents=c", "--digest=d", "--spec={}", "s1", "s2"]);
    expect(request).toMatchObject({ ok: true, value: { shards: ["1", "2"], layout: "stable", sealed: false } });
  });

  test.each<readonly [string, readonly string[], string]>([
    ["no word", [], "usage"],
    ["another action", ["pack"], "usage"],
    ["no output", ["shard", "--spec={}"], "usage"],
    ["a spec that is no JSON", ["shard", "--output=o", "--spec={"], "usage"],
    ["a link without contents", ["link", "--output=o", "--spec={}", "--digest=d"], "usage"],
    ["a file without its place", ["shard", "--output=o", "--spec={}", "f/a"], "usage"],
    ["an operand that means nothing", ["shard", "--output=o", "--spec={}", "x/a", "y"], "usage"],
    ["a child elsewhere", ["shard", "--output=o", "--spec={}", "t/d", "dout", "celse/1"], "prefix-mismatch"],
    [
      "a child outside of what is stripped",
      ["shard", "--output=o", "--spec={}", "t/d", "dout", "sin", "cout/1"],
      "prefix-mismatch",
    ],
    [
      "a child that begins alike",
      ["shard", "--output=o", "--spec={}", "t/d", "dout", "sin", "cout/inner/1"],
      "prefix-mismatch",
    ],
    ["`..` in a path", ["shard", "--output=o", "--spec={}", "e/a/../b"], "usage"],
    ["`..` in a link", ["shard", "--output=o", '--spec={"symlinks":{"/../x":"y"}}'], "usage"],
    [
      "`..` in a directory",
      ["link", "--output=o", "--contents=c", "--digest=d", '--spec={"directories":{"..":1}}'],
      "usage",
    ],
  ])("%s is refused", (_, words, code) => {
    expect(parseRequest(words)).toMatchObject({ ok: false, error: { code } });
  });
});

/** As WorkRequest: fields of versions to come among them. */
function workRequest(fields: {
  words: string[];
  inputs: [string, string][];
  id: number;
  cancel?: boolean;
  sandbox?: string;
}): Uint8Array {
  const pbf = new Pbf();
  for (const word of fields.words) pbf.writeStringField(1, word);
  for (const [path, digest] of fields.inputs) {
    pbf.writeMessage(
      2,
      (_: unknown, message?: Pbf) => {
        message?.writeStringField(1, path);
        message?.writeBytesField(2, Buffer.from(digest, "latin1"));
        message?.writeStringField(9, "unknown");
      },
      undefined,
    );
  }
  pbf.writeVarintField(3, fields.id);
  if (fields.cancel) pbf.writeBooleanField(4, true);
  pbf.writeVarintField(5, 2);
  if (fields.sandbox !== undefined) pbf.writeStringField(6, fields.sandbox);
  pbf.writeDoubleField(99, 1.5);
  pbf.writeFixed32Field(100, 7);
  return pbf.finish();
}

function framed(message: Uint8Array): Buffer {
  const pbf = new Pbf();
  pbf.writeBytes(message);
  return Buffer.from(pbf.finish());
}

describe("protobuf", () => {
  const long = "x".repeat(300);
  const messages = [
    workRequest({
      words: ["a", "Straße", long],
      inputs: [
        ["p", "\x00\xff"],
        ["none", ""],
      ],
      id: 7,
      sandbox: "s/1",
    }),
    workRequest({ words: [], inputs: [], id: 2 ** 31 - 1, cancel: true }),
    new Uint8Array(),
  ];

  test("a request is read, and what is not known is passed over", () => {
    expect(decodeRequest(messages[0] as Uint8Array)).toEqual({
      arguments: ["a", "Straße", long],
      inputs: new Map([["p", "\x00\xff"]]),
      requestId: 7,
      cancel: false,
      sandboxDir: "s/1",
    });
    expect(decodeRequest(messages[1] as Uint8Array)).toMatchObject({ requestId: 2 ** 31 - 1, cancel: true });
    expect(decodeRequest(messages[2] as Uint8Array)).toMatchObject({ arguments: [], requestId: 0, cancel: false });
  });

  test("frames come out whole, wherever the stream is cut", () => {
    const stream = Buffer.concat(messages.map(framed));
    for (let cut = 0; cut <= stream.length; cut++) {
      const frames = new LengthFrames();
      const found = [...frames.push(stream.subarray(0, cut)), ...frames.push(stream.subarray(cut))];
      expect(
        found.map((one) => one.toString("hex")),
        `${cut}`,
      ).toEqual(messages.map((one) => Buffer.from(one).toString("hex")));
    }
    const bytewise = new LengthFrames();
    const found = [...stream].flatMap((byte) => bytewise.push(Buffer.from([byte])));
    expect(found).toHaveLength(messages.length);
  });

  test("what is no length is refused", () => {
    expect(() => new LengthFrames().push(Buffer.alloc(8, 0xff))).toThrow(RangeError);
  });

  test("an answer is framed, without fields that are zero", () => {
    const [message] = new LengthFrames().push(
      Buffer.from(encodeResponse({ exitCode: 1, output: "é\n", requestId: 300, wasCancelled: true })),
    );
    const fields: Record<number, unknown> = {};
    new Pbf(message as Buffer).readFields((tag, _, pbf) => {
      fields[tag] = tag === 2 ? pbf.readString() : pbf.readVarint();
    }, undefined);
    expect(fields).toEqual({ 1: 1, 2: "é\n", 3: 300, 4: 1 });
    expect([...encodeResponse({ exitCode: 0, output: "", requestId: 0, wasCancelled: false })]).toEqual([0]);
  });
});

describe("JSON", () => {
  const requests = [
    {
      arguments: ['a "quoted" {', "back\\slash", "}\\"],
      inputs: [{ path: "p", digest: "ab" }, { path: "q" }],
      requestId: 3,
    },
    { requestId: 4, cancel: true, sandboxDir: "s", unknown: { nested: [{}] } },
    {},
  ];

  test.each([
    ["", ""],
    ["\n", ""],
    [" ", "indented"],
  ])("objects come out whole, wherever they are cut (between them %j %s)", (between, indented) => {
    const stream = Buffer.from(
      requests.map((one) => JSON.stringify(one, undefined, indented ? 2 : 0) + between).join(""),
    );
    for (let cut = 0; cut <= stream.length; cut++) {
      const frames = new JsonFrames();
      const texts = [...frames.push(stream.subarray(0, cut)), ...frames.push(stream.subarray(cut))];
      expect(
        texts.map((text) => JSON.parse(text)),
        `${cut}`,
      ).toEqual(requests);
    }
  });

  test("a request has defaults", () => {
    const [full, cancel, empty] = requests.map((one) => requestFromJson(JSON.stringify(one)));
    expect(full).toMatchObject({ inputs: new Map([["p", "ab"]]), requestId: 3, cancel: false, sandboxDir: "" });
    expect(cancel).toMatchObject({ arguments: [], requestId: 4, cancel: true, sandboxDir: "s" });
    expect(empty).toEqual({ arguments: [], inputs: new Map(), requestId: 0, cancel: false, sandboxDir: "" });
  });

  test("an answer is one line", () => {
    const response = { exitCode: 2, output: "two\nlines\n", requestId: 9, wasCancelled: false };
    const line = responseToJson(response);
    expect(line.indexOf("\n")).toBe(line.length - 1);
    expect(JSON.parse(line)).toEqual(response);
  });
});

test.each([
  ["plain", "a/b.txt", "a/b.txt"],
  ["bytes one by one, as Bazel up to 7 sends them", "um\u00c3\u009f", "um\u00c3\u009f"],
  ["a text", "um\u00df", "um\u00c3\u009f"],
  ["a text beyond latin1", "\u6587", "\u00e6\u0096\u0087"],
])("a path that comes as %s has the same bytes", (_, text, bytes) => {
  expect(pathOf(text)).toBe(bytes);
});
