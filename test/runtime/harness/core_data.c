/* File data: copy-up, truncation, holes, mappings, descriptions, paths. */
#include "core_test.h"

#include <setjmp.h>
#include <signal.h>

static uint8_t pattern(uint64_t i) { return (uint8_t)(i * 7 + (i >> 8)); }

void test_data(void) {
	static uint8_t buffer[400000];
	bfs_node n = at("/big");
	/* Page-granular copy-up. */
	CHECK_EQ(bfs_node_write(n, "XYZ", 3, 10000), 3);
	n = at("/big");
	CHECK_EQ(bfs_node_read(n, buffer, sizeof buffer, 0), 300000);
	int wrong = 0;
	for (uint64_t i = 0; i < 300000; i++) wrong += buffer[i] != (i >= 10000 && i < 10003 ? (uint8_t) "XYZ"[i - 10000] : pattern(i));
	CHECK_EQ(wrong, 0);
	CHECK_EQ(bfs_inode_of(n)->pages, 1);
	/* What was cut off stays cut off. */
	CHECK_EQ(bfs_node_truncate(n, 5000), 0);
	CHECK_EQ(bfs_node_truncate(n, 20000), 0);
	CHECK_EQ(bfs_node_read(n, buffer, sizeof buffer, 0), 20000);
	wrong = 0;
	for (uint64_t i = 0; i < 20000; i++) wrong += buffer[i] != (i < 5000 ? pattern(i) : 0);
	CHECK_EQ(wrong, 0);
	CHECK_EQ(bfs_node_write(n, "tail", 4, 19998), 4);
	CHECK_EQ(bfs_node_read(n, buffer, 10, 19996), 6);
	CHECK(memcmp(buffer, "\0\0tail", 6) == 0);
	/* Holes in a base. */
	CHECK_EQ(bfs_node_fallocate(n, 3, 100, 4500), 0);
	CHECK_EQ(bfs_node_read(n, buffer, 5000, 0), 5000);
	wrong = 0;
	for (uint64_t i = 0; i < 5000; i++) wrong += buffer[i] != (i < 100 || i >= 4600 ? pattern(i) : 0);
	CHECK_EQ(wrong, 0);
	/* A sparse file. */
	CHECK_EQ(make("/sparse", S_IFREG | 0644), 0);
	n = at("/sparse");
	CHECK_EQ(bfs_node_write(n, "end", 3, 1ull << 40), 3);
	CHECK_EQ(bfs_node_seek(n, 0, 3), (long)(1ull << 40));
	CHECK_EQ(bfs_node_seek(n, 0, 4), 0);
	CHECK_EQ(bfs_node_read(n, buffer, 10, 12345678), 10);
	CHECK_EQ(bfs_node_truncate(n, 1), 0);
	CHECK_EQ(bfs_inode_of(n)->pages, 0);
	CHECK_EQ(bfs_node_write(n, "x", 1, BFS_MAX_FILE_SIZE), -EFBIG);
	CHECK_EQ(bfs_node_truncate(n, BFS_MAX_FILE_SIZE), 0);
	CHECK_EQ(bfs_node_write(n, (void *)1, 10, 0), -EFAULT);
	CHECK_EQ(bfs_node_truncate(at("/etc"), 0), -EISDIR);
	uint64_t end;
	CHECK_EQ(bfs_node_truncate(n, 0), 0);
	CHECK_EQ(bfs_node_append(n, "one", 3, &end), 3);
	CHECK_EQ(bfs_node_append(n, "two", 3, &end), 3);
	CHECK_EQ(end, 6);
	CHECK(content_is("/sparse", "onetwo"));
	/* A file size limit is that of the file, not of the pool that it lies in. */
	uint64_t old_limit[2], limit[2];
	bfs_raw4(__NR_prlimit64, 0, 1 /* RLIMIT_FSIZE */, 0, old_limit);
	limit[0] = 200000;
	limit[1] = old_limit[1];
	signal(SIGXFSZ, SIG_IGN);
	bfs_raw4(__NR_prlimit64, 0, 1, limit, 0);
	CHECK_EQ(bfs_node_write(n, buffer, 300000, 0), 200000);
	CHECK_EQ(bfs_node_write(n, buffer, 1, 200000), -EFBIG);
	CHECK_EQ(bfs_node_truncate(n, 200001), -EFBIG);
	bfs_raw4(__NR_prlimit64, 0, 1, old_limit, 0);
	CHECK_EQ(bfs_node_read(n, buffer + 200000, 200000, 0), 200000);
	CHECK(memcmp(buffer, buffer + 200000, 200000) == 0);
	/* Full: an error, and room again afterwards. */
	struct bfs_usage before, after;
	bfs_pool_usage(&before);
	long put_bytes, total = 0;
	while ((put_bytes = bfs_node_write(n, buffer, sizeof buffer, (uint64_t)total)) > 0) total += put_bytes;
	CHECK_EQ(put_bytes, -ENOSPC);
	CHECK(total > 60 << 20);
	CHECK_EQ(unlink_at("/sparse", false), 0);
	bfs_pool_usage(&after);
	CHECK(after.pages_used <= before.pages_used);
}

static sigjmp_buf map_jump;
static void map_fault(int signal) { siglongjmp(map_jump, signal); }
static int map_touch(volatile uint8_t *p) {
	int signal_number = sigsetjmp(map_jump, 1);
	return signal_number != 0 ? signal_number : (*p, 0);
}

void test_map(void) {
	signal(SIGBUS, map_fault);
	bfs_node n = at("/data");
	long map = bfs_node_mmap(n, 0, 100000, 1, 2, 0, false);
	CHECK(map > 0);
	int wrong = 0;
	for (uint64_t i = 0; i < 90001; i++) wrong += ((uint8_t *)map)[i] != pattern(i);
	CHECK_EQ(wrong, 0);
	CHECK_EQ(map_touch((uint8_t *)map + 90100), 0);
	CHECK_EQ(map_touch((uint8_t *)map + 98304), SIGBUS);
	bfs_raw2(__NR_munmap, map, 100000);
	/* Shared and writable: seen by read, and pages of the untouched part too. */
	map = bfs_node_mmap(n, 0, 90001, 3, 1, 0, true);
	CHECK(map > 0);
	((uint8_t *)map)[5000] = 'M';
	uint8_t byte;
	n = at("/data");
	CHECK(bfs_node_read(n, &byte, 1, 5000) == 1 && byte == 'M');
	CHECK(bfs_node_write(n, "W", 1, 6000) == 1 && ((uint8_t *)map)[6000] == 'W');
	CHECK(((uint8_t *)map)[80000] == pattern(80000));
	/* Unlinked while mapped only: the pages stay until munmap. */
	uint32_t index = bfs_inode_index(bfs_inode_of(n)), used = bfs_p.control->pages_used;
	CHECK(bfs_pin_alive(index));
	CHECK_EQ(bfs_node_truncate(n, 4096), 0);
	CHECK_EQ(unlink_at("/data", false), 0);
	CHECK_EQ(put("/other-data", "zz"), 2);
	((uint8_t *)map)[50000] = 'Q';
	CHECK(content_is("/other-data", "zz"));
	CHECK(((uint8_t *)map)[4000] == pattern(4000) && ((uint8_t *)map)[50000] == 'Q');
	bfs_raw2(__NR_munmap, map, 90001);
	CHECK(!bfs_pin_alive(index));
	struct bfs_usage usage;
	bfs_pool_usage(&usage);
	CHECK(usage.pages_used + 20 < used);
	/* Partly copied up, mapped privately. */
	CHECK_EQ(bfs_node_write(at("/data2"), "P", 1, 8192), 1);
	map = bfs_node_mmap(at("/data2"), 0, 90001, 3, 2, 0, false);
	CHECK(map > 0);
	wrong = 0;
	for (uint64_t i = 0; i < 90001; i++) wrong += ((uint8_t *)map)[i] != (i == 8192 ? 'P' : pattern(i));
	CHECK_EQ(wrong, 0);
	((uint8_t *)map)[8193] = 'V';
	CHECK(bfs_node_read(at("/data2"), &byte, 1, 8193) == 1 && byte == pattern(8193));
	bfs_raw2(__NR_munmap, map, 90001);
	signal(SIGBUS, SIG_DFL);
}

static long open_at(const char *path, uint32_t flags) {
	struct bfs_loc loc;
	long error = bfs_walk(AT_FDCWD, path, BFS_WALK_FOLLOW, &loc);
	return error != 0 ? error : bfs_ofd_open(&loc, flags);
}

static void close_fd(long fd) {
	uint32_t index;
	struct bfs_ofd *ofd = bfs_ofd_of((int)fd, &index);
	bfs_raw1(__NR_close, fd);
	if (ofd != NULL) bfs_ofd_closed(index);
}

void test_ofd(void) {
	char path[512];
	uint32_t index, other;
	CHECK_EQ(put("/sub/open", "data"), 4);
	long fd = open_at("/sub/open", O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	struct bfs_ofd *ofd = bfs_ofd_of((int)fd, &index);
	CHECK(ofd != NULL && ofd->node == at("/sub/open") && bfs_inode_of(ofd->node)->holds == 1);
	CHECK(bfs_raw2(__NR_fcntl, fd, F_GETFD) == 1);
	CHECK(bfs_ofd_path(ofd, path, sizeof path) > 0 && strcmp(path, "/sub/open") == 0);
	long copy = bfs_raw1(__NR_dup, fd);
	CHECK(bfs_ofd_of((int)copy, &other) == ofd && other == index);
	CHECK_EQ(rename_at("/sub/open", "/sub/renamed", 0), 0);
	CHECK(bfs_ofd_path(ofd, path, sizeof path) > 0 && strcmp(path, "/sub/renamed") == 0);
	CHECK_EQ(unlink_at("/sub/renamed", false), 0);
	CHECK(bfs_ofd_path(ofd, path, sizeof path) > 0 && strcmp(path, "/sub/open (deleted)") == 0);
	CHECK_EQ(bfs_node_read(ofd->node, path, 4, 0), 4);
	bfs_node gone = ofd->node;
	close_fd(fd);
	CHECK(bfs_ofd_of((int)copy, NULL) == ofd);
	close_fd(copy);
	CHECK(bfs_inode_of(gone) == NULL);
	CHECK_EQ(ofd->state & 3, 0);
	CHECK(bfs_ofd_of(0, NULL) == NULL && bfs_ofd_of(9999, NULL) == NULL);
	/* An image file that is removed while open. */
	struct bfs_attr a;
	fd = open_at("/etc/other2", O_RDONLY);
	ofd = bfs_ofd_of((int)fd, NULL);
	CHECK_EQ(unlink_at("/etc/other2", false), 0);
	CHECK(bfs_node_attr(ofd->node, &a) == 0 && a.nlink == 0);
	CHECK_EQ(bfs_node_read(ofd->node, path, sizeof path, 0), 6);
	uint32_t inodes = bfs_p.control->inode_count;
	close_fd(fd);
	CHECK_EQ(bfs_p.control->inode_count, inodes - 1);
	/* Anonymous files. */
	struct bfs_loc loc = { .kind = BFS_LOC_NODE };
	CHECK_EQ(bfs_node_create_anonymous(&(struct bfs_new){ .mode = S_IFREG | 0600 }, true, &loc.node), 0);
	fd = bfs_ofd_open(&loc, O_RDWR);
	CHECK_EQ(bfs_node_link(at("/sub"), "named", 5, loc.node), 0);
	close_fd(fd);
	CHECK(at("/sub/named") != 0);
	CHECK_EQ(unlink_at("/sub/named", false), 0);
	/* A process that is killed leaves entries that the sweep finds. */
	int pid = (int)bfs_raw0(__NR_fork);
	if (pid == 0) {
		open_at("/sub", O_RDONLY | O_DIRECTORY);
		bfs_raw2(__NR_kill, bfs_raw0(__NR_getpid), SIGKILL);
	}
	bfs_raw4(__NR_wait4, pid, 0, 0, 0);
	CHECK(bfs_ofd_sweep());
	/* Many at once. */
	long fds[500];
	for (int i = 0; i < 500; i++) fds[i] = open_at("/etc", O_RDONLY | O_DIRECTORY);
	CHECK(fds[499] >= 0);
	for (int i = 0; i < 500; i++) close_fd(fds[i]);
	for (uint32_t i = 0; i < bfs_placeholder_count(); i++) CHECK(bfs_p.control->stripes[i].hint < 10);
}

static long walk(const char *path, uint32_t flags, struct bfs_loc *loc) { return bfs_walk(AT_FDCWD, path, flags, loc); }

void test_walk(void) {
	struct bfs_loc loc;
	CHECK(walk("hello", 0, &loc) == 0 && loc.node == at("/etc/hello") && loc.parent == at("/etc") && strcmp(loc.name, "hello") == 0);
	CHECK(walk("../etc/./hello", 0, &loc) == 0 && loc.node == at("/etc/hello"));
	CHECK(walk("/etc/link", 0, &loc) == 0 && loc.node == at("/etc/link"));
	CHECK(walk("/etc/link", BFS_WALK_FOLLOW, &loc) == 0 && loc.node == at("/etc/hello"));
	CHECK_EQ(walk("/etc/link/", 0, &loc), -ENOTDIR);
	CHECK_EQ(walk("/etc/hello/", 0, &loc), -ENOTDIR);
	CHECK_EQ(walk("/etc/hello/x", 0, &loc), -ENOTDIR);
	CHECK_EQ(walk("/absent/x", BFS_WALK_CREATE, &loc), -ENOENT);
	CHECK_EQ(walk("/absent/", BFS_WALK_CREATE, &loc), -EISDIR); /* open(2) with O_CREAT */
	CHECK(walk("/absent/", BFS_WALK_CREATE | BFS_WALK_PARENT, &loc) == 0 && loc.node == 0 && loc.parent == bfs_node_root() && loc.trailing_slash);
	CHECK(walk("/", 0, &loc) == 0 && loc.node == bfs_node_root() && loc.parent == 0);
	CHECK(walk("/etc/..", 0, &loc) == 0 && loc.node == bfs_node_root() && loc.last_is_dot);
	CHECK(walk("/../../etc", 0, &loc) == 0 && loc.node == at("/etc"));
	CHECK_EQ(walk("", 0, &loc), -ENOENT);
	CHECK(walk("", BFS_WALK_EMPTY, &loc) == 0 && loc.node == at("/etc"));
	CHECK_EQ(walk("/etc/loop", BFS_WALK_FOLLOW, &loc), -ELOOP);
	CHECK_EQ(walk("/etc/link", BFS_WALK_FOLLOW | BFS_WALK_NO_SYMLINKS, &loc), -ELOOP);
	CHECK_EQ(walk("../big", BFS_WALK_BENEATH, &loc), -EXDEV);
	CHECK(walk("../hello", BFS_WALK_IN_ROOT, &loc) == 0 && loc.node == at("/etc/hello"));
	CHECK(walk("/hello", BFS_WALK_IN_ROOT, &loc) == 0 && loc.node == at("/etc/hello"));
	CHECK(walk("/etc/dangling", BFS_WALK_FOLLOW | BFS_WALK_CREATE, &loc) == 0 && loc.node == 0 && strcmp(loc.name, "nowhere") == 0);
	CHECK_EQ(bfs_walk(1234, "x", 0, &loc), -EBADF);
	CHECK_EQ(bfs_walk(0, "x", 0, &loc), -ENOTDIR);
	CHECK_EQ(walk((const char *)8, 0, &loc), -EFAULT);
	char long_name[5000];
	memset(long_name, 'n', sizeof long_name);
	long_name[4999] = 0;
	CHECK_EQ(walk(long_name, 0, &loc), -ENAMETOOLONG);
	long_name[300] = 0;
	CHECK_EQ(walk(long_name, 0, &loc), -ENAMETOOLONG);
	/* Into a mount, out of it by .. and by a symlink. */
	bfs_node mount;
	struct bfs_mount *m = &bfs_pool_mounts()->entries[0];
	uint32_t guest = bfs_pool_string("/sub/host", 9);
	*m = (struct bfs_mount){ .guest = guest, .host = guest, .directory = true };
	CHECK_EQ(bfs_node_create_mount(at("/sub"), "host", 4, 0, true, &mount), 0);
	CHECK(bfs_node_mount(at("/sub/host")) == 1);
	CHECK(walk("/sub/host/dir/file", 0, &loc) == 0 && loc.kind == BFS_LOC_HOST && strcmp(loc.rel, "dir/file") == 0);
	CHECK(walk("/sub/host/new", BFS_WALK_CREATE, &loc) == 0 && loc.kind == BFS_LOC_HOST && strcmp(loc.rel, "new") == 0);
	CHECK_EQ(walk("/sub/host/new", 0, &loc), -ENOENT);
	CHECK_EQ(walk("/sub/host/dir/file/x", 0, &loc), -ENOTDIR);
	CHECK(walk("/sub/host/dir/..", 0, &loc) == 0 && loc.kind == BFS_LOC_HOST && loc.rel[0] == 0);
	CHECK(walk("/sub/host/dir/../..", 0, &loc) == 0 && loc.kind == BFS_LOC_NODE && loc.node == at("/sub") && loc.last_is_dot);
	CHECK(walk("/sub/host/up/hello", 0, &loc) == 0 && loc.node == at("/etc/hello"));
	CHECK_EQ(walk("/sub/host/dir", BFS_WALK_NO_XDEV, &loc), -EXDEV);
	CHECK_EQ(unlink_at("/sub/host", true), -EBUSY);
	long fd = open_at("/sub/host/dir", O_DIRECTORY);
	char path[64];
	CHECK(bfs_ofd_path(bfs_ofd_of((int)fd, NULL), path, sizeof path) > 0 && strcmp(path, "/sub/host/dir") == 0);
	CHECK(bfs_walk((int)fd, "file", 0, &loc) == 0 && strcmp(loc.rel, "dir/file") == 0);
	close_fd(fd);
	bfs_pool_string_free(guest);
}
