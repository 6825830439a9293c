/* Checks every invariant of a quiescent pool: what is allocated is referred to exactly once, counts are right, what is free reads as zeros. */
#include "core_test.h"

static int check_errors;
static bool check_links;     /* names and link counts too: an image that tells lies about them breaks these alone */
static uint8_t *check_units; /* text cells: one mark a unit */
static uint8_t *check_pages, *check_nodes;

static void check_fail(const char *what, uint64_t a, uint64_t b) {
	if (check_errors++ < 20) fprintf(stderr, "pool check: %s (%llu, %llu)\n", what, (unsigned long long)a, (unsigned long long)b);
}

static void check_text(uint32_t text, uint32_t class, const char *what) {
	for (uint32_t i = 0; i < 1u << class; i++) {
		if (text + i >= bfs_p.control->text_top || check_units[text + i]++ != 0) {
			check_fail(what, text, class);
			return;
		}
	}
}

static void check_used_text(uint32_t text, const char *what) {
	uint32_t class = 0;
	if (text == 0) return;
	while ((16ull << class) < sizeof(struct bfs_text) + bfs_text_header(text)->size + 1ull) class ++;
	check_text(text, class, what);
}

static uint32_t check_map(uint32_t entry, uint32_t height) {
	uint32_t pages = 0;
	if (entry == 0) return 0;
	if (height == 0) {
		if (entry == BFS_MAP_HOLE) return 0;
		if (entry - 1 >= bfs_p.control->page_limit || check_pages[entry - 1]++ != 0)
			check_fail("page referred to twice or out of range", entry - 1, 0);
		else if ((bfs_p.used[(entry - 1) / 64] >> ((entry - 1) % 64) & 1) == 0)
			check_fail("page in use is marked free", entry - 1, 0);
		return 1;
	}
	if (entry >= bfs_p.control->map_top || check_nodes[entry]++ != 0) {
		check_fail("map node referred to twice or out of range", entry, height);
		return 0;
	}
	for (uint32_t i = 0; i < BFS_MAP_FANOUT; i++) pages += check_map(((uint32_t *)(bfs_p.maps + (uint64_t)entry * 512))[i], height - 1);
	return pages;
}

static void check_inode(const struct bfs_inode *inode) {
	uint32_t index = bfs_inode_index(inode);
	if (check_map((uint32_t)inode->map, (uint32_t)(inode->map >> 32)) != inode->pages) check_fail("count of pages", index, inode->pages);
	check_used_text(inode->body, "body");
	for (uint32_t x = inode->xattrs; x != 0; x = bfs_text_header(x)->next) check_used_text(x, "xattr");
	if (inode->base_valid > inode->size) check_fail("base_valid beyond size", index, inode->base_valid);
	if (inode->base != 0 && bfs_inode_of(inode->base) != inode) check_fail("not found by its image node", index, inode->base);
	uint32_t names = 0, subdirs = 0, holds = 0, newer = 0;
	for (uint32_t i = 1; i < bfs_p.control->dentry_top; i++) names += bfs_p.dentries[i].parent != 0 && bfs_p.dentries[i].node == bfs_inode_node(inode);
	for (uint32_t d = inode->head; d != 0 && check_errors < 100; newer = d, d = bfs_p.dentries[d].older) {
		const struct bfs_dentry *e = &bfs_p.dentries[d];
		uint32_t len;
		const char *name = bfs_text_at(e->name, &len);
		if (e->parent != index || e->newer != newer) check_fail("directory list", index, d);
		if (bfs_dentry_find(inode, name, len) != e) check_fail("entry is not found by name", index, d);
		if (check_links && e->node != 0 && BFS_NODE_KIND(e->node) == BFS_NODE_OVERLAY && bfs_inode_of(e->node) == NULL)
			check_fail("entry leads to a freed inode", index, d);
		subdirs += e->node != 0 && (bfs_mode_of(e->node) & S_IFMT) == S_IFDIR;
	}
	for (uint32_t row = 0, i; (i = bfs_ofd_index(bfs_ofd_stripe(inode->ino), row)) < bfs_p.control->ofd_top; row++)
		holds += (bfs_p.ofds[i].state & 3) == 2 && bfs_p.ofds[i].kind == BFS_LOC_NODE && bfs_p.ofds[i].node == bfs_inode_node(inode);
	if (holds != inode->holds) check_fail("holds", inode->holds, holds);
	if (!check_links) return;
	if ((inode->mode & S_IFMT) != S_IFDIR && inode->base == 0 && names != inode->nlink) check_fail("nlink", inode->nlink, names);
	if ((inode->mode & S_IFMT) == S_IFDIR && inode->base == 0 && inode->nlink != 0 && inode->nlink != 2 + subdirs)
		check_fail("nlink of directory", inode->nlink, 2 + subdirs);
	if (inode->nlink == 0 && inode->holds == 0 && (inode->flags & (BFS_INODE_ORPHAN | BFS_INODE_ANONYMOUS)) == 0)
		check_fail("unreachable inode", index, inode->flags);
}

static void check_tables(void) {
	const struct bfs_control *c = bfs_p.control;
	uint32_t used = 0, free = 0, steps = 0;
	for (uint32_t i = 1; i < c->inode_top; i++) {
		if ((bfs_p.inodes[i].flags & BFS_INODE_USED) != 0) {
			used++;
			check_inode(&bfs_p.inodes[i]);
		}
	}
	for (uint32_t i = c->inode_free; i != 0 && steps++ < c->inode_limit; i = bfs_p.inodes[i].next, free++) {
		if (bfs_p.inodes[i].flags != 0) check_fail("free inode has flags", i, bfs_p.inodes[i].flags);
	}
	if (used != c->inode_count || used + free + 1 != c->inode_top) check_fail("inode counts", used, free);
	used = free = steps = 0;
	for (uint32_t i = 1; i < c->dentry_top; i++) {
		if (bfs_p.dentries[i].parent != 0) {
			used++;
			check_used_text(bfs_p.dentries[i].name, "name");
			if ((bfs_p.inodes[bfs_p.dentries[i].parent].flags & BFS_INODE_USED) == 0) check_fail("entry in a freed directory", i, 0);
		}
	}
	for (uint32_t i = c->dentry_free; i != 0 && steps++ < c->dentry_limit; i = bfs_p.dentries[i].chain) free++;
	if (used + free + 1 != c->dentry_top) check_fail("dentry counts", used, free);
	for (uint32_t i = c->map_free; i != 0; i = *(uint32_t *)(bfs_p.maps + (uint64_t)i * 512)) {
		if (check_nodes[i]++ != 0) {
			check_fail("map node free twice or in use", i, 0);
			break;
		}
	}
	for (uint32_t i = 1; i < c->map_top; i++) {
		if (check_nodes[i] != 1) check_fail("map node lost", i, check_nodes[i]);
	}
}

static void check_texts(void) {
	const struct bfs_control *c = bfs_p.control;
	for (uint32_t i = 0; i < c->ofd_top; i++) check_used_text(bfs_p.ofds[i].rel, "string of a description");
	for (uint32_t class = 0; class < BFS_TEXT_CLASSES; class ++) {
		for (uint32_t t = c->text_free[class]; t != 0 && check_errors < 20; t = bfs_text_header(t)->next) check_text(t, class, "free text");
	}
	for (uint32_t i = 1; i < c->text_top; i++) {
		if (check_units[i] != 1) {
			check_fail("text lost", i, check_units[i]);
			break;
		}
	}
}

static void check_free_pages(void) {
	const struct bfs_control *c = bfs_p.control;
	uint32_t used = 0;
	for (uint32_t i = 0; i < c->page_limit; i++) {
		bool bit = (bfs_p.used[i / 64] >> (i % 64) & 1) != 0;
		used += bit;
		if (bit != (check_pages[i] != 0)) check_fail("page lost", i, bit);
	}
	if (used != c->pages_used) check_fail("pages_used", used, c->pages_used);
	uint64_t end = bfs_page_offset(c->page_limit);
	for (uint64_t at = c->data_offset; at < end;) {
		long data = bfs_raw3(__NR_lseek, bfs_fd(BFS_FD_POOL), at, 3 /* SEEK_DATA */);
		if (data < 0) break;
		uint32_t page = (uint32_t)(((uint64_t)data - c->data_offset) / BFS_PAGE_SIZE);
		if (check_pages[page] == 0 && (bfs_p.dirty[page / 64] >> (page % 64) & 1) == 0) check_fail("free clean page has data", page, 0);
		at = bfs_page_offset(page + 1);
	}
}

static int check_pool(bool links) {
	bfs_pool_lock();
	check_links = links;
	const struct bfs_control *c = bfs_p.control;
	check_errors = 0;
	check_units = calloc(c->text_limit, 1);
	check_pages = calloc(c->page_limit, 1);
	check_nodes = calloc(c->map_limit, 1);
	if (c->undo_count != 0 || (c->sequence & 1) != 0) check_fail("transaction open", c->undo_count, c->sequence);
	check_tables();
	check_texts();
	check_free_pages();
	free(check_units);
	free(check_pages);
	free(check_nodes);
	bfs_pool_unlock();
	return check_errors;
}

int bfs_pool_check(void) { return check_pool(true); }
int bfs_pool_check_damaged(void) { return check_pool(false); }
