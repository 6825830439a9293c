/* What the families of file system calls (op_*.c) share: every op's declaration, how a call's descriptor or path becomes something to act on, credentials of what is created.
 *
 * Order of checks is the kernel's: flags, then descriptor or path, then permission, then type. A descriptor that is no placeholder is the kernel's own business: the call passes.
 */
#ifndef BINARYFS_OPS_H
#define BINARYFS_OPS_H

#include "vfs.h"

/* ---- ops ---- */

#define NATIVE(nr, name)
#define TRAP(nr, name, op) bfs_op op;
#define LATER(nr, name, op) bfs_op op;
#define PROCESS(nr, name)
#define DENY(nr, name, error)
#define OWN(nr, name, error)
#include "policy_table.h"

/* ---- results (op_common.c) ---- */

static inline enum bfs_verdict bfs_done(struct bfs_call *c, long result) {
	c->result = result;
	return BFS_DONE;
}

/* ---- descriptors ---- */

/* What descriptor argument I of a call stands for. */
static inline int bfs_arg_fd(const struct bfs_call *c, unsigned i) { return (int)(uint32_t)c->a[i]; }
/* The open file description of a placeholder; NULL for everything else, reserved descriptors too. *INDEX may be NULL. */
struct bfs_ofd *bfs_own(int fd, uint32_t *index);
/* The verdict on a call whose descriptor FD is no placeholder: it passes, but the reserved descriptors do not exist. */
enum bfs_verdict bfs_foreign(struct bfs_call *c, int fd);
/* As bfs_own for descriptor argument I, and neither O_PATH; NULL with *VERDICT set (and −EBADF as result for O_PATH). */
struct bfs_ofd *bfs_own_data(struct bfs_call *c, unsigned i, enum bfs_verdict *verdict);
static inline bool bfs_ofd_readable(const struct bfs_ofd *ofd) {
	return (ofd->flags & O_PATH) == 0 && (ofd->flags & O_ACCMODE) != O_WRONLY && (ofd->flags & O_ACCMODE) != 3;
}
static inline bool bfs_ofd_writable(const struct bfs_ofd *ofd) {
	return (ofd->flags & O_PATH) == 0 && ((ofd->flags & O_ACCMODE) == O_WRONLY || (ofd->flags & O_ACCMODE) == O_RDWR);
}
/* Attributes of what is open, with its device number; ST_DEV may be NULL. */
long bfs_ofd_attr(const struct bfs_ofd *ofd, struct bfs_attr *attr, uint64_t *st_dev);
/* Closes descriptor FD of the program, a placeholder or not; the kernel's result. */
long bfs_close_fd(int fd);
/* Closes every placeholder of this process but the reserved ones. op_close.c */
void bfs_close_ours(void);
/* Tells placeholders that a descriptor is about to be closed: POSIX record locks of this process on that file go (op_lock.c). */
void bfs_lock_closing(struct bfs_ofd *ofd);
/* May the process of argument PID be read and steered: is it of the tree? If not, C's result says so; of who is absent the kernel tells, as nobody is there to be kept from. op_process.c */
bool bfs_process_may(struct bfs_call *c, unsigned pid);
/* A wait found thread TID: is it stopped by a call of its own that was trapped? It goes on then, and there is nothing to tell. op_trace.c */
bool bfs_trace_hand_on(int32_t tid);
/* Has this program taken a POSIX record lock? */
bool bfs_lock_any(void);
/* fcntl's F_[OFD_]GETLK, SETLK and SETLKW on a placeholder (op_lock.c). */
enum bfs_verdict bfs_lock_fcntl(struct bfs_call *c, struct bfs_ofd *ofd);

/* ---- paths ---- */

/* bfs_walk for a call whose directory descriptor and path are arguments DIRFD and PATH (DIRFD may be BFS_NO_DIRFD: the current directory). With BFS_WALK_EMPTY in FLAGS an
 * empty (or null) path means the descriptor itself. 0; −errno; or BFS_WALK_PASS: the descriptor is the kernel's own and the path empty, the call shall pass as it now is. */
#define BFS_NO_DIRFD 6u
#define BFS_WALK_PASS 1
long bfs_call_walk(struct bfs_call *c, unsigned dirfd, unsigned path, uint32_t flags, struct bfs_loc *out);
/* The path that arguments DIRFD and PATH name was asked for and is not there (misses.c). */
void bfs_call_missed(const struct bfs_call *c, unsigned dirfd, unsigned path);
/* Attributes of a location that exists. */
long bfs_loc_attr(const struct bfs_loc *loc, struct bfs_attr *attr, uint64_t *st_dev);
/* Hands the call to the provider of a location that is no node; ARGS as vfs.h says of bfs_provider.change. */
long bfs_loc_change(long nr, const struct bfs_loc *loc, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4);

/* ---- creation ---- */

/* The process's umask (op_umask.c). */
uint32_t bfs_umask(void);
/* The last component of LOC (a node's place) is to be made: −EEXIST where it is there, −ENOENT for a trailing slash unless DIRECTORY, −EACCES … Fills DIR with the parent's
 * attributes. */
long bfs_check_new(const struct bfs_loc *loc, bool directory, struct bfs_attr *dir);
/* Ids and mode of what is made with MODE (type bits included) in a directory of attributes DIR, umask applied, set-group-ID directories obeyed. */
void bfs_new_in(const struct bfs_attr *dir, uint32_t mode, struct bfs_new *what);
/* symlinkat, mknodat and bind: makes a node. */
long bfs_make_node(const struct bfs_loc *loc, uint32_t mode, uint64_t rdev, const char *symlink, size_t symlink_len, bfs_node *out);

/* ---- attributes ---- */

/* chown, write and truncate by an ordinary user take set-user-ID and set-group-ID bits away from a regular file. */
long bfs_drop_privileges(bfs_node n, const struct bfs_attr *attr);
/* The kernel's clock: seconds and nanoseconds since 1970. */
void bfs_now(int64_t *sec, uint32_t *nsec);

/* ---- FIFOs (op_fifo.c) ---- */

/* An O_PATH descriptor of a new FIFO of the kernel's, which never had a name. −errno where the kernel does not allow it: EPERM, ENOSYS, … fifo_nameless.c */
long bfs_fifo_nameless(void);

/* Rewrites C so that the caller passes it: the open of FIFO INO with FLAGS (permission was checked) by the kernel, which may wait. −ENXIO where the host lets no FIFO be made. */
long bfs_fifo_open(struct bfs_call *c, bfs_node node, uint64_t ino, uint32_t flags);
/* The FIFO that descriptor FD was opened on, or for which what the kernel knows by these numbers stands in. False where it is none of ours, or was removed. */
bool bfs_fifo_loc(int fd, struct bfs_loc *loc);
bool bfs_fifo_of(uint64_t host, uint64_t host_ino, struct bfs_loc *loc);

/* ---- limits (op_rlimit.c) ---- */

/* The soft RLIMIT_CORE of the tree: less than a page makes no core file, and exactly one byte keeps the kernel from handing the core to a program of the host too (fs/coredump.c). */
#define BFS_CORE_LIMIT 1ull

/* Tells how many bytes of address space, and of them private ones that can be written to, the trap layer takes in this process and in every other one of the tree. */
void bfs_rlimit_carrier(uint64_t space, uint64_t data);

/* ---- data ---- */

#define BFS_RW_MAX 0x7ffff000ul /* MAX_RW_COUNT: no call moves more */
#define BFS_OFFSET_MAX 0x7fffffffffffffffull
/* Room under RLIMIT_FSIZE: how many of SIZE bytes may be written at OFFSET; −EFBIG, with SIGXFSZ sent (op_rlimit.c). */
long bfs_room_to_write(uint64_t offset, uint64_t size);
/* One read or write on the description; advances its offset where POSITION is NULL, else uses and does not change it. */
long bfs_ofd_read(struct bfs_ofd *ofd, void *user_dst, size_t size, const uint64_t *position);
long bfs_ofd_write(struct bfs_ofd *ofd, const void *user_src, size_t size, const uint64_t *position, bool append);

/* Anonymous memory of the runtime for one call: an address or −errno; 0 bytes are not allowed. */
void *bfs_temp_take(size_t size); /* NULL: none to be had */
void bfs_temp_free(void *p, size_t size);

#endif
