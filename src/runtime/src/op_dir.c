/* getdents and getdents64: directory entries in the kernel's two record layouts. The description's offset is the cookie of the next entry. */
#include "ops.h"

#include <linux/inotify.h>

#define DIR_RECORD_MAX 288u /* header, 255 bytes of name, NUL, type byte, alignment */

/* struct linux_dirent64: ino, off, reclen, type, name…; struct linux_dirent: ino, off, reclen, name…, type in the record's last byte. */
static size_t dir_record(uint8_t *record, const struct bfs_dirent *entry, bool old) {
	size_t name_at = old ? 18 : 19;
	size_t len = (name_at + entry->name_len + (old ? 2u : 1u) + 7) & ~(size_t)7;
	uint16_t reclen = (uint16_t)len;
	memset(record, 0, len);
	memcpy(record, &entry->ino, 8);
	memcpy(record + 8, &entry->cookie, 8);
	memcpy(record + 16, &reclen, 2);
	memcpy(record + name_at, entry->name, entry->name_len);
	record[old ? len - 1 : 18] = entry->type;
	return len;
}

static long dir_next(const struct bfs_ofd *ofd, const struct bfs_loc *loc, uint64_t *cookie, struct bfs_dirent *entry) {
	if (loc->kind == BFS_LOC_NODE) return bfs_node_readdir(ofd->node, cookie, entry);
	return bfs_provider_of(loc->kind)->readdir(loc, cookie, entry);
}

/* Fills USER from *COOKIE on and moves *COOKIE. Bytes, 0 at the end, −errno. */
static long dir_fill(const struct bfs_ofd *ofd, const struct bfs_loc *loc, uint64_t *cookie, uint8_t *user, size_t size, bool old) {
	_Alignas(8) uint8_t record[DIR_RECORD_MAX];
	struct bfs_dirent entry;
	size_t filled = 0;
	if (loc->kind != BFS_LOC_NODE && !old) {
		long r = bfs_provider_of(loc->kind)->getdents(loc, cookie, user, size);
		if (r != -EOPNOTSUPP) return r;
	}
	for (;;) {
		uint64_t next = *cookie;
		long r = dir_next(ofd, loc, &next, &entry);
		if (r <= 0) return filled > 0 ? (long)filled : r;
		size_t len = dir_record(record, &entry, old);
		if (len > size - filled) return filled > 0 ? (long)filled : -EINVAL;
		if (bfs_copy_out(user + filled, record, len) < 0) return filled > 0 ? (long)filled : -EFAULT;
		filled += len;
		*cookie = next;
	}
}

static enum bfs_verdict dir_call(struct bfs_call *c, bool old) {
	struct bfs_attr attr;
	struct bfs_loc loc;
	enum bfs_verdict verdict;
	struct bfs_ofd *ofd = bfs_own_data(c, 0, &verdict);
	/* No directory of the tree is the kernel's own: one that somebody outside sent would list the host. */
	if (ofd == NULL && verdict == BFS_PASS) return bfs_done(c, bfs_raw2(__NR_fcntl, bfs_arg_fd(c, 0), F_GETFD) < 0 ? -EBADF : -ENOTDIR);
	if (ofd == NULL) return verdict;
	long r = bfs_ofd_attr(ofd, &attr, NULL);
	if (r == 0 && (attr.mode & S_IFMT) != S_IFDIR) r = -ENOTDIR;
	loc.kind = BFS_LOC_NODE; /* read once: the description is shared memory */
	if (r == 0 && ofd->kind != BFS_LOC_NODE) r = bfs_ofd_loc(ofd, &loc);
	if (r != 0) return bfs_done(c, r);
	if (loc.kind == BFS_LOC_NODE && (ofd->flags & O_NOATIME) == 0) bfs_node_accessed(ofd->node);
	uint64_t cookie, start = __atomic_load_n(&ofd->offset, __ATOMIC_ACQUIRE);
	do { /* again where another thread moved the offset meanwhile: each entry is given once */
		cookie = start;
		r = dir_fill(ofd, &loc, &cookie, (uint8_t *)c->a[1], (uint32_t)c->a[2], old);
	} while (r >= 0 && !__atomic_compare_exchange_n(&ofd->offset, &start, cookie, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
	if (r >= 0) bfs_notify_ofd(ofd, IN_ACCESS);
	return bfs_done(c, r);
}

enum bfs_verdict bfs_op_getdents(struct bfs_call *c) { return dir_call(c, true); }
enum bfs_verdict bfs_op_getdents64(struct bfs_call *c) { return dir_call(c, false); }
