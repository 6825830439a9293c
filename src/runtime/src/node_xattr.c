/* Extended attributes of nodes. The overlay's are a chain of texts, each NAME NUL VALUE; the first change copies those of the base. */
#include <linux/limits.h>
#include <linux/xattr.h>

#include "image.h"
#include "pool.h"

#define XATTR_CHAIN_MAX 4096u /* attributes of one file; a torn chain could be a ring */

/* The text of attribute NAME in a chain; *VALUE and *SIZE are its value. */
static uint32_t xattr_find(uint32_t first, const char *name, const char **value, size_t *size) {
	size_t name_len = strlen(name);
	uint32_t text = first;
	for (uint32_t steps = 0; text != 0 && steps < XATTR_CHAIN_MAX; steps++) {
		uint32_t len;
		const char *content = bfs_text_at(text, &len);
		if (len > name_len && memcmp(content, name, name_len + 1) == 0) {
			*value = content + name_len + 1;
			*size = len - name_len - 1;
			return text;
		}
		const struct bfs_text *t = bfs_text_header(text);
		text = t != NULL ? t->next : 0;
	}
	return 0;
}

static long xattr_give(void *dst, size_t size, const void *value, size_t len) {
	if (size == 0) return (long)len;
	if (size < len) return -ERANGE;
	return len == 0 || bfs_copy_out(dst, value, len) == 0 ? (long)len : -EFAULT;
}

long bfs_node_getxattr(bfs_node n, const char *name, void *dst, size_t size) {
	struct bfs_reader r;
	long result;
	bfs_node base;
	for (bfs_read_start(&r);;) {
		const struct bfs_inode *inode = bfs_inode_of(n);
		base = inode == NULL ? n : (inode->flags & BFS_INODE_XATTRS) != 0 ? 0 : inode->base;
		result = -ENODATA;
		if (inode != NULL && base == 0) {
			const char *value;
			size_t len;
			if (xattr_find(inode->xattrs, name, &value, &len) != 0) result = xattr_give(dst, size, value, len);
		}
		if (bfs_read_done(&r)) break;
	}
	if (base == 0) return result;
	const uint8_t *value = NULL;
	long len = bfs_image_getxattr(base, name, &value);
	return len < 0 ? len : xattr_give(dst, size, value, (size_t)len);
}

struct xattr_list {
	char *dst;
	size_t size, len;
	long error;
};

static void xattr_list_add(struct xattr_list *l, const char *s, size_t len) {
	if (l->size != 0 && l->error == 0) {
		if (len > l->size - l->len)
			l->error = -ERANGE;
		else if (len > 0 && bfs_copy_out(l->dst + l->len, s, len) != 0)
			l->error = -EFAULT;
	}
	if (l->error == 0) l->len += len;
}

static long xattr_list_image(bfs_node base, struct xattr_list *l) {
	struct bfs_inode_view v;
	uint64_t cursor = 0;
	const char *prefix, *name;
	const uint8_t *value;
	size_t name_len;
	uint32_t value_size;
	long r = bfs_image_inode(base, &v);
	while (r == 0 && (r = bfs_image_next_xattr(&v, &cursor, &prefix, &name, &name_len, &value, &value_size)) == 1) {
		xattr_list_add(l, prefix, strlen(prefix));
		xattr_list_add(l, name, name_len);
		xattr_list_add(l, "", 1);
		r = 0;
	}
	return r < 0 ? r : l->error != 0 ? l->error : (long)l->len;
}

long bfs_node_listxattr(bfs_node n, char *dst, size_t size) {
	struct bfs_reader r;
	struct xattr_list l;
	bfs_node base;
	for (bfs_read_start(&r);;) {
		const struct bfs_inode *inode = bfs_inode_of(n);
		base = inode == NULL ? n : (inode->flags & BFS_INODE_XATTRS) != 0 ? 0 : inode->base;
		l = (struct xattr_list){ .dst = dst, .size = size };
		uint32_t text = inode != NULL && base == 0 ? inode->xattrs : 0;
		for (uint32_t steps = 0; text != 0 && steps < XATTR_CHAIN_MAX; steps++) {
			uint32_t len;
			const char *content = bfs_text_at(text, &len);
			size_t name_len = 0;
			while (name_len < len && content[name_len] != 0) name_len++;
			xattr_list_add(&l, content, name_len);
			xattr_list_add(&l, "", 1);
			const struct bfs_text *t = bfs_text_header(text);
			text = t != NULL ? t->next : 0;
		}
		if (bfs_read_done(&r)) break;
	}
	if (base != 0) return xattr_list_image(base, &l);
	return l.error != 0 ? l.error : (long)l.len;
}

/* ---- changing ---- */

/* Puts an attribute at the head of the chain. Its name is PREFIX and the first NAME_LEN bytes of NAME. VALUE may be the program's memory. */
static long xattr_push(struct bfs_inode *inode, const char *prefix, const char *name, size_t name_len, const void *value, size_t size) {
	size_t prefix_len = strlen(prefix);
	uint32_t text = bfs_text_new(NULL, prefix_len + name_len + 1 + size), len;
	if (text == 0) return -ENOSPC;
	char *content = (char *)bfs_text_header(text) + sizeof(struct bfs_text);
	len = (uint32_t)(prefix_len + name_len);
	memcpy(content, prefix, prefix_len);
	memcpy(content + prefix_len, name, name_len);
	content[len] = 0;
	if (size > 0 && bfs_copy_in(content + len + 1, value, size) != 0) return -EFAULT;
	bfs_store32(&bfs_text_header(text)->next, inode->xattrs);
	bfs_store32(&inode->xattrs, text);
	return 0;
}

static long xattr_copy_up(struct bfs_inode *inode) {
	struct bfs_inode_view v;
	uint64_t cursor = 0;
	const char *prefix, *name;
	const uint8_t *value;
	size_t name_len;
	uint32_t size;
	if ((inode->flags & BFS_INODE_XATTRS) != 0) return 0;
	long r = inode->base != 0 ? bfs_image_inode(inode->base, &v) : 0;
	while (r == 0 && inode->base != 0 && (r = bfs_image_next_xattr(&v, &cursor, &prefix, &name, &name_len, &value, &size)) == 1)
		r = xattr_push(inode, prefix, name, name_len, value, size);
	bfs_store32(&inode->flags, inode->flags | BFS_INODE_XATTRS);
	return r;
}

static void xattr_unlink(struct bfs_inode *inode, uint32_t text) {
	uint32_t *at = &inode->xattrs;
	while (*at != 0 && *at != text) at = &bfs_text_header(*at)->next;
	if (*at != text) return;
	bfs_store32(at, bfs_text_header(text)->next);
	bfs_text_drop(text);
}

/* Has the chain as many attributes as are looked at? */
static bool xattr_chain_full(uint32_t first) {
	uint32_t steps = 0;
	for (const struct bfs_text *t = bfs_text_header(first); t != NULL && steps < XATTR_CHAIN_MAX; t = bfs_text_header(t->next)) steps++;
	return steps == XATTR_CHAIN_MAX;
}

static long xattr_set_locked(bfs_node n, const char *name, const void *value, size_t size, uint32_t flags) {
	long error = 0;
	const char *old_value;
	size_t old_size;
	struct bfs_inode *inode = bfs_inode_own(n, &error);
	if (inode == NULL) return error;
	error = xattr_copy_up(inode);
	if (error != 0) return error;
	uint32_t old = xattr_find(inode->xattrs, name, &old_value, &old_size);
	if (old == 0 && (value == NULL || (flags & XATTR_REPLACE) != 0)) return -ENODATA;
	if (old != 0 && (flags & XATTR_CREATE) != 0) return -EEXIST;
	if (old == 0 && xattr_chain_full(inode->xattrs)) return -ENOSPC;
	if (old != 0) xattr_unlink(inode, old);
	if (value != NULL) error = xattr_push(inode, "", name, strlen(name), value, size);
	bfs_entry_touch(inode, false, bfs_time_now());
	return error;
}

long bfs_node_setxattr(bfs_node n, const char *name, const void *value, size_t size, uint32_t flags) {
	if (size > XATTR_SIZE_MAX) return -E2BIG;
	bfs_change_begin();
	return bfs_change_end(xattr_set_locked(n, name, value, size, flags));
}
