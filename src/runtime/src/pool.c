/* The pool file: sizes of its areas, making and mapping it. */
#include <linux/memfd.h>
#include <linux/mman.h>
#include <linux/resource.h>
#include <linux/sysinfo.h>

#include "notify.h"
#include "pool.h"

struct bfs_pool bfs_p;
int bfs_fd_base = -1;

_Static_assert(sizeof(struct bfs_inode) % 8 == 0 && sizeof(struct bfs_dentry) % 8 == 0, "records of shared tables");
_Static_assert(sizeof(struct bfs_ofd) == 64, "description record");

#define POOL_MERGE_SLOTS 262144u
#define POOL_MERGE_WORDS 393216u
#define POOL_DATA_ALIGN 2097152ull

bool bfs_fd_reserved(int64_t fd) { return bfs_fd_base >= 0 && bfs_p.control != NULL && fd >= bfs_fd_base && fd < (int64_t)bfs_fd_base + bfs_fd_count(); }

uint32_t bfs_fd_count(void) { return BFS_FD_LIBS + bfs_p.control->lib_count + bfs_placeholder_count() - 1; }

void bfs_why(char *why, size_t size, const char *text, const char *detail) {
	size_t n = 0;
	for (const char *p = text; *p != 0 && n + 1 < size; p++) why[n++] = *p;
	for (const char *p = detail; *p != 0 && n + 1 < size; p++) why[n++] = *p;
	if (size > 0) why[n] = 0;
}

struct bfs_mount_table *bfs_pool_mounts(void) {
	return &bfs_p.control->mounts;
}

uint32_t bfs_pool_supervisor(void) { return bfs_p.control->supervisor; }

bool bfs_pool_filters(void) { return bfs_p.control->filters != 0; }

void bfs_pool_filters_note(void) { __atomic_store_n(&bfs_p.control->filters, 1, __ATOMIC_SEQ_CST); }

static uint64_t pool_area(uint64_t *end, uint64_t size) {
	uint64_t at = *end;
	*end = (at + size + BFS_PAGE_SIZE - 1) & ~(uint64_t)(BFS_PAGE_SIZE - 1);
	return at;
}

static uint32_t pool_power_of_two(uint32_t at_least) {
	uint32_t n = 1024;
	while (n < at_least) n *= 2;
	return n;
}

static uint64_t pool_limit(uint32_t resource) {
	struct rlimit64 limit = { RLIM64_INFINITY, RLIM64_INFINITY };
	bfs_raw4(__NR_prlimit64, 0, resource, 0, &limit);
	return limit.rlim_cur;
}

/* The table of descriptions takes a sixteenth of what the limits of address space and file size allow. */
static uint32_t pool_descriptions(void) {
	uint64_t bytes = BFS_MIN(pool_limit(RLIMIT_AS), pool_limit(RLIMIT_FSIZE)) / 16;
	uint64_t count = BFS_MAX(BFS_OFD_MIN, BFS_MIN(BFS_OFD_MAX, bytes / sizeof(struct bfs_ofd)));
	return (uint32_t)(count - count % (BFS_OFD_RUN * BFS_MAX_PLACEHOLDERS)); /* all stripes are alike */
}

/* Fills limits and offsets for PAGES data pages. Areas are sparse: address space, not memory. */
static void pool_plan(struct bfs_control *c, uint64_t pages, uint32_t lib_count) {
	c->magic = BFS_POOL_MAGIC;
	c->lib_count = lib_count;
	c->page_limit = (uint32_t)pages;
	c->ofd_limit = pool_descriptions();
	c->inode_limit = (uint32_t)BFS_MAX(16384u, BFS_MIN(1048576u, pages / 4));
	c->dentry_limit = c->inode_limit * 2;
	c->inode_hash_mask = pool_power_of_two(c->inode_limit / 4) - 1;
	c->dentry_hash_mask = pool_power_of_two(c->dentry_limit / 2) - 1;
	c->map_limit = (uint32_t)(pages / 2 + 16384);
	c->text_limit = c->inode_limit / 16384 * 524288 + 1048576; /* units of 16 bytes */
	c->merge_slot_mask = lib_count > 1 ? POOL_MERGE_SLOTS - 1 : 0;
	c->merge_word_limit = lib_count > 1 ? POOL_MERGE_WORDS : 0;
	c->watch_limit = BFS_MIN(BFS_WATCH_LIMIT, c->inode_limit * 4);
	c->watch_hash_mask = pool_power_of_two(c->watch_limit / 2) - 1;
	uint64_t end = 0;
	pool_area(&end, sizeof *c);
	c->undo_at = pool_area(&end, (uint64_t)BFS_UNDO_COUNT * sizeof(struct bfs_undo));
	c->ofd_at = pool_area(&end, (uint64_t)c->ofd_limit * sizeof(struct bfs_ofd));
	c->instance_at = pool_area(&end, (uint64_t)BFS_INSTANCE_COUNT * sizeof(struct bfs_instance));
	c->watch_at = pool_area(&end, (uint64_t)c->watch_limit * sizeof(struct bfs_watch));
	c->watch_hash_at = pool_area(&end, ((uint64_t)c->watch_hash_mask + 1) * 4);
	c->inode_at = pool_area(&end, (uint64_t)c->inode_limit * sizeof(struct bfs_inode));
	c->inode_hash_at = pool_area(&end, ((uint64_t)c->inode_hash_mask + 1) * 4);
	c->dentry_at = pool_area(&end, (uint64_t)c->dentry_limit * sizeof(struct bfs_dentry));
	c->dentry_hash_at = pool_area(&end, ((uint64_t)c->dentry_hash_mask + 1) * 4);
	c->map_at = pool_area(&end, (uint64_t)c->map_limit * BFS_MAP_FANOUT * 4);
	c->used_at = pool_area(&end, pages / 8 + 8);
	c->dirty_at = pool_area(&end, pages / 8 + 8);
	c->mapped_at = pool_area(&end, (uint64_t)BFS_MAPPED_LIMIT * sizeof(struct bfs_mapped));
	c->merge_slot_at = pool_area(&end, ((uint64_t)c->merge_slot_mask + 1) * sizeof(struct bfs_merge_slot));
	c->merge_word_at = pool_area(&end, (uint64_t)c->merge_word_limit * 8);
	c->text_at = pool_area(&end, (uint64_t)c->text_limit * BFS_TEXT_UNIT);
	c->meta_size = end;
	c->events_at = pool_area(&end, (uint64_t)BFS_INSTANCE_COUNT * BFS_EVENTS_SIZE);
	c->data_offset = (end + POOL_DATA_ALIGN - 1) & ~(POOL_DATA_ALIGN - 1);
	/* Index 0 of every table means none. */
	c->inode_top = c->dentry_top = c->map_top = c->text_top = c->watch_top = 1;
	c->ofd_top = 0;
}

static void pool_addresses(uint8_t *base) {
	struct bfs_control *c = (struct bfs_control *)base;
	bfs_p = (struct bfs_pool){ .control = c,
		.undo = (struct bfs_undo *)(base + c->undo_at),
		.ofds = (struct bfs_ofd *)(base + c->ofd_at),
		.instances = (struct bfs_instance *)(base + c->instance_at),
		.watches = (struct bfs_watch *)(base + c->watch_at),
		.watch_hash = (uint32_t *)(base + c->watch_hash_at),
		.inodes = (struct bfs_inode *)(base + c->inode_at),
		.inode_hash = (uint32_t *)(base + c->inode_hash_at),
		.dentries = (struct bfs_dentry *)(base + c->dentry_at),
		.dentry_hash = (uint32_t *)(base + c->dentry_hash_at),
		.maps = base + c->map_at,
		.used = (uint64_t *)(base + c->used_at),
		.dirty = (uint64_t *)(base + c->dirty_at),
		.mapped = (struct bfs_mapped *)(base + c->mapped_at),
		.merge_slots = (struct bfs_merge_slot *)(base + c->merge_slot_at),
		.merge_words = (uint64_t *)(base + c->merge_word_at),
		.texts = base + c->text_at };
}

static long pool_map(int fd, uint64_t size, uint8_t **base, char *why, size_t why_size) {
	long at = bfs_raw6(__NR_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (at < 0 && at > -4096) {
		bfs_why(why, why_size, "the overlay cannot be mapped: the address space limit (ulimit -v) is too small", "");
		return at;
	}
	*base = (uint8_t *)at;
	return 0;
}

static uint64_t pool_half_of_memory(void) {
	struct sysinfo info;
	if (bfs_raw1(__NR_sysinfo, &info) != 0) return 1ull << 30;
	return (uint64_t)info.totalram * info.mem_unit / 2;
}

long bfs_pool_make(uint64_t limit_bytes, uint32_t lib_count, char *why, size_t why_size) {
	uint64_t pages = (limit_bytes != 0 ? limit_bytes : pool_half_of_memory()) / BFS_PAGE_SIZE;
	pages = BFS_MAX(16u, BFS_MIN(pages, 0x7FFFFFFFu));
	uint64_t file_size = pool_limit(RLIMIT_FSIZE);
	/* The plan is put together in the mapped file itself: it is too large for the stack. */
	long fd = bfs_raw2(__NR_memfd_create, "binaryfs-overlay", MFD_CLOEXEC);
	if (fd == -EACCES) /* vm.memfd_noexec = 2 */
		fd = bfs_raw2(__NR_memfd_create, "binaryfs-overlay", MFD_CLOEXEC | 8u /* MFD_NOEXEC_SEAL */);
	if (fd < 0) {
		bfs_why(why, why_size, "memory for the overlay is refused (memfd_create)", "");
		return fd;
	}
	uint8_t *first;
	long error = bfs_raw2(__NR_ftruncate, fd, sizeof(struct bfs_control));
	if (error == 0)
		error = pool_map((int)fd, sizeof(struct bfs_control), &first, why, why_size);
	else
		bfs_why(why, why_size, "the overlay does not fit the file size limit (ulimit -f)", "");
	if (error != 0) goto fail;
	struct bfs_control *c = (struct bfs_control *)first;
	pool_plan(c, pages, lib_count);
	while (c->data_offset + pages * BFS_PAGE_SIZE > file_size && pages > 256) {
		pages /= 2;
		pool_plan(c, pages, lib_count);
	}
	uint64_t total = c->data_offset + pages * BFS_PAGE_SIZE, meta = c->meta_size;
	bfs_raw2(__NR_munmap, first, sizeof(struct bfs_control));
	error = total > file_size ? -EFBIG : bfs_raw2(__NR_ftruncate, fd, total);
	if (error != 0) {
		bfs_why(why, why_size, "the overlay does not fit the file size limit (ulimit -f)", "");
		goto fail;
	}
	uint8_t *base;
	error = pool_map((int)fd, meta, &base, why, why_size);
	if (error != 0) goto fail;
	pool_addresses(base);
	return fd;
fail:
	bfs_raw1(__NR_close, fd);
	return error;
}

long bfs_pool_attach(int fd, char *why, size_t why_size) {
	uint64_t head[6]; /* magic, lock and sequence, undo_count, lib_count and uid, meta_size, data_offset */
	_Static_assert(offsetof(struct bfs_control, meta_size) == 32, "head");
	if (bfs_raw4(__NR_pread64, fd, head, sizeof head, 0) != sizeof head || head[0] != BFS_POOL_MAGIC) {
		bfs_why(why, why_size, "the overlay's descriptor was lost", "");
		return -EBADF;
	}
	uint8_t *base;
	long error = pool_map(fd, head[4], &base, why, why_size);
	if (error == 0) pool_addresses(base);
	return error;
}
