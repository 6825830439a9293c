/* open, openat, openat2 and creat. The order of errors is that of fs/namei.c: flags; resolution; O_EXCL; directory against O_CREAT; O_DIRECTORY; symlink; write access to a
 * directory; permission; O_NOATIME. The descriptor is made before the file is truncated, so that EMFILE leaves the file whole.
 */
#include "ops.h"

#include <linux/inotify.h>
#include <linux/openat2.h>

#define OPEN_VALID                                                                                                                                             \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | FASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW |     \
		O_NOATIME | O_CLOEXEC | O_PATH | __O_TMPFILE)
#define OPEN_PATH_FLAGS (O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC)

struct open_want {
	uint32_t flags; /* of open(2) */
	uint32_t mode;  /* permission bits of what is created */
	uint32_t walk;  /* BFS_WALK_* that openat2 asks for */
	struct bfs_call *call;
	bool passes; /* CALL was rewritten: the kernel opens, and may wait for the other end of a FIFO */
};

/* −EINVAL for combinations that no open accepts; makes O_TMPFILE and O_PATH canonical. */
static long open_check(struct open_want *w) {
	if ((w->flags & O_PATH) != 0) w->flags &= OPEN_PATH_FLAGS;
	bool creates = (w->flags & (O_CREAT | __O_TMPFILE)) != 0;
	w->mode = creates ? w->mode & 07777u : 0;
	if ((w->flags & (O_DIRECTORY | O_CREAT)) == (O_DIRECTORY | O_CREAT)) return -EINVAL;
	if ((w->flags & __O_TMPFILE) != 0) {
		if ((w->flags & O_TMPFILE) != O_TMPFILE || (w->flags & O_ACCMODE) == O_RDONLY) return -EINVAL;
	}
	if ((w->flags & O_EXCL) != 0 && (w->flags & O_CREAT) != 0) w->flags |= O_NOFOLLOW;
	return 0;
}

/* rwx bits that opening an existing file with FLAGS asks for. */
static uint32_t open_access_mask(uint32_t flags) {
	static const uint8_t of_accmode[4] = { 4, 2, 6, 6 };
	uint32_t mask = of_accmode[flags & O_ACCMODE];
	return (flags & O_TRUNC) != 0 ? mask | 2 : mask;
}

/* What Linux's do_open refuses by type, before permissions. */
static long open_check_type(const struct bfs_loc *loc, uint32_t type, uint32_t flags) {
	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) return -EEXIST;
	if ((flags & O_CREAT) != 0 && type == S_IFDIR) return -EISDIR;
	if (((flags & O_DIRECTORY) != 0 || loc->trailing_slash) && type != S_IFDIR) return -ENOTDIR;
	if ((flags & O_PATH) != 0) return 0;
	if (type == S_IFLNK) return -ELOOP;
	if (type == S_IFDIR && ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0)) return -EISDIR;
	return 0;
}

static long open_truncate(const struct bfs_loc *loc, const struct bfs_attr *attr) {
	long r = bfs_drop_privileges(loc->node, attr);
	if (r == 0) r = bfs_node_truncate(loc->node, 0);
	if (r == 0) bfs_notify_loc(loc, IN_MODIFY);
	return r;
}

/* Is a running program kept from being opened so? With both bits of the access mode set a descriptor is for ioctl alone. */
static bool open_writes(uint32_t flags) { return (flags & O_ACCMODE) == O_WRONLY || (flags & O_ACCMODE) == O_RDWR || (flags & O_TRUNC) != 0; }

static long open_node(const struct bfs_loc *loc, struct open_want *w) {
	struct bfs_attr attr;
	long r = bfs_node_attr(loc->node, &attr);
	uint32_t type = attr.mode & S_IFMT;
	if (r == 0) r = open_check_type(loc, type, w->flags);
	if (r < 0) return r;
	if ((w->flags & O_PATH) != 0) return bfs_ofd_open(loc, w->flags);
	r = bfs_permission(&attr, open_access_mask(w->flags), true);
	if (r == 0 && (w->flags & O_NOATIME) != 0 && !bfs_is_owner(&attr)) r = -EPERM;
	if (r < 0) return r;
	if (type == S_IFIFO) {
		r = bfs_fifo_open(w->call, loc->node, attr.ino, w->flags);
		w->passes = r == 0;
		return r;
	}
	if (type == S_IFSOCK || type == S_IFBLK) return -ENXIO;
	if (type == S_IFCHR) return bfs_device_open(attr.mode, attr.rdev, w->flags & ~(uint32_t)(O_CREAT | O_EXCL | O_TRUNC | O_NOFOLLOW));
	if (type == S_IFREG && open_writes(w->flags) && (attr.mode & 0111) != 0) r = bfs_ofd_text_busy(attr.ino, true);
	if (r < 0) return r;
	long fd = bfs_ofd_open(loc, w->flags);
	if (fd < 0) return fd;
	bfs_notify_loc(loc, IN_OPEN);
	r = (w->flags & O_TRUNC) != 0 && type == S_IFREG ? open_truncate(loc, &attr) : 0;
	if (r == 0) return fd;
	bfs_close_fd((int)fd);
	return r;
}

/* The last component is absent and O_CREAT given. */
static long open_new(struct bfs_loc *loc, const struct open_want *w) {
	long r = bfs_make_node(loc, S_IFREG | w->mode, 0, NULL, 0, &loc->node);
	if (r < 0) return r;
	long fd = bfs_ofd_open(loc, w->flags); /* whatever the mode: it is a new file's creator who opens it */
	if (fd < 0)
		bfs_node_unlink(loc->parent, loc->name, loc->name_len, false);
	else {
		struct bfs_ofd *ofd = bfs_ofd_of((int)fd, NULL);
		if (ofd != NULL) __atomic_fetch_or(&ofd->reserved, BFS_OFD_CREATED, __ATOMIC_RELAXED);
		bfs_notify_loc(loc, IN_OPEN);
	}
	return fd;
}

static long open_anonymous(struct bfs_loc *loc, const struct open_want *w) {
	struct bfs_attr dir;
	struct bfs_new what;
	long r = bfs_loc_attr(loc, &dir, NULL);
	if (r < 0) return r;
	if ((dir.mode & S_IFMT) != S_IFDIR) return -ENOTDIR;
	if (loc->kind != BFS_LOC_NODE) return bfs_provider_of(loc->kind)->open(loc, w->flags, w->mode);
	r = bfs_permission(&dir, 2 | 1, true);
	if (r < 0) return r;
	bfs_new_in(&dir, S_IFREG | w->mode, &what);
	bfs_node directory = loc->node;
	*loc = (struct bfs_loc){ .kind = BFS_LOC_NODE, .parent = directory };
	r = bfs_node_create_anonymous(&what, (w->flags & O_EXCL) == 0, &loc->node);
	return r < 0 ? r : bfs_ofd_open(loc, w->flags & ~(uint32_t)O_TMPFILE);
}

/* A pipe behind a magic link (/dev/stdin, /proc/self/fd/N): its open may wait as a FIFO's does, so the program does it itself. */
static bool open_pass_pipe(const struct bfs_loc *loc, uint32_t type, const struct open_want *w) {
	static const char root[] = "/proc/";
	size_t len = strlen(loc->rel);
	char *path = bfs_call_scratch(w->call, sizeof root + len);
	if (loc->kind != BFS_LOC_PROC || !loc->magic || type != S_IFIFO || (w->flags & (O_NONBLOCK | O_PATH)) != 0 || path == NULL) return false;
	if (bfs_copy_out(path, root, sizeof root - 1) < 0 || bfs_copy_out(path + sizeof root - 1, loc->rel, len + 1) < 0) return false;
	w->call->nr = __NR_openat;
	w->call->a[0] = (uint64_t)(int64_t)AT_FDCWD;
	w->call->a[1] = (uint64_t)path;
	w->call->a[2] = w->flags & ~(uint32_t)(O_CREAT | O_EXCL | O_NOFOLLOW);
	return true;
}

/* Below a host path, a volume or /proc. Directories are placeholders; all else the provider opens. */
static long open_provided(const struct bfs_loc *loc, struct open_want *w) {
	const struct bfs_provider *p = bfs_provider_of(loc->kind);
	struct bfs_attr attr;
	long r = p->attr(loc, &attr, NULL);
	if (r == -ENOENT && (w->flags & O_CREAT) != 0) return p->open(loc, w->flags, w->mode);
	if (r == 0) r = open_check_type(loc, attr.mode & S_IFMT, w->flags);
	if (r < 0) return r;
	if (loc->kind == BFS_LOC_HOST && (w->flags & O_PATH) == 0 && bfs_hostfs_no_device(loc, attr.mode)) return -EACCES;
	if ((attr.mode & S_IFMT) != S_IFDIR) {
		w->passes = bfs_hostfs_pass_open(w->call, loc, attr.mode, w->flags) || open_pass_pipe(loc, attr.mode & S_IFMT, w);
		return w->passes ? 0 : p->open(loc, w->flags, w->mode);
	}
	if ((w->flags & O_PATH) == 0) r = p->access(loc, 4, true);
	return r < 0 ? r : bfs_ofd_open(loc, w->flags);
}

/* While the program is being loaded, a library or the loader's cache that the image lacks may come from the host. */
static long open_host_library(struct bfs_call *c, unsigned path, const struct open_want *w) {
	char text[BFS_PATH_MAX];
	if (!bfs_load_phase || bfs_hermetic() || (w->flags & (O_ACCMODE | O_CREAT | O_TRUNC | O_PATH | O_DIRECTORY)) != O_RDONLY) return -ENOENT;
	if (bfs_copy_str(text, (const char *)c->a[path], sizeof text) < 1 || text[0] != '/') return -ENOENT;
	return bfs_host_library_open(text, w->flags);
}

static long open_at(struct bfs_call *c, unsigned dirfd, unsigned path, struct open_want *w) {
	struct bfs_loc loc;
	long r = open_check(w);
	if (r < 0) return r;
	uint32_t walk = w->walk;
	if ((w->flags & O_NOFOLLOW) == 0) walk |= BFS_WALK_FOLLOW;
	if ((w->flags & O_CREAT) != 0) walk |= BFS_WALK_CREATE;
	for (;;) {
		r = bfs_call_walk(c, dirfd, path, walk, &loc);
		if (r == -ENOENT) {
			r = open_host_library(c, path, w);
			if (r == -ENOENT) bfs_call_missed(c, dirfd, path);
			return r;
		}
		if (r < 0) return r;
		if ((w->flags & __O_TMPFILE) != 0) return open_anonymous(&loc, w);
		if (loc.kind != BFS_LOC_NODE) return open_provided(&loc, w);
		if (loc.node != BFS_NODE_NONE) return open_node(&loc, w);
		r = open_new(&loc, w);
		if (r != -EEXIST || (w->flags & O_EXCL) != 0) return r;
		/* Somebody else made it since the walk: open that. */
	}
}

static enum bfs_verdict open_call(struct bfs_call *c, unsigned dirfd, unsigned path, uint64_t flags, uint64_t mode) {
	struct open_want w = { .flags = (uint32_t)flags & OPEN_VALID, .mode = (uint32_t)mode, .call = c };
	long r = open_at(c, dirfd, path, &w);
	return w.passes ? BFS_PASS : bfs_done(c, r);
}

enum bfs_verdict bfs_op_open(struct bfs_call *c) { return open_call(c, BFS_NO_DIRFD, 0, c->a[1], c->a[2]); }
enum bfs_verdict bfs_op_openat(struct bfs_call *c) { return open_call(c, 0, 1, c->a[2], c->a[3]); }
enum bfs_verdict bfs_op_creat(struct bfs_call *c) { return open_call(c, BFS_NO_DIRFD, 0, O_CREAT | O_WRONLY | O_TRUNC, c->a[1]); }

/* struct open_how of USER, which may be of a newer and longer version as long as what we do not know is zero. */
static long open_how_in(struct open_how *how, const void *user, uint64_t size) {
	if (size < sizeof *how) return -EINVAL;
	if (size > 4096) return -E2BIG;
	long r = bfs_copy_in(how, user, sizeof *how);
	for (uint64_t at = sizeof *how; r == 0 && at < size; at++) {
		uint8_t byte;
		r = bfs_copy_in(&byte, (const uint8_t *)user + at, 1);
		if (r == 0 && byte != 0) r = -E2BIG;
	}
	return r;
}

static long open_how_check(const struct open_how *how) {
	if ((how->flags & ~(uint64_t)OPEN_VALID) != 0 || (how->resolve & ~0x3full) != 0) return -EINVAL;
	if ((how->resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) == (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) return -EINVAL;
	bool creates = (how->flags & (O_CREAT | __O_TMPFILE)) != 0;
	if (creates ? (how->mode & ~07777ull) != 0 : how->mode != 0) return -EINVAL;
	if ((how->flags & O_PATH) != 0 && (how->flags & ~(uint64_t)OPEN_PATH_FLAGS) != 0) return -EINVAL;
	if ((how->resolve & RESOLVE_CACHED) != 0 && (creates || (how->flags & O_TRUNC) != 0)) return -EAGAIN;
	return 0;
}

enum bfs_verdict bfs_op_openat2(struct bfs_call *c) {
	static const struct {
		uint8_t resolve;
		uint16_t walk;
	} walks[] = {
		{ RESOLVE_NO_XDEV, BFS_WALK_NO_XDEV },
		{ RESOLVE_NO_MAGICLINKS, BFS_WALK_NO_MAGICLINKS },
		{ RESOLVE_NO_SYMLINKS, BFS_WALK_NO_SYMLINKS },
		{ RESOLVE_BENEATH, BFS_WALK_BENEATH },
		{ RESOLVE_IN_ROOT, BFS_WALK_IN_ROOT },
	};
	struct open_how how;
	long r = open_how_in(&how, (const void *)c->a[2], c->a[3]);
	if (r == 0) r = open_how_check(&how);
	if (r < 0) return bfs_done(c, r);
	struct open_want w = { .flags = (uint32_t)how.flags, .mode = (uint32_t)how.mode, .call = c };
	for (unsigned i = 0; i < sizeof walks / sizeof walks[0]; i++)
		if ((how.resolve & walks[i].resolve) != 0) w.walk |= walks[i].walk;
	r = open_at(c, 0, 1, &w);
	return w.passes ? BFS_PASS : bfs_done(c, r);
}
