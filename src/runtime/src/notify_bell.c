/* How a program that waits on an inotify descriptor is woken from any process of the tree: every instance watches an empty memfd of its own, its bell, for changes of attributes. The bells
 * lie in a queue of descriptors that all processes reach, bell number N at its Nth place; they are used again by later instances. */
#include "notify.h"
#include "pool.h"

#include <linux/resource.h>

static long bell_make(uint32_t index) {
	struct bfs_queued record = { .key = index };
	long fd = bfs_memfd("binaryfs-bell", true);
	if (fd < 0) return fd;
	if (bfs_queue_put(BFS_FD_BELLS, &record, (int)fd) == 0) return fd;
	bfs_raw1(__NR_close, fd);
	return -EMFILE;
}

long bfs_bell_watch(uint32_t index, int fd) {
	struct bfs_queued record;
	char path[40] = "/proc/self/fd/";
	long bell = bfs_queue_at(BFS_FD_BELLS, index, &record);
	if (bell == -EAGAIN) bell = bell_make(index);
	if (bell < 0) return bell;
	bfs_u64_text(path + strlen(path), (uint64_t)bell);
	long r = bfs_raw3(__NR_inotify_add_watch, fd, path, IN_ATTRIB);
	bfs_raw1(__NR_close, bell);
	return r;
}

/* Another number than the program's own use, for a process that has no descriptor left. */
static long bell_above_limit(uint32_t index, struct bfs_queued *record) {
	struct rlimit64 was, wide;
	if (bfs_raw4(__NR_prlimit64, 0, RLIMIT_NOFILE, 0, &was) < 0 || was.rlim_max <= was.rlim_cur) return -EMFILE;
	wide = was;
	wide.rlim_cur = was.rlim_max;
	bfs_raw4(__NR_prlimit64, 0, RLIMIT_NOFILE, &wide, 0);
	long bell = bfs_queue_at(BFS_FD_BELLS, index, record);
	bfs_raw4(__NR_prlimit64, 0, RLIMIT_NOFILE, &was, 0);
	return bell;
}

void bfs_bell_ring(uint32_t index) {
	struct bfs_queued record;
	long bell = bfs_queue_at(BFS_FD_BELLS, index, &record);
	if (bell == -EMFILE) bell = bell_above_limit(index, &record);
	if (bell < 0) return;
	if (bfs_raw4(__NR_utimensat, bell, 0, 0, 0) == 0) bfs_p.instances[index].rung = 1;
	bfs_raw1(__NR_close, bell);
}

void bfs_bells_recover(void) {
	for (uint32_t i = 0; i < BFS_INSTANCE_COUNT; i++) {
		struct bfs_instance *instance = &bfs_p.instances[i];
		instance->rung = 0; /* the dead one may have taken the bell out and not yet said so */
		if (instance->live != 0 && instance->head != instance->tail) bfs_bell_ring(i);
	}
}
