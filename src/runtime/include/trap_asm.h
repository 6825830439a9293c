/* Numbers that assembly and C share. */
#ifndef BINARYFS_TRAP_ASM_H
#define BINARYFS_TRAP_ASM_H

#define BFS_SLOT_SIZE 131072 /* bytes of a private stack */

/* One page at a fixed address in every program of the tree: system calls made from it pass the filter. Above any sane mmap_min_addr (64 KiB is the usual one), below the
 * lowest address that non-PIE programs are linked at (4 MiB). */
#define BFS_GATE_ADDR 0x60000

#endif
