/** The messages of Bazel's worker protocol (worker_protocol.proto; https://bazel.build/remote/creating), as protobuf and as JSON. */

import { isUtf8 } from "node:buffer";
import Pbf from "pbf";

export interface WorkRequest {
  readonly arguments: readonly string[];
  /** Path → digest, as text: what Bazel says of the input's content. Inputs without one are left out. */
  readonly inputs: ReadonlyMap<string, string>;
  /** 0: nothing else is asked for until this is answered. */
  readonly requestId: number;
  /** Asks for the end of the request with this number, and for nothing else. */
  readonly cancel: boolean;
  /** What paths are relative to, itself relative to the worker's directory; empty: that directory. */
  readonly sandboxDir: string;
}

export interface WorkResponse {
  readonly exitCode: number;
  readonly output: string;
  readonly requestId: number;
  readonly wasCancelled: boolean;
}

/**
 * A path's bytes as latin1 text. Versions of Bazel up to 7 put the bytes of a path into a text one by one (bazelbuild/bazel issue 16594), later ones what they mean: as bytes, the
 * letters of nearly no such meaning are UTF-8.
 */
export function pathOf(text: string): string {
  const bytes = Buffer.from(text, "latin1");
  const isBytes = bytes.toString("latin1") === text && isUtf8(bytes);
  return isBytes ? text : Buffer.from(text, "utf8").toString("latin1");
}

/** Field numbers of WorkRequest, Input and WorkResponse. */
const REQUEST = { arguments: 1, inputs: 2, requestId: 3, cancel: 4, sandboxDir: 6 } as const;
const INPUT = { path: 1, digest: 2 } as const;
const RESPONSE = { exitCode: 1, output: 2, requestId: 3, wasCancelled: 4 } as const;

/** Errors: throws what a reader meets in bytes that are no message. */
export function decodeRequest(message: Uint8Array): WorkRequest {
  const words: string[] = [];
  const inputs = new Map<string, string>();
  const fields = { requestId: 0, cancel: false, sandboxDir: "" };
  new Pbf(message).readFields((tag, _, pbf) => {
    if (tag === REQUEST.arguments) words.push(pbf.readString());
    else if (tag === REQUEST.inputs) readInput(pbf, inputs);
    else if (tag === REQUEST.requestId) fields.requestId = pbf.readVarint(true);
    else if (tag === REQUEST.cancel) fields.cancel = pbf.readBoolean();
    else if (tag === REQUEST.sandboxDir) fields.sandboxDir = pbf.readString();
  }, undefined);
  return { arguments: words, inputs, ...fields };
}

function readInput(pbf: Pbf, inputs: Map<string, string>): void {
  const found = { path: "", digest: "" };
  pbf.readMessage((tag, input, message) => {
    if (tag === INPUT.path) input.path = message.readString();
    else if (tag === INPUT.digest) input.digest = Buffer.from(message.readBytes()).toString("latin1");
  }, found);
  if (found.digest !== "") inputs.set(found.path, found.digest);
}

/** With its length before it, as a varint. */
export function encodeResponse({ exitCode, output, requestId, wasCancelled }: WorkResponse): Uint8Array {
  const pbf = new Pbf();
  if (exitCode !== 0) pbf.writeVarintField(RESPONSE.exitCode, exitCode);
  if (output !== "") pbf.writeStringField(RESPONSE.output, output);
  if (requestId !== 0) pbf.writeVarintField(RESPONSE.requestId, requestId);
  if (wasCancelled) pbf.writeBooleanField(RESPONSE.wasCancelled, true);
  const message = pbf.finish();
  const framed = new Pbf();
  framed.writeBytes(message);
  return framed.finish();
}

interface JsonRequest {
  readonly arguments?: readonly string[];
  readonly inputs?: readonly { readonly path?: string; readonly digest?: string }[];
  readonly requestId?: number;
  readonly cancel?: boolean;
  readonly sandboxDir?: string;
}

/** Errors: throws SyntaxError. */
export function requestFromJson(text: string): WorkRequest {
  const json = JSON.parse(text) as JsonRequest;
  const inputs = new Map<string, string>();
  for (const { path, digest } of json.inputs ?? []) {
    if (path !== undefined && digest !== undefined && digest !== "") inputs.set(path, digest);
  }
  return {
    arguments: json.arguments ?? [],
    inputs,
    requestId: json.requestId ?? 0,
    cancel: json.cancel ?? false,
    sandboxDir: json.sandboxDir ?? "",
  };
}

export const responseToJson = (response: WorkResponse): string => `${JSON.stringify(response)}\n`;
