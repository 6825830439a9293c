/* The overlay's shared memory, private to pool*.c, tx.c, page.c, node*.c and ofd.c: layout of the pool file, lock, transactions, allocation.
 *
 * The pool is one sparse memfd. Its first part (metadata) is mapped shared by every process, at any address: only indexes are stored, never pointers. Its second part (data
 * pages) is read and written through the descriptor, so that the kernel answers for bad user pointers, and mapped for mmap(2).
 *
 * Writers of metadata hold the pool lock and store through bfs_store*, which first append the old value to the undo log; commit empties the log. Who takes the lock after its
 * owner died replays the log backwards: a process killed at any instruction leaves a consistent pool. Readers take no lock: they check every index and walk again
 * when the sequence number moved. */
#ifndef BINARYFS_POOL_H
#define BINARYFS_POOL_H

#include "vfs.h"

#define BFS_PAGE_SIZE 4096u
#define BFS_OFD_MIN 65536u           /* open file descriptions: entries of the table, where limits of address space or file size are small */
#define BFS_OFD_MAX 2097152u         /* and elsewhere; the table is sparse and used from its beginning */
#define BFS_OFD_RUN 8u               /* entries of a stripe that lie side by side, so that one in use takes few pages, and all of them do */
#define BFS_OVERLAY_INO (1ull << 46) /* inode numbers of what the overlay makes start here */
#define BFS_MAX_FILE_SIZE 0x7FFFFFFFFFFFFFFFull

/* ---- layout ------------------------------------------------------------------------------------------------------------------------------- */

struct bfs_inode {
	uint32_t lock;       /* for data: held while pages are written, added or removed */
	uint32_t generation; /* of the table slot; part of the node number, so that a stale number is noticed */
	uint32_t flags;      /* BFS_INODE_* */
	uint32_t mode, uid, gid, nlink;
	uint32_t holds; /* open file descriptions */
	uint64_t ino, rdev;
	uint64_t size;                       /* single stores, under the inode lock */
	uint64_t dirty_end;                  /* bytes from SIZE up to here may be other than zero: cleaned before SIZE grows over them */
	bfs_node base;                       /* image node underneath, or 0 */
	uint64_t base_valid;                 /* bytes of BASE still visible where the page map has nothing */
	uint64_t map;                        /* page map: root | height << 32; height 0: root is the entry of page 0 */
	uint32_t map_seq;                    /* odd while pages are being removed */
	uint32_t pages;                      /* data pages in the map */
	uint64_t atime, mtime, ctime, btime; /* packed (bfs_time_pack); single stores */
	bfs_node parent;                     /* directory: where it was moved or made; 0: where its base is */
	uint32_t dentry;                     /* directory: its own entry; 0: that of its base */
	uint32_t head;                       /* directory: newest entry */
	uint64_t serial;                     /* directory: number of the next entry */
	uint32_t hash_next;                  /* chain of the hash by image node */
	uint32_t next;                       /* free list or orphan list */
	uint32_t body;                       /* symlink: text */
	uint32_t xattrs;                     /* first of a chain of texts */
	uint32_t mount;                      /* mount index + 1 */
	uint32_t reserved;
};
enum {
	BFS_INODE_USED = 1,
	BFS_INODE_OPAQUE = 2,     /* directory: nothing of the base shows */
	BFS_INODE_MAPPED = 4,     /* pool pages were handed to mmap: pages stay in place while a mapping lives (pool_pin.c) */
	BFS_INODE_OWNED = 8,      /* mode or owner were set in the overlay: the starter's privilege ends */
	BFS_INODE_ORPHAN = 16,    /* on the orphan list */
	BFS_INODE_XATTRS = 32,    /* XATTRS replaces those of the base */
	BFS_INODE_ANONYMOUS = 64, /* made without a name: may get its first link */
};

struct bfs_dentry {
	uint32_t parent; /* inode index of the directory; 0: free */
	uint32_t hash;
	uint32_t chain; /* hash chain, or free list */
	uint32_t name;  /* text */
	bfs_node node;  /* 0: whiteout */
	uint64_t serial;
	uint32_t newer, older; /* entries of the directory in order of creation */
	uint32_t over_base;    /* the base has this name: listed at the base's place */
	uint32_t reserved;
};

/* Header of a text (names, symlink bodies, xattrs, strings of descriptors): a power-of-two cell of at least 16 bytes. Content follows, NUL-terminated. */
struct bfs_text {
	uint32_t next; /* free list (kept while the text lives, so that an allocation can be undone); chain of xattrs */
	uint32_t size; /* bytes of content, without the NUL */
};
#define BFS_TEXT_UNIT 16u
#define BFS_TEXT_CLASSES 16u /* 16 bytes … 512 KiB */
#define BFS_TEXT_MAX 131072u

struct bfs_undo {
	uint64_t at; /* metadata offset | 1 for a 4-byte word */
	uint64_t old;
};
#define BFS_UNDO_COUNT 65536u

/* A directory that several libraries have: key (any of its image nodes) → words[group] = count, then the nodes, first listed first. */
struct bfs_merge_slot {
	bfs_node key;
	uint64_t group;
};

/* A run of a library that is a file's: what a mapping of it shows. */
struct bfs_mapped {
	uint64_t at, size; /* in the library file; whole pages */
	uint64_t offset;   /* of the file */
	bfs_node node;     /* of the image */
	uint32_t lib;
	uint32_t path; /* string */
};
#define BFS_MAPPED_LIMIT 4096u

struct bfs_pool_lib {
	uint64_t file_offset, size;
	uint32_t path; /* string */
	uint32_t reserved;
};

/* A stripe: the entries of the table of descriptions whose placeholders are on one inode, in rows (bfs_ofd_index). */
struct bfs_stripe {
	uint32_t hint;  /* no row below is free */
	uint32_t look;  /* where to look next for a dead one */
	uint32_t alive; /* how many of those looked at in this round lived */
	uint32_t top;   /* above the highest row ever used: the table is sparse, and what is looked at takes memory */
	uint32_t due;   /* row whose use is put off until the rows below have been looked at; 0: as at the start */
};

/* What is known of a tracee, in the place of its thread number: trace_stop.c. Its tracer alone changes it, but for its beginning. */
struct bfs_tracee {
	uint32_t tid, tracer; /* threads */
	uint8_t request;      /* with which its tracer let it go on last; 0: as at the start, or by another than PTRACE_CONT and PTRACE_SYSCALL */
	uint8_t phase;        /* BFS_TRACE_OUT … */
	uint8_t told;         /* the stop in which it is */
	uint8_t stop;         /* that is due as soon as it has left the runtime */
	uint32_t interrupted; /* by the runtime (PTRACE_INTERRUPT): that stop is not told */
	int32_t nr;           /* the program's call that it is in, */
	uint64_t ip;          /* and where that returns to */
	uint64_t owed;        /* the same of one whose entry was told when a signal came: it is not told again; 0: none */
};
#define BFS_TRACEES 4096u
#define BFS_SOCKET_NAMES 1024u

/* An opened FIFO: what stands in for it, and its node. op_fifo.c */
struct bfs_fifo {
	uint64_t host, host_ino, ino;
	bfs_node node;
};
#define BFS_FIFOS 512u

struct bfs_control {
	uint64_t magic;
	uint32_t lock;     /* tid of the owner, as FUTEX_LOCK_PI wants it */
	uint32_t sequence; /* odd during a transaction */
	uint64_t undo_count;
	uint32_t lib_count, starter_uid;
	uint64_t meta_size, data_offset; /* bytes */
	uint64_t undo_at, ofd_at, instance_at, watch_at, watch_hash_at, inode_at, inode_hash_at, dentry_at, dentry_hash_at, map_at, used_at, dirty_at,
		mapped_at, merge_slot_at, merge_word_at, text_at; /* offsets of the areas */
	uint32_t inode_limit, inode_hash_mask, dentry_limit, dentry_hash_mask, map_limit, text_limit;
	uint32_t watch_limit, watch_hash_mask;
	uint32_t ofd_limit, placeholder_bits; /* there are 1 << placeholder_bits inodes: placeholder.c */
	uint64_t placeholder_dev, placeholder_ino[BFS_MAX_PLACEHOLDERS];
	uint64_t events_at; /* offset of the queues of inotify instances: not mapped, read and written through the descriptor */
	uint32_t page_limit, merge_slot_mask, merge_word_limit, merge_word_count;
	/* changed in transactions */
	uint32_t inode_top, inode_free, inode_count, dentry_top, dentry_free, map_top, map_free, text_top;
	uint32_t text_free[BFS_TEXT_CLASSES];
	uint32_t image_inodes; /* overlay inodes with a base */
	uint32_t pages_used, page_hint;
	uint32_t orphans;
	uint32_t watch_top, watch_free;  /* notify.c */
	uint64_t next_ino, start_inodes; /* start_inodes: made by bfs_vfs_create */
	/* hints, single stores */
	uint32_t ofd_top, ofd_look, orphan_tick; /* ofd_top: above the highest index ever used */
	struct bfs_stripe stripes[BFS_MAX_PLACEHOLDERS];
	uint32_t supervisor;                /* process that waits for the first program; 0: none */
	uint32_t mapped_count;              /* mapped.c */
	uint32_t filters;                   /* bfs_pool_filters */
	uint32_t move_cookie;               /* inotify: number of the last rename */
	_Alignas(8) uint32_t instances;     /* live ones; with the next one word for bfs_wait_heeded */
	uint32_t tracing;                   /* op_trace.c: there are, or were, tracers */
	uint32_t door_names;                /* lock: door_names.c */
	uint64_t tracers[BFS_TRACEES / 64]; /* bit N: there are, or were, tracers whose thread number modulo BFS_TRACEES is N */
	struct bfs_tracee tracees[BFS_TRACEES];
	uint64_t instance_key, instance_inode;   /* notify.c */
	uint32_t socket_names[BFS_SOCKET_NAMES]; /* socket_name.c: texts, each in the place that its hash says */
	uint32_t fifos_any;                      /* one was opened */
	struct bfs_fifo fifos[BFS_FIFOS];        /* each in the place that its hash says */
	struct bfs_pool_lib libs[BFS_MAX_LIBS];
	struct bfs_mount_table mounts;
};
#define BFS_POOL_MAGIC 0x31304C4F4F504642ull /* "BFPOOL01" */

/* Addresses of the areas in this process; constant after start. */
struct bfs_pool {
	struct bfs_control *control;
	struct bfs_undo *undo;
	struct bfs_ofd *ofds;
	struct bfs_instance *instances;
	struct bfs_watch *watches;
	uint32_t *watch_hash;
	struct bfs_inode *inodes;
	uint32_t *inode_hash;
	struct bfs_dentry *dentries;
	uint32_t *dentry_hash;
	uint8_t *maps;
	uint64_t *used, *dirty;
	struct bfs_merge_slot *merge_slots;
	struct bfs_mapped *mapped;
	uint64_t *merge_words;
	uint8_t *texts;
};
extern struct bfs_pool bfs_p;

/* ---- pool.c ------------------------------------------------------------------------------------------------------------------------------- */

/* Makes the pool file for DATA_PAGES pages and maps it; the descriptor is returned, or −errno with WHY. */
long bfs_pool_make(uint64_t limit_bytes, uint32_t lib_count, char *why, size_t why_size);
/* Maps the pool behind FD. */
long bfs_pool_attach(int fd, char *why, size_t why_size);
void bfs_why(char *why, size_t size, const char *text, const char *detail);

/* ---- pool_lock.c -------------------------------------------------------------------------------------------------------------------------- */

/* Who traces lets go on, while it waits for a lock, those of its tracees that are stopped where no tracer hears of it: one may hold the lock. TID: the caller. True where it traces anybody. trace_stop.c */
bool bfs_trace_help(uint32_t tid);
/* A lock word in shared memory that survives its owner's death. True: the owner had died, the caller repairs what it guards. Never recursive. */
bool bfs_word_lock(uint32_t *word);
void bfs_word_unlock(uint32_t *word);
bool bfs_word_trylock(uint32_t *word); /* also from a dead owner */
void bfs_pool_lock(void);              /* with recovery */
void bfs_pool_unlock(void);

/* Lock-free reading:  struct bfs_reader r; for (bfs_read_start(&r);;) { …gather…; if (bfs_read_done(&r)) break; }
 * What was gathered is valid after the loop; inside it may be garbage, so indexes are checked. After 16 rounds the pool lock is taken. */
struct bfs_reader {
	uint32_t sequence, rounds;
	bool locked;
};
void bfs_read_start(struct bfs_reader *r);
bool bfs_read_done(struct bfs_reader *r);

/* ---- tx.c --------------------------------------------------------------------------------------------------------------------------------- */

/* All under the pool lock. A transaction that failed is rolled back by abort. */
void bfs_tx_begin(void);
long bfs_tx_commit(void);      /* 0, or −ENOSPC where the undo log was too small (then everything is rolled back) */
long bfs_tx_abort(long error); /* rolls back; returns ERROR */
void bfs_tx_replay(void);
/* A text or entry that was let go: it enters its free list when the transaction commits and not before, as its contents, which the log does not know, must still be
 * there should everything be undone. */
enum bfs_tx_freed { BFS_TX_TEXT, BFS_TX_DENTRY };
void bfs_tx_free(enum bfs_tx_freed what, uint32_t index);
void bfs_text_recycle(uint32_t text); /* of commit alone */
void bfs_dentry_recycle(uint32_t index);
void bfs_store32(uint32_t *at, uint32_t value);
void bfs_store64(uint64_t *at, uint64_t value);

/* ---- page.c: data pages ------------------------------------------------------------------------------------------------------------------- */

/* In a transaction: up to WANT adjacent free pages, all zero. Returns how many (0: none left) and the first. */
uint32_t bfs_page_alloc(uint32_t want, uint32_t *first);
/* Pages freed in a transaction, given back to the kernel after its commit. */
#define BFS_FREED_RUNS 64u
struct bfs_freed {
	uint32_t count;
	struct {
		uint32_t first, pages;
	} run[BFS_FREED_RUNS];
};
bool bfs_page_free(struct bfs_freed *f, uint32_t page); /* false: F is full, nothing done */
void bfs_page_punch(const struct bfs_freed *f);
static inline uint64_t bfs_page_offset(uint32_t page) { return bfs_p.control->data_offset + (uint64_t)page * BFS_PAGE_SIZE; }
/* Zeroes bytes of the pool file. */
long bfs_page_zero(uint64_t pool_offset, uint64_t size);

/* ---- page_map.c: file page → data page ---------------------------------------------------------------------------------------------------- */

#define BFS_MAP_FANOUT 128u
#define BFS_MAP_BITS 7u
#define BFS_MAP_HOLE 0xFFFFFFFFu /* zeros, even above a base */
/* Entry of a page: 0 absent, BFS_MAP_HOLE, or data page + 1. */
uint32_t bfs_map_get(const struct bfs_inode *inode, uint64_t index);
/* First index ≥ INDEX with an entry; false where there is none. */
bool bfs_map_next(const struct bfs_inode *inode, uint64_t index, uint64_t *found);
long bfs_map_set(struct bfs_inode *inode, uint64_t index, uint32_t entry); /* in a transaction */
/* Removes entries in [from, to): pages are freed. False when F or the log filled up: commit, punch and call again. In a transaction. */
bool bfs_map_clear(struct bfs_inode *inode, uint64_t from, uint64_t to, struct bfs_freed *f);

/* ---- pool_text.c -------------------------------------------------------------------------------------------------------------------------- */

uint32_t bfs_text_new(const void *content, size_t size); /* in a transaction; 0 when full. CONTENT NULL: left to the caller */
void bfs_text_drop(uint32_t text);                       /* in a transaction */
/* Content and size; "" and 0 where TEXT is out of range (a torn read). */
const char *bfs_text_at(uint32_t text, uint32_t *size);
struct bfs_text *bfs_text_header(uint32_t text);

/* ---- inode.c ------------------------------------------------------------------------------------------------------------------------------ */

struct bfs_inode *bfs_inode_at(uint32_t index); /* NULL out of range */
uint32_t bfs_inode_index(const struct bfs_inode *inode);
bfs_node bfs_inode_node(const struct bfs_inode *inode);
/* The overlay inode of N, NULL where N is an image node or stale. N is canonicalized. */
struct bfs_inode *bfs_inode_of(bfs_node n);
/* The overlay node of an image node that has one, the first library's of a merged directory, else N. Inside a reader loop or under the lock. */
bfs_node bfs_canonical(bfs_node n);
/* In a transaction: the overlay inode of N, made now where N is an image node. NULL and *ERROR. */
struct bfs_inode *bfs_inode_own(bfs_node n, long *error);
struct bfs_inode *bfs_inode_new(long *error); /* in a transaction; zeroed, USED */
/* In a transaction, after nlink or holds fell: puts an inode that nobody can reach any more on the orphan list. True where it did. */
bool bfs_inode_forget(struct bfs_inode *inode);
/* Under the lock, in no transaction: frees orphans whose mappings are gone; FEW: only the newest. */
void bfs_orphans_run(bool few);
/* Times. */
uint64_t bfs_time_pack(int64_t sec, uint32_t nsec);
int64_t bfs_time_unpack(uint64_t packed, uint32_t *nsec);
uint64_t bfs_time_now(void);

/* ---- pool_pin.c: which inodes are mapped somewhere ---------------------------------------------------------------------------------------- */

/* A descriptor of the pool whose struct file holds a read lock on byte INDEX: a mapping made through it keeps the lock until the last munmap, in whatever process. */
long bfs_pin_open(uint32_t inode_index, bool writable); /* not WRITABLE: mprotect(2) cannot make a shared mapping writable */
bool bfs_pin_alive(uint32_t inode_index);

/* ---- dentry.c ----------------------------------------------------------------------------------------------------------------------------- */

struct bfs_dentry *bfs_dentry_at(uint32_t index);
uint32_t bfs_dentry_index(const struct bfs_dentry *d);
/* The entry NAME (a whiteout too) of overlay directory DIR, or NULL. */
struct bfs_dentry *bfs_dentry_find(const struct bfs_inode *dir, const char *name, size_t len);
struct bfs_dentry *bfs_dentry_new(struct bfs_inode *dir, const char *name, size_t len, bfs_node node, bool over_base); /* in a transaction; NULL: full */
void bfs_dentry_drop(struct bfs_dentry *d);                                                                            /* in a transaction */
/* Does the base of DIR show NAME (nothing of it where DIR is opaque)? */
bool bfs_base_lookup(const struct bfs_inode *dir, const char *name, size_t len, bfs_node *out);
/* Child of a canonical directory. Inside a reader loop or under the lock. 0, −ENOENT, −ENOTDIR. */
long bfs_child(bfs_node dir, const char *name, size_t len, bfs_node *out);

/* ---- entries (node_entry.c): parts of create, unlink and rename; all in a transaction ---- */

/* Gives DIR an entry NAME for a node, where none shows. 0, −ENOSPC. */
long bfs_entry_add(struct bfs_inode *dir, const char *name, size_t len, bfs_node node, uint32_t mode);
/* Takes the showing entry NAME away. */
long bfs_entry_remove(struct bfs_inode *dir, const char *name, size_t len);
/* bfs_node_create within a transaction. node_create.c */
long bfs_create_locked(bfs_node dir, const char *name, size_t len, const struct bfs_new *what, bfs_node *out);
/* One link less (a directory: none left); the inode may become an orphan. */
long bfs_entry_unlinked(bfs_node node, bool directory, uint64_t now);
/* Is the directory without showing entries? */
long bfs_entry_dir_empty(bfs_node dir);
/* A subdirectory more or less; directories with nlink 1 do not count. */
void bfs_entry_count_subdir(struct bfs_inode *dir, int change);
void bfs_entry_touch(struct bfs_inode *inode, bool data, uint64_t now); /* ctime, and mtime where DATA */
/* Mode of a canonical node, type bits included; 0 where it is stale. */
uint32_t bfs_mode_of(bfs_node n);
/* Directory above; inside a reader loop or under the lock. */
bfs_node bfs_parent_of(bfs_node dir);
/* Ends a change: commit or abort, then orphans, then the pool lock is released. Returns ERROR or what commit said. */
long bfs_change_end(long error);
void bfs_change_begin(void);

/* ---- data (node_data.c): overlay regular files; all but the first two under the inode lock ---- */

/* The overlay inode of regular file N, made where there is none, with its lock taken: it stays what it is until bfs_data_done. NULL and *ERROR. */
struct bfs_inode *bfs_data_begin(bfs_node n, long *error);
void bfs_data_lock(struct bfs_inode *inode);
void bfs_data_done(struct bfs_inode *inode);
/* Gives pages first … last of the file data pages of their own, filled from the base. Returns how many from FIRST on have one; *ERROR tells why not all. */
uint64_t bfs_data_ensure(struct bfs_inode *inode, uint64_t first, uint64_t last, long *error);
/* Bytes [from, to) read as zeros from now on. Pages are freed, unless a mapping shows them: then they are zeroed in place. */
long bfs_data_clear(struct bfs_inode *inode, uint64_t from, uint64_t to);
/* To be called before the size grows to END: what lies between becomes zeros. */
long bfs_data_extend(struct bfs_inode *inode, uint64_t end);
/* Bytes into the pool file, from the program's memory or the runtime's; short before a fault. LIMITED: RLIMIT_FSIZE is set, which the kernel would apply to the pool file. */
long bfs_data_put(uint64_t pool_offset, const void *src, uint64_t size, bool limited);
/* A change of contents: times, and the set-id bits of a file that an unprivileged user writes. */
void bfs_data_modified(struct bfs_inode *inode);
/* The thread's file size limit; ~0 for none. */
uint64_t bfs_data_size_limit(void);

/* ---- ofd.c -------------------------------------------------------------------------------------------------------------------------------- */

/* A description's STATE: bits 0–1 as in vfs.h, above them a number that grows with each use, so that who saw an earlier use cannot free a later one.
 * Only who holds the lock on byte INDEX takes a free entry; so an entry that is not free and not locked belongs to the dead. */
#define BFS_OFD_FREE 0u
#define BFS_OFD_ENDING 1u
#define BFS_OFD_LIVE 2u
#define BFS_OFD_STATE(word) ((word)&3u)
static inline uint32_t bfs_ofd_word(uint32_t index) { return __atomic_load_n(&bfs_p.ofds[index].state, __ATOMIC_ACQUIRE); }
/* Frees the dead entry INDEX, whose state was seen as SEEN. */
void bfs_ofd_free(uint32_t index, uint32_t seen);

/* ---- ofd_table.c -------------------------------------------------------------------------------------------------------------------------- */

/* Locks a free entry of STRIPE for the struct file behind FD. −ENFILE. */
long bfs_ofd_claim(int fd, uint32_t stripe, uint32_t *index);
/* Does a struct file hold the entry? */
bool bfs_ofd_alive(uint32_t index);
/* The entry is free now. */
void bfs_ofd_freed(uint32_t index);
/* The entry at ROW of STRIPE; it grows with the row. */
uint32_t bfs_ofd_index(uint32_t stripe, uint32_t row);
/* The stripe of a file with inode number INO, and of directories below MOUNT. */
uint32_t bfs_ofd_stripe(uint64_t ino);
/* Rows of a stripe that may be in use. */
uint32_t bfs_ofd_rows(uint32_t stripe);
uint32_t bfs_ofd_stripe_of_mount(uint32_t mount);
/* Does a live description refer to image node N? A hint (no lock). */
bool bfs_ofd_refers(bfs_node n);
/* Looks at a few entries in turn and frees the dead: where somebody watches, who closed a file by ending is told so that way. Not under the pool lock. */
void bfs_ofd_look(void);
/* Frees entries of processes that were killed; not under the pool lock. True where any was. */
bool bfs_ofd_sweep(void);

#endif
