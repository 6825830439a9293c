/* The difference between the tree at a run's end and the images, as a directory of the host: a library packed from it and listed before theirs gives that tree again. What was removed is
 * there as a whiteout, the character device 0/0 of overlayfs.
 *
 * The exporter is a process that is not armed: it looks at the tree through the nodes, and writes to the host by plain calls below one directory of its own. */
#include "export.h"

#include "image.h"
#include "ops.h"
#include "pool.h"
#include "providers.h"

#include <linux/mman.h>

#define EXPORT_LINKS 65536u /* files with several names of which the first one is remembered */

/* A directory on the way down. On the host it is made when the first thing goes into it. */
struct export_dir {
	struct export_dir *up;
	const char *name;
	int fd;         /* −1: not made yet */
	bfs_node node;  /* as the run left it */
	bfs_node image; /* what the images have in its place, where that is a directory; else 0 */
};

struct export_link {
	uint64_t ino;
	char *path;
};

static struct export_link *export_links; /* NULL: none are remembered */
static uint32_t export_link_count;
BFS_SELDOM static char export_where[BFS_PATH_MAX];

/* ---- names ---- */

/* Path of NAME below the exported root, without a leading slash; 0 where it is too long. */
static size_t export_path(const struct export_dir *dir, const char *name, char *dst, size_t size) {
	size_t at = size - 1, len = strlen(name);
	dst[at] = '\0';
	for (;;) {
		if (len + 1 > at) return 0;
		at -= len;
		memcpy(dst + at, name, len);
		if (dir->up == NULL) break;
		dst[--at] = '/';
		name = dir->name;
		len = strlen(name);
		dir = dir->up;
	}
	memmove(dst, dst + at, size - at);
	return size - at - 1;
}

static long export_failed(const struct export_dir *dir, const char *name, long error) {
	if (export_where[0] == '\0') {
		export_where[0] = '/';
		export_path(dir, name, export_where + 1, sizeof export_where - 1);
	}
	return error;
}

/* ---- directories ---- */

static long export_make(struct export_dir *dir) {
	if (dir->fd >= 0 || dir->up == NULL) return dir->fd;
	long up = export_make(dir->up);
	if (up < 0) return up;
	long r = bfs_raw3(__NR_mkdirat, up, dir->name, 0700);
	if (r == 0 || r == -EEXIST) r = bfs_raw4(__NR_openat, up, dir->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (r >= 0) dir->fd = (int)r;
	return r;
}

/* Made by the file system's own start, not by the run. */
static bool export_of_start(const struct bfs_attr *attr) { return attr->ino >= BFS_OVERLAY_INO && attr->ino < BFS_OVERLAY_INO + bfs_p.control->start_inodes; }

/* Does node N, which is in its old place, differ from the image's in anything but what lies in it? */
static bool export_changed(bfs_node n, const struct bfs_attr *attr) {
	const struct bfs_inode *inode = bfs_inode_of(n);
	struct bfs_attr was;
	if (inode == NULL || inode->base == 0 || bfs_image_attr(inode->base, &was) != 0) return true;
	if (attr->mode != was.mode || attr->uid != was.uid || attr->gid != was.gid || (inode->flags & BFS_INODE_XATTRS) != 0) return true;
	if ((attr->mode & S_IFMT) == S_IFDIR) return false;
	return attr->size != was.size || inode->pages != 0 || inode->base_valid != was.size || attr->mtime_sec != was.mtime_sec || attr->mtime_nsec != was.mtime_nsec;
}

/* ---- files ---- */

static char *export_remembered(uint64_t ino) {
	for (uint32_t i = 0; i < export_link_count; i++)
		if (export_links[i].ino == ino) return export_links[i].path;
	return NULL;
}

static void export_remember(const struct export_dir *dir, const char *name, uint64_t ino) {
	BFS_SELDOM static char path[BFS_PATH_MAX]; /* the stack is for the depth of the tree */
	size_t len = export_path(dir, name, path, sizeof path);
	if (len == 0 || export_links == NULL || export_link_count == EXPORT_LINKS) return; /* its other names become files of their own */
	long at = bfs_raw6(__NR_mmap, 0, len + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at < 0 && at > -4096) return;
	memcpy((char *)at, path, len + 1);
	export_links[export_link_count++] = (struct export_link){ ino, (char *)at };
}

static int export_root_fd(const struct export_dir *dir) {
	while (dir->up != NULL) dir = dir->up;
	return dir->fd;
}

static long export_entry(struct export_dir *dir, const char *name, bfs_node n, const struct bfs_attr *attr) {
	long fd = export_make(dir);
	if (fd < 0) return fd;
	bool several = attr->nlink > 1;
	const char *first = several ? export_remembered(attr->ino) : NULL;
	if (first != NULL) return bfs_raw5(__NR_linkat, export_root_fd(dir), first, fd, name, 0);
	long r = bfs_export_node((int)fd, name, n, attr);
	if (r == 0 && several) export_remember(dir, name, attr->ino);
	return r;
}

/* ---- the difference ---- */

static long export_tree(struct export_dir *dir);

/* What the images have as NAME in the place of DIR; 0: nothing. */
static bfs_node export_image_of(const struct export_dir *dir, const char *name, size_t len, bool *directory) {
	bfs_node found = 0;
	uint8_t type;
	struct bfs_inode_view v;
	*directory = false;
	if (dir->image == 0 || bfs_merge_lookup(dir->image, name, len, &found, &type) != 0) return 0;
	*directory = bfs_image_inode(found, &v) == 0 && (v.mode & S_IFMT) == S_IFDIR;
	return found;
}

/* /dev is the file system's own, and what programs put into /dev/shm is meant for the moment. */
static bool export_is_dev(const struct export_dir *dir, const char *name) { return dir->up == NULL && bfs_str_eq(name, "dev"); }

static long export_one(struct export_dir *dir, const struct bfs_dirent *entry) {
	char name[BFS_NAME_MAX + 1];
	struct bfs_attr attr;
	bfs_node n;
	bool image_directory;
	memcpy(name, entry->name, entry->name_len);
	name[entry->name_len] = '\0';
	if (bfs_node_lookup(dir->node, name, entry->name_len, &n) != 0 || bfs_node_attr(n, &attr) != 0) return 0; /* gone meanwhile */
	if (bfs_node_mount(n) != 0 || export_is_dev(dir, name)) return 0;
	bfs_node image = export_image_of(dir, name, entry->name_len, &image_directory);
	const struct bfs_inode *inode = bfs_inode_of(n);
	bool in_place = image != 0 && (n == image || (inode != NULL && inode->base == image));
	bool wanted = in_place ? n != image && export_changed(n, &attr) : !export_of_start(&attr);
	if ((attr.mode & S_IFMT) != S_IFDIR) return wanted ? export_failed(dir, name, export_entry(dir, name, n, &attr)) : 0;
	struct export_dir child = { .up = dir, .name = name, .fd = -1, .node = n, .image = image_directory ? image : 0 };
	long r = wanted ? export_make(&child) : 0;
	if (r >= 0) r = export_tree(&child);
	if (r == 0 && child.fd >= 0) r = bfs_export_attributes(child.fd, n, &attr);
	if (child.fd >= 0) bfs_host_close(child.fd);
	return r < 0 ? export_failed(dir, name, r) : 0;
}

/* Names that the images have here and the run removed. */
static long export_removed(struct export_dir *dir) {
	const bfs_node *layers;
	uint32_t count = bfs_merge_layers(&dir->image, &layers);
	for (uint32_t i = 0; i < count; i++) {
		struct bfs_inode_view v;
		uint64_t ordinal = 0, nid;
		const char *text;
		size_t len;
		uint8_t type;
		long r = bfs_image_inode(layers[i], &v);
		while (r == 0 && bfs_image_dir_next(&v, &ordinal, &text, &len, &nid, &type) == 1) {
			char name[BFS_NAME_MAX + 1];
			bfs_node found;
			if (len > BFS_NAME_MAX || bfs_merge_lookup(dir->image, text, len, &found, &type) != 0 || bfs_node_lookup(dir->node, text, len, &found) != -ENOENT)
				continue;
			memcpy(name, text, len);
			name[len] = '\0';
			r = export_make(dir);
			if (r >= 0) r = bfs_raw4(__NR_mknodat, r, name, S_IFCHR, 0);
			if (r == -EEXIST) r = 0; /* another library had it too */
			if (r < 0) export_failed(dir, name, r);
		}
		if (r < 0) return r;
	}
	return 0;
}

static long export_tree(struct export_dir *dir) {
	struct bfs_dirent entry;
	uint64_t cookie = 0;
	long r;
	while ((r = bfs_node_readdir(dir->node, &cookie, &entry)) == 1) {
		bool dots = entry.name[0] == '.' && (entry.name_len == 1 || (entry.name_len == 2 && entry.name[1] == '.'));
		long error = dots ? 0 : export_one(dir, &entry);
		if (error < 0) return error;
	}
	return r == 0 && dir->image != 0 ? export_removed(dir) : r;
}

long bfs_export_difference(int fd, char *where, size_t where_size) {
	struct export_dir top = { .name = "", .fd = fd, .node = bfs_node_root(), .image = bfs_merge_root() };
	struct bfs_attr attr;
	export_links = bfs_temp_take(EXPORT_LINKS * sizeof *export_links);
	long r = bfs_export_prepare();
	if (r == 0) r = bfs_node_attr(top.node, &attr);
	if (r == 0) r = export_tree(&top);
	if (r == 0) r = bfs_export_attributes(fd, top.node, &attr);
	bfs_why(where, where_size, export_where, "");
	return r;
}
