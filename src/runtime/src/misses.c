/* BINARYFS_MISSES: the paths that a program asked for and that are nowhere, for the next --include. */
#include "providers.h"

void bfs_miss(const char *absolute_path) { bfs_log_path_line(bfs_pool_mounts()->misses, absolute_path); }
