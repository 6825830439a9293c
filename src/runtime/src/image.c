/* One EROFS image: superblock, inodes and where their data lies. */
#include "image.h"
#include "pool.h"

struct bfs_image bfs_images[BFS_MAX_LIBS];
uint32_t bfs_image_count;

static bool image_inside(uint64_t limit, uint64_t at, uint64_t size) { return at <= limit && size <= limit - at; }

long bfs_image_attach(uint32_t index, const uint8_t *base, uint64_t size, uint64_t file_offset, const char **reason) {
	struct erofs_super sb;
	*reason = "it is too short";
	if (size < BFS_BLOCK_SIZE || size % BFS_BLOCK_SIZE != 0) return -EUCLEAN;
	memcpy(&sb, base + EROFS_SUPER_OFFSET, sizeof sb);
	*reason = "its superblock is damaged";
	if (sb.magic != EROFS_MAGIC || sb.blkszbits != BFS_BLOCK_BITS || sb.dirblkbits != 0 || sb.extra_devices != 0) return -EUCLEAN;
	*reason = "it uses EROFS features that are not supported (compression, devices)";
	if ((sb.feature_incompat & ~(EROFS_FEATURE_INCOMPAT_CHUNKED_FILE | 1u)) != 0) /* bit 0 concerns compressed files alone */
		return -EUCLEAN;
	bfs_images[index] = (struct bfs_image){ .base = base,
		.size = size,
		.file_offset = file_offset,
		.meta = (uint64_t)sb.meta_blkaddr << BFS_BLOCK_BITS,
		.shared_xattrs = (uint64_t)sb.xattr_blkaddr << BFS_BLOCK_BITS,
		.build_time = (int64_t)sb.build_time,
		.build_nsec = sb.build_time_nsec,
		.root_nid = sb.root_nid };
	bfs_image_count = BFS_MAX(bfs_image_count, index + 1);
	struct bfs_inode_view root;
	*reason = "its root directory is damaged";
	if (bfs_image_inode(BFS_IMAGE_NODE(index, sb.root_nid), &root) != 0 || (root.mode & S_IFMT) != S_IFDIR) return -EUCLEAN;
	return 0;
}

/* EROFS keeps device numbers in the kernel's "new" encoding, which is that of st_rdev for the values it can hold. */
static void image_view_fields(struct bfs_inode_view *v, const uint8_t *p, bool extended) {
	if (extended) {
		struct erofs_inode i;
		memcpy(&i, p, sizeof i);
		v->mode = i.mode;
		v->size = i.size;
		v->u = i.u;
		v->uid = i.uid;
		v->gid = i.gid;
		v->mtime = (int64_t)i.mtime;
		v->mtime_nsec = i.mtime_nsec < 1000000000u ? i.mtime_nsec : 0;
		v->nlink = i.nlink;
		return;
	}
	/* Compact inode (32 bytes): format, xattr_icount, mode, nlink, size32, reserved, u, ino, uid16, gid16, reserved. */
	uint16_t h[16];
	memcpy(h, p, sizeof h);
	v->mode = h[2];
	v->nlink = h[3];
	v->size = h[4] | (uint64_t)h[5] << 16;
	v->u = h[8] | (uint32_t)h[9] << 16;
	v->uid = h[12];
	v->gid = h[13];
	v->mtime = v->image->build_time;
	v->mtime_nsec = v->image->build_nsec < 1000000000u ? v->image->build_nsec : 0;
}

long bfs_image_inode(bfs_node n, struct bfs_inode_view *v) {
	uint32_t lib = BFS_NODE_LIB(n);
	if (BFS_NODE_KIND(n) != BFS_NODE_IMAGE || lib >= bfs_image_count) return -ENOENT;
	const struct bfs_image *image = &bfs_images[lib];
	uint64_t nid = BFS_NODE_NID(n);
	if (nid > image->size / EROFS_SLOT_SIZE) return -EUCLEAN;
	uint64_t at = image->meta + nid * EROFS_SLOT_SIZE;
	if (!image_inside(image->size, at, 32)) return -EUCLEAN;
	uint16_t head[2];
	memcpy(head, image->base + at, sizeof head);
	bool extended = (head[0] & 1) != 0;
	uint64_t inode_size = extended ? 64 : 32;
	if (!image_inside(image->size, at, inode_size)) return -EUCLEAN;
	v->image = image;
	v->nid = nid;
	v->at = at;
	v->layout = (uint32_t)head[0] >> 1 & 7;
	v->xattr_size = head[1] == 0 ? 0 : (uint32_t)(sizeof(struct erofs_xattr_ibody) + (head[1] - 1u) * 4);
	v->inline_at = at + inode_size + v->xattr_size;
	if (v->inline_at > image->size) return -EUCLEAN;
	image_view_fields(v, image->base + at, extended);
	v->rdev = 0;
	uint32_t type = v->mode & S_IFMT;
	if (type == S_IFCHR || type == S_IFBLK) v->rdev = v->u;
	if (v->size > BFS_MAX_IMAGE_FILE || v->layout == 1 || v->layout == 3 || v->layout > 4) return -EUCLEAN;
	return 0;
}

static long image_chunk_extent(const struct bfs_inode_view *v, uint64_t offset, uint64_t *at, uint64_t *len) {
	uint32_t bits = BFS_BLOCK_BITS + (v->u & EROFS_CHUNK_FORMAT_BLKBITS_MASK);
	uint64_t index = offset >> bits, entry = (v->u & EROFS_CHUNK_FORMAT_INDEXES) != 0 ? 8 : 4;
	uint64_t table = (v->inline_at + entry - 1) & ~(entry - 1);
	if (table > v->image->size || index >= (v->image->size - table) / entry) return -EUCLEAN;
	uint32_t address;
	memcpy(&address, v->image->base + table + index * entry + entry - 4, 4);
	uint64_t inside = offset & ((1ull << bits) - 1);
	*len = BFS_MIN((1ull << bits) - inside, v->size - offset);
	*at = address == EROFS_NULL_ADDR ? BFS_IMAGE_HOLE : ((uint64_t)address << BFS_BLOCK_BITS) + inside;
	return 0;
}

long bfs_image_extent(const struct bfs_inode_view *v, uint64_t offset, uint64_t *at, uint64_t *len) {
	uint64_t tail = v->size & ~(uint64_t)(BFS_BLOCK_SIZE - 1);
	if (v->layout == EROFS_LAYOUT_CHUNK_BASED) {
		long error = image_chunk_extent(v, offset, at, len);
		if (error != 0) return error;
	} else if (v->layout == EROFS_LAYOUT_FLAT_INLINE && offset >= tail) {
		*at = v->inline_at + (offset - tail);
		*len = v->size - offset;
	} else {
		*at = v->u == EROFS_NULL_ADDR ? BFS_IMAGE_HOLE : ((uint64_t)v->u << BFS_BLOCK_BITS) + offset;
		*len = (v->layout == EROFS_LAYOUT_FLAT_INLINE ? tail : v->size) - offset;
	}
	if (*at != BFS_IMAGE_HOLE && !image_inside(v->image->size, *at, *len)) return -EUCLEAN;
	return 0;
}

/* From this size on the kernel's read-ahead is worth a system call. */
#define IMAGE_PREAD_MIN (256u * 1024)

static long image_copy(const struct bfs_inode_view *v, uint8_t *dst, uint64_t at, uint64_t len) {
	if (at == BFS_IMAGE_HOLE) return bfs_zero_out(dst, len);
	if (len >= IMAGE_PREAD_MIN) return bfs_raw4(__NR_pread64, bfs_fd(BFS_FD_LIBS) + (int)(v->image - bfs_images), dst, len, v->image->file_offset + at);
	return bfs_copy_out(dst, v->image->base + at, len) == 0 ? (long)len : -EFAULT;
}

long bfs_image_read(bfs_node n, void *user_dst, uint64_t size, uint64_t offset) {
	struct bfs_inode_view v;
	long error = bfs_image_inode(n, &v);
	if (error != 0) return error;
	if (offset >= v.size) return 0;
	size = BFS_MIN(size, v.size - offset);
	uint64_t done = 0;
	while (done < size) {
		uint64_t at, len;
		error = bfs_image_extent(&v, offset + done, &at, &len);
		if (error == 0) {
			len = BFS_MIN(len, size - done);
			long got = image_copy(&v, (uint8_t *)user_dst + done, at, len);
			if (got < 0) {
				error = got;
			} else {
				done += (uint64_t)got;
				if ((uint64_t)got < len) break;
				continue;
			}
		}
		return done > 0 ? (long)done : error;
	}
	return (long)done;
}
