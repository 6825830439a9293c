/* mremap and remap_file_pages. Mappings are the kernel's own, but one of an overlay file may be several of the kernel's (runs of pool pages, of the library, of zeros), which the kernel does not move together,
 * and what follows its pages in the pool is another file's. So ranges that hold pool pages are moved part by part, and what they grow by is mapped anew from the file. */
#include "ops.h"

#include <asm/stat.h>
#include <linux/mman.h>

#define REMAP_PAGE (uint64_t) BFS_BLOCK_SIZE
#define REMAP_QUERY 0xc0686611ul /* PROCMAP_QUERY of linux/fs.h, since Linux 6.11 */
#define REMAP_TEXT 4096u

struct remap_vma {
	uint64_t start, end, offset, inode, dev;
	uint32_t prot;
	bool shared;
};

struct remap_query { /* struct procmap_query */
	uint64_t size, flags, address, start, end, vma_flags, page_size, offset, inode;
	uint32_t dev_major, dev_minor, name_size, build_id_size;
	uint64_t name, build_id;
};
_Static_assert(sizeof(struct remap_query) == 104, "procmap_query");

struct remap_maps {
	int fd; /* /proc/self/maps */
	uint64_t pool_inode;
};

static uint64_t remap_round(uint64_t v) { return (v + REMAP_PAGE - 1) & ~(REMAP_PAGE - 1); }

/* A number of BASE at *TEXT; *TEXT moves behind it and the character that ends it. */
static uint64_t remap_number(const char **text, uint64_t base) {
	uint64_t v = 0;
	for (;; (*text)++) {
		char ch = **text;
		uint64_t digit = ch >= '0' && ch <= '9' ? (uint64_t)(ch - '0') : ch >= 'a' && ch <= 'f' ? (uint64_t)(ch - 'a') + 10 : 99;
		if (digit >= base) break;
		v = v * base + digit;
	}
	if (**text != '\0') (*text)++;
	return v;
}

/* START-END rwxp OFFSET MAJOR:MINOR INODE … */
static void remap_parse(const char *line, struct remap_vma *vma) {
	vma->start = remap_number(&line, 16);
	vma->end = remap_number(&line, 16);
	vma->prot = (line[0] == 'r' ? PROT_READ : 0u) | (line[1] == 'w' ? PROT_WRITE : 0u) | (line[2] == 'x' ? PROT_EXEC : 0u);
	vma->shared = line[3] == 's';
	line += 5;
	vma->offset = remap_number(&line, 16);
	vma->dev = remap_number(&line, 16) << 32;
	vma->dev |= remap_number(&line, 16);
	vma->inode = remap_number(&line, 10);
}

/* The same from the text, for older kernels. */
static bool remap_find_text(const struct remap_maps *maps, uint64_t address, struct remap_vma *vma) {
	char text[REMAP_TEXT + 1];
	size_t have = 0;
	bfs_raw3(__NR_lseek, maps->fd, 0, 0);
	for (;;) {
		long n = bfs_raw3(__NR_read, maps->fd, text + have, REMAP_TEXT - have);
		if (n <= 0) return false;
		have += (size_t)n;
		size_t at = 0;
		for (;;) {
			size_t end = at;
			while (end < have && text[end] != '\n') end++;
			if (end == have) break;
			text[end] = '\0';
			remap_parse(text + at, vma);
			if (vma->start <= address && address < vma->end) return true;
			at = end + 1;
		}
		if (at == 0) have = 0; /* a line longer than any: its name is of no interest, nor is it */
		memmove(text, text + at, have - BFS_MIN(at, have));
		have -= BFS_MIN(at, have);
	}
}

static bool remap_find(const struct remap_maps *maps, uint64_t address, struct remap_vma *vma) {
	struct remap_query q = { .size = sizeof q, .address = address };
	long r = bfs_raw3(__NR_ioctl, maps->fd, REMAP_QUERY, &q);
	if (r == -ENOENT) return false;
	if (r < 0) return remap_find_text(maps, address, vma);
	*vma = (struct remap_vma){ .start = q.start,
		.end = q.end,
		.offset = q.offset,
		.inode = q.inode,
		.dev = (uint64_t)q.dev_major << 32 | q.dev_minor,
		.prot = (uint32_t)q.vma_flags & 7u,
		.shared = (q.vma_flags & 8u) != 0 };
	return true;
}

static bool remap_is_pool(const struct remap_maps *maps, const struct remap_vma *vma, uint64_t dev) {
	return vma->inode == maps->pool_inode && (vma->dev >> 32) == (dev >> 8 & 0xfffu) && (vma->dev & 0xffffffffu) == ((dev & 0xffu) | (dev >> 12 & 0xfff00u));
}

struct remap_job {
	struct remap_maps maps;
	uint64_t old, old_len, new_len;
	bfs_node node;   /* the file, 0: no pool page in the range */
	uint64_t offset; /* of the file, at OLD */
	uint32_t prot;
	bool shared;
};

/* Looks for a pool page in the range. −EFAULT where there is a gap. */
static long remap_survey(struct remap_job *j) {
	struct stat pool;
	struct remap_vma vma;
	long r = bfs_raw2(__NR_fstat, bfs_fd(BFS_FD_POOL), &pool);
	if (r < 0) return r;
	j->maps.pool_inode = pool.st_ino;
	for (uint64_t at = j->old; at < j->old + j->old_len; at = vma.end) {
		if (!remap_find(&j->maps, at, &vma)) return -EFAULT;
		if (!remap_is_pool(&j->maps, &vma, pool.st_dev)) continue;
		uint64_t offset;
		if (!bfs_node_page_owner(vma.offset + (at - vma.start), BFS_NODE_NONE, &j->node, &offset) || offset < at - j->old) return 0;
		j->offset = offset - (at - j->old);
		j->prot = vma.prot;
		j->shared = vma.shared;
		return 0;
	}
	return 0;
}

/* Maps what the range grows by at ADDRESS. */
static long remap_grow(const struct remap_job *j, uint64_t address, uint32_t fixed) {
	if (j->new_len <= j->old_len) return 0;
	uint32_t flags = (j->shared ? MAP_SHARED : MAP_PRIVATE) | fixed;
	long r = bfs_node_mmap(j->node, address, j->new_len - j->old_len, j->prot, flags, j->offset + j->old_len, (j->prot & PROT_WRITE) != 0);
	return r < 0 ? r : 0;
}

/* Moves the range part by part to TARGET, which is the caller's to overwrite. */
static long remap_move(const struct remap_job *j, uint64_t target) {
	struct remap_vma vma;
	long r = remap_grow(j, target + j->old_len, MAP_FIXED); /* first what may fail */
	uint64_t end = j->old + BFS_MIN(j->old_len, j->new_len);
	for (uint64_t at = j->old; r == 0 && at < end; at = vma.end) {
		if (!remap_find(&j->maps, at, &vma)) return -EFAULT;
		uint64_t len = BFS_MIN(vma.end, end) - at;
		long moved = bfs_raw5(__NR_mremap, at, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, target + (at - j->old));
		r = moved < 0 && moved > -4096 ? moved : 0;
	}
	if (r == 0 && j->new_len < j->old_len) bfs_raw2(__NR_munmap, end, j->old_len - j->new_len);
	return r;
}

static long remap_range(struct remap_job *j, uint32_t flags, uint64_t wished) {
	if ((flags & MREMAP_FIXED) == 0) {
		long r = remap_grow(j, j->old + j->old_len, MAP_FIXED_NOREPLACE);
		if (r != -EEXIST) return r < 0 ? r : (long)j->old;
		if ((flags & MREMAP_MAYMOVE) == 0) return -ENOMEM;
	}
	uint32_t fixed = (flags & MREMAP_FIXED) != 0 ? MAP_FIXED : 0;
	long target = bfs_raw6(__NR_mmap, fixed != 0 ? wished : 0, j->new_len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | fixed, -1, 0);
	if (target < 0 && target > -4096) return target;
	long r = remap_move(j, (uint64_t)target);
	if (r == 0) return target;
	if (fixed == 0) bfs_raw2(__NR_munmap, target, j->new_len);
	return r;
}

enum bfs_verdict bfs_op_mremap(struct bfs_call *c) {
	struct remap_job j = { .old = c->a[0], .old_len = remap_round(c->a[1]), .new_len = remap_round(c->a[2]) };
	uint32_t flags = (uint32_t)c->a[3];
	bool fixed = (flags & MREMAP_FIXED) != 0, overlap = c->a[4] < j.old + j.old_len && j.old < c->a[4] + j.new_len;
	/* Shrinking in place, copying, and all that the kernel refuses are the kernel's. */
	if (j.old_len == 0 || j.new_len == 0 || j.old % REMAP_PAGE != 0 || j.old + j.old_len < j.old || (flags & ~(uint32_t)(MREMAP_MAYMOVE | MREMAP_FIXED)) != 0)
		return BFS_PASS;
	if (fixed ? (flags & MREMAP_MAYMOVE) == 0 || c->a[4] % REMAP_PAGE != 0 || overlap : j.new_len <= j.old_len) return BFS_PASS;
	j.maps.fd = (int)bfs_raw4(__NR_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
	if (j.maps.fd < 0) return BFS_PASS;
	long r = remap_survey(&j);
	bool pass = r < 0 || j.node == BFS_NODE_NONE;
	if (!pass) r = remap_range(&j, flags, c->a[4]);
	bfs_raw1(__NR_close, j.maps.fd);
	return pass ? BFS_PASS : bfs_done(c, r);
}

/* Is the whole range a shared mapping of J's file? */
static bool remap_covers(const struct remap_job *j) {
	struct remap_vma vma;
	for (uint64_t at = j->old; at < j->old + j->old_len; at = vma.end) {
		bfs_node node = BFS_NODE_NONE;
		uint64_t offset;
		if (!remap_find(&j->maps, at, &vma) || !vma.shared || vma.inode != j->maps.pool_inode) return false;
		if (!bfs_node_page_owner(vma.offset + (at - vma.start), j->node, &node, &offset) || node != j->node) return false;
	}
	return true;
}

/* The kernel would count the pages of the pool. */
enum bfs_verdict bfs_op_remap_file_pages(struct bfs_call *c) {
	struct remap_job j = { .old = c->a[0] & ~(REMAP_PAGE - 1), .old_len = c->a[1] & ~(REMAP_PAGE - 1) };
	uint64_t page = c->a[3], pages = j.old_len / REMAP_PAGE;
	if (c->a[2] != 0 || j.old + j.old_len <= j.old || page + pages > BFS_OFFSET_MAX / REMAP_PAGE) return BFS_PASS;
	j.maps.fd = (int)bfs_raw4(__NR_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
	if (j.maps.fd < 0) return bfs_done(c, -EINVAL);
	long r = remap_survey(&j);
	bool pass = r < 0 || j.node == BFS_NODE_NONE; /* nothing of ours, or a gap */
	if (!pass && !remap_covers(&j)) r = -EINVAL;
	if (!pass && r == 0) r = bfs_node_mmap(j.node, j.old, j.old_len, j.prot, MAP_SHARED | MAP_FIXED, page * REMAP_PAGE, (j.prot & PROT_WRITE) != 0);
	bfs_raw1(__NR_close, j.maps.fd);
	return pass ? BFS_PASS : bfs_done(c, BFS_MIN(r, 0));
}
