/* Where an open file description stands: its location and its path. */
#include "pool.h"

long bfs_ofd_loc(const struct bfs_ofd *ofd, struct bfs_loc *out) {
	struct bfs_reader r;
	uint32_t len;
	const char *text;
	long error = 0;
	out->kind = (enum bfs_loc_kind)ofd->kind;
	out->parent = ofd->parent;
	out->mount = ofd->mount;
	out->trailing_slash = out->last_is_dot = out->magic = false;
	out->name_len = 0;
	out->name[0] = out->rel[0] = 0;
	out->node = 0;
	if (out->kind != BFS_LOC_NODE) {
		for (bfs_read_start(&r);;) { /* a rename may give it another text */
			text = bfs_text_at(ofd->rel, &len);
			error = len < BFS_PATH_MAX ? 0 : -ENAMETOOLONG;
			if (error == 0) memcpy(out->rel, text, len);
			if (bfs_read_done(&r)) break;
		}
		out->rel[error == 0 ? len : 0] = 0;
		return error;
	}
	text = bfs_text_at(ofd->rel, &len);
	for (bfs_read_start(&r);;) {
		const struct bfs_inode *inode = bfs_inode_of(ofd->node);
		out->node = inode != NULL ? bfs_inode_node(inode) : ofd->node;
		if (bfs_read_done(&r)) break;
	}
	if (len > 0 && len <= BFS_NAME_MAX) {
		memcpy(out->name, text, len);
		out->name_len = (uint8_t)len;
	}
	out->name[out->name_len] = 0;
	return 0;
}

struct ofd_text {
	char *dst;
	size_t size, len;
};

static bool ofd_put(struct ofd_text *t, const char *s, size_t len) {
	if (len >= t->size - t->len) return false;
	memcpy(t->dst + t->len, s, len);
	t->len += len;
	t->dst[t->len] = 0;
	return true;
}

static bfs_node ofd_node(const struct bfs_ofd *ofd) {
	bfs_node node;
	struct bfs_reader r;
	for (bfs_read_start(&r);;) {
		node = bfs_canonical(ofd->node);
		if (bfs_read_done(&r)) return node;
	}
}

bool bfs_ofd_name(const struct bfs_ofd *ofd, struct bfs_dirent *entry) {
	uint32_t len;
	bfs_node node = ofd_node(ofd);
	const char *text = bfs_text_at(ofd->rel, &len);
	bfs_node found;
	if (len > 0 && len <= BFS_NAME_MAX && bfs_node_lookup(ofd->parent, text, len, &found) == 0 && found == node) {
		memcpy(entry->name, text, len);
		entry->name_len = (uint8_t)len;
		return true;
	}
	return bfs_node_entry(ofd->parent, node, entry);
}

static long ofd_node_path(const struct bfs_ofd *ofd, struct ofd_text *t) {
	struct bfs_attr a;
	bfs_node node = ofd_node(ofd);
	if (bfs_node_attr(node, &a) != 0) return -ENOENT;
	bool directory = (a.mode & S_IFMT) == S_IFDIR;
	long len = bfs_node_dir_path(directory ? node : ofd->parent, t->dst, t->size);
	if (len == -ERANGE) return len;
	t->len = len > 0 ? (size_t)len : 0;
	if (directory && len > 0) return 0;
	struct bfs_dirent entry;
	bool slash = t->len == 0 || t->dst[t->len - 1] != '/', known = len > 0 && ofd->parent != 0 && bfs_ofd_name(ofd, &entry);
	if (slash && !ofd_put(t, "/", 1)) return -ERANGE;
	if (known) return ofd_put(t, entry.name, entry.name_len) ? 0 : -ERANGE;
	/* Removed: the name it had, or its number where it never had one. */
	uint32_t name_len;
	const char *name = bfs_text_at(ofd->rel, &name_len);
	char number[24] = "#";
	if (name_len == 0) {
		name = number;
		name_len = 1 + (uint32_t)bfs_u64_text(number + 1, a.ino & 0xFFFFFFFF);
	}
	return ofd_put(t, name, name_len) && ofd_put(t, " (deleted)", 10) ? 0 : -ERANGE;
}

long bfs_ofd_path(const struct bfs_ofd *ofd, char *dst, size_t size) {
	struct ofd_text t = { dst, size, 0 };
	if (size == 0) return -ERANGE;
	dst[0] = 0;
	long error = 0;
	if (ofd->kind == BFS_LOC_NODE) {
		error = ofd_node_path(ofd, &t);
	} else {
		const struct bfs_mount *mount = bfs_mount_get(ofd->mount);
		const char *guest = mount != NULL ? bfs_pool_text(mount->guest) : "", *rel = bfs_pool_text(ofd->rel);
		bool slash = *rel != 0 && !(guest[0] == '/' && guest[1] == 0);
		if (!ofd_put(&t, guest, strlen(guest)) || (slash && !ofd_put(&t, "/", 1)) || !ofd_put(&t, rel, strlen(rel))) error = -ERANGE;
	}
	return error != 0 ? error : (long)t.len;
}
