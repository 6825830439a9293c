/* Path resolution over images, overlay, host paths and /proc. */
#include "pool.h"

#define PATH_MAX_LINKS 40

struct path_walk {
	struct bfs_loc *at;   /* where the walk stands */
	struct bfs_attr attr; /* of a node */
	bool directory;       /* of a HOST or PROC place */
	uint32_t flags;
	int dirfd, links;
	size_t rest;           /* what is left of the path, in TEXT */
	size_t name, name_len; /* the current component */
	bool last, trailing;
	/* The path is put into the second half; a symlink's body goes before what is left. */
	char text[2 * BFS_PATH_MAX];
};

/* ---- places ---- */

static long path_at_node(struct path_walk *w, bfs_node n) {
	w->at->kind = BFS_LOC_NODE;
	w->at->node = n;
	return bfs_node_attr(n, &w->attr);
}

static long path_at_mount(struct path_walk *w, uint32_t mount) {
	const struct bfs_mount *m = bfs_mount_get(mount);
	if ((w->flags & BFS_WALK_NO_XDEV) != 0) return -EXDEV;
	w->at->kind = m->is_proc ? BFS_LOC_PROC : BFS_LOC_HOST;
	w->at->node = 0;
	w->at->mount = mount;
	w->at->rel[0] = 0;
	w->directory = m->directory || m->is_proc;
	return 0;
}

static long path_at_start(struct path_walk *w) {
	if (w->dirfd != AT_FDCWD && bfs_fd_reserved(w->dirfd)) return -EBADF;
	int fd = w->dirfd == AT_FDCWD ? bfs_fd(BFS_FD_CWD) : w->dirfd;
	const struct bfs_ofd *ofd = bfs_ofd_of(fd, NULL);
	if (ofd == NULL) return bfs_raw2(__NR_fcntl, fd, F_GETFD) < 0 ? -EBADF : -ENOTDIR;
	long error = bfs_ofd_loc(ofd, w->at);
	if (error != 0) return error;
	w->directory = true;
	return w->at->kind == BFS_LOC_NODE ? path_at_node(w, w->at->node) : 0;
}

static long path_at_root(struct path_walk *w) {
	if ((w->flags & BFS_WALK_BENEATH) != 0) return -EXDEV;
	if ((w->flags & BFS_WALK_IN_ROOT) != 0) return path_at_start(w);
	bool crossed = w->at->kind != BFS_LOC_NODE && (w->flags & BFS_WALK_NO_XDEV) != 0;
	return crossed ? -EXDEV : path_at_node(w, bfs_node_root());
}

/* Does the walk stand where it began? Asked only for RESOLVE_BENEATH and RESOLVE_IN_ROOT. */
static bool path_is_start(const struct path_walk *w) {
	int fd = w->dirfd == AT_FDCWD ? bfs_fd(BFS_FD_CWD) : w->dirfd;
	const struct bfs_ofd *ofd = bfs_ofd_of(fd, NULL);
	if (ofd == NULL || ofd->kind != w->at->kind) return false;
	if (ofd->kind != BFS_LOC_NODE) return ofd->mount == w->at->mount && bfs_str_eq(bfs_pool_text(ofd->rel), w->at->rel);
	struct bfs_attr a;
	return bfs_node_attr(ofd->node, &a) == 0 && a.ino == w->attr.ino;
}

/* ---- symlinks ---- */

/* A body of LEN bytes at the start of TEXT is to be walked before what is left. */
static long path_insert(struct path_walk *w, size_t len) {
	if (len == 0) return -ENOENT;
	if (len > w->rest) return -ENAMETOOLONG;
	memmove(w->text + w->rest - len, w->text, len);
	w->rest -= len;
	w->at->parent = 0;
	w->at->name_len = 0;
	return w->text[w->rest] == '/' ? path_at_root(w) : 0;
}

static long path_count_link(struct path_walk *w) {
	if ((w->flags & BFS_WALK_NO_SYMLINKS) != 0) return -ELOOP;
	return ++w->links > PATH_MAX_LINKS ? -ELOOP : 0;
}

static bool path_follows(const struct path_walk *w) {
	if (!w->last) return true;
	return (w->flags & BFS_WALK_FOLLOW) != 0 || (w->trailing && (w->flags & BFS_WALK_PARENT) == 0);
}

/* ---- steps ---- */

/* May the walk go below the place where it stands? */
static long path_enter(const struct path_walk *w) {
	if (w->at->kind != BFS_LOC_NODE) return w->directory ? 0 : -ENOTDIR;
	if ((w->attr.mode & S_IFMT) != S_IFDIR) return -ENOTDIR;
	return bfs_permission(&w->attr, 1, true);
}

/* 0: go on; 1: the walk is complete. */
static long path_down_node(struct path_walk *w) {
	struct bfs_loc *at = w->at;
	bfs_node parent = at->node, child;
	memcpy(at->name, w->text + w->name, w->name_len);
	at->name[w->name_len] = 0;
	at->name_len = (uint8_t)w->name_len;
	at->parent = parent;
	long error = bfs_node_lookup(parent, at->name, w->name_len, &child);
	if (error == -ENOENT && w->last && (w->flags & BFS_WALK_CREATE) != 0) {
		at->node = 0;
		return 1;
	}
	struct bfs_attr attr;
	if (error == 0) error = bfs_node_attr(child, &attr);
	if (error != 0) return error;
	if ((attr.mode & S_IFMT) == S_IFLNK && path_follows(w)) {
		error = path_count_link(w);
		if (error != 0) return error;
		long len = bfs_node_readlink(child, w->text, BFS_MIN(w->rest, BFS_PATH_MAX));
		if (len < 0) return len;
		bfs_node_accessed(child);
		return path_insert(w, (size_t)len);
	}
	uint32_t mount = bfs_node_mount(child);
	if (mount != 0) return path_at_mount(w, mount - 1);
	at->node = child;
	w->attr = attr;
	return 0;
}

static long path_follow_magic(struct path_walk *w) {
	if ((w->flags & (BFS_WALK_NO_MAGICLINKS | BFS_WALK_NO_SYMLINKS)) != 0) return -ELOOP;
	if ((w->flags & (BFS_WALK_BENEATH | BFS_WALK_IN_ROOT | BFS_WALK_NO_XDEV)) != 0) return -EXDEV;
	if (++w->links > PATH_MAX_LINKS) return -ELOOP;
	/* The link's own place lies in the location that the target is written to. */
	size_t len = strlen(w->at->rel);
	if (len >= w->rest) return -ENAMETOOLONG;
	memcpy(w->text, w->at->rel, len + 1);
	long r = bfs_procfs_follow(w->at->mount, w->text, w->at);
	if (r < 0) return r;
	if (r == 1) return w->last && !w->trailing ? 1 : -ENOTDIR;
	w->directory = true; /* the provider tells at the next step */
	return w->at->kind == BFS_LOC_NODE ? path_at_node(w, w->at->node) : 0;
}

static long path_down_provider(struct path_walk *w) {
	struct bfs_loc *at = w->at;
	const struct bfs_provider *provider = bfs_provider_of(at->kind);
	size_t old = strlen(at->rel), len = old;
	if (old + w->name_len + 2 > BFS_PATH_MAX) return -ENAMETOOLONG;
	if (len > 0) at->rel[len++] = '/';
	memcpy(at->rel + len, w->text + w->name, w->name_len);
	at->rel[len + w->name_len] = 0;
	at->parent = 0;
	uint32_t nested = bfs_mount_nested(at->mount, at->rel);
	if (nested != 0) return path_at_mount(w, nested - 1);
	uint32_t mode = 0;
	size_t link_len = 0;
	bool follows = path_follows(w);
	long r = provider->probe(at->mount, at->rel, &mode, follows ? w->text : NULL, BFS_MIN(w->rest, BFS_PATH_MAX), &link_len);
	if (r == -ENOENT && w->last && (w->flags & BFS_WALK_CREATE) != 0) return 1;
	if (r < 0) return r;
	w->directory = (mode & S_IFMT) == S_IFDIR;
	if ((mode & S_IFMT) != S_IFLNK || !follows) return 0;
	if (r == 1) return path_follow_magic(w);
	r = path_count_link(w);
	at->rel[old] = 0;
	w->directory = true;
	return r != 0 ? r : path_insert(w, link_len);
}

/* Above the root of a mount: the directory that it stands in, by its path from the root. */
static long path_up_from_mount(struct path_walk *w) {
	const char *guest = bfs_pool_text(bfs_mount_get(w->at->mount)->guest);
	size_t len = strlen(guest);
	if ((w->flags & BFS_WALK_NO_XDEV) != 0) return -EXDEV;
	while (len > 0 && guest[len - 1] != '/') len--;
	/* "DIRNAME/." keeps its being a dot component. */
	if (len + 1 > w->rest) return -ENAMETOOLONG;
	memcpy(w->text, guest, len);
	w->text[len] = '.';
	return path_insert(w, len + 1);
}

static long path_up(struct path_walk *w) {
	struct bfs_loc *at = w->at;
	if ((w->flags & (BFS_WALK_BENEATH | BFS_WALK_IN_ROOT)) != 0 && path_is_start(w)) return (w->flags & BFS_WALK_BENEATH) != 0 ? -EXDEV : 0;
	if (at->kind == BFS_LOC_NODE) return path_at_node(w, bfs_node_parent(at->node));
	size_t len = strlen(at->rel);
	if (len == 0) return path_up_from_mount(w);
	while (len > 0 && at->rel[len - 1] != '/') len--;
	at->rel[len > 0 ? len - 1 : 0] = 0;
	return 0;
}

/* Finds the next component; false at the end of the path. */
static bool path_next(struct path_walk *w) {
	const char *t = w->text;
	while (t[w->rest] == '/') w->rest++;
	if (t[w->rest] == 0) return false;
	w->name = w->rest;
	while (t[w->rest] != 0 && t[w->rest] != '/') w->rest++;
	w->name_len = w->rest - w->name;
	size_t after = w->rest;
	while (t[after] == '/') after++;
	w->last = t[after] == 0;
	w->trailing = w->last && after != w->rest;
	return true;
}

static long path_step(struct path_walk *w) {
	const char *name = w->text + w->name;
	struct bfs_loc *at = w->at;
	long r = path_enter(w);
	if (r != 0) return r;
	at->last_is_dot = name[0] == '.' && (w->name_len == 1 || (w->name_len == 2 && name[1] == '.'));
	at->trailing_slash = w->trailing;
	if (at->last_is_dot) {
		at->parent = 0;
		at->name_len = 0;
		return w->name_len == 2 ? path_up(w) : 0;
	}
	if (w->trailing && (w->flags & (BFS_WALK_CREATE | BFS_WALK_PARENT)) == BFS_WALK_CREATE) return -EISDIR; /* whatever is there (open_last_lookups) */
	if (w->name_len > BFS_NAME_MAX) return -ENAMETOOLONG;
	return at->kind == BFS_LOC_NODE ? path_down_node(w) : path_down_provider(w);
}

long bfs_walk(int dirfd, const char *user_path, uint32_t flags, struct bfs_loc *out) {
	struct path_walk w;
	w.at = out;
	w.flags = flags;
	w.dirfd = dirfd;
	w.links = 0;
	w.rest = BFS_PATH_MAX;
	w.trailing = w.directory = false;
	out->kind = BFS_LOC_NODE;
	out->node = out->parent = 0;
	out->mount = 0;
	out->trailing_slash = out->last_is_dot = out->magic = false;
	out->name_len = 0;
	out->name[0] = out->rel[0] = 0;
	long r = 0;
	if (user_path != NULL || (flags & BFS_WALK_EMPTY) == 0)
		r = bfs_copy_str(w.text + BFS_PATH_MAX, user_path, BFS_PATH_MAX);
	else
		w.text[BFS_PATH_MAX] = 0; /* AT_EMPTY_PATH with a null pointer */
	if (r < 0) return r;
	if (r == 0) return (flags & BFS_WALK_EMPTY) != 0 ? path_at_start(&w) : -ENOENT;
	r = w.text[BFS_PATH_MAX] == '/' ? path_at_root(&w) : path_at_start(&w);
	if (r != 0) return r;
	out->parent = 0;
	out->name_len = 0;
	while (path_next(&w)) {
		r = path_step(&w);
		if (r < 0) return r;
		if (r == 1) return 0;
	}
	bool directory = out->kind == BFS_LOC_NODE ? (w.attr.mode & S_IFMT) == S_IFDIR : w.directory;
	if (directory || !w.trailing) return 0;
	/* What would be made is there, whatever it is (filename_create); who renames or removes judges what there is. */
	return (flags & (BFS_WALK_CREATE | BFS_WALK_PARENT)) == (BFS_WALK_CREATE | BFS_WALK_PARENT) ? 0 : -ENOTDIR;
}
