/** Remote caches for tests of the Bazel rules: nginx with its DAV module, as Bazel's documentation sets it up, and servers that are no help. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Why there is no such server here, or false. */
export const nginxIsMissing: string | false = (() => {
  const found = spawnSync("nginx", ["-V"], { encoding: "utf8" });
  if (found.error !== undefined) return "nginx is not installed (Debian: nginx)";
  return found.stderr.includes("http_dav_module") ? false : "this nginx is built without its DAV module";
})();

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export interface Cache {
  readonly url: string;
  /** Where its entries lie: `cas/` and `ac/`, by their SHA-256. */
  readonly directory: string;
  entries(kind: "cas" | "ac"): string[];
  close(): Promise<void>;
}

export async function startNginx(): Promise<Cache> {
  const temporary = mkdtempSync(join(tmpdir(), "binaryfs-nginx-"));
  const port = await freePort();
  const directory = join(temporary, "cache");
  mkdirSync(directory);
  mkdirSync(join(temporary, "uploads"));
  // Its workers are of another user where it is started by root.
  for (const path of [temporary, directory, join(temporary, "uploads")]) chmodSync(path, 0o777);
  writeFileSync(
    join(temporary, "nginx.conf"),
    `daemon off;
pid ${temporary}/pid;
error_log stderr;
worker_processes 1;
events {}
http {
  access_log off;
  client_body_temp_path ${temporary}/uploads;
  proxy_temp_path ${temporary}/proxy;
  fastcgi_temp_path ${temporary}/fastcgi;
  uwsgi_temp_path ${temporary}/uwsgi;
  scgi_temp_path ${temporary}/scgi;
  server {
    listen 127.0.0.1:${port};
    root ${directory};
    client_max_body_size 0;
    location / {
      dav_methods PUT;
      create_full_put_path on;
      autoindex off;
    }
  }
}
`,
  );
  const child = spawn("nginx", ["-e", "stderr", "-c", join(temporary, "nginx.conf")], { stdio: "ignore" });
  await listening(child, port);
  return {
    url: `http://127.0.0.1:${port}`,
    directory,
    entries: (kind) => readdirSync(join(directory, kind)).map((name) => join(directory, kind, name)),
    close: async () => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
      rmSync(temporary, { recursive: true, force: true });
    },
  };
}

/** Waits until the port takes connections. */
async function listening(child: ChildProcess, port: number): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`nginx ended with status ${child.exitCode}`);
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    });
    if (isOpen) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Takes every connection, reads what comes, and does `then` with it. */
export async function startServer(
  then: (socket: Socket) => void,
): Promise<{ url: string; connections: () => number; close: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    then(socket);
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
