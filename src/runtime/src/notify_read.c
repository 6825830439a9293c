/* Reading an inotify descriptor: events of the kernel, that is of watches on host paths and volumes, and those of the instance's queue in the pool. */
#include "notify.h"
#include "pool.h"

#include <asm/ioctls.h>

struct notify_reading {
	uint32_t index;
	int fd;
	uint8_t *user;
	size_t room, done;
	bool too_small; /* the next event is larger than ROOM */
	long error;
};

static void notify_give(struct notify_reading *r, const uint8_t *record, size_t size) {
	if (bfs_copy_out(r->user + r->done, record, size) < 0) r->error = -EFAULT;
	r->done += size;
	r->room -= size;
}

/* One event of the kernel's: its watch has another number for the program; the bell is not for it at all. */
static void notify_translate(struct notify_reading *r, uint8_t *record, size_t size) {
	struct bfs_instance *instance = &bfs_p.instances[r->index];
	uint32_t head[2]; /* wd, mask */
	memcpy(head, record, sizeof head);
	if (head[0] == instance->bell_wd) {
		instance->rung = 0;
		return;
	}
	if ((head[1] & IN_Q_OVERFLOW) == 0) {
		struct bfs_watch *w = bfs_watch_by_key(bfs_watch_kernel_key(r->index, head[0]), NULL);
		if (w == NULL) return;
		memcpy(record, &w->wd, sizeof w->wd);
		if ((head[1] & IN_IGNORED) != 0) {
			bfs_tx_begin();
			bfs_watch_remove(w);
			bfs_tx_commit();
		}
	}
	notify_give(r, record, size);
}

static long notify_kernel_pending(int fd) {
	int32_t pending = 0;
	long error = bfs_raw3(__NR_ioctl, fd, FIONREAD, &pending);
	return error < 0 ? error : pending;
}

/* Nobody reads the kernel's queue but under the pool lock: what is pending stays so. */
static void notify_from_kernel(struct notify_reading *r) {
	_Alignas(8) uint8_t buffer[1024];
	if (r->room < BFS_EVENT_HEAD && notify_kernel_pending(r->fd) > 0) r->too_small = true;
	while (r->error == 0 && r->room >= BFS_EVENT_HEAD && notify_kernel_pending(r->fd) > 0) {
		long n = bfs_raw3(__NR_read, r->fd, buffer, BFS_MIN(r->room, sizeof buffer));
		if (n == -EINVAL) r->too_small = true;
		if (n <= 0) return;
		for (long at = 0; at + (long)BFS_EVENT_HEAD <= n && r->error == 0;) {
			uint32_t len;
			memcpy(&len, buffer + at + 12, sizeof len);
			size_t size = BFS_EVENT_HEAD + len;
			if ((size_t)(n - at) < size) return;
			notify_translate(r, buffer + at, size);
			at += (long)size;
		}
	}
}

static bool notify_queue_bytes(uint32_t index, uint64_t at, uint8_t *dst, size_t size) {
	uint64_t base = bfs_p.control->events_at + (uint64_t)index * BFS_EVENTS_SIZE;
	size_t first = BFS_MIN(size, BFS_EVENTS_SIZE - at % BFS_EVENTS_SIZE);
	if (bfs_raw4(__NR_pread64, bfs_fd(BFS_FD_POOL), dst, first, base + at % BFS_EVENTS_SIZE) != (long)first) return false;
	return first == size || bfs_raw4(__NR_pread64, bfs_fd(BFS_FD_POOL), dst + first, size - first, base) == (long)(size - first);
}

static void notify_from_queue(struct notify_reading *r) {
	struct bfs_instance *instance = &bfs_p.instances[r->index];
	uint8_t record[BFS_EVENT_HEAD + BFS_NAME_MAX + 1];
	while (r->error == 0 && instance->head != instance->tail) {
		uint32_t head[4];
		if (!notify_queue_bytes(r->index, instance->head, record, BFS_EVENT_HEAD)) break;
		memcpy(head, record, sizeof head);
		size_t size = BFS_EVENT_HEAD + BFS_MIN(head[3], BFS_NAME_MAX + 1u);
		if (size > r->room) {
			r->too_small = true;
			break;
		}
		if (!notify_queue_bytes(r->index, instance->head, record, size)) break;
		if ((head[1] & IN_Q_OVERFLOW) != 0) instance->overflow = 0;
		if (instance->events > 0) instance->events--;
		__atomic_store_n(&instance->head, instance->head + size, __ATOMIC_RELEASE);
		notify_give(r, record, size);
	}
	if (instance->head == instance->tail) instance->events = instance->overflow = 0;
}

static long notify_read_locked(struct notify_reading *r) {
	struct bfs_instance *instance = &bfs_p.instances[r->index];
	notify_from_kernel(r);
	/* The kernel drops a bell when its own queue is full. */
	if (notify_kernel_pending(r->fd) == 0) instance->rung = 0;
	if (!r->too_small) notify_from_queue(r);
	/* What is left must be seen by poll. */
	if (instance->head != instance->tail && instance->rung == 0) bfs_bell_ring(r->index);
	if (r->error != 0) return r->error;
	if (r->done == 0 && r->too_small) return -EINVAL;
	return (long)r->done;
}

enum bfs_verdict bfs_instance_read(struct bfs_call *c, uint32_t index, int fd, void *user, size_t size) {
	struct notify_reading r = { .index = index, .fd = fd, .user = user, .room = BFS_MIN(size, BFS_RW_MAX) };
	bfs_ofd_look();
	bfs_pool_lock();
	long n = notify_read_locked(&r);
	bfs_pool_unlock();
	if (n != 0) return bfs_done(c, n);
	if ((bfs_raw2(__NR_fcntl, fd, F_GETFL) & O_NONBLOCK) != 0) return bfs_done(c, -EAGAIN);
	/* The kernel waits for an event, is interrupted and restarted as ever, and then says that no room was given for it. */
	*c = (struct bfs_call){ .nr = __NR_read, .a = { (uint64_t)fd, 0, 0 }, .again = -EINVAL, .scratch = c->scratch };
	return BFS_WAIT;
}

long bfs_instance_pending(uint32_t index, int fd) {
	const struct bfs_instance *instance = &bfs_p.instances[index];
	bfs_pool_lock();
	long n = notify_kernel_pending(fd);
	if (n >= 0) n += (long)(instance->tail - instance->head) - (instance->rung != 0 && n >= (long)BFS_EVENT_HEAD ? (long)BFS_EVENT_HEAD : 0);
	bfs_pool_unlock();
	return n;
}
