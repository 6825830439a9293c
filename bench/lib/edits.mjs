/** Edits of a generated tree, as people and programs make them, each to be undone. */
import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { below, generator } from "../corpora/random.mjs";

/** Larger files are seldom edited. */
const largestEdited = 1 << 20;
const largestRemoved = 64 << 10;
const block = 4096;
const addedBytes = 2000;
const filesInDirectory = 100;

/**
 * @typedef {object} Edit
 * @property {number} doneAt `performance.now()` right after the last call returned
 * @property {string} path one that changed, came or went, as the image names it
 * @property {number} files how many more there are
 */

export class Edits {
  #root;
  #random = generator(1);
  #number = 0;
  /** @type {string[]} */
  #files = [];
  /** @type {string[]} */
  #directories = [];
  /** Directories that `addDirectory` made. @type {string[]} */
  #added = [];
  /** @type {(() => void)[]} */
  #undo = [];
  /** @type {Set<string>} */
  #remembered = new Set();

  /** @param {string} root */
  constructor(root) {
    this.#root = root;
    for (const entry of readdirSync(root, { withFileTypes: true, recursive: true })) {
      const path = `${entry.parentPath}/${entry.name}`.slice(root.length);
      if (entry.isFile()) this.#files.push(path);
      else if (entry.isDirectory()) this.#directories.push(path);
    }
  }

  /** Other bytes, as many as before. */
  sameSize() {
    const path = this.#pickFile(1, largestEdited);
    const content = this.#remember(path);
    content.write(`edit ${++this.#number} `.slice(0, content.length), "latin1");
    return this.#write(path, content, 0);
  }

  /** A block longer. */
  grow() {
    const path = this.#pickFile(1, largestEdited);
    const content = Buffer.concat([this.#remember(path), Buffer.alloc(block, `grown ${++this.#number} `)]);
    return this.#write(path, content, 0);
  }

  /** A small file that was not there. */
  add() {
    const path = `${this.#pick(this.#directories)}/added-${++this.#number}.py`;
    this.#undo.push(() => rmSync(this.#root + path));
    return this.#write(path, Buffer.alloc(addedBytes, `added ${this.#number} `), 1);
  }

  /** A small file goes. */
  remove() {
    const path = this.#pickFile(0, largestRemoved);
    this.#forget(path);
    this.#remember(path);
    rmSync(this.#root + path);
    return this.#done(path, -1);
  }

  /** A file gets another name in its directory. */
  rename() {
    const path = this.#pickFile(0, largestEdited);
    this.#forget(path);
    const to = `${path.slice(0, path.lastIndexOf("/"))}/renamed-${++this.#number}.py`;
    this.#undo.push(() => renameSync(this.#root + to, this.#root + path));
    renameSync(this.#root + path, this.#root + to);
    return this.#done(to, 0);
  }

  /** A directory with 100 small files, written in one go. */
  addDirectory() {
    const path = `${this.#pick(this.#directories)}/added-${++this.#number}`;
    this.#undo.push(() => rmSync(this.#root + path, { recursive: true, force: true }));
    mkdirSync(this.#root + path);
    const content = Buffer.alloc(addedBytes, `directory ${this.#number} `);
    for (let file = 0; file < filesInDirectory; file++)
      writeFileSync(`${this.#root + path}/module_${file}.py`, content);
    this.#added.push(path);
    return this.#done(path, filesInDirectory);
  }

  /** The last one that `addDirectory` made goes, if there is one. */
  removeDirectory() {
    const path = this.#added.pop();
    if (path === undefined) return undefined;
    rmSync(this.#root + path, { recursive: true });
    return this.#done(path, -filesInDirectory);
  }

  /** The tree is as it was, but for times. */
  undoAll() {
    for (const undo of this.#undo.reverse()) undo();
    this.#undo = [];
    this.#added = [];
    this.#remembered.clear();
  }

  /** @param {string} path @param {Buffer} content @param {number} files */
  #write(path, content, files) {
    writeFileSync(this.#root + path, content);
    return this.#done(path, files);
  }

  /** @param {string} path @param {number} files @returns {Edit} */
  #done(path, files) {
    return { doneAt: performance.now(), path, files };
  }

  /** What the file holds now; what it held at first is kept for `undoAll`. @param {string} path */
  #remember(path) {
    const content = readFileSync(this.#root + path);
    if (!this.#remembered.has(path)) {
      const original = Buffer.from(content);
      this.#remembered.add(path);
      this.#undo.push(() => writeFileSync(this.#root + path, original));
    }
    return content;
  }

  /** No later edit may expect it under that name. @param {string} path */
  #forget(path) {
    const last = this.#files.pop();
    const at = this.#files.indexOf(path);
    if (last !== undefined && last !== path && at >= 0) this.#files[at] = last;
  }

  /** @param {number} smallest @param {number} largest bytes */
  #pickFile(smallest, largest) {
    for (;;) {
      const path = this.#pick(this.#files);
      const { size } = lstatSync(this.#root + path);
      if (size >= smallest && size <= largest) return path;
    }
  }

  /** @param {readonly string[]} paths */
  #pick(paths) {
    return paths[below(this.#random, paths.length)] ?? "";
  }
}
