/* Extended attributes of one EROFS image. */
#include "image.h"

static const char *const image_xattr_prefixes[] = { NULL, "user.", "system.posix_acl_access", "system.posix_acl_default", "trusted.", "lustre.", "security." };

/* Bytes [at, at + len) of the image, where an entry stands: reads it and its value. */
static long image_xattr_entry(const struct bfs_image *image, uint64_t at, uint64_t limit, const char **prefix, const char **name, size_t *name_len,
	const uint8_t **value, uint32_t *value_size, uint64_t *end) {
	struct erofs_xattr_entry e;
	if (at > limit || sizeof e > limit - at) return -EUCLEAN;
	memcpy(&e, image->base + at, sizeof e);
	uint64_t size = sizeof e + e.name_len + (uint64_t)e.value_size;
	if (size > limit - at || e.name_index == 0 || e.name_index >= sizeof image_xattr_prefixes / sizeof *image_xattr_prefixes) return -EUCLEAN;
	*prefix = image_xattr_prefixes[e.name_index];
	*name = (const char *)image->base + at + sizeof e;
	*name_len = e.name_len;
	*value = image->base + at + sizeof e + e.name_len;
	*value_size = e.value_size;
	*end = (at + size + 3) & ~3ull;
	return 1;
}

/* CURSOR counts shared attributes first, then is the byte offset of inline ones | bit 63. */
#define IMAGE_XATTR_INLINE (1ull << 63)

long bfs_image_next_xattr(const struct bfs_inode_view *v, uint64_t *cursor, const char **prefix, const char **name, size_t *name_len, const uint8_t **value,
	uint32_t *value_size) {
	if (v->xattr_size < sizeof(struct erofs_xattr_ibody)) return 0;
	const struct bfs_image *image = v->image;
	uint64_t body = v->inline_at - v->xattr_size;
	struct erofs_xattr_ibody ibody;
	memcpy(&ibody, image->base + body, sizeof ibody);
	uint64_t entries = body + sizeof ibody + (uint64_t)ibody.shared_count * 4, end;
	if (entries > v->inline_at) return -EUCLEAN;
	if ((*cursor & IMAGE_XATTR_INLINE) == 0 && *cursor < ibody.shared_count) {
		uint32_t id;
		memcpy(&id, image->base + body + sizeof ibody + *cursor * 4, 4);
		++*cursor;
		return image_xattr_entry(image, image->shared_xattrs + (uint64_t)id * 4, image->size, prefix, name, name_len, value, value_size, &end);
	}
	uint64_t at = (*cursor & IMAGE_XATTR_INLINE) != 0 ? *cursor & ~IMAGE_XATTR_INLINE : entries;
	if (at >= v->inline_at || v->inline_at - at < sizeof(struct erofs_xattr_entry)) return 0;
	struct erofs_xattr_entry probe;
	memcpy(&probe, image->base + at, sizeof probe);
	if (probe.name_index == 0) /* padding after the last */
		return 0;
	long r = image_xattr_entry(image, at, v->inline_at, prefix, name, name_len, value, value_size, &end);
	if (r == 1) *cursor = end | IMAGE_XATTR_INLINE;
	return r;
}

long bfs_image_getxattr(bfs_node n, const char *wanted, const uint8_t **value) {
	struct bfs_inode_view v;
	long r = bfs_image_inode(n, &v);
	if (r != 0) return r;
	uint64_t cursor = 0;
	const char *prefix, *name;
	size_t name_len, wanted_len = strlen(wanted);
	uint32_t size;
	while ((r = bfs_image_next_xattr(&v, &cursor, &prefix, &name, &name_len, value, &size)) == 1) {
		size_t prefix_len = strlen(prefix);
		if (prefix_len + name_len == wanted_len && memcmp(wanted, prefix, prefix_len) == 0 && memcmp(wanted + prefix_len, name, name_len) == 0)
			return (long)size;
	}
	return r < 0 ? r : -ENODATA;
}
