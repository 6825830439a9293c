/** Recognises the kernel's own file systems, whose files are no content: /proc and its like, met when ROOT is `/`. */

import { statfsSync } from "node:fs";

/** Magic numbers of linux/magic.h. */
const NAMES = new Map([
  [0x9fa0, "proc"],
  [0x6265_6572, "sysfs"],
  [0x6367_7270, "cgroup2"],
  [0x0027_e0eb, "cgroup"],
  [0x6462_6720, "debugfs"],
  [0x7472_6163, "tracefs"],
  [0x0000_1cd1, "devpts"],
  [0x7363_6673, "securityfs"],
  [0xcafe_4a11, "bpf"],
  [0x1980_0202, "mqueue"],
  [0x6165_676c, "pstore"],
  [0x6265_6570, "configfs"],
  [0x6573_5543, "fusectl"],
  [0xde5e_81e4, "efivarfs"],
  [0xf97c_ff8c, "selinuxfs"],
  [0x4249_4e4d, "binfmt_misc"],
]);

/** Its name, or undefined for an ordinary file system. */
export const pseudoFilesystem = (path: Buffer): string | undefined => NAMES.get(Number(statfsSync(path).type));
