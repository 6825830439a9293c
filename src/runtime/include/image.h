/* Read-only view of the libraries' EROFS images, private to image*.c, merge.c and node*.c. Everything read is checked: a hostile image gives −EUCLEAN, never a stray access. */
#ifndef BINARYFS_IMAGE_H
#define BINARYFS_IMAGE_H

#include "vfs.h"

struct bfs_image {
	const uint8_t *base;
	uint64_t size;          /* bytes */
	uint64_t file_offset;   /* in the library file */
	uint64_t meta;          /* byte of nid 0 */
	uint64_t shared_xattrs; /* byte of shared xattr 0 */
	int64_t build_time;
	uint32_t build_nsec;
	uint32_t root_nid;
};
extern struct bfs_image bfs_images[BFS_MAX_LIBS]; /* this process's; constant after start */
extern uint32_t bfs_image_count;

#define BFS_IMAGE_NODE(lib, nid) ((bfs_node)BFS_NODE_IMAGE << 60 | (uint64_t)(lib) << 48 | (uint64_t)(nid))
#define BFS_NODE_LIB(n) ((uint32_t)((n) >> 48) & 0xFFFu)
#define BFS_NODE_NID(n) ((n)&0xFFFFFFFFFFFFull)

/* Verifies header, superblock with its checksum, and section table, once, when a tree is started. −EUCLEAN and why. image_check.c */
long bfs_image_check(const uint8_t *base, uint64_t size, const char **reason);
/* Registers the image as library INDEX, checking what its readers rely on. */
long bfs_image_attach(uint32_t index, const uint8_t *base, uint64_t size, uint64_t file_offset, const char **reason);

/* An inode as read. */
struct bfs_inode_view {
	const struct bfs_image *image;
	uint64_t nid;
	uint64_t at;        /* byte of the inode in the image */
	uint64_t inline_at; /* byte after inode and xattrs */
	uint64_t size;
	uint64_t rdev;
	int64_t mtime;
	uint32_t mtime_nsec;
	uint32_t mode, uid, gid, nlink, u, layout;
	uint32_t xattr_size; /* bytes between inode and inline_at */
};
long bfs_image_inode(bfs_node n, struct bfs_inode_view *out);
/* The longest run at file byte OFFSET (< size) that is contiguous in the image: *AT is its byte in the image, or ~0 for a hole; *LEN > 0. 0, −EUCLEAN. */
long bfs_image_extent(const struct bfs_inode_view *v, uint64_t offset, uint64_t *at, uint64_t *len);
#define BFS_IMAGE_HOLE (~0ull)
#define BFS_MAX_IMAGE_FILE (1ull << 56)
/* Reads into a program's buffer; short at the end of the file or before a fault. */
long bfs_image_read(bfs_node n, void *user_dst, uint64_t size, uint64_t offset);

/* Attributes of an image node, as if nothing was ever changed. No lock, no reader loop. */
long bfs_image_attr(bfs_node n, struct bfs_attr *out);

/* One library's directory. */
long bfs_image_dir_find(const struct bfs_inode_view *dir, const char *name, size_t len, uint64_t *nid, uint8_t *type);
/* Entry at ORDINAL (block << 9 | place in the block) or the next one; advances ORDINAL past it. 1, 0 at the end. . and .. are passed over. */
long bfs_image_dir_next(const struct bfs_inode_view *dir, uint64_t *ordinal, const char **name, size_t *len, uint64_t *nid, uint8_t *type);

/* xattrs. get: as bfs_node_getxattr with the runtime's own pointers in the image: *VALUE points into it. */
long bfs_image_getxattr(bfs_node n, const char *name, const uint8_t **value);
/* The attribute at *CURSOR (0 first): prefix and rest of its name, value. 1, 0 at the end. */
long bfs_image_next_xattr(
	const struct bfs_inode_view *v, uint64_t *cursor, const char **prefix, const char **name, size_t *name_len, const uint8_t **value, uint32_t *value_size);
#define BFS_XATTR_NAME_MAX 255u

/* merge.c: the libraries as one tree. */
long bfs_merge_build(char *why, size_t why_size);
/* First library's node of a merged directory, else N. */
bfs_node bfs_merge_first(bfs_node n);
/* Layers of directory N: count and the nodes (N alone where it is not merged; *SINGLE holds it then). */
uint32_t bfs_merge_layers(const bfs_node *n, const bfs_node **layers);
/* NAME in the merged image directory DIR; −ENOENT also where a whiteout hides it. */
long bfs_merge_lookup(bfs_node dir, const char *name, size_t len, bfs_node *out, uint8_t *type);
bool bfs_merge_is_whiteout(bfs_node n, uint8_t type);
bfs_node bfs_merge_root(void);
/* Directory above image directory N by its .. entry; N itself at the root or where the image is damaged. */
bfs_node bfs_merge_parent(bfs_node n);
/* DT_* of an EROFS file type. */
uint8_t bfs_image_dt(uint8_t erofs_type);

#endif
