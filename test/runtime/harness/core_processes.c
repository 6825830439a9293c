/* Several processes in one pool: at the same time, and killed in the middle of what they do. */
#include "core_test.h"

#include <signal.h>

static uint32_t random_state = 12345;
static uint32_t random_below(uint32_t n) {
	random_state = random_state * 1103515245u + 12345u;
	return (random_state >> 8) % n;
}

/* One random change below /work-ID. Results do not matter; that nothing breaks does. */
static void disturb(int id) {
	static uint8_t data[50000];
	char a[64], b[64];
	uint32_t what = random_below(12);
	sprintf(a, "/work-%d/%s%u", id, random_below(2) ? "d/" : "", random_below(12));
	sprintf(b, "/work-%d/%s%u", (int)random_below(2) ? id : 0, random_below(2) ? "d/" : "", random_below(12));
	bfs_node n = at(a);
	struct bfs_loc loc = { .kind = BFS_LOC_NODE, .node = n };
	switch (what) {
	case 0:
	case 1: make(a, S_IFREG | 0644); break;
	case 2: make(a, S_IFDIR | 0755); break;
	case 3: unlink_at(a, random_below(2)); break;
	case 4: rename_at(a, b, random_below(4) == 0 ? 2 : 0); break;
	case 5:
	case 6:
		if (n != 0) bfs_node_write(n, data, random_below(sizeof data), random_below(100000));
		break;
	case 7:
		if (n != 0) bfs_node_truncate(n, random_below(100000));
		break;
	case 8:
		if (n != 0) bfs_node_setxattr(n, "user.x", data, random_below(300), 0);
		break;
	case 9:
		if (n != 0) bfs_node_fallocate(n, 3, random_below(50000), 1 + random_below(50000));
		break;
	case 10:
		sprintf(b, "l%u", random_below(9));
		sprintf(a, "/work-%d", id);
		if (n != 0) bfs_node_link(at(a), b, strlen(b), n);
		break;
	case 11:
		if (n != 0) {
			long fd = bfs_ofd_open(&loc, O_RDWR);
			uint32_t index;
			bool ok = fd >= 0 && bfs_ofd_of((int)fd, &index) != NULL;
			if (random_below(2)) unlink_at(a, false);
			if (fd >= 0) bfs_raw1(__NR_close, fd);
			if (ok) bfs_ofd_closed(index);
		}
		break;
	}
}

static void worker(int id, uint32_t seed) {
	random_state = seed;
	for (;;) disturb(id);
}

static int start(void (*run)(int, uint32_t), int id, uint32_t seed) {
	int pid = (int)bfs_raw0(__NR_fork);
	if (pid == 0) {
		run(id, seed);
		bfs_raw1(__NR_exit_group, 0);
	}
	return pid;
}

void test_crash(int rounds) {
	char path[32];
	int bad = 0;
	for (int i = 0; i < 3; i++) {
		sprintf(path, "/work-%d", i);
		make(path, S_IFDIR | 0755);
		sprintf(path, "/work-%d/d", i);
		make(path, S_IFDIR | 0755);
	}
	for (int round = 0; round < rounds && bad == 0; round++) {
		int pids[2];
		for (int i = 0; i < 2; i++) pids[i] = start(worker, i + 1, (uint32_t)(round * 77 + i * 13 + 1));
		uint64_t pause[2] = { 0, 200000 + random_below(6000000) };
		bfs_raw2(__NR_nanosleep, pause, 0);
		for (int i = 0; i < 2; i++) bfs_raw2(__NR_kill, pids[i], SIGKILL);
		for (int i = 0; i < 2; i++) bfs_raw4(__NR_wait4, pids[i], 0, 0, 0);
		bfs_ofd_sweep();
		bad = bfs_pool_check();
		CHECK_EQ(bad, 0);
		/* Nothing stays locked: each file can be written. */
		for (int f = 0; f < 12; f++) {
			sprintf(path, "/work-%d/%d", 1 + round % 2, f);
			if (at(path) != 0) bfs_node_write(at(path), "ok", 2, 0);
		}
	}
}

static void appender(int id, uint32_t seed) {
	char line[16];
	uint64_t end;
	(void)seed;
	for (int i = 0; i < 2000; i++) {
		sprintf(line, "%d %06d\n", id, i);
		bfs_node_append(at("/log"), line, 9, &end);
	}
}

/* Reads of a file that is truncated and written again see one byte value alone, or the end. */
static void flipper(int id, uint32_t seed) {
	static uint8_t block[20000];
	(void)seed;
	for (int i = 0; i < 1500; i++) {
		memset(block, 'A', sizeof block);
		bfs_node_truncate(at("/flip"), 0);
		bfs_node_write(at("/flip"), block, sizeof block, 0);
		char name[32];
		sprintf(name, "/noise-%d", id);
		memset(block, '!', sizeof block);
		make(name, S_IFREG | 0644);
		bfs_node_write(at(name), block, sizeof block, 0);
		unlink_at(name, false);
	}
}

static void maker(int id, uint32_t seed) {
	char name[32];
	(void)seed;
	for (int i = 0; i < 500; i++) {
		sprintf(name, "/shared/%d-%d", id, i);
		make(name, S_IFREG | 0644);
		sprintf(name, "/shared/once-%d", i);
		if (make(name, S_IFREG | 0644) == 0) bfs_node_append(at("/once"), "x", 1, &(uint64_t){ 0 });
	}
}

static void wait_for(int pid) { bfs_raw4(__NR_wait4, pid, 0, 0, 0); }

void test_parallel(void) {
	static uint8_t buffer[200000];
	int a, b, bad = 0;
	make("/log", S_IFREG | 0644);
	a = start(appender, 1, 0);
	b = start(appender, 2, 0);
	wait_for(a);
	wait_for(b);
	long got = bfs_node_read(at("/log"), buffer, sizeof buffer, 0);
	CHECK_EQ(got, 2 * 2000 * 9);
	for (long i = 0; i + 9 <= got; i += 9) bad += buffer[i + 8] != '\n' || (buffer[i] != '1' && buffer[i] != '2');
	CHECK_EQ(bad, 0);
	make("/flip", S_IFREG | 0644);
	a = start(flipper, 1, 0);
	for (int i = 0; i < 3000; i++) {
		got = bfs_node_read(at("/flip"), buffer, 20000, 0);
		for (long k = 0; k < got; k++) bad += buffer[k] != 'A' && buffer[k] != 0;
	}
	wait_for(a);
	CHECK_EQ(bad, 0);
	make("/shared", S_IFDIR | 0755);
	make("/once", S_IFREG | 0644);
	a = start(maker, 1, 0);
	b = start(maker, 2, 0);
	struct bfs_dirent d;
	int lists = 0;
	for (; lists < 50; lists++) {
		uint64_t cookie = 0;
		int n = 0;
		while (bfs_node_readdir(at("/shared"), &cookie, &d) == 1 && n < 5000) n++;
		bad += n >= 5000;
	}
	wait_for(a);
	wait_for(b);
	struct bfs_attr attr;
	CHECK(bfs_node_attr(at("/once"), &attr) == 0 && attr.size == 500);
	CHECK_EQ(bad, 0);
}
