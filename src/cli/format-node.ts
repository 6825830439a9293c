/** One node of an image as text: for `ls -l` and `stat`, and as a JSON object. */

import type { NodeDescription } from "../inspect/describe.js";
import type { NodeType } from "../model.js";
import { escapePath, jsonPath } from "./output.js";

const TYPE_LETTER: Readonly<Record<NodeType, string>> = {
  file: "-",
  directory: "d",
  symlink: "l",
  fifo: "p",
  character: "c",
  block: "b",
  socket: "s",
};

/** `-rwxr-xr-x`, with s, S, t, T as ls has them. */
export function modeString(type: NodeType, mode: number): string {
  const triples = [6, 3, 0].map((shift) => {
    const bits = (mode >> shift) & 7;
    const special = shift === 0 ? mode & 0o1000 : mode & (shift === 6 ? 0o4000 : 0o2000);
    const letter = shift === 0 ? "t" : "s";
    const execute = special ? (bits & 1 ? letter : letter.toUpperCase()) : bits & 1 ? "x" : "-";
    return (bits & 4 ? "r" : "-") + (bits & 2 ? "w" : "-") + execute;
  });
  return TYPE_LETTER[type] + triples.join("");
}

/** ISO 8601, UTC, with nanoseconds: the zone of this machine has no say. */
export function timeString(mtimeNs: bigint): string {
  const nanoseconds = ((mtimeNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const seconds = Number((mtimeNs - nanoseconds) / 1_000_000_000n);
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return `${seconds}s`;
  return `${date.toISOString().slice(0, 19)}.${nanoseconds.toString().padStart(9, "0")}Z`;
}

/** Linux's 32-bit device number form. */
export function deviceNumbers(rdev: number): { major: number; minor: number } {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) };
}

/** The line of `ls -l`, without its path. */
export function longLine(node: NodeDescription): string {
  const size = node.rdev === undefined ? String(node.sizeBytes) : deviceString(node.rdev);
  const columns = [
    modeString(node.type, node.mode),
    String(node.nlink).padStart(2),
    `${node.uid}`.padStart(5),
    `${node.gid}`.padStart(5),
    size.padStart(10),
    timeString(node.mtimeNs),
  ];
  return columns.join(" ");
}

const deviceString = (rdev: number): string => {
  const { major, minor } = deviceNumbers(rdev);
  return `${major}, ${minor}`;
};

/** In one object, without spreading: lists have a million of them. */
export function jsonNode(node: NodeDescription): object {
  const json: Record<string, unknown> = jsonPath(node.path);
  json["type"] = node.type;
  json["mode"] = node.mode.toString(8).padStart(4, "0");
  json["uid"] = node.uid;
  json["gid"] = node.gid;
  json["size"] = node.sizeBytes;
  // A string: nanoseconds since 1970 pass 2^53, beyond which JSON numbers lose digits in most readers.
  json["mtimeNs"] = node.mtimeNs.toString();
  json["nlink"] = node.nlink;
  if (node.sha256 !== undefined) json["sha256"] = node.sha256;
  if (node.target !== undefined) Object.assign(json, jsonPath(node.target, "target"));
  if (node.rdev !== undefined) Object.assign(json, deviceNumbers(node.rdev));
  if (node.xattrs.length > 0) {
    json["xattrs"] = node.xattrs.map(({ name, value }) => ({
      ...jsonPath(name, "name"),
      valueBase64: value.toString("base64"),
    }));
  }
  return json;
}

/** Several lines, one fact each. */
export function factLines(node: NodeDescription): string[] {
  const arrow = node.target === undefined ? "" : ` -> ${escapePath(node.target)}`;
  const lines: [string, string][] = [
    ["path", escapePath(node.path) + arrow],
    ["type", node.type],
    ["mode", `${node.mode.toString(8).padStart(4, "0")} ${modeString(node.type, node.mode)}`],
    ["owner", `${node.uid}:${node.gid}`],
    ["size", `${node.sizeBytes} bytes`],
    ["mtime", timeString(node.mtimeNs)],
    ["inode", `${node.ino}, ${node.nlink} ${node.nlink === 1 ? "link" : "links"}`],
  ];
  if (node.rdev !== undefined) lines.push(["device", deviceString(node.rdev)]);
  if (node.sha256 !== undefined) lines.push(["sha256", node.sha256]);
  for (const { name, value } of node.xattrs) lines.push(["xattr", `${escapePath(name)} = ${escapePath(value)}`]);
  return lines.map(([key, value]) => `${key.padEnd(7)}${value}`);
}
