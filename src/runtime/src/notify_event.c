/* From what happened to a node to the queues of those who watch it. Which events there are, in which order, and to whom they go, is fs/notify's of the kernel: to the directory that a node
 * was reached by, with its name, and to the node itself. */
#include "notify.h"
#include "pool.h"

/* ---- queues: rings of records as read(2) gives them ---- */

static uint64_t event_offset(uint32_t index, uint64_t at) { return bfs_p.control->events_at + (uint64_t)index * BFS_EVENTS_SIZE + at % BFS_EVENTS_SIZE; }

static bool event_write(uint32_t index, uint64_t at, const uint8_t *record, size_t size) {
	bool limited = bfs_data_size_limit() != ~0ull;
	size_t first = BFS_MIN(size, BFS_EVENTS_SIZE - at % BFS_EVENTS_SIZE);
	if (bfs_data_put(event_offset(index, at), record, first, limited) != (long)first) return false;
	return first == size || bfs_data_put(event_offset(index, at + first), record + first, size - first, limited) == (long)(size - first);
}

static uint64_t event_fingerprint(const uint8_t *record, size_t size) {
	uint64_t hash = 0xCBF29CE484222325ull; /* FNV-1a */
	for (size_t i = 0; i < size; i++) hash = (hash ^ record[i]) * 0x100000001B3ull;
	return hash | 1;
}

static size_t event_record(uint8_t *record, uint32_t wd, uint32_t mask, uint32_t cookie, const char *name, size_t name_len) {
	size_t padded = name_len > 0 ? (name_len + 1 + BFS_EVENT_HEAD - 1) / BFS_EVENT_HEAD * BFS_EVENT_HEAD : 0;
	uint32_t head[4] = { wd, mask, cookie, (uint32_t)padded };
	memset(record, 0, BFS_EVENT_HEAD + padded);
	memcpy(record, head, sizeof head);
	memcpy(record + sizeof head, name, name_len);
	return BFS_EVENT_HEAD + padded;
}

void bfs_event_put(uint32_t index, uint32_t wd, uint32_t mask, uint32_t cookie, const char *name, size_t name_len) {
	struct bfs_instance *instance = &bfs_p.instances[index];
	uint8_t record[BFS_EVENT_HEAD + BFS_NAME_MAX + 1];
	size_t size = event_record(record, wd, mask, 0, name, name_len);
	uint64_t fingerprint = event_fingerprint(record, size);
	bool empty = instance->head == instance->tail;
	if (!empty && instance->last == fingerprint) return;
	if (instance->events >= BFS_EVENTS_MAX || instance->tail - instance->head + size + BFS_EVENT_HEAD > BFS_EVENTS_SIZE) {
		if (instance->overflow != 0) return;
		instance->overflow = 1;
		size = event_record(record, ~0u, IN_Q_OVERFLOW, 0, NULL, 0);
		fingerprint = 0;
	}
	memcpy(record + 8, &cookie, sizeof cookie);
	if (!event_write(index, instance->tail, record, size)) return;
	instance->last = fingerprint;
	instance->events = empty ? 1 : instance->events + 1;
	__atomic_store_n(&instance->tail, instance->tail + size, __ATOMIC_RELEASE);
	if (instance->rung == 0) bfs_bell_ring(index);
}

/* ---- watches → queues, under the pool lock ---- */

static void event_end_watch(struct bfs_watch *w) {
	uint32_t instance = w->instance, wd = w->wd;
	bfs_tx_begin();
	bfs_watch_remove(w);
	bfs_tx_commit();
	bfs_event_put(instance, wd, IN_IGNORED, 0, NULL, 0);
}

/* IN_EXCL_UNLINK in MASK: NAME leads nowhere any more. */
static void event_deliver(uint64_t key, const char *name, size_t name_len, uint32_t mask, uint32_t cookie) {
	bool unlinked = name_len > 0 && (mask & IN_EXCL_UNLINK) != 0;
	mask &= ~(uint32_t)IN_EXCL_UNLINK;
	for (struct bfs_watch *w = bfs_watch_by_key(key, NULL), *next; w != NULL; w = next) {
		next = bfs_watch_by_key(key, w);
		if ((w->mask & mask & IN_ALL_EVENTS) == 0 || (unlinked && (w->mask & IN_EXCL_UNLINK) != 0)) continue;
		bfs_event_put(w->instance, w->wd, mask, cookie, name, name_len);
		if ((w->mask & IN_ONESHOT) != 0) event_end_watch(w);
	}
}

/* ---- what happened ---- */

bool bfs_notify_any(void) { return __atomic_load_n(&bfs_p.control->instances, __ATOMIC_RELAXED) != 0; }

static uint64_t event_key(bfs_node n, bool *directory) {
	struct bfs_attr attr;
	if (n == 0 || bfs_node_attr(n, &attr) != 0) return 0;
	*directory = (attr.mode & S_IFMT) == S_IFDIR;
	return attr.ino;
}

void bfs_notify_node(bfs_node n, bfs_node parent, const char *name, size_t len, uint32_t mask) {
	bool directory = false, parent_directory;
	if (!bfs_notify_any()) return;
	uint64_t self = event_key(n, &directory), above = len > 0 ? event_key(parent, &parent_directory) : 0;
	if (!bfs_watched(self) && !bfs_watched(above)) return;
	if (directory) mask |= IN_ISDIR;
	bfs_pool_lock();
	if (above != 0) event_deliver(above, name, len, mask, 0);
	if (self != 0) event_deliver(self, NULL, 0, mask, 0);
	bfs_pool_unlock();
}

void bfs_notify_self(bfs_node n, uint32_t mask) { bfs_notify_node(n, 0, NULL, 0, mask); }

/* A directory knows its place by itself. */
static void event_directory(bfs_node n, uint32_t mask) {
	struct bfs_dirent entry;
	bfs_node parent = bfs_node_parent(n);
	bool directory = false;
	if (n == bfs_node_root() || parent == 0 || !bfs_watched(event_key(parent, &directory)) || !bfs_node_entry(parent, n, &entry)) entry.name_len = 0;
	bfs_notify_node(n, parent, entry.name, entry.name_len, mask);
}

void bfs_notify_loc(const struct bfs_loc *loc, uint32_t mask) {
	if (!bfs_notify_any() || loc->kind != BFS_LOC_NODE) return;
	struct bfs_dirent entry;
	bfs_node found;
	bool directory = false, parent_directory;
	if (loc->parent == 0 || loc->name_len == 0) {
		event_directory(loc->node, mask);
		return;
	}
	uint64_t self = event_key(loc->node, &directory);
	/* Where LOC is that of a descriptor, the node may have moved since. */
	if (!bfs_watched(event_key(loc->parent, &parent_directory)) ||
		(bfs_node_lookup(loc->parent, loc->name, loc->name_len, &found) == 0 && event_key(found, &parent_directory) == self))
		bfs_notify_node(loc->node, loc->parent, loc->name, loc->name_len, mask);
	else if (directory)
		event_directory(loc->node, mask);
	else if (bfs_node_entry(loc->parent, loc->node, &entry))
		bfs_notify_node(loc->node, loc->parent, entry.name, entry.name_len, mask);
	else
		bfs_notify_self(loc->node, mask);
}

void bfs_notify_ofd(const struct bfs_ofd *ofd, uint32_t mask) {
	struct bfs_dirent entry = { .name_len = 0 };
	bool directory = false;
	if (!bfs_notify_any() || ofd->kind != BFS_LOC_NODE || (ofd->flags & O_PATH) != 0) return;
	uint64_t self = event_key(ofd->node, &directory);
	if (directory) {
		event_directory(ofd->node, mask);
		return;
	}
	uint64_t above = event_key(ofd->parent, &directory);
	if (!bfs_watched(self) && !bfs_watched(above)) return;
	if (!bfs_ofd_name(ofd, &entry)) {
		struct bfs_attr attr;
		uint32_t len;
		if (bfs_node_attr(ofd->node, &attr) == 0 && attr.nlink > 0) { /* moved elsewhere */
			bfs_notify_self(ofd->node, mask);
			return;
		}
		const char *had = bfs_text_at(ofd->rel, &len);
		entry.name_len = (uint8_t)BFS_MIN(len, BFS_NAME_MAX);
		memcpy(entry.name, had, entry.name_len);
		mask |= IN_EXCL_UNLINK;
	}
	bfs_notify_node(ofd->node, ofd->parent, entry.name, entry.name_len, mask);
}

bool bfs_notify_ofd_watched(const struct bfs_ofd *ofd) {
	bool directory = false, above;
	if (ofd->kind != BFS_LOC_NODE || (ofd->flags & O_PATH) != 0) return false;
	bfs_node n = ofd->node;
	if (bfs_watched(event_key(n, &directory))) return true;
	return bfs_watched(event_key(directory ? bfs_node_parent(n) : ofd->parent, &above));
}

void bfs_notify_entry(bfs_node dir, const char *name, size_t len, bool directory, uint32_t mask, uint32_t cookie) {
	bool is_directory;
	if (!bfs_notify_any()) return;
	uint64_t key = event_key(dir, &is_directory);
	if (!bfs_watched(key)) return;
	bfs_pool_lock();
	event_deliver(key, name, len, directory ? mask | IN_ISDIR : mask, cookie);
	bfs_pool_unlock();
}

void bfs_notify_ino(uint64_t ino, uint32_t mask) {
	if (!bfs_notify_any() || !bfs_watched(ino)) return;
	bfs_pool_lock();
	event_deliver(ino, NULL, 0, mask, 0);
	bfs_pool_unlock();
}

uint32_t bfs_notify_cookie(void) { return __atomic_add_fetch(&bfs_p.control->move_cookie, 1, __ATOMIC_RELAXED); }

void bfs_notify_ended(bfs_node n, const struct bfs_attr *before) {
	if (!bfs_notify_any() || !bfs_watched(before->ino)) return;
	bool directory = (before->mode & S_IFMT) == S_IFDIR;
	bfs_pool_lock();
	const struct bfs_inode *inode = bfs_inode_of(n);
	bool gone = inode == NULL ? BFS_NODE_KIND(n) == BFS_NODE_OVERLAY || before->nlink <= 1 || directory
				  : inode->nlink == 0 && inode->holds == 0 && (inode->base == 0 || !bfs_ofd_refers(inode->base));
	if (gone) {
		event_deliver(before->ino, NULL, 0, IN_DELETE_SELF, 0);
		for (struct bfs_watch *w = bfs_watch_by_key(before->ino, NULL), *next; w != NULL; w = next) {
			next = bfs_watch_by_key(before->ino, w);
			event_end_watch(w);
		}
	}
	bfs_pool_unlock();
}
