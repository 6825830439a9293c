/* mmap of file data: runs of the library file, of pool pages, of anonymous pages, put side by side. */
#include <linux/mman.h>

#include "image.h"
#include "pool.h"

struct map_job {
	uint64_t addr;        /* where the range lies */
	uint64_t size;        /* whole pages */
	uint64_t offset;      /* of the file */
	uint64_t reach;       /* of the file: up to here pages are mapped, beyond it nothing */
	uint32_t prot, flags; /* of each run, MAP_FIXED included */
	int pin;              /* descriptor that pool pages are mapped through, or −1 */
};

static bool map_failed(long r) { return r < 0 && r > -4096; }
static uint64_t map_round(uint64_t v) { return (v + BFS_PAGE_SIZE - 1) & ~(uint64_t)(BFS_PAGE_SIZE - 1); }

static long map_file(const struct map_job *j, uint64_t done, uint64_t len, int fd, uint64_t file_offset) {
	long r = bfs_raw6(__NR_mmap, j->addr + done, len, j->prot, j->flags, fd, file_offset);
	return map_failed(r) ? r : 0;
}

/* Beyond the end of the file: an empty placeholder, so that a touch is SIGBUS. Private, as that file is sealed against writing. */
static long map_beyond(const struct map_job *j, uint64_t done, uint64_t len) {
	uint32_t flags = (j->flags & ~(uint32_t)(MAP_TYPE | MAP_POPULATE | 0x2000u /* MAP_LOCKED */)) | MAP_PRIVATE;
	long r = bfs_raw6(__NR_mmap, j->addr + done, len, j->prot, flags, bfs_placeholder_fd(0), 0);
	return map_failed(r) ? r : 0;
}

static long map_zeros(const struct map_job *j, uint64_t done, uint64_t len, uint32_t prot) {
	uint32_t flags = (j->flags & ~(uint32_t)MAP_TYPE) | MAP_PRIVATE | MAP_ANONYMOUS;
	long r = bfs_raw6(__NR_mmap, j->addr + done, len, prot, flags, -1, 0);
	return map_failed(r) ? r : 0;
}

/* One page that no file has as a whole: a copy of the first LEN bytes, zeros after them. */
static long map_copy(const struct map_job *j, uint64_t done, bfs_node image, uint64_t len) {
	long r = map_zeros(j, done, BFS_PAGE_SIZE, PROT_READ | PROT_WRITE);
	if (r == 0) {
		long got = bfs_image_read(image, (void *)(j->addr + done), len, j->offset + done);
		r = got == (long)len ? 0 : got < 0 ? got : -EIO;
	}
	return r == 0 ? bfs_raw3(__NR_mprotect, j->addr + done, BFS_PAGE_SIZE, j->prot) : r;
}

/* The next run of an image file at byte DONE of the range; *LEN: whole pages of it. LIMIT: what the caller wants of it at most. */
static long map_image_run(const struct map_job *j, bfs_node n, const struct bfs_inode_view *v, uint64_t done, uint64_t limit, uint64_t *len) {
	uint64_t at, have;
	long error = bfs_image_extent(v, j->offset + done, &at, &have);
	if (error != 0) return error;
	bool aligned = at == BFS_IMAGE_HOLE || at % BFS_PAGE_SIZE == 0;
	*len = aligned ? BFS_MIN(map_round(have), limit) : BFS_PAGE_SIZE;
	if (!aligned || (have % BFS_PAGE_SIZE != 0 && have < v->size - (j->offset + done)))
		return map_copy(j, done, n, BFS_MIN(BFS_MIN(BFS_PAGE_SIZE, have), v->size - (j->offset + done)));
	if (at == BFS_IMAGE_HOLE) return map_zeros(j, done, *len, j->prot);
	return map_file(j, done, *len, bfs_fd(BFS_FD_LIBS) + (int)(v->image - bfs_images), v->image->file_offset + at);
}

static long map_image(const struct map_job *j, bfs_node n, const struct bfs_inode_view *v) {
	long error = 0;
	for (uint64_t done = 0, len = 0; error == 0 && done < j->size; done += len) {
		len = j->size - done;
		if (j->offset + done >= v->size)
			error = map_beyond(j, done, len);
		else
			error = map_image_run(j, n, v, done, len, &len);
	}
	return error;
}

/* Pages of the base that show through: as they are, or a copy where the file was cut within the page. */
static long map_base_run(const struct map_job *j, const struct bfs_inode *inode, uint64_t done, uint64_t limit, uint64_t *len) {
	struct bfs_inode_view v;
	uint64_t offset = j->offset + done, valid = inode->base_valid - offset;
	long error = bfs_image_inode(inode->base, &v);
	if (error != 0) return error;
	if (inode->base_valid < v.size && valid < BFS_PAGE_SIZE) {
		*len = BFS_PAGE_SIZE;
		return map_copy(j, done, inode->base, valid);
	}
	uint64_t whole = inode->base_valid < v.size ? valid & ~(uint64_t)(BFS_PAGE_SIZE - 1) : map_round(valid);
	return map_image_run(j, inode->base, &v, done, BFS_MIN(limit, whole), len);
}

static long map_overlay(const struct map_job *j, const struct bfs_inode *inode) {
	long error = 0;
	uint64_t end = BFS_MAX(map_round(inode->size), j->reach);
	for (uint64_t done = 0, len = 0; error == 0 && done < j->size; done += len) {
		uint64_t offset = j->offset + done, index = offset / BFS_PAGE_SIZE, next;
		len = j->size - done;
		if (offset >= end) {
			error = map_beyond(j, done, len);
			break;
		}
		uint64_t limit = BFS_MIN(len, end - offset);
		uint32_t entry = bfs_map_get(inode, index);
		if (entry != 0 && entry != BFS_MAP_HOLE) {
			for (len = BFS_PAGE_SIZE; len < limit && bfs_map_get(inode, index + len / BFS_PAGE_SIZE) == entry + len / BFS_PAGE_SIZE;)
				len += BFS_PAGE_SIZE;
			error = map_file(j, done, len, j->pin, bfs_page_offset(entry - 1));
			continue;
		}
		len = entry == 0 ? limit : BFS_PAGE_SIZE;
		if (entry == 0 && bfs_map_next(inode, index, &next)) len = BFS_MIN(limit, next * BFS_PAGE_SIZE - offset);
		if (entry == 0 && inode->base != 0 && offset < inode->base_valid)
			error = map_base_run(j, inode, done, len, &len);
		else
			error = map_zeros(j, done, len, j->prot);
	}
	return error;
}

static bool map_has_pages(const struct bfs_inode *inode, uint64_t first, uint64_t last) {
	for (uint64_t at; bfs_map_next(inode, first, &at) && at <= last; first = at + 1) {
		if (bfs_map_get(inode, at) != BFS_MAP_HOLE) return true;
	}
	return false;
}

/* A shared mapping that goes well beyond the end of the file is that of a program that lets the file grow under it (LMDB, Bolt). Such a one gets its pages now, as a mapping cannot be
 * changed in other processes later; so a touch beyond the end is no SIGBUS there. A mapping that ends a few pages after the file is not meant so. */
#define MAP_GROW_PAGES 16u

static uint64_t map_reach(const struct map_job *j, const struct bfs_inode *inode, bool own_pages) {
	const struct bfs_control *c = bfs_p.control;
	uint64_t eof = map_round(inode->size), end = j->offset + j->size, from = BFS_MAX(eof, j->offset);
	if (!own_pages || end < from || (end - from) / BFS_PAGE_SIZE < MAP_GROW_PAGES) return BFS_MIN(end, eof);
	uint64_t spare = (c->page_limit - BFS_MIN(c->pages_used, c->page_limit)) / 8 * BFS_PAGE_SIZE;
	return from + BFS_MIN(end - from, spare);
}

/* Under the inode lock: makes the pages that a shared mapping must have, and pins the inode where pool pages will be mapped. */
static long map_prepare(struct map_job *j, struct bfs_inode *inode, bool shared, bool writable) {
	bool own_pages = shared && (writable || inode->base == 0);
	uint64_t end = map_reach(j, inode, own_pages), first = j->offset / BFS_PAGE_SIZE;
	long error = 0;
	if (inode->dirty_end > inode->size) error = bfs_data_clear(inode, inode->size, map_round(inode->size));
	if (error != 0 || j->offset >= end) return error;
	j->reach = end;
	if (own_pages) {
		bfs_data_ensure(inode, first, end / BFS_PAGE_SIZE - 1, &error);
		if (error != 0) return error == -ENOSPC ? -ENOMEM : error;
	}
	if (!map_has_pages(inode, first, end / BFS_PAGE_SIZE - 1)) return 0;
	long pin = bfs_pin_open(bfs_inode_index(inode), writable);
	if (pin < 0) return pin;
	j->pin = (int)pin;
	bfs_change_begin();
	bfs_store32(&inode->flags, inode->flags | BFS_INODE_MAPPED);
	return bfs_change_end(0);
}

/* Reserves the range. A fixed one is overwritten run by run, as mmap(2) replaces what lay there. */
static long map_reserve(struct map_job *j, uint64_t addr, uint32_t flags) {
	if ((flags & MAP_FIXED) != 0 && (flags & MAP_FIXED_NOREPLACE) != MAP_FIXED_NOREPLACE) {
		j->addr = addr;
		return addr % BFS_PAGE_SIZE == 0 ? 0 : -EINVAL;
	}
	uint32_t keep = flags & (MAP_FIXED_NOREPLACE | 0x40u /* MAP_32BIT */);
	long at = bfs_raw6(__NR_mmap, addr, j->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | keep, -1, 0);
	if (map_failed(at)) return at;
	j->addr = (uint64_t)at;
	if ((flags & MAP_FIXED_NOREPLACE) != 0 && j->addr != addr) { /* a kernel that does not know the flag */
		bfs_raw2(__NR_munmap, at, j->size);
		return -EEXIST;
	}
	return 0;
}

static long map_run_all(struct map_job *j, bfs_node n, uint64_t addr, uint32_t flags, struct bfs_inode *inode) {
	struct bfs_inode_view v;
	long error = inode == NULL ? bfs_image_inode(n, &v) : 0;
	if (error == 0) error = map_reserve(j, addr, flags);
	if (error != 0) return error;
	error = inode == NULL ? map_image(j, n, &v) : map_overlay(j, inode);
	if (error == 0) return (long)j->addr;
	if ((flags & MAP_FIXED) == 0 || (flags & MAP_FIXED_NOREPLACE) != 0) bfs_raw2(__NR_munmap, j->addr, j->size);
	return error;
}

long bfs_node_mmap(bfs_node n, uint64_t addr, uint64_t size, uint32_t prot, uint32_t flags, uint64_t offset, bool writable_ofd) {
	if (size == 0 || offset % BFS_PAGE_SIZE != 0 || map_round(size) < size || map_round(size) > BFS_MAX_FILE_SIZE - offset)
		return size == 0 || offset % BFS_PAGE_SIZE != 0 ? -EINVAL : -EOVERFLOW;
	bool shared = (flags & MAP_TYPE) != MAP_PRIVATE;
	const uint32_t placement = MAP_FIXED | MAP_FIXED_NOREPLACE | 0x40u /* MAP_32BIT */ | 0x100u /* MAP_GROWSDOWN */;
	struct map_job j = { .size = map_round(size), .offset = offset, .prot = prot, .flags = (flags & ~placement) | MAP_FIXED, .pin = -1 };
	struct bfs_reader r;
	struct bfs_inode *inode;
	for (bfs_read_start(&r);;) {
		inode = bfs_inode_of(n);
		if (bfs_read_done(&r)) break;
	}
	if (inode == NULL && BFS_NODE_KIND(n) == BFS_NODE_IMAGE && !(shared && writable_ofd)) return map_run_all(&j, n, addr, flags, NULL);
	long result;
	inode = bfs_data_begin(n, &result);
	if (inode == NULL) return result;
	result = map_prepare(&j, inode, shared, writable_ofd);
	if (result == 0) result = map_run_all(&j, n, addr, flags, inode);
	if (j.pin >= 0) bfs_raw1(__NR_close, j.pin);
	bfs_data_done(inode);
	return result;
}
