/** A small tree with everything that an image can hold, built into a library over the stand-in runtime. */

import { execFileSync } from "node:child_process";
import { chmodSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeStandInRuntime } from "../link/stand-in.js";

export const BAD_NAME = Buffer.from([0x62, 0x61, 0x64, 0xff]);

/** DIRECTORY/tree. */
export function makeSampleTree(directory: string): string {
  const tree = join(directory, "tree");
  const at = (name: string) => join(tree, name);
  mkdirSync(at("a/b"), { recursive: true });
  mkdirSync(at("empty"));
  mkdirSync(at("deep/".repeat(60)), { recursive: true });
  writeFileSync(at("a/x"), "hello\n");
  writeFileSync(at("a-b"), "between a and a/x in byte order\n");
  writeFileSync(at("!early"), "before . and ..\n");
  writeFileSync(at("a/b/big"), Buffer.alloc(300_001, "0123456789abcdef"));
  writeFileSync(at("a/b/nothing"), "");
  writeFileSync(at("new\nline"), "x");
  writeFileSync(at("n".repeat(255)), "long");
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), BAD_NAME]), "not UTF-8");
  linkSync(at("a/x"), at("a/hard"));
  symlinkSync("x", at("a/link"));
  symlinkSync("/a/b", at("absolute"));
  symlinkSync("loop", at("loop"));
  chmodSync(at("a-b"), 0o4751);
  chmodSync(at("empty"), 0o1777);
  execFileSync("mkfifo", [at("fifo")]);
  execFileSync("touch", ["-d", "2001-02-03 04:05:06.123456789 UTC", at("a/x")]);
  execFileSync("touch", ["-d", "@-5", at("empty")]);
  return tree;
}

/** The environment under which the compiled engine and the tests use the stand-in. */
export function useStandInRuntime(directory: string): void {
  const runtime = join(directory, "runtime");
  makeStandInRuntime(runtime);
  process.env["BINARYFS_RUNTIME_DIR"] = runtime;
}
