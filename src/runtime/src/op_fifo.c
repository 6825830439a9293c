/* FIFOs of image and overlay. How an open waits for its partner, and what the pipe then does, is the kernel's: for every FIFO that is opened, a nameless one of the kernel's stands in.
 *
 * It is made in a memory file system of the host and unlinked in the same call; an O_PATH descriptor of it is what remains. All processes of the tree find it in a queue of the kernel's:
 * a socket pair at reserved places, whose messages (the FIFO's inode number, and the descriptor) are looked at and not taken out. So nothing outlives the tree, whoever is killed. An
 * open is passed to the kernel as one of /proc/self/fd/SLOT, where SLOT is a reserved descriptor that this process keeps for FIFOs lately opened. */
#include "pool.h"

#include "ops.h"

#include <asm/stat.h>

#define FIFO_DATAGRAM 5 /* SOCK_SEQPACKET */
#define FIFO_UNIX 1     /* AF_UNIX */
#define FIFO_SOL_SOCKET 1
#define FIFO_SCM_RIGHTS 1
#define FIFO_PEEK_OFFSET 42 /* SO_PEEK_OFF */
#define FIFO_MSG_PEEK 0x2u
#define FIFO_MSG_DONTWAIT 0x40u
#define FIFO_MSG_NOSIGNAL 0x4000u
#define FIFO_MSG_CLOEXEC 0x40000000u
#define FIFO_SEND_BUFFER 7 /* SO_SNDBUF */
#define FIFO_QUEUE 500u    /* FIFOs that are remembered; the oldest gives way */

struct fifo_record {
	uint64_t ino;            /* of the node */
	uint64_t host, host_ino; /* device and inode number of the stand-in */
};

struct fifo_control { /* struct cmsghdr with one descriptor */
	uint64_t len;
	int32_t level, type;
	int32_t fd, pad;
};

struct fifo_message { /* struct user_msghdr and what it points to */
	uint64_t name;
	uint32_t name_len, pad;
	uint64_t iov, iov_len, control, control_len;
	uint32_t flags, pad2;
	uint64_t data, data_len;
	struct fifo_control rights;
};

static void fifo_message_init(struct fifo_message *m, struct fifo_record *record, bool rights) {
	*m = (struct fifo_message){ .iov_len = 1, .data_len = sizeof *record };
	m->iov = (uint64_t)&m->data;
	m->data = (uint64_t)record;
	m->rights = (struct fifo_control){ .len = offsetof(struct fifo_control, pad), .level = FIFO_SOL_SOCKET, .type = FIFO_SCM_RIGHTS, .fd = -1 };
	if (!rights) return;
	m->control = (uint64_t)&m->rights;
	m->control_len = sizeof m->rights;
}

static long fifo_receive(struct fifo_record *record, bool rights, uint32_t flags, int *fd) {
	struct fifo_message m;
	fifo_message_init(&m, record, rights);
	long n = bfs_raw3(__NR_recvmsg, bfs_fd(BFS_FD_FIFO_QUEUE), &m, flags | FIFO_MSG_DONTWAIT | FIFO_MSG_CLOEXEC);
	if (n != (long)sizeof *record) return n < 0 ? n : -EIO;
	if (rights) *fd = m.rights.fd;
	return rights && m.rights.fd < 0 ? -EMFILE : 0;
}

/* The next look into the queue is at record number N. */
static void fifo_peek_at(uint32_t n) {
	int32_t offset = (int32_t)(n * sizeof(struct fifo_record));
	bfs_raw5(__NR_setsockopt, bfs_fd(BFS_FD_FIFO_QUEUE), FIFO_SOL_SOCKET, FIFO_PEEK_OFFSET, &offset, sizeof offset);
}

/* A descriptor of the stand-in of FIFO INO; −EAGAIN where the queue has none. *COUNT: records in it. */
static long fifo_find(uint64_t ino, struct fifo_record *record, uint32_t *count) {
	int fd = -1;
	fifo_peek_at(0);
	for (*count = 0;; ++*count) {
		long r = fifo_receive(record, false, FIFO_MSG_PEEK, NULL);
		if (r < 0) return r;
		if (record->ino == ino) break;
	}
	fifo_peek_at(*count);
	long r = fifo_receive(record, true, FIFO_MSG_PEEK, &fd);
	return r < 0 ? r : fd;
}

/* A new FIFO of the kernel's without a name. */
static long fifo_make(struct fifo_record *record) {
	static const char directories[][16] = { "/dev/shm/", "/tmp/", "/var/tmp/", "/run/" };
	for (unsigned i = 0; i < sizeof directories / sizeof directories[0]; i++) {
		char path[64], magic[40] = "/proc/self/fd/";
		uint64_t number = 0;
		struct stat st;
		size_t len = strlen(directories[i]);
		memcpy(path, directories[i], len);
		memcpy(path + len, ".binaryfs-fifo-", 15);
		bfs_raw3(__NR_getrandom, &number, sizeof number, 0);
		bfs_u64_text(path + len + 15, number);
		if (bfs_raw4(__NR_mknodat, AT_FDCWD, path, S_IFIFO | 0600, 0) < 0) continue;
		long fd = bfs_raw4(__NR_openat, AT_FDCWD, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
		bfs_raw3(__NR_unlinkat, AT_FDCWD, path, 0);
		if (fd < 0) return fd;
		/* Who may open it was decided by the node's mode. */
		bfs_u64_text(magic + strlen(magic), (uint64_t)fd);
		bfs_raw3(__NR_fchmodat, AT_FDCWD, magic, 0666);
		if (bfs_raw2(__NR_fstat, fd, &st) == 0 && (st.st_mode & S_IFMT) == S_IFIFO) {
			record->host = st.st_dev;
			record->host_ino = st.st_ino;
			return fd;
		}
		bfs_raw1(__NR_close, fd);
	}
	return -ENXIO;
}

static void fifo_forget_oldest(void) {
	struct fifo_record old;
	int fd = -1;
	if (fifo_receive(&old, true, 0, &fd) == 0) bfs_raw1(__NR_close, fd);
}

static long fifo_remember(struct fifo_record *record, int fd, uint32_t count) {
	for (; count >= FIFO_QUEUE; count--) fifo_forget_oldest();
	struct fifo_message m;
	fifo_message_init(&m, record, true);
	m.rights.fd = fd;
	long n = bfs_raw3(__NR_sendmsg, bfs_fd(BFS_FD_FIFO_SEND), &m, FIFO_MSG_DONTWAIT | FIFO_MSG_NOSIGNAL);
	for (; n == -EAGAIN && count > 0; count--) {
		fifo_forget_oldest();
		n = bfs_raw3(__NR_sendmsg, bfs_fd(BFS_FD_FIFO_SEND), &m, FIFO_MSG_DONTWAIT | FIFO_MSG_NOSIGNAL);
	}
	return n < 0 ? n : 0;
}

static long fifo_stand_in(uint64_t ino, struct fifo_record *record) {
	uint32_t count = 0;
	long fd = fifo_find(ino, record, &count);
	if (fd != -EAGAIN) return fd;
	fd = fifo_make(record);
	if (fd < 0) return fd;
	record->ino = ino;
	long r = fifo_remember(record, (int)fd, count);
	if (r == 0) return fd;
	bfs_raw1(__NR_close, fd);
	return r;
}

long bfs_fifo_setup(void) {
	int pair[2];
	long r = bfs_raw4(__NR_socketpair, FIFO_UNIX, FIFO_DATAGRAM, 0, pair);
	if (r < 0) return r;
	int32_t room = 1 << 20; /* as much of it as the system allows: half a thousand records */
	bfs_raw5(__NR_setsockopt, pair[1], FIFO_SOL_SOCKET, FIFO_SEND_BUFFER, &room, sizeof room);
	r = bfs_reserved_put(pair[0], BFS_FD_FIFO_QUEUE);
	if (r == 0) r = bfs_reserved_put(pair[1], BFS_FD_FIFO_SEND);
	bfs_raw1(__NR_close, pair[0]);
	bfs_raw1(__NR_close, pair[1]);
	/* No reserved number is left free: the kernel would give it to the program once the numbers below are used up. */
	for (int i = 0; i < BFS_FD_LENT_PLACES && r == 0; i++) r = bfs_reserved_put(bfs_fd(BFS_FD_LOCKS), BFS_FD_LENT + i);
	return r;
}

long bfs_fifo_open(struct bfs_call *c, uint64_t ino, uint32_t flags) {
	struct fifo_record record;
	char path[BFS_LENT_PATH];
	char *scratch = bfs_call_scratch(c, sizeof path);
	if (scratch == NULL) return -ENXIO;
	bfs_pool_lock();
	long fd = fifo_stand_in(ino, &record);
	bfs_pool_unlock();
	if (fd < 0) return fd;
	long r = bfs_reserved_lend((int)fd, path);
	bfs_raw1(__NR_close, fd);
	if (r < 0) return r;
	if (bfs_copy_out(scratch, path, sizeof path) < 0) return -EFAULT;
	c->nr = __NR_openat;
	c->a[0] = (uint64_t)(int64_t)AT_FDCWD;
	c->a[1] = (uint64_t)scratch;
	c->a[2] = flags & (O_ACCMODE | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | O_LARGEFILE);
	c->a[3] = 0;
	return 0;
}
