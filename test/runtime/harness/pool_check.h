/* The pool checker of the tests. */
#ifndef BINARYFS_POOL_CHECK_H
#define BINARYFS_POOL_CHECK_H

/* Number of violated invariants (details on standard error). Nobody else may be in the pool; strings made by bfs_pool_string must have been freed. */
int bfs_pool_check(void);
/* The same without names and link counts, for images that tell lies about them. */
int bfs_pool_check_damaged(void);

#endif
