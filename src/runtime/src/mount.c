/* The mount table: which places of the guest's tree belong to the host or to /proc. It is written while the first process starts and read-only afterwards. */
#include "providers.h"

const struct bfs_mount *bfs_mount_get(uint32_t index) { return &bfs_pool_mounts()->entries[index]; }

uint32_t bfs_mount_count(void) { return bfs_pool_mounts()->count; }

/* What of PATH follows PREFIX and a slash; "" where they are equal; NULL where PATH is not within PREFIX. */
static const char *mount_below(const char *path, const char *prefix) {
	if (!bfs_starts_with(path, prefix)) return NULL;
	path += strlen(prefix);
	return *path == '\0' ? path : *path == '/' ? path + 1 : NULL;
}

uint32_t bfs_mount_nested(uint32_t mount, const char *rel) {
	const struct bfs_mount *outer = bfs_mount_get(mount);
	if (!outer->has_nested || rel[0] == '\0') return 0;
	const char *outer_guest = bfs_pool_text(outer->guest);
	for (uint32_t i = 0; i < bfs_mount_count(); i++) {
		const char *rest = i == mount ? NULL : mount_below(bfs_pool_text(bfs_mount_get(i)->guest), outer_guest);
		if (rest != NULL && bfs_str_eq(rest, rel)) return i + 1;
	}
	return 0;
}

long bfs_mount_guest_path(const char *host_path, char *dst, size_t size) {
	const struct bfs_mount *best = NULL;
	const char *best_rest = NULL;
	size_t best_len = 0;
	for (uint32_t i = 0; i < bfs_mount_count(); i++) {
		const struct bfs_mount *m = bfs_mount_get(i);
		const char *host = bfs_pool_text(m->host);
		const char *rest = mount_below(host_path, host);
		if (rest != NULL && strlen(host) >= best_len) {
			best = m;
			best_rest = rest;
			best_len = strlen(host);
		}
	}
	if (best == NULL) return -ENOENT;
	return bfs_join(dst, size, bfs_pool_text(best->guest), best_rest[0] == '\0' ? "" : "/", best_rest, NULL);
}

/* Directory at PATH, made where it is missing; a symlink on the way leads where it leads. NODE is 0 where it lies inside another mount. */
static long mount_make_directory(const char *path, bfs_node *node, struct bfs_loc *loc) {
	long r = bfs_walk(AT_FDCWD, path, BFS_WALK_FOLLOW | BFS_WALK_CREATE, loc);
	*node = 0;
	if (r < 0) return r;
	if (loc->kind == BFS_LOC_HOST) {
		/* Nothing is made on the host, and a mount below what is not there could not be reached. */
		uint32_t mode;
		size_t link_len;
		r = bfs_hostfs.probe(loc->mount, loc->rel, &mode, NULL, 0, &link_len);
		return r == 0 && BFS_S_TYPE(mode) != S_IFDIR ? -ENOTDIR : r;
	}
	if (loc->kind == BFS_LOC_PROC) return -EINVAL;
	if (loc->node != 0) {
		struct bfs_attr attr;
		r = bfs_node_attr(loc->node, &attr);
		*node = loc->node;
		return r == 0 && BFS_S_TYPE(attr.mode) != S_IFDIR ? -ENOTDIR : r;
	}
	struct bfs_new what = { .mode = S_IFDIR | 0755, .uid = bfs_fs_uid(), .gid = bfs_fs_gid() };
	return bfs_node_create(loc->parent, loc->name, loc->name_len, &what, node);
}

/* PARENT is the directory in which the last component of GUEST, at NAME_AT, stands; its missing ancestors are made. LOC is the parent's where it lies inside another mount. */
static long mount_make_parent(const char *guest, size_t name_at, bfs_node *parent, struct bfs_loc *loc) {
	char path[BFS_PATH_MAX];
	*parent = bfs_node_root();
	loc->kind = BFS_LOC_NODE;
	for (size_t i = 1; i < name_at; i++) {
		if (guest[i] != '/') continue;
		memcpy(path, guest, i);
		path[i] = '\0';
		long r = mount_make_directory(path, parent, loc);
		if (r < 0) return r;
	}
	return 0;
}

long bfs_mount_directory(const char *guest) {
	struct bfs_loc loc;
	bfs_node node;
	size_t len = strlen(guest);
	long r = mount_make_parent(guest, len, &node, &loc);
	return r < 0 || loc.kind != BFS_LOC_NODE ? r : mount_make_directory(guest, &node, &loc);
}

/* The true path of the mount point, free of symlinks, as a pool string; 0 where the pool is full or the path too long. */
static uint32_t mount_canonical(bfs_node parent, const char *name) {
	char dir[BFS_PATH_MAX], path[BFS_PATH_MAX];
	if (bfs_node_dir_path(parent, dir, sizeof dir) < 0) return 0;
	long len = bfs_join(path, sizeof path, bfs_str_eq(dir, "/") ? "" : dir, "/", name, NULL);
	return len < 0 ? 0 : bfs_pool_string(path, (size_t)len);
}

/* Marks which mounts have others beneath, now that INDEX is there. */
static void mount_mark_nested(struct bfs_mount_table *table, uint32_t index) {
	const char *guest = bfs_pool_text(table->entries[index].guest);
	for (uint32_t i = 0; i < table->count; i++) {
		if (i == index) continue;
		const char *other = bfs_pool_text(table->entries[i].guest);
		if (mount_below(guest, other) != NULL) table->entries[i].has_nested = true;
		if (mount_below(other, guest) != NULL) table->entries[index].has_nested = true;
	}
}

long bfs_mount_add(const char *guest, const char *host, uint32_t flags) {
	struct bfs_mount_table *table = bfs_pool_mounts();
	if (table->count == BFS_MAX_MOUNTS) return -ENOSPC;
	size_t name_at = 0;
	for (size_t i = 0; guest[i] != '\0'; i++)
		if (guest[i] == '/') name_at = i + 1;
	size_t name_len = strlen(guest + name_at);
	if (guest[0] != '/' || name_len == 0 || strlen(guest) >= BFS_PATH_MAX) return -EINVAL;
	if (name_len > BFS_NAME_MAX) return -ENAMETOOLONG;
	bfs_node parent, node;
	struct bfs_loc loc;
	long r = mount_make_parent(guest, name_at, &parent, &loc);
	if (r < 0) return r;
	uint32_t index = table->count;
	table->entries[index] = (struct bfs_mount){
		.host = bfs_pool_string(host, strlen(host)),
		.volume = (flags & BFS_MOUNT_VOLUME) != 0,
		.is_proc = (flags & BFS_MOUNT_PROC) != 0,
		.directory = (flags & (BFS_MOUNT_DIRECTORY | BFS_MOUNT_ABSENT)) != 0,
		.read_only = (flags & BFS_MOUNT_READ_ONLY) != 0,
	};
	struct bfs_mount *m = &table->entries[index];
	if (loc.kind == BFS_LOC_NODE) {
		m->guest = mount_canonical(parent, guest + name_at);
		if (m->guest != 0 && m->host != 0)
			r = bfs_node_create_mount(parent, guest + name_at, name_len, index, (flags & BFS_MOUNT_DIRECTORY) != 0, &node);
	} else {
		/* Inside another mount there are no nodes: the walk finds this one by its path. */
		m->guest = bfs_pool_string(guest, strlen(guest));
	}
	if (m->guest == 0 || m->host == 0) r = -ENOSPC;
	if (r < 0) return r;
	table->count++;
	mount_mark_nested(table, index);
	return 0;
}
