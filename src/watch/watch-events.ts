/** What watching tells. */

import type { BinaryfsError } from "../errors.js";
import type { SessionReport } from "./engine.js";
import type { BackendName } from "./watcher.js";

export type WatchEvent =
  /** The library is there and up to date, and from now on nothing that happens is missed. */
  | {
      readonly kind: "ready";
      readonly report: SessionReport;
      /** Number of watched directories; 0 when polling. */
      readonly directories: number;
      readonly backend: BackendName | "polling";
    }
  /** A new library has taken the output's name. */
  | { readonly kind: "published"; readonly report: SessionReport }
  /** A build failed, and the library is as it was. Watching goes on unless `isFatal`; one failure is told once until a build succeeds. */
  | { readonly kind: "error"; readonly error: BinaryfsError; readonly isFatal: boolean }
  /** The system refuses watches: the tree is looked at every now and then instead. `setting`: the sysctl that limits them, where one does. */
  | { readonly kind: "polling"; readonly code: string; readonly setting?: string };
