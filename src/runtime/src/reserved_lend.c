/* Objects of the kernel that a passed call reaches by /proc/self/fd/N: N must stay open until the call has looked, and nobody can close it afterwards. So N is one of a few reserved
 * places, which keep what they were lent last. Another object's place is taken only where none is free: a call that is under way there has long looked. */
#include "pool.h"

#include <asm/stat.h>

static long lend(int fd) {
	struct stat object, st;
	int empty = -1;
	long r = bfs_raw2(__NR_fstat, fd, &object);
	if (r < 0) return r;
	for (int i = 0; i < BFS_FD_LENT_PLACES; i++) {
		r = bfs_raw2(__NR_fstat, bfs_fd(BFS_FD_LENT + i), &st);
		if (r == 0 && st.st_dev == object.st_dev && st.st_ino == object.st_ino) return bfs_fd(BFS_FD_LENT + i);
		if (r == 0 && (st.st_mode & S_IFMT) == S_IFREG && empty < 0) empty = i; /* the locks' file stands in what is free */
	}
	if (empty < 0) empty = (int)(object.st_ino % BFS_FD_LENT_PLACES);
	r = bfs_reserved_put(fd, BFS_FD_LENT + empty);
	return r < 0 ? r : bfs_fd(BFS_FD_LENT + empty);
}

long bfs_reserved_lend(int fd, char path[BFS_LENT_PATH]) {
	bfs_pool_lock();
	long number = lend(fd);
	bfs_pool_unlock();
	if (number < 0) return number;
	memcpy(path, "/proc/self/fd/", 15);
	bfs_u64_text(path + 14, (uint64_t)number);
	return 0;
}
