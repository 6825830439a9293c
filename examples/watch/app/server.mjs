/** Answers every request with the greeting beside it, read from the image. */

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { greet } from "./greet.mjs";

const port = Number(process.argv[2] ?? 8080);
const server = createServer((_, response) => {
  const name = readFileSync(new URL("name.txt", import.meta.url), "utf8").trim();
  response.end(`${greet(name)}\n`);
});
server.listen(port, "127.0.0.1", () => process.stdout.write(`http://127.0.0.1:${server.address().port}/\n`));
process.on("SIGTERM", () => server.close(() => process.exit(0)).closeAllConnections());
