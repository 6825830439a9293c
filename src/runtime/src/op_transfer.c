/* sendfile, copy_file_range and splice where one side is an image or overlay file.
 *
 * Both sides regular: copied here. A pipe or socket on the other side could make the runtime wait, which it must not: data goes into
 * it without waiting, as much as it takes; where it takes nothing and the program wants to wait, up to a kilobyte is left to a write of the program's own (which a signal may
 * interrupt; the offset counts it as written). What an empty pipe is waited for with is a read of the program's own that has nowhere to go: it takes nothing out of the pipe.
 */
#include "ops.h"

#include <asm/stat.h>
#include <linux/uio.h>

#define TRANSFER_BUFFER 262144u     /* bytes copied at a time */
#define TRANSFER_ON_STACK 8192u     /* where the whole transfer is this small */
#define TRANSFER_PIECE 0x7ffff000ul /* bytes moved by one call: MAX_RW_COUNT */
#define TRANSFER_PIPE_PIECE 65536ul /* into or out of a pipe */
#define TRANSFER_MSG_DONTWAIT 0x40u
#define TRANSFER_SPLICE_NONBLOCK 2u

struct transfer_side {
	struct bfs_ofd *ofd; /* NULL: descriptor FD is the kernel's own */
	int fd;
	bool seekable;
	bool explicit_offset;
	uint64_t *user_offset;
	uint64_t offset;
	uint64_t ino; /* of our own files, to see whether both sides are one */
	uint32_t type;
	uint32_t flags; /* open(2) flags of the description */
};

/* Fills a side for descriptor FD. −EBADF. */
static long transfer_side_of(struct transfer_side *s, int fd) {
	struct bfs_attr attr;
	struct stat st;
	*s = (struct transfer_side){ .fd = fd };
	if (fd < 0 || bfs_fd_reserved(fd)) return -EBADF;
	s->ofd = bfs_ofd_of(fd, NULL);
	if (s->ofd != NULL) {
		long r = bfs_ofd_attr(s->ofd, &attr, NULL);
		if (r < 0) return r;
		s->type = attr.mode & S_IFMT;
		s->flags = s->ofd->flags;
		s->ino = s->ofd->kind == BFS_LOC_NODE ? s->ofd->node : 0;
	} else {
		long flags = bfs_raw2(__NR_fcntl, fd, F_GETFL);
		if (flags < 0 || bfs_raw2(__NR_fstat, fd, &st) < 0) return -EBADF;
		s->type = st.st_mode & S_IFMT;
		s->flags = (uint32_t)flags;
	}
	s->seekable = s->type == S_IFREG;
	return (s->flags & O_PATH) != 0 ? -EBADF : 0;
}

/* Where the side starts: *USER where that is given, else its own offset. */
static long transfer_start(struct transfer_side *s, uint64_t user) {
	int64_t offset;
	if (user != 0) {
		if (!s->seekable) return -ESPIPE;
		if (bfs_copy_in(&offset, (const void *)user, sizeof offset) < 0) return -EFAULT;
		if (offset < 0) return -EINVAL;
		s->explicit_offset = true;
		s->user_offset = (uint64_t *)user;
		s->offset = (uint64_t)offset;
		return 0;
	}
	if (!s->seekable) return 0;
	offset = s->ofd != NULL ? (int64_t)__atomic_load_n(&s->ofd->offset, __ATOMIC_ACQUIRE) : bfs_raw3(__NR_lseek, s->fd, 0, 1);
	s->offset = (uint64_t)offset;
	return offset < 0 ? -EINVAL : 0; /* a file of the kernel's that has no position */
}

static long transfer_finish(struct transfer_side *s) {
	if (!s->seekable) return 0;
	if (s->explicit_offset) return bfs_copy_out(s->user_offset, &s->offset, sizeof s->offset);
	if (s->ofd != NULL)
		__atomic_store_n(&s->ofd->offset, s->offset, __ATOMIC_RELEASE);
	else
		bfs_raw3(__NR_lseek, s->fd, s->offset, 0);
	return 0;
}

static long transfer_read(struct transfer_side *s, void *buffer, size_t size) {
	return s->ofd != NULL ? bfs_ofd_read(s->ofd, buffer, size, &s->offset) : bfs_raw4(__NR_pread64, s->fd, buffer, size, s->offset);
}

static long transfer_write(struct transfer_side *s, const void *buffer, size_t size) {
	if (s->ofd != NULL) return bfs_ofd_write(s->ofd, buffer, size, &s->offset, false);
	if (s->seekable) return bfs_raw4(__NR_pwrite64, s->fd, buffer, size, s->offset);
	if (s->type == S_IFSOCK) return bfs_raw6(__NR_sendto, s->fd, buffer, size, TRANSFER_MSG_DONTWAIT, 0, 0);
	if (s->type == S_IFIFO) { /* the pipe takes the pages themselves: BUFFER is not used again */
		struct iovec vec = { (void *)(uint64_t)buffer, size };
		return bfs_raw4(__NR_vmsplice, s->fd, &vec, 1, TRANSFER_SPLICE_NONBLOCK);
	}
	return (s->flags & O_NONBLOCK) != 0 ? bfs_raw3(__NR_write, s->fd, buffer, size) : -EAGAIN;
}

/* Moves up to SIZE bytes; how many, or the error that came before any. */
static long transfer_move(struct transfer_side *in, struct transfer_side *out, size_t size) {
	uint8_t small[TRANSFER_ON_STACK];
	bool pipe = out->type == S_IFIFO;
	size_t room = pipe ? TRANSFER_PIPE_PIECE : size <= sizeof small ? sizeof small : TRANSFER_BUFFER;
	uint8_t *buffer = room == sizeof small ? small : bfs_temp_take(room);
	size_t done = 0;
	long r = 0;
	if (buffer == NULL) return -ENOMEM;
	size = BFS_MIN(size, pipe ? room : TRANSFER_PIECE);
	while (done < size) {
		r = transfer_read(in, buffer, BFS_MIN(room, size - done));
		if (r <= 0) break;
		size_t have = (size_t)r;
		r = transfer_write(out, buffer, have);
		if (r <= 0) break;
		done += (size_t)r;
		in->offset += (uint64_t)r;
		out->offset += (uint64_t)r;
		if ((size_t)r < have || pipe) break; /* a pipe keeps the buffer's pages */
	}
	if (buffer != small) bfs_temp_free(buffer, room);
	if (done == 0) return r;
	r = transfer_finish(in);
	long finished = transfer_finish(out);
	return r < 0 ? r : finished < 0 ? finished : (long)done;
}

/* OUT takes nothing now and the program wants to wait: a first piece is read into the scratch area, and CALL becomes its write. */
static enum bfs_verdict transfer_wait(struct bfs_call *c, struct transfer_side *in, struct transfer_side *out, size_t size) {
	uint8_t piece[BFS_SCRATCH_SIZE];
	void *scratch = bfs_call_scratch(c, sizeof piece);
	if (scratch == NULL) return bfs_done(c, -EAGAIN);
	long n = transfer_read(in, piece, BFS_MIN(size, sizeof piece));
	if (n <= 0) return bfs_done(c, n);
	in->offset += (uint64_t)n;
	if (bfs_copy_out(scratch, piece, (size_t)n) < 0 || transfer_finish(in) < 0) return bfs_done(c, -EFAULT);
	*c = (struct bfs_call){ .nr = __NR_write, .a = { (uint64_t)out->fd, (uint64_t)scratch, (uint64_t)n }, .scratch = c->scratch };
	return BFS_PASS;
}

/* Moves, and waits where that is wanted. */
static enum bfs_verdict transfer_run(struct bfs_call *c, struct transfer_side *in, struct transfer_side *out, size_t size, bool nonblocking) {
	long r = size == 0 ? 0 : transfer_move(in, out, size);
	if (r == 0) r = transfer_finish(in); /* the offset is written back in any case */
	if (r == -EAGAIN && !nonblocking && out->ofd == NULL && !out->seekable) return transfer_wait(c, in, out, size);
	return bfs_done(c, r);
}

static bool transfer_readable(const struct transfer_side *s) { return (s->flags & O_ACCMODE) == O_RDONLY || (s->flags & O_ACCMODE) == O_RDWR; }
static bool transfer_writable(const struct transfer_side *s) { return (s->flags & O_ACCMODE) == O_WRONLY || (s->flags & O_ACCMODE) == O_RDWR; }

/* Is this call one for us: does a placeholder take part? */
static bool transfer_ours(const struct bfs_call *c, unsigned a, unsigned b) {
	int x = bfs_arg_fd(c, a), y = bfs_arg_fd(c, b);
	return (x >= 0 && bfs_fd_reserved(x)) || (y >= 0 && bfs_fd_reserved(y)) || bfs_own(x, NULL) != NULL || bfs_own(y, NULL) != NULL;
}

enum bfs_verdict bfs_op_sendfile(struct bfs_call *c) {
	struct transfer_side in, out;
	if (!transfer_ours(c, 0, 1)) return BFS_PASS;
	long r = transfer_side_of(&in, bfs_arg_fd(c, 1));
	if (r == 0 && !transfer_readable(&in)) r = -EBADF;
	if (r == 0) r = transfer_start(&in, c->a[2]);
	if (r == 0) r = transfer_side_of(&out, bfs_arg_fd(c, 0));
	if (r == 0 && !transfer_writable(&out)) r = -EBADF;
	if (r == 0 && (!in.seekable || (out.flags & O_APPEND) != 0 || (!out.seekable && out.ofd != NULL))) r = -EINVAL;
	if (r == 0) r = transfer_start(&out, 0);
	return r != 0 ? bfs_done(c, r) : transfer_run(c, &in, &out, c->a[3], (out.flags & O_NONBLOCK) != 0);
}

/* In the order of vfs_copy_file_range. */
static long transfer_copy_range(struct bfs_call *c) {
	struct transfer_side in, out;
	uint64_t size = c->a[4];
	long r = transfer_side_of(&in, bfs_arg_fd(c, 0));
	if (r == 0) r = transfer_side_of(&out, bfs_arg_fd(c, 2));
	if (r == 0) r = transfer_start(&in, c->a[1]);
	if (r == 0) r = transfer_start(&out, c->a[3]);
	if (r != 0) return r;
	if ((uint32_t)c->a[5] != 0) return -EINVAL;
	if (in.type == S_IFDIR || out.type == S_IFDIR) return -EISDIR;
	if (!in.seekable || !out.seekable) return -EINVAL;
	if (!transfer_readable(&in) || !transfer_writable(&out) || (out.flags & O_APPEND) != 0) return -EBADF;
	if (size > BFS_OFFSET_MAX - BFS_MAX(in.offset, out.offset)) return -EOVERFLOW;
	uint64_t gap = in.offset > out.offset ? in.offset - out.offset : out.offset - in.offset;
	if (in.ino != 0 && in.ino == out.ino && gap < size) return -EINVAL;
	return size == 0 ? 0 : transfer_move(&in, &out, size);
}

enum bfs_verdict bfs_op_copy_file_range(struct bfs_call *c) { return transfer_ours(c, 0, 2) ? bfs_done(c, transfer_copy_range(c)) : BFS_PASS; }

/* Out of a pipe, what is in it now. */
static long transfer_from_pipe(const struct transfer_side *in, struct transfer_side *out, size_t size) {
	size_t room = BFS_MIN(size, TRANSFER_PIPE_PIECE);
	uint8_t *buffer = bfs_temp_take(room);
	if (buffer == NULL) return -ENOMEM;
	struct iovec vec = { buffer, room };
	long r = bfs_raw4(__NR_vmsplice, in->fd, &vec, 1, TRANSFER_SPLICE_NONBLOCK);
	if (r > 0) r = transfer_write(out, buffer, (size_t)r);
	if (r > 0) {
		out->offset += (uint64_t)r;
		long finished = transfer_finish(out);
		r = finished < 0 ? finished : r;
	}
	bfs_temp_free(buffer, room);
	return r;
}

/* Read-only memory: the kernel cannot put anything here. */
static const char transfer_nowhere[1] = "";

static enum bfs_verdict transfer_splice_in(struct bfs_call *c, const struct transfer_side *in, struct transfer_side *out, bool nonblocking) {
	long r = c->a[4] == 0 ? 0 : transfer_from_pipe(in, out, c->a[4]);
	if (r != -EAGAIN || nonblocking) return bfs_done(c, r);
	*c = (struct bfs_call){ .nr = __NR_read, .a = { (uint64_t)in->fd, BFS_ARG(transfer_nowhere), 1 }, .again = -EFAULT, .scratch = c->scratch };
	return BFS_WAIT;
}

enum bfs_verdict bfs_op_splice(struct bfs_call *c) {
	struct transfer_side in, out;
	uint32_t flags = (uint32_t)c->a[5];
	if (!transfer_ours(c, 0, 2)) return BFS_PASS;
	long r = (flags & ~15u) != 0 ? -EINVAL : transfer_side_of(&in, bfs_arg_fd(c, 0));
	if (r == 0) r = transfer_side_of(&out, bfs_arg_fd(c, 2));
	if (r == 0 && (!transfer_readable(&in) || !transfer_writable(&out))) r = -EBADF;
	if (r == 0) r = transfer_start(&in, c->a[1]);
	if (r == 0) r = transfer_start(&out, c->a[3]);
	if (r < 0) return bfs_done(c, r);
	if (in.type == S_IFIFO && out.seekable && (out.flags & O_APPEND) == 0)
		return transfer_splice_in(c, &in, &out, (flags & TRANSFER_SPLICE_NONBLOCK) != 0 || (in.flags & O_NONBLOCK) != 0);
	if (!in.seekable || out.type != S_IFIFO) return bfs_done(c, -EINVAL);
	return transfer_run(c, &in, &out, c->a[4], (flags & TRANSFER_SPLICE_NONBLOCK) != 0 || (out.flags & O_NONBLOCK) != 0);
}
