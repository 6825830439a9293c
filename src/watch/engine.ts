/** What watching needs of an engine session; tests drive a made-up one. */

import type { Session } from "../engine/session.js";

export type { SessionReport } from "../engine/session.js";
export type { Hints } from "../select/select.js";

export type WatchedSession = Pick<Session, "update" | "directories" | "hostPath" | "root" | "idle" | "close">;
