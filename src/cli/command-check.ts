/** `binaryfs check PROGRAM|LIB`: will it run here, by which mechanism, what is missing, and which doors lead to the host. */

import { fail, ok, type Result } from "../errors.js";
import { checkProgram } from "../inspect/check-program.js";
import { kernelFeatures } from "../inspect/kernel-features.js";
import { type OpenImage, openImage } from "../inspect/open-image.js";
import type { Command } from "./command.js";
import { CHECK_OPTIONS } from "./options.js";
import { escapePath, jsonPath, type StandardOutput } from "./output.js";
import { toBytes } from "./raw-arguments.js";
import { operandsOf } from "./with-image.js";
import { counted, humanBytes } from "./wording.js";

export const checkCommand: Command = {
  name: "check",
  operands: "PROGRAM|LIB",
  summary: "will it run here, what is missing, which doors lead to the host",
  options: CHECK_OPTIONS,
  examples: ["binaryfs check app.so", "binaryfs check /usr/bin/python3"],
  notes: "Exit status 1 when something that is needed is missing.",
  run: async ({ parsed, out, isJson }) => {
    const operands = operandsOf(parsed, 1, 1);
    if (!operands.ok) return operands;
    const path = toBytes(operands.value[0] ?? "");
    const image = openImage(path);
    if (image.ok) {
      try {
        await printLibrary(image.value, out, isJson);
      } finally {
        image.value.close();
      }
      return ok((await printKernel(out, isJson)) ? 0 : 1);
    }
    // Whatever is no library of ours may be a program; a damaged library is neither.
    if (image.error.code !== "not-a-library") return image;
    const isComplete = await printProgram(path, out, isJson);
    if (!isComplete.ok) return isComplete;
    const isKernelReady = await printKernel(out, isJson);
    return ok(isComplete.value && isKernelReady ? 0 : 1);
  },
};

async function printLibrary({ library, view }: OpenImage, out: StandardOutput, isJson: boolean): Promise<void> {
  const { hostPaths, volumes, sealed } = view.declarations;
  const { layout, inodeCount } = view.superblock;
  if (isJson) {
    await out.json({
      kind: "library",
      ...jsonPath(library.path),
      imageBytes: library.imageBytes,
      layout,
      inodes: inodeCount,
      sealed,
      // Unless `run --hermetic` says otherwise; no image can.
      firstProgramMayComeFromHost: true,
      hostPaths: hostPaths.map((path) => jsonPath(path)),
      volumes: volumes.map(({ guest, host }) => ({ ...jsonPath(guest, "guest"), ...(host && jsonPath(host, "host")) })),
    });
    return;
  }
  await out.line(
    `${escapePath(library.path)}: library, image of ${humanBytes(library.imageBytes)}, ${counted(inodeCount, "inode")}, ${layout} layout`,
  );
  await out.line(
    sealed ? "sealed: `run` may add no host path and no volume" : "not sealed: `run` may add host paths and volumes",
  );
  await out.line(
    "the first program and its own ldd libraries may come from the host, sealed or not: `run --hermetic` forbids it",
  );
  if (hostPaths.length + volumes.length === 0) await out.line("doors to the host: none declared");
  for (const path of hostPaths) await out.line(`door: host path ${escapePath(path)} (not protected)`);
  for (const { guest, host } of volumes) {
    await out.line(
      `door: volume ${escapePath(guest)} at ${host === undefined ? "a directory that `run` names" : escapePath(host)}`,
    );
  }
}

const KIND = {
  pie: "position-independent executable (PIE)",
  fixed: "executable at a fixed address (no PIE)",
  library: "shared library",
};

/** @returns whether nothing is missing */
async function printProgram(path: Buffer, out: StandardOutput, isJson: boolean): Promise<Result<boolean>> {
  const checked = checkProgram(path);
  if (!checked.ok) {
    const { code, detail } = checked.error;
    if (code !== "not-a-library") return checked;
    return fail(code, { path, detail: `no program either: ${detail ?? ""}` });
  }
  const { program, libraries } = checked.value;
  const missing = libraries.filter((library) => library.path === undefined);
  if (isJson) {
    await out.json({
      kind: "program",
      ...jsonPath(path),
      elf: program.kind,
      isStatic: program.isStatic,
      ...(program.interpreter && jsonPath(program.interpreter, "interpreter")),
      libraries: libraries.map(({ name, path: place }) => ({
        ...jsonPath(name, "name"),
        ...(place && jsonPath(place)),
      })),
    });
    return ok(missing.length === 0);
  }
  const linkage = program.isStatic ? "static" : "dynamic";
  await out.line(`${escapePath(path)}: ${KIND[program.kind]}, ${linkage}; any kind can run from an image`);
  for (const { name, path: place } of libraries) {
    const role = program.interpreter?.equals(name) ? "interpreter" : "library";
    await out.line(
      `${role} ${escapePath(name)}${place === undefined ? ": MISSING" : place.equals(name) ? "" : ` => ${escapePath(place)}`}`,
    );
  }
  return ok(missing.length === 0);
}

/** @returns whether the mechanism can be armed here */
async function printKernel(out: StandardOutput, isJson: boolean): Promise<boolean> {
  const features = kernelFeatures();
  for (const { name, isPresent, found, isRequired } of features) {
    if (isJson) {
      await out.json({ kind: "kernel", name, isPresent, isRequired, found });
      continue;
    }
    const state = isPresent ? "ok" : isRequired ? "MISSING" : "note";
    await out.line(`kernel: ${state.padEnd(7)} ${name} (${found})`);
  }
  return features.every(({ isPresent, isRequired }) => isPresent || !isRequired);
}
