/* Which files the mappings of libraries and the pool show. The kernel knows the library and a place in it; /proc/PID/maps is to name the file, as profilers, debuggers and programs that look for their own libraries
 * there expect. Of a library the tree notes it when a file is first mapped, up to BFS_MAPPED_LIMIT runs; of two files with the same content, which may share it, the one that was mapped first. */
#include "image.h"
#include "pool.h"

#define MAPPED_RUNS 16u /* of a file; one has several where it has holes */

static const struct bfs_mapped *mapped_at(uint32_t lib, uint64_t at) {
	uint32_t count = BFS_MIN(__atomic_load_n(&bfs_p.control->mapped_count, __ATOMIC_ACQUIRE), BFS_MAPPED_LIMIT);
	for (const struct bfs_mapped *m = bfs_p.mapped; m < bfs_p.mapped + count; m++)
		if (m->lib == lib && at - m->at < m->size) return m;
	return NULL;
}

static bool mapped_full(void) { return __atomic_load_n(&bfs_p.control->mapped_count, __ATOMIC_RELAXED) >= BFS_MAPPED_LIMIT; }

/* In a transaction. */
static void mapped_add(const struct bfs_mapped *new) {
	struct bfs_control *c = bfs_p.control;
	if (mapped_full()) return;
	struct bfs_mapped *m = &bfs_p.mapped[c->mapped_count];
	bfs_store64(&m->at, new->at);
	bfs_store64(&m->size, new->size);
	bfs_store64(&m->offset, new->offset);
	bfs_store64(&m->node, new->node);
	bfs_store32(&m->lib, new->lib);
	bfs_store32(&m->path, new->path);
	bfs_store32(&c->mapped_count, c->mapped_count + 1);
}

/* In a transaction: the runs of an image file. */
static void mapped_add_runs(const struct bfs_inode_view *v, struct bfs_mapped *m) {
	uint64_t len;
	for (uint32_t i = 0; i < MAPPED_RUNS && m->offset < v->size; i++, m->offset += len) {
		if (bfs_image_extent(v, m->offset, &m->at, &len) != 0) return;
		if (m->at == BFS_IMAGE_HOLE || m->at % BFS_PAGE_SIZE != 0 || m->offset % BFS_PAGE_SIZE != 0) continue;
		m->at += v->image->file_offset;
		m->size = (len + BFS_PAGE_SIZE - 1) & ~(uint64_t)(BFS_PAGE_SIZE - 1);
		mapped_add(m);
	}
}

/* The image node under a description's node, or 0. */
static bfs_node mapped_base(const struct bfs_ofd *ofd) {
	struct bfs_reader r;
	bfs_node base = 0;
	for (bfs_read_start(&r);;) {
		const struct bfs_inode *inode = bfs_inode_of(ofd->node);
		base = inode != NULL ? inode->base : ofd->node;
		if (bfs_read_done(&r)) break;
	}
	return BFS_NODE_KIND(base) == BFS_NODE_IMAGE ? base : 0;
}

void bfs_mapped_note(const struct bfs_ofd *ofd) {
	struct bfs_mapped m = { .node = mapped_base(ofd) };
	struct bfs_inode_view v;
	char path[BFS_PATH_MAX];
	uint64_t len;
	if (mapped_full() || m.node == 0 || bfs_image_inode(m.node, &v) != 0 || v.size == 0 || bfs_image_extent(&v, 0, &m.at, &len) != 0 || m.at == BFS_IMAGE_HOLE)
		return;
	m.lib = (uint32_t)(v.image - bfs_images);
	uint64_t first = v.image->file_offset + m.at;
	if (m.at % BFS_PAGE_SIZE != 0 || mapped_at(m.lib, first) != NULL) return;
	long path_len = bfs_ofd_path(ofd, path, sizeof path);
	if (path_len <= 0) return;
	bfs_change_begin();
	if (!mapped_full() && mapped_at(m.lib, first) == NULL) m.path = bfs_text_new(path, (size_t)path_len);
	if (m.path != 0) mapped_add_runs(&v, &m);
	bfs_change_end(0);
}

bool bfs_mapped_find(uint32_t lib, uint64_t at, struct bfs_mapped_file *out) {
	struct bfs_mapped m = { 0 };
	struct bfs_reader r;
	struct bfs_attr attr;
	for (bfs_read_start(&r);;) {
		const struct bfs_mapped *found = mapped_at(lib, at);
		m = (struct bfs_mapped){ 0 };
		if (found != NULL) m = *found;
		uint32_t len;
		const char *text = bfs_text_at(m.path, &len);
		len = BFS_MIN(len, (uint32_t)sizeof out->path - 1);
		memcpy(out->path, text, len);
		out->path[len] = 0;
		if (bfs_read_done(&r)) break;
	}
	if (m.path == 0 || bfs_node_attr(m.node, &attr) != 0) return false;
	out->offset = m.offset + (at - m.at);
	out->ino = attr.ino;
	return true;
}

/* The path by which the image file under overlay node N was first mapped. */
static bool mapped_base_path(bfs_node n, struct bfs_mapped_file *out) {
	struct bfs_ofd ofd = { .node = n };
	struct bfs_inode_view v;
	bfs_node base = mapped_base(&ofd);
	uint64_t at, len;
	return base != 0 && bfs_image_inode(base, &v) == 0 && v.size != 0 && bfs_image_extent(&v, 0, &at, &len) == 0 && at != BFS_IMAGE_HOLE &&
	       bfs_mapped_find((uint32_t)(v.image - bfs_images), v.image->file_offset + at, out);
}

bool bfs_mapped_find_pool(uint64_t at, bfs_node *last, struct bfs_mapped_file *out) {
	struct bfs_attr attr;
	bfs_node n;
	uint64_t offset;
	bfs_node known = *last;
	*last = BFS_NODE_NONE;
	if (!bfs_node_page_owner(at, known, &n, &offset) || bfs_node_attr(n, &attr) != 0) return false;
	if (n != known && bfs_node_file_path(n, out->path, sizeof out->path) < 0 && !mapped_base_path(n, out)) return false;
	*last = n;
	out->offset = offset;
	out->ino = attr.ino;
	return true;
}
