/** What we write ourselves: events of it are no reason to build, or a library inside ROOT would be published for ever. */

import { keyOf } from "./watcher.js";

/** @param paths host paths of the output (all its names) and of directories that belong to us */
export function ownFiles(paths: readonly Buffer[]): (host: Buffer) => boolean {
  const own = paths.map(keyOf);
  // `.NAME.binaryfs-PID-RANDOM.tmp` and the directory `.binaryfs-NAME` beside the output.
  const beside = own.flatMap((path) => {
    const slash = path.lastIndexOf("/") + 1;
    const [directory, name] = [path.slice(0, slash), path.slice(slash)];
    return [`${directory}.${name}.binaryfs-`, `${directory}.binaryfs-${name}`];
  });
  return (host) => {
    const key = keyOf(host);
    return (
      own.some((path) => key === path || key.startsWith(`${path}/`)) || beside.some((start) => key.startsWith(start))
    );
  };
}
