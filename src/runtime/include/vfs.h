/* The file system: the boundary between its parts.
 *
 *   dispatch.c            one call in, a result or "let the kernel do this" out
 *     op_*.c              one family of system calls a file
 *       path.c            a path → struct bfs_loc
 *         node.c          image and overlay nodes: lookup, attributes, children, copy-up
 *           image.c       read-only view of one EROFS image (validates everything it reads)
 *           pool.c tx.c page.c   the overlay's shared memory: lock, undo log, allocation, data pages
 *       ofd.c             descriptors: placeholder ↔ open file description
 *       mount.c hostfs.c  host paths and volumes      procfs.c  /proc      devfs.c  /dev
 *
 * All state that outlives one call lies in the pool (shared by the whole process tree) or in the kernel's own descriptor table: nothing per process
 * has to be copied on fork, vfork or exec. Calls return −errno; nothing here exits or allocates from the host's libc.
 * Every signal is blocked while a call runs (trap layer), so nothing here is re-entered by the same thread; other threads and processes run in parallel.
 */
#ifndef BINARYFS_VFS_H
#define BINARYFS_VFS_H

#include "format.h"
#include "reserved.h"
#include "sys.h"

/* ---- calls (dispatch.c) ------------------------------------------------------------------------------------------------------------------ */

struct bfs_call {
	long nr;
	uint64_t a[6];
	long result;
	int64_t again;    /* BFS_WAIT: the kernel's result that says so */
	uint64_t kept;    /* BFS_AFTER: what bfs_after is to find of the call, in its scratch area; 0: nothing, as it is a wait */
	uint64_t scratch; /* set by the maker of the call: BFS_SCRATCH_SIZE bytes, 16-aligned, that live until the passed call has returned; 0: none */
};
#define BFS_SCRATCH_SIZE 2048u
/* Memory for arguments of a passed call (rewritten socket addresses, masks); NULL where the call has none or SIZE is more than is left of it. At most one use a call. */
static inline void *bfs_call_scratch(const struct bfs_call *c, size_t size) {
	/* From its end down: what is not asked for lies farthest from the program's stack pointer and stays untouched. */
	return c->scratch != 0 && size <= BFS_SCRATCH_SIZE ? (void *)((c->scratch + BFS_SCRATCH_SIZE - size) & ~15ul) : (void *)0;
}
enum bfs_verdict {
	BFS_DONE,  /* c->result holds the value or −errno */
	BFS_PASS,  /* the caller performs system call c->nr with c->a (both possibly rewritten) in the gate; it may block. Pointers in c->a are the
	           * program's own or to memory that lives as long as the process. */
	BFS_WAIT,  /* as BFS_PASS; but where the kernel says c->again, what was waited for is there, and the program's own call is made again from the start */
	BFS_AFTER, /* as BFS_PASS; but afterwards, where *bfs_after_heeded() is not 0, bfs_after hears of it */
	BFS_LAST,  /* as BFS_PASS, of a call that does not return; no signal is handled before it */
	BFS_AGAIN, /* the program makes the same call again, after the signals that wait for it */
};
/* Answers one file system call of the program. Never handles process or signal calls (clone, exec, rt_sig*): those are the trap layer's. */
enum bfs_verdict bfs_dispatch(struct bfs_call *c);
/* dispatch.c: bfs_dispatch (with a scratch area of its own), then the passed call itself. For the runtime's own use and the C ABI. */
long bfs_syscall(long nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5);

/* A call of verdict BFS_AFTER: the word that says whether its result is looked at, and who does; C is as the program made it, with KEPT and the kernel's result, which may be changed. True: the call is made again. */
const uint64_t *bfs_after_heeded(const struct bfs_call *c);
bool bfs_after(struct bfs_call *c);

/* An op (op_*.c). Each family file defines ops; dispatch.c holds the one table nr → op. */
typedef enum bfs_verdict bfs_op(struct bfs_call *c);

/* ---- start (pool.c, vfs_start.c) ---------------------------------------------------------------------------------------------------- */

struct bfs_lib_config {
	const uint8_t *image; /* mapped address */
	uint64_t image_size;  /* bytes */
	uint64_t file_offset; /* of the image in the library file */
	int fd;               /* open library, O_RDONLY; create moves it to its reserved place */
	const char *path;     /* for messages */
};
struct bfs_door { /* a host path or volume given at run time; both absolute. For a host path HOST == GUEST. */
	const char *guest;
	const char *host;
	bool volume;
};
struct bfs_config {
	const struct bfs_lib_config *libs;
	uint32_t lib_count;
	const struct bfs_door *doors; /* from the command line and environment; those of the images' sections are read by create itself */
	uint32_t door_count;
	uint64_t overlay_limit; /* bytes; 0: half of the memory */
	bool hermetic;
	const char *misses_path, *host_log_path; /* BINARYFS_MISSES, BINARYFS_HOST_LOG; may be NULL */
	const char *cwd;                         /* wished current directory in the image; falls back to / */
};
/* First process of a tree: makes pool and placeholder, reads sections, mounts doors, /dev and /proc, sets bfs_fd_base. On failure fills WHY (a line without newline). */
long bfs_vfs_create(const struct bfs_config *config, char *why, size_t why_size);
/* Of it: the queue of FIFOs and their slots at their reserved places. op_fifo.c */
long bfs_fifo_setup(void);
/* Later program of the tree, after exec: maps pool and libraries from the reserved descriptors at FD_BASE. */
long bfs_vfs_join(int fd_base, char *why, size_t why_size);

/* ---- nodes (node.c over image.c and the pool) --------------------------------------------------------------------------------------------- */

/* A node of the merged tree. 0 is none. Image node: 1<<60 | library<<48 | nid. Overlay node: 2<<60 | index of the pool's inode table. An image node that was
 * changed has an overlay inode of its own (found through a hash by image node) and keeps its st_ino; node numbers handed out are always *canonical*: the
 * overlay node where one exists. In a merged directory (several libraries) the node is the first library's. */
typedef uint64_t bfs_node;
#define BFS_NODE_KIND(n) ((n) >> 60)
#define BFS_NODE_NONE 0u
#define BFS_NODE_IMAGE 1u
#define BFS_NODE_OVERLAY 2u
bfs_node bfs_node_root(void);

struct bfs_attr {
	uint32_t mode; /* with type bits */
	uint32_t uid, gid, nlink;
	uint64_t ino, size, rdev; /* rdev in the kernel's st_rdev encoding */
	int64_t atime_sec, mtime_sec, ctime_sec, btime_sec;
	uint32_t atime_nsec, mtime_nsec, ctime_nsec, btime_nsec;
	uint64_t blocks;       /* of 512 bytes */
	uint64_t mount_id;     /* as mountinfo has it; 0 where an old kernel does not tell */
	bool owner_is_starter; /* untouched image node: the user who started the tree may do what its owner or root may (docs/runtime.md, permissions) */
};
#define BFS_ST_DEV 0xBFu /* st_dev of image and overlay */
#define BFS_MOUNT_ID 1u  /* number of their mount in mountinfo: the kernel gives it to a mount of its own that nobody sees */
long bfs_node_attr(bfs_node n, struct bfs_attr *out);
/* Child NAME (LEN bytes, no slash, not . or ..) of directory DIR. −ENOENT, −ENOTDIR. */
long bfs_node_lookup(bfs_node dir, const char *name, size_t len, bfs_node *out);
/* Parent of a directory (the root's is the root). */
bfs_node bfs_node_parent(bfs_node dir);
/* Symlink body into DST (not NUL-terminated); returns its length. */
long bfs_node_readlink(bfs_node n, char *dst, size_t size);
/* Absolute path of directory DIR; −ENOENT once it is unlinked; −ERANGE. Returns length without the NUL that it writes. */
long bfs_node_dir_path(bfs_node dir, char *dst, size_t size);
/* Overlay inode index where the node is a mount point: mount index + 1; else 0. */
uint32_t bfs_node_mount(bfs_node n);
/* One directory entry at a time, in cookie order. *COOKIE is 0 at the start, then as returned; stable under changes: an entry that stays is seen exactly once.
 * Emits . and .. first. Returns 1 and fills, 0 at the end, −errno. */
struct bfs_dirent {
	uint64_t ino, cookie; /* cookie: of the *next* entry, as d_off; < 2^63 */
	uint8_t type;         /* DT_* */
	uint8_t name_len;
	char name[BFS_NAME_MAX + 1];
};
long bfs_node_readdir(bfs_node dir, uint64_t *cookie, struct bfs_dirent *out);
/* Any entry of DIR that leads to N. */
bool bfs_node_entry(bfs_node dir, bfs_node n, struct bfs_dirent *out);

/* Changes. Each takes the pool's lock, is one transaction, and updates the times that POSIX says. NOW is read through the gate inside. */
struct bfs_new {       /* what to create */
	uint32_t mode; /* with type bits, umask applied by the caller */
	uint32_t uid, gid;
	uint64_t rdev;
	const char *symlink; /* body, or NULL */
	size_t symlink_len;
};
long bfs_node_create(bfs_node dir, const char *name, size_t len, const struct bfs_new *what, bfs_node *out); /* −EEXIST … */
/* O_TMPFILE: nlink 0; LINKABLE: it may get a name later. */
long bfs_node_create_anonymous(const struct bfs_new *what, bool linkable, bfs_node *out);
long bfs_node_link(bfs_node dir, const char *name, size_t len, bfs_node target);
long bfs_node_unlink(bfs_node dir, const char *name, size_t len, bool directory); /* rmdir where DIRECTORY */
long bfs_node_rename(bfs_node from_dir, const char *from, size_t from_len, bfs_node to_dir, const char *to, size_t to_len, uint32_t flags); /* RENAME_* */
bool bfs_rename_flags_valid(uint32_t flags);
enum { BFS_SET_MODE = 1, BFS_SET_UID = 2, BFS_SET_GID = 4, BFS_SET_ATIME = 8, BFS_SET_MTIME = 16 };
struct bfs_setattr {
	uint32_t mask, mode, uid, gid;
	int64_t atime_sec, mtime_sec;
	uint32_t atime_nsec, mtime_nsec;
};
long bfs_node_setattr(bfs_node n, const struct bfs_setattr *set);
long bfs_node_truncate(bfs_node n, uint64_t size);
/* xattrs: getters return the value's length (−ERANGE when SIZE is too small, size 0 asks for the length, −ENODATA); list is NUL-separated full names. */
long bfs_node_getxattr(bfs_node n, const char *name, void *dst, size_t size);
long bfs_node_listxattr(bfs_node n, char *dst, size_t size);
long bfs_node_setxattr(bfs_node n, const char *name, const void *value, size_t size, uint32_t flags); /* value NULL: remove */

/* File data. User pointers; no more than one call's worth is locked. Return bytes, or −errno. A read is never torn by a concurrent truncate. */
long bfs_node_read(bfs_node n, void *user_dst, size_t size, uint64_t offset);
long bfs_node_write(bfs_node n, const void *user_src, size_t size, uint64_t offset);
/* Appends at the end atomically; *END receives the offset after the written bytes. */
long bfs_node_append(bfs_node n, const void *user_src, size_t size, uint64_t *end);
long bfs_node_fallocate(bfs_node n, uint32_t mode, uint64_t offset, uint64_t size);
/* Next data or hole from OFFSET (whence SEEK_DATA 3, SEEK_HOLE 4). */
long bfs_node_seek(bfs_node n, uint64_t offset, int whence);
/* Maps [offset, offset+size) of the file; exact semantics of mmap(2) for flags and protections; image pages come from the library file itself. */
long bfs_node_mmap(bfs_node n, uint64_t addr, uint64_t size, uint32_t prot, uint32_t flags, uint64_t offset, bool writable_ofd);
/* The file and its byte offset that the data page at byte POOL_OFFSET of the pool belongs to, as long as it is mapped. HINT is looked at first. False where there is none. node_page_owner.c */
bool bfs_node_page_owner(uint64_t pool_offset, bfs_node hint, bfs_node *n, uint64_t *file_offset);
/* Absolute path of overlay file N by any of its names, NUL-terminated; its length, −ENOENT where it has none in the overlay. All names are looked through. node_page_owner.c */
long bfs_node_file_path(bfs_node n, char *dst, size_t size);
/* It was read by other means than O_NOATIME: moves the access time of an overlay node as relatime does. node_atime.c */
void bfs_node_accessed(bfs_node n);
/* An open file description holds a reference, so that data of an unlinked file stays until the last one is gone. */
long bfs_node_hold(bfs_node n);
void bfs_node_release(bfs_node n);

/* Usage of the overlay in 4 KiB pages and inodes, and pages of all images, for statfs. */
struct bfs_usage {
	uint64_t image_pages, pages_used, pages_limit, inodes_used, inodes_limit;
};
void bfs_pool_usage(struct bfs_usage *out);

/* Permission of the calling thread's credentials on a node; MASK of 4 read, 2 write, 1 exec/search. EFFECTIVE: euid, else ruid (access(2)). */
long bfs_permission(const struct bfs_attr *attr, uint32_t mask, bool effective);
/* Is the calling thread the owner, root, or the starter where attr->owner_is_starter? (chmod, utimensat, sticky directories) */
bool bfs_is_owner(const struct bfs_attr *attr);
/* May an entry be removed from or renamed in DIR: write and search permission and the sticky rule. 0, −EACCES, −EPERM. VICTIM may be NULL (a new entry). */
long bfs_may_delete(const struct bfs_attr *dir, const struct bfs_attr *victim);
/* Is the calling thread root, or in group GID (effective or supplementary)? */
bool bfs_is_root(void);
/* The ids that the kernel's file systems go by: the effective ones, unless setfsuid(2) set others. */
uint32_t bfs_fs_uid(void);
uint32_t bfs_fs_gid(void);
bool bfs_in_group(uint32_t gid);

/* ---- paths (path.c) ----------------------------------------------------------------------------------------------------------------------- */

enum bfs_loc_kind { BFS_LOC_NODE, BFS_LOC_HOST, BFS_LOC_PROC };
struct bfs_loc {
	enum bfs_loc_kind kind;
	bfs_node node;   /* NODE: the node, or 0 when only its parent exists (BFS_WALK_CREATE) */
	bfs_node parent; /* NODE: directory of the last component (0 after an empty path, or where the last component was . or ..) */
	uint32_t mount;  /* HOST: index in the mount table */
	bool trailing_slash;
	bool last_is_dot; /* the last component was "." or ".." (rmdir, rename and unlink have their own errors) */
	bool magic; /* PROC: rel is a magic link that was followed to a kernel object (see bfs_provider.probe): attr, open, access and change act on its target */
	uint8_t name_len;
	char name[BFS_NAME_MAX + 1]; /* NODE: last component */
	char rel[BFS_PATH_MAX]; /* HOST: path below the mount, "" is the mount itself, no leading slash. PROC: path below /proc likewise. Symlinks above the last component are resolved. */
};
enum {
	BFS_WALK_FOLLOW = 1,   /* follow a symlink in the last component */
	BFS_WALK_CREATE = 2,   /* the last component may be absent: node 0, parent and name set */
	BFS_WALK_EMPTY = 4,    /* AT_EMPTY_PATH: "" means DIRFD itself */
	BFS_WALK_PARENT = 256, /* the call acts on the entry itself (mkdir, rmdir, unlink, rename, link, symlink, mknod): a symlink in the last component is not followed even before a trailing slash */
	BFS_WALK_NO_XDEV = 8,
	BFS_WALK_NO_MAGICLINKS = 16,
	BFS_WALK_NO_SYMLINKS = 32,
	BFS_WALK_BENEATH = 64,
	BFS_WALK_IN_ROOT = 128, /* openat2(2) RESOLVE_* */
};
/* Resolves USER_PATH (program's memory) from DIRFD or the current directory. Checks search permission. −ENOENT, −ENOTDIR, −ELOOP, −EACCES, −ENAMETOOLONG, −EFAULT, −EBADF. */
long bfs_walk(int dirfd, const char *user_path, uint32_t flags, struct bfs_loc *out);

/* ---- descriptors (ofd.c) ------------------------------------------------------------------------------------------------------------------ */

/* A descriptor of an image or overlay node, or of a directory anywhere, is a *placeholder*: a struct file of its own on an empty memfd, opened through
 * /proc/self/fd, whose file position is BFS_OFD_MAGIC | index of a struct bfs_ofd in the pool. The kernel thus keeps dup, fork, vfork, exec, CLOEXEC, SCM_RIGHTS and
 * CLONE_FILES right by itself. An OFD write lock on byte INDEX of the placeholder is held by that struct file: F_OFD_GETLK tells whether an index is still alive, so
 * entries of processes that were killed are found and freed. INDEX also says which placeholder inode it is (bfs_ofd_index). Host and volume files that are no directories are the
 * kernel's own descriptors. */
#define BFS_OFD_MAGIC 0x4246000000000000ull
#define BFS_OFD_MAGIC_MASK 0x7FFF000000000000ull
struct bfs_ofd {
	uint32_t state;  /* 0 free, 1 being made, 2 live; changed by compare-and-swap */
	uint32_t flags;  /* O_ACCMODE, O_APPEND, O_NONBLOCK, O_PATH, O_DIRECTORY, O_DIRECT, O_NOATIME, O_SYNC as given to open */
	uint64_t offset; /* file offset, or directory cookie; updated atomically */
	uint32_t offset_lock;
	uint32_t kind;         /* enum bfs_loc_kind */
	bfs_node node;         /* NODE */
	bfs_node parent;       /* of a non-directory, for AT_EMPTY_PATH and /proc/self/fd names; may be 0 */
	uint32_t mount;        /* HOST */
	uint32_t rel;          /* HOST, PROC: string in the pool; for NODE files the name under parent (0: unknown) */
	uint64_t private_data; /* of the provider (procfs snapshots) */
	uint64_t reserved;     /* bit 0: a POSIX record lock was taken through it (op_lock.c); bits 1 to 3: below; 0 at open */
};
#define BFS_OFD_CREATED 2u  /* its open made the file: F_CREATED_QUERY */
#define BFS_OFD_EXECUTED 4u /* the file is the program of those processes that have it, all of them in the reserved place (program.c) */
#define BFS_OFD_QUIET 8u    /* another description's end is told in the place of its own (inotify) */
/* The open file description behind FD, or NULL where FD is no placeholder (a host file, socket, pipe, closed). *INDEX may be NULL. */
struct bfs_ofd *bfs_ofd_of(int fd, uint32_t *index);
/* The reserved descriptor of the inode that all descriptions of OFD's file are on. */
int bfs_ofd_placeholder(const struct bfs_ofd *ofd);
/* A new descriptor (lowest free number) for LOC; FLAGS as of open(2), O_CLOEXEC honoured. Returns the descriptor or −errno (−EMFILE, −ENFILE). Takes a node reference. */
long bfs_ofd_open(const struct bfs_loc *loc, uint32_t flags);
/* The process is about to execute a program: POSIX record locks of files that are open close-on-exec go (should the exec fail after all, they are gone). op_close.c */
void bfs_exec_closing(void);
/* After the descriptor was closed through the gate: frees the entry when nobody else holds it. */
void bfs_ofd_closed(uint32_t index);
/* −ETXTBSY where the file of inode number INO is executed (EXECUTED), or is open for writing (else); 0. Waits a moment for that to end. ofd_busy.c */
long bfs_ofd_text_busy(uint64_t ino, bool executed);
/* The path that /proc/self/fd/N and getcwd show, with " (deleted)" where it is. Returns the length without the NUL. */
long bfs_ofd_path(const struct bfs_ofd *ofd, char *dst, size_t size);
/* The name under its parent directory that leads to what is open: the one it was opened by, if it still does, else any. False where there is none. */
bool bfs_ofd_name(const struct bfs_ofd *ofd, struct bfs_dirent *entry);
/* Directory FROM below MOUNT was renamed to TO (EXCHANGE: and TO to FROM): descriptions of it and of what lies beneath follow. ofd_moved.c */
void bfs_ofd_moved(uint32_t mount, const char *from, const char *to, bool exchange);
/* Fills LOC from an open file description. */
long bfs_ofd_loc(const struct bfs_ofd *ofd, struct bfs_loc *out);

/* ---- providers: host paths, volumes, /proc, /dev ------------------------------------------------------------------------------------------ */

/* Mount table, in the pool, fixed after start. */
#define BFS_MAX_MOUNTS 256u
struct bfs_mount {
	uint32_t guest, host; /* pool strings, absolute */
	bool volume, is_proc;
	bool directory;  /* the walk may go below it: also for what was absent at the start, which may turn out to be one */
	bool read_only;  /* /sys: every change is −EROFS */
	bool has_nested; /* another mount lies beneath */
};
struct bfs_mount_table { /* all that the providers keep beyond one call; written by bfs_*_setup alone */
	uint32_t count;
	uint32_t misses, host_log; /* pool strings: absolute host paths of the logs, 0 for none */
	uint32_t log_seen;         /* pool string: what they hold (log_seen.c), 0 for none */
	uint32_t hermetic;
	struct bfs_mount entries[BFS_MAX_MOUNTS];
};
/* The table in the pool, zeroed by bfs_vfs_create before the first setup (pool.c). */
struct bfs_mount_table *bfs_pool_mounts(void);
const struct bfs_mount *bfs_mount_get(uint32_t index); /* mount.c */
uint32_t bfs_mount_count(void);
/* node.c: entry NAME of overlay or image directory DIR that bfs_node_mount answers with MOUNT + 1; made (0755 directory or 0644 file, an overlay node), or an
 * existing entry of any type is replaced by it, as a mount covers what it stands on. A directory entry keeps its node, so that a mount may be added over it. */
long bfs_node_create_mount(bfs_node dir, const char *name, size_t len, uint32_t mount, bool directory, bfs_node *out);
/* Called by bfs_vfs_create, under no lock, in this order. Each makes the nodes it needs with bfs_node_create / bfs_mount_add. */
long bfs_devfs_setup(void);
long bfs_procfs_setup(void);
long bfs_doors_setup(const struct bfs_config *config, char *why, size_t why_size);
/* Makes GUEST (absolute) a mount point: missing ancestors are made as overlay directories (0755). FLAGS of BFS_MOUNT_*. Longest prefix wins. −ENOSPC when the table is full. */
enum { BFS_MOUNT_VOLUME = 1, BFS_MOUNT_PROC = 2, BFS_MOUNT_DIRECTORY = 4, BFS_MOUNT_READ_ONLY = 8, BFS_MOUNT_ABSENT = 16 /* not on the host (yet) */ };
long bfs_mount_add(const char *guest, const char *host, uint32_t flags);
/* Where REL below MOUNT (kind HOST) is itself a nested mount point: its index + 1, else 0. The walk asks before it probes: the host may have nothing of that name. */
uint32_t bfs_mount_nested(uint32_t mount, const char *rel);

/* One interface for LOC of kind HOST and PROC; hostfs.c and procfs.c each define one. Every function gets the resolved location. */
struct bfs_provider {
	/* One step of a walk: does REL exist, what is it? A symlink's body goes to LINK (LINK_SIZE bytes, NUL-terminated) and *LINK_LEN; the walk goes on with it virtually.
	 * LINK is NULL where it is not to be followed: reading it would change its access time.
	 * REL may have several components, none of them a symlink (−ELOOP where one above the last is: then step by step).
	 * Returns 1 (PROC alone) for a magic link (/proc/PID/fd/N, cwd, root, exe): *mode is S_IFLNK and LINK its text, but a walk that follows it never goes by that text: it calls
	 * bfs_procfs_follow. −ELOOP under BFS_WALK_NO_MAGICLINKS. */
	long (*probe)(uint32_t mount, const char *rel, uint32_t *mode, char *link, size_t link_size, size_t *link_len);
	long (*attr)(const struct bfs_loc *loc, struct bfs_attr *out, uint64_t *st_dev);
	/* Non-directories: a real descriptor from the kernel, or a placeholder of the provider's own; MODE for O_CREAT. Directories are opened by op_open through bfs_ofd_open. */
	long (*open)(const struct bfs_loc *loc, uint32_t flags, uint32_t mode);
	long (*readdir)(const struct bfs_loc *loc, uint64_t *cookie, struct bfs_dirent *out);
	long (*readlink)(const struct bfs_loc *loc, char *dst, size_t size);
	long (*access)(const struct bfs_loc *loc, uint32_t mask, bool effective);
	/* Data of a provider's own placeholder (procfs text). */
	long (*read)(struct bfs_ofd *ofd, void *user_dst, size_t size, uint64_t offset);
	/* A batch for getdents64: as many struct linux_dirent64 as fit in SIZE bytes at USER_DST, *COOKIE advanced past them. Bytes written, 0 at the end,
	 * −EINVAL when not one fits, −EOPNOTSUPP where entries are to be had one at a time alone (readdir). */
	long (*getdents)(const struct bfs_loc *loc, uint64_t *cookie, void *user_dst, size_t size);
	/* Everything else, as the kernel's *at call on (directory descriptor of the parent, last name): NR is one of mkdirat, mknodat, unlinkat, symlinkat, fchmodat, fchownat, utimensat,
	 * truncate, [l]getxattr family, statfs, chdir. C->a is laid out as the arguments of NR itself (mkdirat: mode in a[2]; symlinkat: target in a[0]; truncate, xattrs, statfs: from a[1]);
	 * dirfd and path arguments in it are not looked at. −EROFS or −EPERM where not offered. */
	long (*change)(long nr, const struct bfs_loc *loc, struct bfs_call *c);
	/* inotify_add_watch of the kernel's instance FD; the kernel's watch descriptor. NULL where the kernel has nothing to tell. */
	long (*watch)(const struct bfs_loc *loc, int fd, uint32_t mask);
	/* renameat2 and linkat between two locations of the same mount; −EXDEV otherwise. */
	long (*change2)(long nr, const struct bfs_loc *from, const struct bfs_loc *to, struct bfs_call *c);
};
/* Follows the magic link REL of /proc. 0: *LOC is the target, a node, host directory or place in /proc; the walk goes on from there (it may be a directory or the end). 1: the target is an
 * object of the kernel (pipe, socket, terminal, host file) that is no directory: *LOC is of kind PROC with magic set; components that remain are −ENOTDIR. −errno. MOUNT is that of /proc. */
long bfs_procfs_follow(uint32_t mount, const char *rel, struct bfs_loc *loc);
/* Where opening LOC with FLAGS, an existing object of TYPE (its mode), may wait for a FIFO's other end: rewrites C so that the caller passes it (BFS_PASS) and the program waits in its
 * own context. False: open it as any other. hostfs_fifo.c */
bool bfs_hostfs_pass_open(struct bfs_call *c, const struct bfs_loc *loc, uint32_t type, uint32_t flags);
/* May LOC, a file of the host of MODE, not be opened, since it is a device that lies on a volume: as on a file system that is mounted nodev. hostfs.c */
bool bfs_hostfs_no_device(const struct bfs_loc *loc, uint32_t mode);
/* Opens the host's device of a device node of image or overlay: the well-known character devices that /dev has (null, zero, full, random, urandom, tty, ptmx), else −ENXIO. devfs.c */
long bfs_device_open(uint32_t mode, uint64_t rdev, uint32_t flags);
/* Open file description INDEX of the pool, live or not (ofd.c); NULL out of range. */
struct bfs_ofd *bfs_ofd_at(uint32_t index);
extern const struct bfs_provider bfs_hostfs, bfs_procfs;
static inline const struct bfs_provider *bfs_provider_of(enum bfs_loc_kind kind) { return kind == BFS_LOC_HOST ? &bfs_hostfs : &bfs_procfs; }

/* Load phase (set by the ELF loader, cleared when the program's own entry point is reached): open of a shared library or of the loader's cache that the image lacks may
 * come from the host, unless hermetic. Returns a descriptor or −errno. hostfs.c */
extern bool bfs_load_phase;
long bfs_host_library_open(const char *absolute_path, uint32_t flags);
/* The same whatever the phase, for the loader of a program that is about to be executed: opens, without a line in the host log. */
long bfs_host_lend(const char *absolute_path, uint32_t flags);
bool bfs_hermetic(void);

/* Of the trap layer, for procfs: the program's own view of what the kernel knows only as the carrier. Length, or −errno. */
long bfs_proc_exe(char *dst, size_t size);  /* virtual absolute path of this process's program, NUL-terminated */
long bfs_proc_auxv(void *dst, size_t size); /* its auxiliary vector, terminated by AT_NULL; returns bytes */
/* Are there, or have there been, any whom the end or stop of a process concerns? Two words of the pool as one. op_wait.c */
const uint64_t *bfs_wait_heeded(void);
/* A wait of the program's has returned C->result; C is as the program made it. True: what it found is nothing to tell, and the call is made again. */
bool bfs_wait_after(const struct bfs_call *c);
/* Of the trap layer (slot.c): does this process run in another's memory, as a vfork child does? */
bool bfs_memory_lent(void);
/* Before an exec, and where a process ends: a vfork child that was taken for the owner of this memory stands there no longer. */
void bfs_memory_leaving(void);
/* Before the kernel's exec with these arguments (the program's memory): becomes the tracee that the program asked to be. −E2BIG, −EFAULT where the exec would fail so. op_trace.c */
long bfs_trace_exec(const char *const *argv, const char *const *envp);
/* Notes a path that was asked for and not found (BINARYFS_MISSES). */
void bfs_miss(const char *absolute_path);
/* The same for a path in the program's memory, from descriptor DIRFD (or AT_FDCWD); made absolute by its names alone. */
void bfs_miss_at(int dirfd, const char *user_path);

/* ---- inotify: what happened to nodes (notify_event.c) --------------------------------------------------------------------------------------- */

/* Tells the instances that watch; masks are IN_* of inotify(7). Under no lock. Each costs a load where nothing watches anything. */
bool bfs_notify_any(void);
/* To node N as it is reached as NAME of directory PARENT (0, or without a name: unknown): its own watches, and those of the directory. */
void bfs_notify_node(bfs_node n, bfs_node parent, const char *name, size_t len, uint32_t mask);
void bfs_notify_loc(const struct bfs_loc *loc, uint32_t mask);
void bfs_notify_ofd(const struct bfs_ofd *ofd, uint32_t mask);
/* Frees the entries of watched files that no process has open any more, which tells their watchers. ofd_sweep.c */
void bfs_ofd_look_watched(void);
/* May anybody watch what OFD has open? A hint, no lock. */
bool bfs_notify_ofd_watched(const struct bfs_ofd *ofd);
/* To N alone. */
void bfs_notify_self(bfs_node n, uint32_t mask);
/* To directory DIR alone: an entry appeared, went, moved. DIRECTORY: the entry is one. */
void bfs_notify_entry(bfs_node dir, const char *name, size_t len, bool directory, uint32_t mask, uint32_t cookie);
/* Number that the two events of a rename share. */
uint32_t bfs_notify_cookie(void);
/* A name or the last descriptor of N went; BEFORE: its attributes until then. Where that was the end of it, its watches end too. */
void bfs_notify_ended(bfs_node n, const struct bfs_attr *before);
/* To what had inode number INO, though it be gone. */
void bfs_notify_ino(uint64_t ino, uint32_t mask);

/* ---- pool (pool.c, tx.c, page.c) ---------------------------------------------------------------------------------------------------------- */

/* Process that waits for the tree's first program and is no part of the tree (supervise.c); 0: none. */
uint32_t bfs_pool_supervisor(void);
/* Has a program of the tree added a seccomp filter of its own? Never forgotten. */
bool bfs_pool_filters(void);
void bfs_pool_filters_note(void);
/* What a mapping of library LIB at byte AT of its file shows, for /proc/PID/maps: noted when a file is mapped (mapped.c). */
struct bfs_mapped_file {
	uint64_t offset; /* of the file, where AT is */
	uint64_t ino;
	char path[BFS_PATH_MAX]; /* by which it was first mapped */
};
struct bfs_ofd;
void bfs_mapped_note(const struct bfs_ofd *ofd);
bool bfs_mapped_find(uint32_t lib, uint64_t at, struct bfs_mapped_file *out);
/* The same for a mapping of the pool at byte AT. LAST: the node that was found last, for the next one. */
bool bfs_mapped_find_pool(uint64_t at, bfs_node *last, struct bfs_mapped_file *out);
/* Interned, immutable strings in the pool; 0 is "". */
uint32_t bfs_pool_string(const char *s, size_t len); /* 0 when full and len > 0 */
/* Gives a string of one's own back (it must have no other user). */
void bfs_pool_string_free(uint32_t string);
const char *bfs_pool_text(uint32_t string);

#endif
