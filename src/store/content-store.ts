/** Content by its SHA-256, shared between outputs, checkouts and branches, and what actions gave which content. Concurrent builds need no lock. */

import {
  closeSync,
  constants,
  existsSync,
  futimesSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { sha256Of } from "../fingerprint/sha256.js";
import { addon } from "../native/addon.js";
import { throwErrno } from "../publish/copy.js";
import { temporaryPath } from "../publish/temporaries.js";
import { clearStore, collectStore, type StoreStats, storeStats, sweepStore } from "./collect.js";
import { ACTIONS, BLOBS, DIGEST_BYTES, entryPath } from "./store-names.js";
import { announceWriter, buryWriters, retireWriter } from "./store-writers.js";

const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const CREATE_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

export class ContentStore {
  readonly #directory: Buffer;
  #corrupted = 0;
  #isWriting = false;

  /** @param directory made when something is put */
  constructor(directory: Buffer) {
    this.#directory = directory;
  }

  /** Entries that were found damaged, and removed, since this object was made. */
  get corrupted(): number {
    return this.#corrupted;
  }

  /** Nothing was ever put: a look at one directory, so that a build without a past need not make keys. */
  isEmpty(): boolean {
    return !existsSync(Buffer.concat([this.#directory, Buffer.from(`/${BLOBS}`)]));
  }

  /**
   * @param digest SHA-256, 32 bytes
   * @returns the content, verified; undefined where the store does not have it (any more)
   */
  get(digest: Buffer): Buffer | undefined {
    return this.#read(BLOBS, digest, (bytes) => sha256Of(bytes).equals(digest));
  }

  /** @returns the content's digest, or undefined where it could not be stored (a full disk, no permission): the store is a help, not a need */
  put(bytes: Uint8Array): Buffer | undefined {
    const digest = sha256Of(bytes);
    // Damaged content is no content: it is removed, and made again.
    return this.get(digest) !== undefined || this.#write(BLOBS, digest, bytes) ? digest : undefined;
  }

  /**
   * @param actionKey SHA-256 of all that decides the content
   * @returns the digest that was linked; the content itself may be gone
   */
  lookup(actionKey: Buffer): Buffer | undefined {
    return this.#read(ACTIONS, actionKey, (bytes) => bytes.length === DIGEST_BYTES);
  }

  link(actionKey: Buffer, digest: Buffer): void {
    this.#write(ACTIONS, actionKey, digest);
  }

  /** Nothing is put for now. */
  rest(): void {
    if (this.#isWriting) retireWriter(this.#directory);
    this.#isWriting = false;
  }

  /** Removes what writers left that were killed. */
  sweep(): void {
    if (buryWriters(this.#directory)) sweepStore(this.#directory);
  }

  /** Removes what was not used for the longest time until the contents take no more than so many bytes, and what killed builds left. @returns bytes removed */
  collect(limitBytes: number): number {
    return collectStore(this.#directory, limitBytes);
  }

  stats(): StoreStats {
    return storeStats(this.#directory);
  }

  /** Removes all entries; what has other names stays. */
  clear(): void {
    clearStore(this.#directory);
  }

  #read(kind: string, key: Buffer, isValid: (bytes: Buffer) => boolean): Buffer | undefined {
    const path = entryPath(this.#directory, kind, key);
    const fd = openIfThere(path);
    if (fd === undefined) return undefined;
    try {
      const bytes = readFileSync(fd);
      if (isValid(bytes)) {
        touch(fd);
        return bytes;
      }
    } catch {
      // A damaged disk: as good as damaged content.
    } finally {
      closeSync(fd);
    }
    this.#corrupted++;
    remove(path);
    return undefined;
  }

  #write(kind: string, key: Buffer, bytes: Uint8Array): boolean {
    const path = entryPath(this.#directory, kind, key);
    const temporary = temporaryPath(path);
    let fd: number | undefined;
    try {
      if (!this.#isWriting) {
        makeDirectory(this.#directory);
        announceWriter(this.#directory);
        this.#isWriting = true;
      }
      fd = create(temporary);
      throwErrno(addon.writeBlocks(fd, 0, bytes, 0));
      renameSync(temporary, path);
      return true;
    } catch {
      remove(temporary);
      return false;
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }
}

function openIfThere(path: Buffer): number | undefined {
  try {
    return openSync(path, READ_FLAGS);
  } catch {
    return undefined;
  }
}

function create(path: Buffer): number {
  try {
    return openSync(path, CREATE_FLAGS, 0o600);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    makeDirectory(path.subarray(0, path.lastIndexOf("/")));
    return openSync(path, CREATE_FLAGS, 0o600);
  }
}

const makeDirectory = (path: Buffer): void => {
  mkdirSync(path, { recursive: true, mode: 0o700 });
};

/** Collection goes by the time of the last use. */
function touch(fd: number): void {
  try {
    const now = Date.now() / 1000;
    futimesSync(fd, now, now);
  } catch {
    // Another user's entry: that user's builds tell its age.
  }
}

function remove(path: Buffer): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Not ours to remove.
  }
}
