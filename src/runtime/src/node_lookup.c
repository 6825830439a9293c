/* Finding nodes: children, parents, and the path of a directory. */
#include "image.h"
#include "pool.h"

long bfs_node_lookup(bfs_node dir, const char *name, size_t len, bfs_node *out) {
	struct bfs_reader r;
	long error;
	if (len > BFS_NAME_MAX) return -ENAMETOOLONG;
	for (bfs_read_start(&r);;) {
		error = bfs_child(dir, name, len, out);
		if (bfs_read_done(&r)) return error;
	}
}

bfs_node bfs_parent_of(bfs_node dir) {
	const struct bfs_inode *inode = bfs_inode_of(dir);
	if (inode == NULL) return BFS_NODE_KIND(dir) == BFS_NODE_IMAGE ? bfs_canonical(bfs_merge_parent(dir)) : dir;
	if (inode->parent != 0) return bfs_canonical(inode->parent);
	return inode->base != 0 ? bfs_canonical(bfs_merge_parent(inode->base)) : dir;
}

bfs_node bfs_node_parent(bfs_node dir) {
	struct bfs_reader r;
	bfs_node parent;
	for (bfs_read_start(&r);;) {
		parent = bfs_parent_of(dir);
		if (bfs_read_done(&r)) return parent;
	}
}

/* Name of image directory N in the directory above it. */
static long lookup_image_name(bfs_node n, const char **name, size_t *len) {
	bfs_node parent = bfs_merge_parent(n);
	const bfs_node *layers;
	uint32_t count = bfs_merge_layers(&parent, &layers);
	for (uint32_t i = 0; i < count; i++) {
		struct bfs_inode_view v;
		uint64_t ordinal = 0, nid;
		uint8_t type;
		if (bfs_image_inode(layers[i], &v) != 0) continue;
		while (bfs_image_dir_next(&v, &ordinal, name, len, &nid, &type) == 1) {
			if (bfs_merge_first(BFS_IMAGE_NODE(BFS_NODE_LIB(layers[i]), nid & 0xFFFFFFFFFFFFull)) == n) return 0;
		}
	}
	return -ENOENT;
}

static long lookup_dir_name(bfs_node dir, const char **name, size_t *len) {
	const struct bfs_inode *inode = bfs_inode_of(dir);
	if (inode == NULL) return BFS_NODE_KIND(dir) == BFS_NODE_IMAGE ? lookup_image_name(dir, name, len) : -ENOENT;
	if (inode->nlink == 0) return -ENOENT;
	if (inode->dentry == 0) return inode->base != 0 ? lookup_image_name(inode->base, name, len) : -ENOENT;
	const struct bfs_dentry *d = bfs_dentry_at(inode->dentry);
	uint32_t size;
	if (d == NULL || d->parent == 0) return -ENOENT;
	*name = bfs_text_at(d->name, &size);
	*len = size;
	return 0;
}

/* Writes the path right-aligned into DST; *START is where it begins. */
static long lookup_path_backwards(bfs_node dir, char *dst, size_t size, size_t *start) {
	size_t at = size - 1;
	dst[at] = 0;
	bfs_node root = bfs_canonical(bfs_merge_root());
	for (dir = bfs_canonical(dir); dir != root;) {
		const char *name;
		size_t len;
		long error = lookup_dir_name(dir, &name, &len);
		if (error != 0) return error;
		if (len == 0 || len + 1 > at) return -ERANGE;
		at -= len;
		memcpy(dst + at, name, len);
		dst[--at] = '/';
		dir = bfs_parent_of(dir);
	}
	if (at == size - 1) {
		if (at == 0) return -ERANGE;
		dst[--at] = '/';
	}
	*start = at;
	return 0;
}

long bfs_node_dir_path(bfs_node dir, char *dst, size_t size) {
	struct bfs_reader r;
	size_t start = 0;
	long error;
	if (size == 0) return -ERANGE;
	for (bfs_read_start(&r);;) {
		error = lookup_path_backwards(dir, dst, size, &start);
		if (bfs_read_done(&r)) break;
	}
	if (error != 0) return error;
	memmove(dst, dst + start, size - start);
	return (long)(size - start - 1);
}
