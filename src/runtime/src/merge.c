/* Several libraries as one tree: which directories are merged, computed once at the start. For a file the first listed library wins; a whiteout hides what lies below it. */
#include "image.h"
#include "pool.h"

#define MERGE_DIR 2u /* EROFS file types */
#define MERGE_CHAR 3u

bool bfs_merge_is_whiteout(bfs_node n, uint8_t type) {
	struct bfs_inode_view v;
	return type == MERGE_CHAR && bfs_image_inode(n, &v) == 0 && (v.mode & S_IFMT) == S_IFCHR && v.rdev == 0;
}

static struct bfs_merge_slot *merge_slot(bfs_node key) {
	uint64_t mask = bfs_p.control->merge_slot_mask;
	uint64_t at = (key ^ key >> 32) * 0x9E3779B97F4A7C15ull >> 20;
	for (uint64_t i = 0; i <= mask; i++) {
		struct bfs_merge_slot *s = &bfs_p.merge_slots[(at + i) & mask];
		if (s->key == key || s->key == 0) return s;
	}
	return NULL;
}

uint32_t bfs_merge_layers(const bfs_node *n, const bfs_node **layers) {
	if (bfs_image_count > 1) {
		const struct bfs_merge_slot *s = merge_slot(*n);
		if (s != NULL && s->key == *n) {
			*layers = &bfs_p.merge_words[s->group + 1];
			return (uint32_t)bfs_p.merge_words[s->group];
		}
	}
	*layers = n;
	return 1;
}

bfs_node bfs_merge_first(bfs_node n) {
	const bfs_node *layers;
	bfs_merge_layers(&n, &layers);
	return layers[0];
}

static long merge_layer_find(bfs_node layer, const char *name, size_t len, bfs_node *out, uint8_t *type) {
	struct bfs_inode_view v;
	uint64_t nid;
	long error = bfs_image_inode(layer, &v);
	if (error == 0) error = bfs_image_dir_find(&v, name, len, &nid, type);
	if (error == 0) *out = BFS_IMAGE_NODE(BFS_NODE_LIB(layer), nid & 0xFFFFFFFFFFFFull);
	return error;
}

long bfs_merge_lookup(bfs_node dir, const char *name, size_t len, bfs_node *out, uint8_t *type) {
	const bfs_node *layers;
	uint32_t count = bfs_merge_layers(&dir, &layers);
	for (uint32_t i = 0; i < count; i++) {
		long error = merge_layer_find(layers[i], name, len, out, type);
		if (error == -ENOENT) continue;
		if (error == 0 && bfs_merge_is_whiteout(*out, *type)) return -ENOENT;
		if (error == 0 && *type == MERGE_DIR) *out = bfs_merge_first(*out);
		return error;
	}
	return -ENOENT;
}

bfs_node bfs_merge_root(void) { return BFS_IMAGE_NODE(0, bfs_images[0].root_nid); }

bfs_node bfs_merge_parent(bfs_node n) {
	bfs_node parent;
	uint8_t type;
	if (n == bfs_merge_root() || merge_layer_find(n, "..", 2, &parent, &type) != 0) return n;
	return bfs_merge_first(parent);
}

static bool merge_is_opaque(bfs_node dir) {
	const uint8_t *value;
	return (bfs_image_getxattr(dir, "trusted.overlay.opaque", &value) == 1 && *value == 'y') ||
	       (bfs_image_getxattr(dir, "user.overlay.opaque", &value) == 1 && *value == 'y');
}

/* Records a merged directory. False when the table is full. A directory that is already in it (a damaged image) stays as it is: so the work ends. */
static bool merge_add(const bfs_node *nodes, uint32_t count) {
	struct bfs_control *c = bfs_p.control;
	for (uint32_t i = 0; i < count; i++) {
		struct bfs_merge_slot *s = merge_slot(nodes[i]);
		if (s == NULL || s->key != 0) return s != NULL;
	}
	/* A quarter of the slots stays empty, so that a search for what is absent ends soon. */
	if (count + 1 > c->merge_word_limit - c->merge_word_count || c->merge_word_count + count > c->merge_slot_mask / 4 * 3) return false;
	uint64_t group = c->merge_word_count;
	bfs_p.merge_words[group] = count;
	for (uint32_t i = 0; i < count; i++) {
		struct bfs_merge_slot *s = merge_slot(nodes[i]);
		bfs_p.merge_words[group + 1 + i] = nodes[i];
		if (s->key == 0) *s = (struct bfs_merge_slot){ .key = nodes[i], .group = group };
	}
	c->merge_word_count += count + 1;
	return true;
}

/* The directories called NAME from layer FROM on, until something else of that name hides the rest. */
static bool merge_child(const bfs_node *layers, uint32_t count, uint32_t from, const char *name, size_t len) {
	bfs_node found[BFS_MAX_LIBS];
	uint32_t n = 0;
	for (uint32_t i = from; i < count && n < BFS_MAX_LIBS; i++) {
		bfs_node child;
		uint8_t type;
		long error = merge_layer_find(layers[i], name, len, &child, &type);
		if (error == -ENOENT) continue;
		if (error != 0 || type != MERGE_DIR) break;
		found[n++] = child;
		if (merge_is_opaque(child)) break;
	}
	return n < 2 || merge_add(found, n);
}

static bool merge_group(const bfs_node *layers, uint32_t count) {
	for (uint32_t i = 0; i + 1 < count; i++) {
		struct bfs_inode_view v;
		if (bfs_image_inode(layers[i], &v) != 0) continue;
		uint64_t ordinal = 0, nid;
		const char *name;
		size_t len;
		uint8_t type;
		while (bfs_image_dir_next(&v, &ordinal, &name, &len, &nid, &type) == 1) {
			bool above = false;
			for (uint32_t k = 0; k < i && !above; k++) {
				bfs_node other;
				uint8_t other_type;
				above = merge_layer_find(layers[k], name, len, &other, &other_type) == 0;
			}
			if (type == MERGE_DIR && !above && !merge_child(layers, count, i, name, len)) return false;
		}
	}
	return true;
}

long bfs_merge_build(char *why, size_t why_size) {
	if (bfs_image_count < 2) return 0;
	bfs_node roots[BFS_MAX_LIBS];
	uint32_t count = 0;
	while (count < bfs_image_count) {
		roots[count] = BFS_IMAGE_NODE(count, bfs_images[count].root_nid);
		if (merge_is_opaque(roots[count++])) break;
	}
	if (count > 1) merge_add(roots, count);
	/* The table is its own queue: groups found are appended and visited in turn. */
	for (uint64_t at = 0; at < bfs_p.control->merge_word_count; at += bfs_p.merge_words[at] + 1) {
		if (!merge_group(&bfs_p.merge_words[at + 1], (uint32_t)bfs_p.merge_words[at])) {
			bfs_why(why, why_size, "too many directories are in several libraries", "");
			return -ENOSPC;
		}
	}
	return 0;
}
