/** What `watch` says of its events and of the program that it starts. */

import { isUtf8 } from "node:buffer";
import type { Warning } from "../model.js";
import type { WatchEvent } from "../watch/watch-events.js";
import { escapePath, printError, type StandardOutput } from "./output.js";
import { describeReport, reportFields, workDone } from "./report.js";
import { counted, describeError, describeWarnings, jsonError, jsonWarning, pollingMessage } from "./wording.js";

const SHOWN_PATHS = 3;

export class WatchPrinter {
  readonly #out: StandardOutput;
  readonly #isJson: boolean;
  readonly #isVerbose: boolean;
  readonly #warned = new Set<string>();

  constructor(out: StandardOutput, isJson: boolean, isVerbose: boolean) {
    this.#out = out;
    this.#isJson = isJson;
    this.#isVerbose = isVerbose;
  }

  async event(event: WatchEvent): Promise<void> {
    switch (event.kind) {
      case "ready": {
        const { report, directories, backend } = event;
        await this.#warnings(report.warnings);
        const fields = { event: "ready", ...reportFields(report, "library"), directories, backend };
        const how = backend === "polling" ? "polling" : `watching ${counted(directories, "directory", "directories")}`;
        return this.#say(fields, `${describeReport(report)}; ${how}`);
      }
      case "published": {
        const { report } = event;
        await this.#warnings(report.warnings);
        const fields = { event: "published", ...reportFields(report, "library"), ...changedFields(report.changed) };
        return this.#say(
          fields,
          `${report.durationMs.toFixed(1)} ms, ${workDone(report)}: ${changedText(report.changed)}`,
        );
      }
      case "error":
        printError(describeError(event.error, "watch"));
        return this.#say(jsonError(event.error, "watch"));
      case "polling": {
        const message = pollingMessage(event.code, event.setting);
        printError(`binaryfs: warning: ${message}`);
        return this.#say({ event: "warning", code: "watch-limit", message, detail: event.setting ?? event.code });
      }
      default:
        event satisfies never;
    }
  }

  started(pid: number): Promise<void> {
    return this.#say({ event: "started", pid });
  }

  exited(status: number | undefined, signal: NodeJS.Signals | undefined): Promise<void> {
    const how = signal === undefined ? `status ${status}` : signal;
    printError(`binaryfs: the command ended by itself (${how}); the next publication starts it again`);
    return this.#say({
      event: "exited",
      ...(status !== undefined && { status }),
      ...(signal !== undefined && { signal }),
    });
  }

  notStarted(cause: NodeJS.ErrnoException): Promise<void> {
    const code = cause.code ?? cause.message;
    printError(`binaryfs: the command cannot be started (${code}); the next publication tries again`);
    return this.#say({ event: "exited", error: code });
  }

  /** A warning that stays is told once. */
  async #warnings(warnings: readonly Warning[]): Promise<void> {
    const fresh = warnings.filter((warning) => {
      const key = JSON.stringify(jsonWarning(warning));
      return !this.#warned.has(key) && this.#warned.add(key);
    });
    for (const line of describeWarnings(fresh, this.#isVerbose)) printError(line);
    for (const warning of fresh) await this.#say(jsonWarning(warning));
  }

  /** Whoever reads along gets each line when it is true. */
  async #say(fields: object, line?: string): Promise<void> {
    if (this.#isJson) await this.#out.json(fields);
    else if (line !== undefined) await this.#out.line(line);
    await this.#out.flush();
  }
}

/** Paths that are not UTF-8 are exact in `changedBase64` alone, which is there for their sake. */
function changedFields(changed: readonly Buffer[]): object {
  const texts = { changed: changed.map((path) => path.toString()) };
  return changed.every((path) => isUtf8(path))
    ? texts
    : { ...texts, changedBase64: changed.map((path) => path.toString("base64")) };
}

function changedText(changed: readonly Buffer[]): string {
  const shown = changed.slice(0, SHOWN_PATHS).map(escapePath).join(" ");
  return changed.length > SHOWN_PATHS ? `${shown} and ${changed.length - SHOWN_PATHS} more` : shown;
}
