/** Servers that are no help to a build that asks them for its results. */

import { createServer, type Socket } from "node:net";

export interface UselessServer {
  readonly url: string;
  /** How many have connected so far. */
  connections(): number;
  close(): Promise<void>;
}

/** Takes every connection, and does with it what the test says. */
export async function startServer(handle: (socket: Socket) => void): Promise<UselessServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    handle(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    connections: () => connections,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
