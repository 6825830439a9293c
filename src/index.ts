/** The public API. */

export { build, pack } from "./build.js";
export type {
  BuildOptions,
  BuildReport,
  Holder,
  Progress,
  PublishMethod,
  RemoteCacheOptions,
  RemoteReport,
} from "./engine/options.js";
export type { Stage } from "./engine/stage-timer.js";
export type { BinaryfsError, ErrorCode, Result } from "./errors.js";
export type { LayoutName, MtimePolicy, OwnerPolicy, Warning, WarningCode } from "./model.js";
export type { DeclaredVolume } from "./select/declarations.js";
export type { PathLike } from "./select/paths.js";
export type { Rule } from "./select/rules.js";
export { type WatchEvent, type WatchOptions, watch } from "./watch/watch.js";
