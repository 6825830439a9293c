/* Listing directories with stable cookies. */
#include "image.h"
#include "pool.h"

/* A cookie names the *next* entry: bits 60–62 the phase, below them where in it.
 *   0  "." (0) and ".." (1)
 *   1  entries made in the overlay, newest first: serial << 24 | dentry index. What is made later has a higher serial and is not met, so a loop that makes entries ends.
 *   2  names of the base at their place in the image, whatever became of them: layer << 40 | ordinal. A name keeps its place when a file is renamed over it. */
#define READDIR_PHASE 60u
#define READDIR_PLACE(cookie) ((cookie) & ((1ull << READDIR_PHASE) - 1))
#define READDIR_OVERLAY 1ull
#define READDIR_BASE 2ull
#define READDIR_LAYER 40u

static void readdir_fill(struct bfs_dirent *out, const char *name, size_t len, bfs_node n) {
	const struct bfs_inode *inode = bfs_inode_of(n);
	out->ino = inode != NULL ? inode->ino : n & 0xFFFFFFFFFFFFFFFull;
	out->type = (uint8_t)(bfs_mode_of(n) >> 12 & 15);
	out->name_len = (uint8_t)len;
	memcpy(out->name, name, len);
	out->name[len] = 0;
}

/* From D on, the first entry that phase 1 shows. */
static const struct bfs_dentry *readdir_showing(const struct bfs_dentry *d) {
	for (uint32_t steps = 0; d != NULL && (d->node == 0 || d->over_base); steps++) {
		if (steps > bfs_p.control->dentry_limit) return NULL;
		d = bfs_dentry_at(d->older);
	}
	return d;
}

static uint64_t readdir_overlay_cookie(const struct bfs_dentry *d) {
	if (d == NULL) return READDIR_BASE << READDIR_PHASE;
	return READDIR_OVERLAY << READDIR_PHASE | (d->serial & 0xFFFFFFFFFull) << 24 | bfs_dentry_index(d);
}

/* The entry that a phase 1 cookie names, or the first older one that is left. */
static const struct bfs_dentry *readdir_overlay_at(const struct bfs_inode *dir, uint64_t place) {
	uint64_t serial = place >> 24;
	const struct bfs_dentry *d = bfs_dentry_at((uint32_t)place & 0xFFFFFF);
	if (d != NULL && d->parent == bfs_inode_index(dir) && d->serial == serial) return readdir_showing(d);
	d = bfs_dentry_at(dir->head);
	for (uint32_t steps = 0; d != NULL && d->serial > serial; steps++) {
		if (steps > bfs_p.control->dentry_limit) return NULL;
		d = bfs_dentry_at(d->older);
	}
	return readdir_showing(d);
}

static bool readdir_above(const bfs_node *layers, uint32_t layer, const char *name, size_t len) {
	for (uint32_t i = 0; i < layer; i++) {
		struct bfs_inode_view v;
		uint64_t nid;
		uint8_t type;
		if (bfs_image_inode(layers[i], &v) == 0 && bfs_image_dir_find(&v, name, len, &nid, &type) == 0) return true;
	}
	return false;
}

/* One entry of the base that shows; *PLACE moves past it. */
static long readdir_base(const struct bfs_inode *dir, bfs_node base, uint64_t *place, struct bfs_dirent *out) {
	const bfs_node *layers;
	uint32_t count = bfs_merge_layers(&base, &layers);
	for (uint64_t layer = *place >> READDIR_LAYER; layer < count; layer++, *place = layer << READDIR_LAYER) {
		struct bfs_inode_view v;
		uint64_t ordinal = *place & ((1ull << READDIR_LAYER) - 1), nid;
		const char *name;
		size_t len;
		uint8_t type;
		long r = bfs_image_inode(layers[layer], &v);
		if (r != 0) return r;
		while ((r = bfs_image_dir_next(&v, &ordinal, &name, &len, &nid, &type)) == 1) {
			*place = layer << READDIR_LAYER | ordinal;
			bfs_node n = BFS_IMAGE_NODE(BFS_NODE_LIB(layers[layer]), nid & 0xFFFFFFFFFFFFull);
			const struct bfs_dentry *d = dir != NULL ? bfs_dentry_find(dir, name, len) : NULL;
			if (readdir_above(layers, (uint32_t)layer, name, len) || (d != NULL && d->node == 0)) continue;
			if (d != NULL)
				n = d->node;
			else if (bfs_merge_is_whiteout(n, type))
				continue;
			readdir_fill(out, name, len, bfs_canonical(bfs_merge_first(n)));
			return 1;
		}
		if (r < 0) return r;
	}
	return 0;
}

static long readdir_one(bfs_node n, uint64_t cookie, struct bfs_dirent *out) {
	const struct bfs_inode *dir = bfs_inode_of(n);
	if ((bfs_mode_of(n) & S_IFMT) != S_IFDIR) return dir == NULL && BFS_NODE_KIND(n) != BFS_NODE_IMAGE ? -ENOENT : -ENOTDIR;
	if (dir != NULL && dir->nlink == 0) return -ENOENT;
	bfs_node self = bfs_canonical(n);
	if (cookie == 0) {
		readdir_fill(out, ".", 1, self);
		out->cookie = 1;
		return 1;
	}
	if (cookie == 1) {
		readdir_fill(out, "..", 2, bfs_parent_of(self));
		out->cookie = readdir_overlay_cookie(dir != NULL ? readdir_showing(bfs_dentry_at(dir->head)) : NULL);
		return 1;
	}
	uint64_t phase = cookie >> READDIR_PHASE, place = READDIR_PLACE(cookie);
	if (phase == READDIR_OVERLAY && dir != NULL) {
		const struct bfs_dentry *d = readdir_overlay_at(dir, place);
		if (d != NULL) {
			uint32_t len;
			const char *name = bfs_text_at(d->name, &len);
			readdir_fill(out, name, BFS_MIN(len, BFS_NAME_MAX), bfs_canonical(d->node));
			out->cookie = readdir_overlay_cookie(readdir_showing(bfs_dentry_at(d->older)));
			return 1;
		}
		phase = READDIR_BASE;
		place = 0;
	}
	bfs_node base = dir != NULL ? ((dir->flags & BFS_INODE_OPAQUE) != 0 ? 0 : dir->base) : n;
	if (phase != READDIR_BASE || base == 0) return 0;
	long r = readdir_base(dir, base, &place, out);
	out->cookie = READDIR_BASE << READDIR_PHASE | place;
	return r;
}

long bfs_node_readdir(bfs_node dir, uint64_t *cookie, struct bfs_dirent *out) {
	struct bfs_reader r;
	long result;
	for (bfs_read_start(&r);;) {
		result = readdir_one(dir, *cookie, out);
		if (bfs_read_done(&r)) break;
	}
	if (result == 1) *cookie = out->cookie;
	return result == -ENOENT ? 0 : result; /* a removed directory lists nothing */
}

bool bfs_node_entry(bfs_node dir, bfs_node n, struct bfs_dirent *out) {
	struct bfs_attr a;
	uint64_t cookie = 0;
	if (bfs_node_attr(n, &a) != 0) return false;
	while (bfs_node_readdir(dir, &cookie, out) == 1) {
		bool dots = out->name[0] == '.' && (out->name_len == 1 || (out->name_len == 2 && out->name[1] == '.'));
		if (!dots && out->ino == a.ino && out->type == a.mode >> 12) return true;
	}
	return false;
}
