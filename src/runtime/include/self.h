/* The library's own file. */
#ifndef BINARYFS_SELF_H
#define BINARYFS_SELF_H

#include "sys.h"

/* Absolute path of the file that this code is mapped from, NUL-terminated, into DST. 0, −ENOENT, or what opening /proc/self/maps gave. Not thread-safe: start-up only. */
long bfs_self_path(char *dst, size_t size);

#endif
