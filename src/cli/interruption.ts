/** Signals that ask a command to stop, answered by tidying up and saying so. */

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

/**
 * @param stop asks the work to end; called again for every further signal
 * @returns what gives the signals their usual meaning back
 */
export function onInterruption(stop: () => void): () => void {
  for (const signal of SIGNALS) process.on(signal, stop);
  return () => {
    for (const signal of SIGNALS) process.off(signal, stop);
  };
}
