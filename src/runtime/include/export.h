/* Saving what a run wrote (BINARYFS_EXPORT_OVERLAY), and the process that does it. */
#ifndef BINARYFS_EXPORT_H
#define BINARYFS_EXPORT_H

#include "vfs.h"

/* Where to: entry NAME of the host's directory PARENT. */
struct bfs_export_target {
	int parent;
	char name[BFS_NAME_MAX + 1];
};

/* export_target.c. Finds out before the run whether PATH can be made: it is absent, or an empty directory, and its parent may be written. 0, −ENOTEMPTY, −ENOTDIR, … */
long bfs_export_open(const char *path, struct bfs_export_target *target);
/* Writes the difference between the tree and the images. On failure nothing of it is left, and WHERE names the path of the tree that could not be saved ("": none in particular). */
long bfs_export(const struct bfs_export_target *target, char *where, size_t where_size);
/* Splits the process: returns in the child, which becomes the program. The parent hands signals on to it, waits, saves what the run wrote, and ends as the program did; with 125 where
 * saving failed and the program did not. −errno: there is no child. supervise.c */
long bfs_supervise(const struct bfs_export_target *target);

/* export.c: the difference itself, into the host's directory open at FD; WHERE as above. */
long bfs_export_difference(int fd, char *where, size_t where_size);
/* export_node.c: memory for what follows; one thing that is no directory. 0, −ENOMEM. */
long bfs_export_prepare(void);
/* Writes node N as entry NAME of the host's directory FD, attributes included. */
long bfs_export_node(int fd, const char *name, bfs_node n, const struct bfs_attr *attr);
/* Owner (as far as this user may), mode, times and extended attributes of N, for the host's object open at FD. */
long bfs_export_attributes(int fd, bfs_node n, const struct bfs_attr *attr);

#endif
