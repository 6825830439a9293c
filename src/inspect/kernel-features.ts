/** What the runtime's mechanism needs of the kernel it will run on, read from /proc. */

import { readFileSync } from "node:fs";

export interface KernelFeature {
  readonly name: string;
  readonly isPresent: boolean;
  /** What was found. */
  readonly found: string;
  /** Without it the runtime does not start. */
  readonly isRequired: boolean;
}

export function kernelFeatures(): KernelFeature[] {
  const actions = read("/proc/sys/kernel/seccomp/actions_avail");
  const status = read("/proc/self/status");
  const filter = /^Seccomp:\s*(\d)/m.exec(status)?.[1];
  const minimum = read("/proc/sys/vm/mmap_min_addr");
  const exec = read("/proc/sys/vm/memfd_noexec");
  return [
    {
      name: "seccomp filter with trap",
      isPresent: /\btrap\b/.test(actions),
      found: actions || "no seccomp",
      isRequired: true,
    },
    {
      name: "memory at 0x60000 (gate page)",
      isPresent: minimum === "" || Number(minimum) <= GATE_ADDRESS,
      found: `vm.mmap_min_addr ${minimum || "unknown"}`,
      isRequired: true,
    },
    {
      name: "executable memfd",
      isPresent: exec === "" || exec === "0" || exec === "1",
      found: `vm.memfd_noexec ${exec || "absent"}`,
      isRequired: false,
    },
    {
      name: "no other seccomp filter",
      isPresent: filter !== "2",
      found: filter === "2" ? "one is active here, which may forbid calls" : "none",
      isRequired: false,
    },
  ];
}

const GATE_ADDRESS = 0x60000;

function read(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}
