/* Making, linking and removing names. */
#include "image.h"
#include "pool.h"

/* The overlay inode of a directory that takes or gives entries. */
static struct bfs_inode *create_in(bfs_node dir, long *error) {
	struct bfs_inode *d = bfs_inode_own(dir, error);
	if (d == NULL) return NULL;
	if ((d->mode & S_IFMT) != S_IFDIR)
		*error = -ENOTDIR;
	else if (d->nlink == 0)
		*error = -ENOENT;
	return *error == 0 ? d : NULL;
}

static struct bfs_inode *create_inode(const struct bfs_new *what, long *error) {
	struct bfs_inode *inode = bfs_inode_new(error);
	if (inode == NULL) return NULL;
	bool directory = (what->mode & S_IFMT) == S_IFDIR;
	inode->mode = what->mode;
	inode->uid = what->uid;
	inode->gid = what->gid;
	inode->rdev = what->rdev;
	inode->nlink = directory ? 2 : 1;
	inode->atime = inode->mtime = inode->ctime = inode->btime = bfs_time_now();
	if (what->symlink != NULL) {
		inode->size = what->symlink_len;
		inode->body = bfs_text_new(what->symlink, what->symlink_len);
		*error = inode->body != 0 ? 0 : -ENOSPC;
	}
	return *error == 0 ? inode : NULL;
}

long bfs_create_locked(bfs_node dir, const char *name, size_t len, const struct bfs_new *what, bfs_node *out) {
	long error = 0;
	bfs_node existing;
	struct bfs_inode *d = create_in(dir, &error);
	if (d == NULL) return error;
	error = bfs_child(bfs_inode_node(d), name, len, &existing);
	if (error != -ENOENT) return error == 0 ? -EEXIST : error;
	error = 0;
	struct bfs_inode *inode = create_inode(what, &error);
	if (inode == NULL) return error;
	bool directory = (what->mode & S_IFMT) == S_IFDIR;
	if ((d->mode & S_ISGID) != 0) {
		inode->gid = d->gid;
		inode->mode |= directory ? S_ISGID : 0;
	}
	*out = bfs_inode_node(inode);
	error = bfs_entry_add(d, name, len, *out, inode->mode);
	bfs_entry_touch(d, true, inode->btime);
	if (directory) bfs_entry_count_subdir(d, 1);
	return error;
}

/* Tries again once when the overlay was full and room was found. */
static bool create_again(long error, int *round) { return error == -ENOSPC && (*round)++ == 0 && bfs_ofd_sweep(); }

long bfs_node_create(bfs_node dir, const char *name, size_t len, const struct bfs_new *what, bfs_node *out) {
	if (len > BFS_NAME_MAX) return -ENAMETOOLONG;
	long error;
	int round = 0;
	do {
		bfs_change_begin();
		error = bfs_change_end(bfs_create_locked(dir, name, len, what, out));
	} while (create_again(error, &round));
	return error;
}

long bfs_node_create_anonymous(const struct bfs_new *what, bool linkable, bfs_node *out) {
	long error;
	int round = 0;
	do {
		error = 0;
		bfs_change_begin();
		struct bfs_inode *inode = create_inode(what, &error);
		if (inode != NULL) {
			inode->nlink = 0;
			if (linkable) bfs_store32(&inode->flags, inode->flags | BFS_INODE_ANONYMOUS);
			*out = bfs_inode_node(inode);
		}
		error = bfs_change_end(error);
	} while (create_again(error, &round));
	return error;
}

static long create_link(bfs_node dir, const char *name, size_t len, bfs_node target) {
	long error = 0;
	bfs_node existing;
	uint64_t now = bfs_time_now();
	struct bfs_inode *d = create_in(dir, &error);
	struct bfs_inode *inode = d != NULL ? bfs_inode_own(target, &error) : NULL;
	if (inode == NULL) return error;
	if ((inode->mode & S_IFMT) == S_IFDIR) return -EPERM;
	error = bfs_child(bfs_inode_node(d), name, len, &existing);
	if (error != -ENOENT) return error == 0 ? -EEXIST : error;
	if (inode->nlink == 0 && (inode->flags & BFS_INODE_ANONYMOUS) == 0) return -ENOENT;
	if (inode->nlink >= 65000) return -EMLINK;
	bfs_store32(&inode->nlink, inode->nlink + 1);
	bfs_store32(&inode->flags, inode->flags & ~(uint32_t)BFS_INODE_ANONYMOUS);
	bfs_entry_touch(inode, false, now);
	bfs_entry_touch(d, true, now);
	return bfs_entry_add(d, name, len, bfs_inode_node(inode), inode->mode);
}

long bfs_node_link(bfs_node dir, const char *name, size_t len, bfs_node target) {
	if (len > BFS_NAME_MAX) return -ENAMETOOLONG;
	bfs_change_begin();
	return bfs_change_end(create_link(dir, name, len, target));
}

static long create_unlink(bfs_node dir, const char *name, size_t len, bool directory) {
	bfs_node victim;
	long error = bfs_child(dir, name, len, &victim);
	if (error != 0) return error;
	const struct bfs_inode *inode = bfs_inode_of(victim);
	bool is_directory = (bfs_mode_of(victim) & S_IFMT) == S_IFDIR;
	if (directory != is_directory) return directory ? -ENOTDIR : -EISDIR;
	if (inode != NULL && inode->mount != 0) return -EBUSY;
	error = directory ? bfs_entry_dir_empty(victim) : 0;
	struct bfs_inode *d = error == 0 ? create_in(dir, &error) : NULL;
	if (d == NULL) return error;
	uint64_t now = bfs_time_now();
	error = bfs_entry_remove(d, name, len);
	if (error == 0) error = bfs_entry_unlinked(victim, directory, now);
	bfs_entry_touch(d, true, now);
	if (directory) bfs_entry_count_subdir(d, -1);
	return error;
}

long bfs_node_unlink(bfs_node dir, const char *name, size_t len, bool directory) {
	if (len > BFS_NAME_MAX) return -ENAMETOOLONG;
	bfs_change_begin();
	return bfs_change_end(create_unlink(dir, name, len, directory));
}

static long create_mount(bfs_node dir, const char *name, size_t len, uint32_t mount, bool directory, bfs_node *out) {
	bfs_node existing;
	long error = bfs_child(dir, name, len, &existing);
	if (error == -ENOENT) {
		struct bfs_new what = { .mode = directory ? S_IFDIR | 0755 : S_IFREG | 0644 };
		error = bfs_create_locked(dir, name, len, &what, out);
	} else if (error == 0 && directory && (bfs_mode_of(existing) & S_IFMT) == S_IFDIR) {
		*out = existing;
	} else if (error == 0) {
		bool was_directory = (bfs_mode_of(existing) & S_IFMT) == S_IFDIR;
		struct bfs_new what = { .mode = directory ? S_IFDIR | 0755 : S_IFREG | 0644 };
		struct bfs_inode *d = create_in(dir, &error);
		if (d != NULL) error = bfs_entry_remove(d, name, len);
		if (error == 0 && was_directory) bfs_entry_count_subdir(d, -1);
		if (error == 0) error = bfs_create_locked(dir, name, len, &what, out);
	}
	struct bfs_inode *inode = error == 0 ? bfs_inode_own(*out, &error) : NULL;
	if (inode == NULL) return error;
	bfs_store32(&inode->mount, mount + 1);
	*out = bfs_inode_node(inode);
	return 0;
}

long bfs_node_create_mount(bfs_node dir, const char *name, size_t len, uint32_t mount, bool directory, bfs_node *out) {
	if (len > BFS_NAME_MAX) return -ENAMETOOLONG;
	bfs_change_begin();
	return bfs_change_end(create_mount(dir, name, len, mount, directory, out));
}
