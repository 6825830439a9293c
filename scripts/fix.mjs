/** Lays out and repairs what tools can: Biome for TypeScript and JSON, clang-format for C. */
import { clangFormatTargets } from "./gates/c.mjs";
import { localTool, run } from "./lib/process.mjs";
import { setup } from "./setup.mjs";

if (await setup(["check"])) {
  const biome = await run(localTool("biome"), ["check", "--write", "."], { show: true });
  const files = await clangFormatTargets();
  const clang = files.length > 0 ? await run("clang-format", ["-i", ...files], { show: true }) : { status: 0 };
  process.exitCode = biome.status === 0 && clang.status === 0 ? 0 : 1;
} else {
  process.exitCode = 1;
}
