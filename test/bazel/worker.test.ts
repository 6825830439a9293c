/** The persistent worker over real streams: several requests at once, cancellation, sandboxes, an input that ends early or is none; and the built program as Bazel starts it. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ActionContext } from "../../src/bazel/actions.js";
import { type Perform, serve } from "../../src/bazel/worker.js";

interface Answer {
  readonly exitCode: number;
  readonly output: string;
  readonly requestId: number;
  readonly wasCancelled: boolean;
}

const byRequest = (stdout = ""): ReadonlyMap<number, Answer> => {
  const answers: Answer[] = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  return new Map(answers.map((answer) => [answer.requestId, answer]));
};

/** A worker of the JSON protocol whose work the test does itself. */
function start(perform: Perform) {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const interruption = new AbortController();
  const served = serve({
    protocol: "json",
    directory: "/work place",
    input,
    output,
    perform,
    signal: interruption.signal,
  });
  let text = "";
  output.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    output.emit("answered");
  });
  const answers = (): Answer[] =>
    text
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  return {
    input,
    served,
    interruption,
    answers,
    ask: (request: object) => input.write(`${JSON.stringify(request)}\n`),
    untilAnswers: async (count: number) => {
      while (answers().length < count) await once(output, "answered");
    },
  };
}

/** Work that ends when the test says so, or is told to end. */
function controlled() {
  const started = new Map<string, { readonly context: ActionContext; readonly finish: (exitCode: number) => void }>();
  const waiting = new PassThrough();
  const perform: Perform = ([word = ""], context) =>
    new Promise((resolve) => {
      const finish = (exitCode: number): void => resolve({ exitCode, output: `${word}\n` });
      context.signal?.addEventListener("abort", () => finish(1));
      started.set(word, { context, finish });
      waiting.emit("started");
    });
  const of = async (word: string) => {
    while (!started.has(word)) await once(waiting, "started");
    return started.get(word) as NonNullable<ReturnType<typeof started.get>>;
  };
  return { perform, of };
}

describe("requests", () => {
  test("several are worked on at once, and answered as they are done", async () => {
    const { perform, of } = controlled();
    const worker = start(perform);
    for (const id of [1, 2, 3]) worker.ask({ arguments: [`w${id}`], requestId: id });
    await Promise.all(["w1", "w2", "w3"].map(of));
    (await of("w3")).finish(0);
    await worker.untilAnswers(1);
    (await of("w1")).finish(5);
    (await of("w2")).finish(0);
    worker.input.end();
    await worker.served;
    expect(worker.answers().map(({ requestId, exitCode }) => [requestId, exitCode])).toEqual([
      [3, 0],
      [1, 5],
      [2, 0],
    ]);
  });

  test("a cancelled one is answered once, as cancelled; the others go on", async () => {
    const { perform, of } = controlled();
    const worker = start(perform);
    worker.ask({ arguments: ["a"], requestId: 1 });
    worker.ask({ arguments: ["b"], requestId: 2 });
    await of("a");
    worker.ask({ requestId: 1, cancel: true });
    // Twice, of one that is done, and of none.
    worker.ask({ requestId: 1, cancel: true });
    worker.ask({ requestId: 77, cancel: true });
    await worker.untilAnswers(1);
    expect(worker.answers()).toEqual([{ exitCode: 0, output: "", requestId: 1, wasCancelled: true }]);
    (await of("b")).finish(0);
    worker.ask({ requestId: 2, cancel: true });
    worker.input.end();
    await worker.served;
    expect(worker.answers().filter(({ requestId }) => requestId === 2)).toHaveLength(1);
  });

  test("paths are relative to the request's sandbox where it has one", async () => {
    const { perform, of } = controlled();
    const worker = start(perform);
    worker.ask({ arguments: ["in"], requestId: 1, sandboxDir: "__sandbox/1" });
    worker.ask({ arguments: ["out"], requestId: 2 });
    expect((await of("in")).context.directory).toBe("/work place/__sandbox/1");
    expect((await of("out")).context.directory).toBe("/work place");
    for (const word of ["in", "out"]) (await of(word)).finish(0);
    worker.input.end();
    await worker.served;
  });

  test("what is under way when the input ends is answered", async () => {
    const { perform, of } = controlled();
    const worker = start(perform);
    worker.ask({ arguments: ["late"], requestId: 4 });
    worker.input.end();
    (await of("late")).finish(0);
    await worker.served;
    expect(worker.answers()).toMatchObject([{ requestId: 4, output: "late\n" }]);
  });

  test("an interruption ends what is under way", async () => {
    const { perform, of } = controlled();
    const worker = start(perform);
    worker.ask({ arguments: ["a"], requestId: 1 });
    await of("a");
    worker.interruption.abort();
    await worker.untilAnswers(1);
    expect(worker.answers()).toMatchObject([{ requestId: 1, exitCode: 1, wasCancelled: false }]);
    worker.input.end();
    await worker.served;
  });

  test("input that is no message ends the worker, after what it had begun", async () => {
    const { perform, of } = controlled();
    const worker = start(perform);
    worker.ask({ arguments: ["a"], requestId: 1 });
    await of("a");
    worker.input.write("{no JSON}");
    const failed = expect(worker.served).rejects.toThrow(SyntaxError);
    (await of("a")).finish(0);
    await failed;
    expect(worker.answers()).toHaveLength(1);
  });
});

describe("the program", () => {
  let directory: string;
  beforeAll(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), "binaryfs-worker-")));
    mkdirSync(join(directory, "sandbox/1"), { recursive: true });
    for (const [name, place] of [
      ["one", ""],
      ["two", "sandbox/1"],
    ] as const) {
      writeFileSync(join(directory, place, `${name}.txt`), `content of ${name}`);
      writeFileSync(
        join(directory, place, `${name}.params`),
        `shard\n--output=${name}.shard\n--spec={}\nf/a\nh${name}.txt\n`,
      );
    }
    writeFileSync(join(directory, "bad.params"), "shard\n--output=bad.shard\n--spec={}\nf/a\nhabsent.txt\n");
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const program = (...args: string[]) =>
    spawn(process.execPath, [join(import.meta.dirname, "../../dist/bin/bazel.js"), ...args], { cwd: directory });
  const finished = async (child: ReturnType<typeof program>) => {
    const texts = [child.stdout, child.stderr].map(async (stream) => {
      let text = "";
      for await (const chunk of stream) text += chunk;
      return text;
    });
    const [status] = await once(child, "close");
    return { status, stdout: await texts[0], stderr: await texts[1] };
  };

  test("serves good and bad requests, in threads and in a sandbox, and leaves when nobody asks any more", async () => {
    const child = program("--persistent_worker", "--worker_protocol=json");
    const ask = (request: object) => child.stdin.write(JSON.stringify(request));
    ask({ arguments: ["--flagfile=one.params"], requestId: 1 });
    ask({ arguments: ["--flagfile=two.params"], requestId: 2, sandboxDir: "sandbox/1" });
    ask({ arguments: ["--flagfile=bad.params"], requestId: 3 });
    ask({ arguments: ["--flagfile=absent.params"], requestId: 4 });
    ask({ arguments: [], requestId: 5 });
    child.stdin.end();
    const { status, stdout, stderr } = await finished(child);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const answers = byRequest(stdout);
    expect([...answers.keys()].sort()).toEqual([1, 2, 3, 4, 5]);
    for (const id of [1, 2]) expect(answers.get(id)).toMatchObject({ exitCode: 0, output: "" });
    expect(answers.get(3)?.output).toMatch(/^binaryfs: input-missing: .*\(absent\.txt\)\n {2}.*\n$/);
    expect(answers.get(4)?.output).toMatch(/^binaryfs: input-missing: .*absent\.params/);
    expect(answers.get(5)).toMatchObject({ exitCode: 2 });
    expect(readFileSync(join(directory, "one.shard"))).toHaveLength(
      readFileSync(join(directory, "sandbox/1/two.shard")).length,
    );
  });

  test("a request for the same output ends the one before, which writes nothing any more", async () => {
    const many = Array.from({ length: 400 }, (_, index) => `f/many/${index}\nhlarge.bin\n`).join("");
    writeFileSync(join(directory, "large.bin"), Buffer.alloc(1 << 20, 1));
    writeFileSync(join(directory, "slow.params"), `shard\n--output=turn.shard\n--spec={}\n${many}`);
    writeFileSync(join(directory, "quick.params"), "shard\n--output=turn.shard\n--spec={}\nf/a\nhone.txt\n");
    const child = program("--persistent_worker", "--worker_protocol=json");
    const ask = (request: object) => child.stdin.write(JSON.stringify(request));
    ask({ arguments: ["--flagfile=slow.params"], requestId: 1 });
    ask({ arguments: ["--flagfile=quick.params"], requestId: 2 });
    child.stdin.end();
    const { stdout } = await finished(child);
    const answers = byRequest(stdout);
    expect(answers.get(1)).toMatchObject({ exitCode: 1, output: expect.stringMatching(/^binaryfs: interrupted: /) });
    expect(answers.get(2)).toMatchObject({ exitCode: 0, output: "" });
    expect(statSync(join(directory, "turn.shard")).size).toBeLessThan(4096);
  });

  test("alone it says on standard error what a worker answers", async () => {
    const good = await finished(program("--flagfile=one.params"));
    expect(good).toEqual({ status: 0, stdout: "", stderr: "" });
    const bad = await finished(program("--flagfile=bad.params"));
    expect(bad).toMatchObject({ status: 1, stdout: "", stderr: expect.stringMatching(/^binaryfs: input-missing: /) });
  });

  test("input that is no message is an error, not a hang", async () => {
    const child = program("--persistent_worker");
    child.stdin.end(Buffer.alloc(64, 0xff));
    const { status } = await finished(child);
    expect(status).toBe(1);
  });
});
