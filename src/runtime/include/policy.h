/* What becomes of each system call number: read by the generator of the seccomp filter and by the dispatcher. */
#ifndef BINARYFS_POLICY_H
#define BINARYFS_POLICY_H

#include <stdint.h>

enum bfs_class {
	BFS_CLASS_DENY = 0, /* answered with an errno; unknown numbers too (ENOSYS) */
	BFS_CLASS_NATIVE,
	BFS_CLASS_TRAP,
	BFS_CLASS_PROCESS,
	BFS_CLASS_LATER, /* as NATIVE; as TRAP where the process uses names of AF_UNIX sockets: filter_names.c */
	BFS_CLASS_OWN,   /* as DENY, but passes from the gate */
};
/* First number above the table. Numbers from here on are unknown. */
#define BFS_NR_LIMIT 471

struct bfs_policy {
	uint8_t class; /* enum bfs_class */
	uint8_t errno; /* DENY, OWN: positive errno */
};
/* Policy of system call NR; any value is allowed. */
struct bfs_policy bfs_policy_of(long nr);
/* How many rows of the table are of CLASS, unknown numbers not counted. */
uint32_t bfs_policy_count(enum bfs_class class);

#endif
