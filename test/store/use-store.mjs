/** Uses a store as a build does, while others do the same: DIRECTORY. */

const { ContentStore } = await import(new URL("../../dist/store/content-store.js", import.meta.url).href);
const store = new ContentStore(Buffer.from(process.argv[2] ?? ""));
let wrong = 0;
for (let round = 0; round < 400; round++) {
  const bytes = Buffer.alloc(20_000, round % 40);
  const digest = store.put(bytes);
  // Not stored: its directory went away that moment.
  if (digest === undefined) continue;
  store.link(digest, digest);
  const found = store.get(digest);
  if (found !== undefined && !found.equals(bytes)) wrong++;
  store.lookup(digest);
  if (round % 20 === 0) store.collect(round % 200 === 0 ? 0 : 300_000);
}
process.stdout.write(`corrupted ${store.corrupted}, wrong ${wrong}\n`);
