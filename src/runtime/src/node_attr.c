/* Attributes of nodes: reading and setting them. */
#include "image.h"
#include "pool.h"

bfs_node bfs_node_root(void) {
	struct bfs_reader r;
	bfs_node root;
	for (bfs_read_start(&r);;) {
		root = bfs_canonical(bfs_merge_root());
		if (bfs_read_done(&r)) return root;
	}
}

long bfs_image_attr(bfs_node n, struct bfs_attr *out) {
	struct bfs_inode_view v;
	long error = bfs_image_inode(n, &v);
	if (error != 0) return error;
	const bfs_node *layers;
	bool merged = (v.mode & S_IFMT) == S_IFDIR && bfs_merge_layers(&n, &layers) > 1;
	/* st_ino: unique over the libraries. A merged directory counts no subdirectories (nlink 1), as overlayfs has it. */
	*out = (struct bfs_attr){ .mode = v.mode,
		.uid = v.uid,
		.gid = v.gid,
		.nlink = merged ? 1 : v.nlink,
		.ino = n & 0xFFFFFFFFFFFFFFFull,
		.size = v.size,
		.rdev = v.rdev,
		.atime_sec = v.mtime,
		.mtime_sec = v.mtime,
		.ctime_sec = v.mtime,
		.btime_sec = v.mtime,
		.atime_nsec = v.mtime_nsec,
		.mtime_nsec = v.mtime_nsec,
		.ctime_nsec = v.mtime_nsec,
		.btime_nsec = v.mtime_nsec,
		.blocks = (v.size + 511) / 512,
		.mount_id = BFS_MOUNT_ID,
		.owner_is_starter = true };
	return 0;
}

static void attr_of_inode(const struct bfs_inode *i, struct bfs_attr *out) {
	out->mode = i->mode;
	out->uid = i->uid;
	out->gid = i->gid;
	out->nlink = i->nlink;
	out->ino = i->ino;
	out->size = __atomic_load_n(&i->size, __ATOMIC_RELAXED);
	out->rdev = i->rdev;
	out->atime_sec = bfs_time_unpack(i->atime, &out->atime_nsec);
	out->mtime_sec = bfs_time_unpack(i->mtime, &out->mtime_nsec);
	out->ctime_sec = bfs_time_unpack(i->ctime, &out->ctime_nsec);
	out->btime_sec = bfs_time_unpack(i->btime, &out->btime_nsec);
	out->blocks = (uint64_t)i->pages * (BFS_PAGE_SIZE / 512);
	if (i->base != 0) out->blocks = BFS_MAX(out->blocks, (i->base_valid + 511) / 512);
	out->mount_id = BFS_MOUNT_ID;
	out->owner_is_starter = i->base != 0 && (i->flags & BFS_INODE_OWNED) == 0;
}

long bfs_node_attr(bfs_node n, struct bfs_attr *out) {
	struct bfs_reader r;
	bool image;
	long error;
	for (bfs_read_start(&r);;) {
		const struct bfs_inode *inode = bfs_inode_of(n);
		error = 0;
		image = inode == NULL;
		if (!image)
			attr_of_inode(inode, out);
		else if (BFS_NODE_KIND(n) != BFS_NODE_IMAGE)
			error = -ENOENT;
		if (bfs_read_done(&r)) break;
	}
	return error == 0 && image ? bfs_image_attr(n, out) : error;
}

uint32_t bfs_mode_of(bfs_node n) {
	const struct bfs_inode *inode = bfs_inode_of(n);
	struct bfs_inode_view v;
	if (inode != NULL) return inode->mode;
	return bfs_image_inode(n, &v) == 0 ? v.mode : 0;
}

uint32_t bfs_node_mount(bfs_node n) {
	if (BFS_NODE_KIND(n) == BFS_NODE_IMAGE && __atomic_load_n(&bfs_p.control->image_inodes, __ATOMIC_RELAXED) == 0) return 0;
	struct bfs_reader r;
	uint32_t mount;
	for (bfs_read_start(&r);;) {
		const struct bfs_inode *inode = bfs_inode_of(n);
		mount = inode != NULL ? inode->mount : 0;
		if (bfs_read_done(&r)) return mount;
	}
}

static long attr_readlink_image(bfs_node n, char *dst, size_t size) {
	struct bfs_inode_view v;
	uint64_t at, len;
	long error = bfs_image_inode(n, &v);
	if (error != 0) return error;
	if ((v.mode & S_IFMT) != S_IFLNK) return -EINVAL;
	if (v.size == 0) return 0;
	error = bfs_image_extent(&v, 0, &at, &len);
	if (error != 0 || at == BFS_IMAGE_HOLE) return error != 0 ? error : -EUCLEAN;
	size = BFS_MIN(size, len);
	memcpy(dst, v.image->base + at, size);
	return (long)size;
}

long bfs_node_readlink(bfs_node n, char *dst, size_t size) {
	struct bfs_reader r;
	long result;
	bfs_node base;
	for (bfs_read_start(&r);;) {
		const struct bfs_inode *inode = bfs_inode_of(n);
		base = inode != NULL ? inode->base : n;
		result = 0;
		if (base == 0 && inode != NULL) {
			uint32_t len;
			const char *body = bfs_text_at(inode->body, &len);
			result = (inode->mode & S_IFMT) == S_IFLNK ? (long)BFS_MIN(len, size) : -EINVAL;
			if (result > 0) memcpy(dst, body, (size_t)result);
		}
		if (bfs_read_done(&r)) break;
	}
	return base == 0 ? result : attr_readlink_image(base, dst, size);
}

long bfs_node_setattr(bfs_node n, const struct bfs_setattr *set) {
	long error = 0;
	uint64_t now = bfs_time_now();
	bfs_change_begin();
	struct bfs_inode *inode = bfs_inode_own(n, &error);
	if (inode != NULL) {
		if ((set->mask & BFS_SET_MODE) != 0) bfs_store32(&inode->mode, (inode->mode & S_IFMT) | (set->mode & 07777));
		if ((set->mask & BFS_SET_UID) != 0) bfs_store32(&inode->uid, set->uid);
		if ((set->mask & BFS_SET_GID) != 0) bfs_store32(&inode->gid, set->gid);
		if ((set->mask & (BFS_SET_MODE | BFS_SET_UID | BFS_SET_GID)) != 0) bfs_store32(&inode->flags, inode->flags | BFS_INODE_OWNED);
		if ((set->mask & BFS_SET_ATIME) != 0) bfs_store64(&inode->atime, bfs_time_pack(set->atime_sec, set->atime_nsec));
		if ((set->mask & BFS_SET_MTIME) != 0) bfs_store64(&inode->mtime, bfs_time_pack(set->mtime_sec, set->mtime_nsec));
		bfs_entry_touch(inode, false, now);
	}
	return bfs_change_end(error);
}
