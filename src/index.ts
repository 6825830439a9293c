/** The public API. */

export { type BuildOptions, type BuildReport, build, type Progress, pack } from "./build.js";
export type { BinaryfsError, ErrorCode, Result } from "./errors.js";
export type { LayoutName, Warning, WarningCode } from "./model.js";
export type { MtimePolicy, OwnerPolicy } from "./select/attributes.js";
export type { DeclaredVolume } from "./select/declarations.js";
export type { PathLike } from "./select/paths.js";
export type { Rule } from "./select/rules.js";
export type { Stage } from "./serialize/stage-timer.js";
