/* Numbers that assembly and C share. */
#ifndef BINARYFS_TRAP_ASM_H
#define BINARYFS_TRAP_ASM_H

#define BFS_SLOT_SIZE 131072 /* bytes of a private stack */

#endif
