/* The first program of a tree: state shared by the launch_*.c files. */
#ifndef BINARYFS_LAUNCH_H
#define BINARYFS_LAUNCH_H

#include "export.h"
#include "trap.h"

#define LAUNCH_MAX_DOORS 128u

struct launch {
	struct bfs_stack stack;
	struct bfs_lib_config libs[BFS_MAX_LIBS];
	struct bfs_door doors[LAUNCH_MAX_DOORS];
	struct bfs_config config;
	int carrier;
	char carrier_path[BFS_PATH_MAX];
	char cwd[BFS_PATH_MAX];
	const char *export_path; /* NULL: nothing is saved */
	struct bfs_export_target export;
	char text[65536]; /* unescaped door lists, library list */
	size_t text_used;
};

/* Reads BINARYFS_* and SCONE_EXTENSIONS_PATH into the configuration; opens the libraries. Ends the process with status 125 on what makes no sense. launch_env.c */
void bfs_launch_environment(struct launch *l);
/* launch_doors.c: closes inherited descriptors that lead into the host's file system. */
void bfs_launch_close_doors(void);
/* launch_carrier.c: a descriptor of a file that every user of the tree may execute, holding the runtime. */
int bfs_launch_carrier(const struct launch *l);
bool bfs_launch_same_file(int a, int b);
/* launch_search.c: tries COMMAND in the image (HOST false) or on the host, along PATH where it has no slash. Returns only on failure, with the most telling errno. */
long bfs_launch_search(struct launch *l, const char *command, char **argv, uint64_t mask, bool host);

#endif
