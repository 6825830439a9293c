/* Page maps: which data page holds a page of a file. A radix tree of 512-byte nodes; a file of one page needs none. */
#include "pool.h"

#define MAP_MAX_HEIGHT 8u

static uint32_t *map_node(uint32_t index) {
	return index != 0 && index < bfs_p.control->map_limit ? (uint32_t *)(bfs_p.maps + (uint64_t)index * BFS_MAP_FANOUT * 4) : NULL;
}

static uint32_t map_slot(uint64_t index, uint32_t level) { return (uint32_t)(index >> (level * BFS_MAP_BITS)) & (BFS_MAP_FANOUT - 1); }
/* Pages that a tree of HEIGHT covers. */
static uint64_t map_span(uint32_t height) { return 1ull << (height * BFS_MAP_BITS); }

uint32_t bfs_map_get(const struct bfs_inode *inode, uint64_t index) {
	uint64_t map = __atomic_load_n(&inode->map, __ATOMIC_ACQUIRE);
	uint32_t entry = (uint32_t)map, height = (uint32_t)(map >> 32);
	if (height > MAP_MAX_HEIGHT || index >= map_span(height)) return 0;
	while (height > 0 && entry != 0) {
		const uint32_t *node = map_node(entry);
		if (node == NULL) return 0;
		entry = __atomic_load_n(&node[map_slot(index, --height)], __ATOMIC_ACQUIRE);
	}
	return entry;
}

static bool map_next_in(uint32_t entry, uint32_t height, uint64_t from, uint64_t *found) {
	if (entry == 0) return false;
	if (height == 0) {
		*found = 0;
		return true;
	}
	const uint32_t *node = map_node(entry);
	if (node == NULL) return false;
	uint64_t span = map_span(height - 1);
	for (uint32_t i = map_slot(from, height - 1); i < BFS_MAP_FANOUT; i++, from = 0) {
		if (map_next_in(__atomic_load_n(&node[i], __ATOMIC_ACQUIRE), height - 1, from & (span - 1), found)) {
			*found += i * span;
			return true;
		}
	}
	return false;
}

bool bfs_map_next(const struct bfs_inode *inode, uint64_t index, uint64_t *found) {
	uint64_t map = __atomic_load_n(&inode->map, __ATOMIC_ACQUIRE);
	uint32_t height = (uint32_t)(map >> 32);
	if (height > MAP_MAX_HEIGHT || index >= map_span(height)) return false;
	return map_next_in((uint32_t)map, height, index, found);
}

/* A zeroed node. The first word links free nodes: it is stored in the transaction, the rest of a free node is of no interest. */
static uint32_t map_node_new(void) {
	struct bfs_control *c = bfs_p.control;
	uint32_t index = c->map_free;
	uint32_t *node = map_node(index);
	if (node != NULL) {
		bfs_store32(&c->map_free, node[0]);
	} else {
		index = c->map_top;
		node = map_node(index);
		if (node == NULL) return 0;
		bfs_store32(&c->map_top, index + 1);
	}
	bfs_store32(&node[0], 0);
	memset(node + 1, 0, (BFS_MAP_FANOUT - 1) * 4);
	return index;
}

static void map_node_drop(uint32_t index) {
	struct bfs_control *c = bfs_p.control;
	bfs_store32(map_node(index), c->map_free);
	bfs_store32(&c->map_free, index);
}

long bfs_map_set(struct bfs_inode *inode, uint64_t index, uint32_t entry) {
	uint32_t height = (uint32_t)(inode->map >> 32);
	while (index >= map_span(height)) {
		if (height == MAP_MAX_HEIGHT) return -EFBIG;
		uint32_t root = (uint32_t)inode->map, grown = 0;
		if (root != 0) {
			grown = map_node_new();
			if (grown == 0) return -ENOSPC;
			bfs_store32(&map_node(grown)[0], root);
		}
		bfs_store64(&inode->map, (uint64_t)++height << 32 | grown);
	}
	if (height == 0) {
		bfs_store64(&inode->map, entry);
		return 0;
	}
	uint32_t node = (uint32_t)inode->map;
	if (node == 0) {
		node = map_node_new();
		if (node == 0) return -ENOSPC;
		bfs_store64(&inode->map, (uint64_t)height << 32 | node);
	}
	while (--height > 0) {
		uint32_t *slot = &map_node(node)[map_slot(index, height)];
		if (*slot == 0) {
			uint32_t child = map_node_new();
			if (child == 0) return -ENOSPC;
			bfs_store32(slot, child);
		}
		node = *slot;
	}
	bfs_store32(&map_node(node)[map_slot(index, 0)], entry);
	return 0;
}

static bool map_log_has_room(void) { return bfs_p.control->undo_count < BFS_UNDO_COUNT - 256; }

static bool map_entry_free(struct bfs_inode *inode, uint32_t entry, struct bfs_freed *f) {
	if (!map_log_has_room()) return false;
	if (entry == BFS_MAP_HOLE) return true;
	if (!bfs_page_free(f, entry - 1)) return false;
	bfs_store32(&inode->pages, inode->pages - 1);
	return true;
}

/* Clears [from, to) of the subtree at node; ranges are relative to it. *EMPTIED: the node itself was freed, as its whole span was cleared. */
static bool map_clear_in(struct bfs_inode *inode, uint32_t index, uint32_t height, uint64_t from, uint64_t to, struct bfs_freed *f, bool *emptied) {
	uint32_t *node = map_node(index);
	uint64_t span = map_span(height - 1);
	*emptied = false;
	for (uint64_t i = from / span; i < BFS_MAP_FANOUT && i * span < to; i++) {
		if (node[i] == 0) continue;
		uint64_t low = from > i * span ? from - i * span : 0, high = BFS_MIN(to - i * span, span);
		bool gone = true;
		if (height == 1 ? !map_entry_free(inode, node[i], f) : !map_clear_in(inode, node[i], height - 1, low, high, f, &gone)) return false;
		if (gone) bfs_store32(&node[i], 0);
	}
	if (from == 0 && to >= map_span(height)) {
		map_node_drop(index);
		*emptied = true;
	}
	return true;
}

bool bfs_map_clear(struct bfs_inode *inode, uint64_t from, uint64_t to, struct bfs_freed *f) {
	uint32_t root = (uint32_t)inode->map, height = (uint32_t)(inode->map >> 32);
	to = BFS_MIN(to, map_span(height));
	if (root == 0 || from >= to) return true;
	bool gone = true;
	if (height == 0 ? !map_entry_free(inode, root, f) : !map_clear_in(inode, root, height, from, to, f, &gone)) return false;
	if (gone) bfs_store64(&inode->map, 0);
	return true;
}
