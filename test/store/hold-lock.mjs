/** Holds the lock of a state directory until its input ends, or says for whom it waits: DIRECTORY. */
import { once } from "node:events";

const { StateLock } = await import(new URL("../../dist/store/lock.js", import.meta.url).href);
const lock = await StateLock.acquire(Buffer.from(process.argv[2] ?? ""), (/** @type {unknown} */ holder) =>
  process.stdout.write(`${JSON.stringify(holder)}\n`),
);
if (!lock.ok) throw new Error(JSON.stringify(lock));
process.stdout.write("locked\n");
process.stdin.resume();
await once(process.stdin, "end");
lock.value.release();
