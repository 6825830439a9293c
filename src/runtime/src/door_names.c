/* A lock of the whole tree over the names below its doors, for the one call that the kernel can only be given a path for (bind): what could put a symbolic link into that path is kept out
 * meanwhile. Others who change a volume are the host's, who may reach its files anyway.
 */
#include "pool.h"
#include "providers.h"

void bfs_door_names_lock(void) { bfs_word_lock(&bfs_p.control->door_names); }

void bfs_door_names_unlock(void) { bfs_word_unlock(&bfs_p.control->door_names); }
