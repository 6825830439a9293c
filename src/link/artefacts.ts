/** The texts that carry an image through a compiler: `binary_fs_blob.s` and the `.c` form (docs/format.md section 4). */

import { totalmem } from "node:os";
import { fail, ok, type Result } from "../errors.js";
import {
  type ImageIdentity,
  NOTE_BYTES,
  NOTE_DESCRIPTOR_AT,
  NOTE_HAS_IMAGE,
  NOTE_NAME_BYTES,
  NOTE_TYPE,
  NOTE_VERSION,
} from "./note.js";

export const BLOB_NAME = "binary_fs.blob";
export const ASSEMBLY_NAME = "binary_fs_blob.s";
export const ARCHIVE_NAME = "libbinary_fs_template.a";

/**
 * `gcc-limit` for an image that the compiler path cannot carry, before anything is written: `as` holds the whole image in memory.
 * No other limit is known (4.8 GB pass).
 * @param memoryBytes of the machine
 */
export function checkGccLimit(imageBytes: number, memoryBytes = totalmem()): Result<void> {
  if (imageBytes <= memoryBytes) return ok(undefined);
  return fail("gcc-limit", { detail: `image of ${imageBytes} bytes, memory of ${memoryBytes} bytes` });
}

/**
 * `binary_fs_blob.s`.
 *
 * The image's section is a *large* one (`.lrodata`, flag `l`): ld places it behind everything else, so that past 2 GiB no relocation of the
 * compiler's own start files is out of reach. 4 KiB of alignment suffice for mmap; 2 MiB would pad the file for huge pages that few file systems
 * give, and the native writer offers those. The reference without bytes makes ld take the runtime out of the archive.
 */
export function blobAssembly(image: ImageIdentity, blobName = BLOB_NAME): string {
  return `# Made by binaryfs: the image ${blobName} and the note that finds it.
# gcc ./${ASSEMBLY_NAME} ./${ARCHIVE_NAME} -shared -o libbinary-fs.so
${noteAndImage(image, blobName).join("\n")}
\t.reloc 0, R_X86_64_NONE, binaryfs_start
\t.hidden binaryfs_start
\t.section .note.GNU-stack,"",@progbits
`;
}

/**
 * The `.c` form: one C file that needs nothing but its blob beside it.
 * @param runtimeAssembly text of the runtime, as a compiler printed it
 * @param blobName name of the blob's file, without a directory
 */
export function cSource(image: ImageIdentity, blobName: string, cName: string, runtimeAssembly: string): string {
  const lines = [...runtimeLines(runtimeAssembly), ...noteAndImage(image, blobName), "\t.text"];
  const parts = [];
  // C promises strings of 4,095 characters; compilers take more, but one statement of a megabyte is slow in some. A statement a line group.
  for (let at = 0; at < lines.length; at += LINES_A_STATEMENT) {
    const text = lines.slice(at, at + LINES_A_STATEMENT).map((line) => `\t${cString(`${line}\n`)}`);
    parts.push(`__asm__(\n${text.join("\n")}\n);`);
  }
  return `/* Made by binaryfs: a file system image (${blobName}, beside this file) and the runtime that serves it.
 * gcc -shared -fPIC ${cName} -o libbinary-fs.so */
${parts.join("\n")}
`;
}

const LINES_A_STATEMENT = 500;
/** More than the program headers that patchelf adds; with the note's 12 bytes of header a multiple of 8. */
const ROOM_BYTES = 500;

/**
 * The descriptor stands twice: in the note, for readers of the file, and in `.rodata`, for the runtime. A linker may place the note behind the
 * image (ld does where no other note is linked, as with musl), out of reach of the runtime's 32-bit references once the image passes 2 GiB.
 */
function noteAndImage(image: ImageIdentity, blobName: string): string[] {
  return [
    // patchelf moves what stands right behind the program headers, without minding addresses: let it be this note, which says nothing.
    '\t.section .note.binaryfs.room,"a",@note',
    "\t.balign 8",
    `\t.long ${ROOM_BYTES}, 0, ${NOTE_TYPE}`,
    '\t.asciz "binaryfs.room"',
    `\t.skip ${ROOM_BYTES - "binaryfs.room\0".length}`,
    '\t.section .note.binaryfs,"a",@note',
    "\t.balign 8",
    `\t.long ${NOTE_NAME_BYTES}, 0, ${NOTE_TYPE}`,
    '\t.asciz "binaryfs"',
    "\t.balign 8",
    ".Lbinaryfs_descriptor:",
    ...descriptor(image, ".Lbinaryfs_descriptor"),
    '\t.section .rodata.binaryfs,"a",@progbits',
    "\t.balign 8",
    ...hiddenObject("binaryfs_note", NOTE_BYTES - NOTE_DESCRIPTOR_AT),
    ...descriptor(image, "binaryfs_note"),
    '\t.section .lrodata.binaryfs,"al",@progbits',
    "\t.balign 4096",
    ...hiddenObject("binaryfs_image", image.sizeBytes),
    `\t.incbin "${blobName.replace(/["\\]/g, "\\$&")}"`,
  ];
}

function descriptor(image: ImageIdentity, label: string): string[] {
  const root = [...image.merkleRoot].map((byte) => `0x${byte.toString(16).padStart(2, "0")}`);
  return [
    `\t.long ${NOTE_VERSION}, ${NOTE_HAS_IMAGE}`,
    `\t.quad binaryfs_image - ${label}`,
    `\t.quad ${image.sizeBytes}`,
    `\t.byte ${root.join(", ")}`,
    "\t.quad 0",
  ];
}

function hiddenObject(name: string, sizeBytes: number): string[] {
  return [
    `\t.globl ${name}`,
    `\t.hidden ${name}`,
    `\t.type ${name}, @object`,
    `\t.size ${name}, ${sizeBytes}`,
    `${name}:`,
  ];
}

/** Without what would collide with the including C file's own: its file name, its compiler's mark, debug line tables. */
function runtimeLines(assembly: string): string[] {
  return assembly.split("\n").filter((line) => line !== "" && !/^\s*(#|\.(file|ident|loc)\b)/.test(line));
}

/** A C string literal of ASCII text. */
function cString(text: string): string {
  return `"${text.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n").replace(/\t/g, "\\t")}"`;
}
