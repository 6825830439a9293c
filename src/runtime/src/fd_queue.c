/* Queues of descriptors that every process of the tree reaches: socket pairs at reserved places, whose messages (a record, and the descriptor) are looked at and not taken out. The
 * kernel keeps what is in them for as long as any process of the tree lives, whoever is killed. All under the pool lock: where the next look falls is a state of the socket. */
#include "vfs.h"

#define QUEUE_DATAGRAM 5 /* SOCK_SEQPACKET */
#define QUEUE_UNIX 1     /* AF_UNIX */
#define QUEUE_SOL_SOCKET 1
#define QUEUE_SCM_RIGHTS 1
#define QUEUE_PEEK_OFFSET 42 /* SO_PEEK_OFF */
#define QUEUE_SEND_BUFFER 7  /* SO_SNDBUF */
#define QUEUE_MSG_PEEK 0x2u
#define QUEUE_MSG_DONTWAIT 0x40u
#define QUEUE_MSG_NOSIGNAL 0x4000u
#define QUEUE_MSG_CLOEXEC 0x40000000u

struct queue_control { /* struct cmsghdr with one descriptor */
	uint64_t len;
	int32_t level, type;
	int32_t fd, pad;
};

struct queue_message { /* struct user_msghdr and what it points to */
	uint64_t name;
	uint32_t name_len, pad;
	uint64_t iov, iov_len, control, control_len;
	uint32_t flags, pad2;
	uint64_t data, data_len;
	struct queue_control rights;
};

static void queue_message_init(struct queue_message *m, struct bfs_queued *record, bool rights) {
	*m = (struct queue_message){ .iov_len = 1, .data_len = sizeof *record };
	m->iov = (uint64_t)&m->data;
	m->data = (uint64_t)record;
	m->rights = (struct queue_control){ .len = offsetof(struct queue_control, pad), .level = QUEUE_SOL_SOCKET, .type = QUEUE_SCM_RIGHTS, .fd = -1 };
	if (!rights) return;
	m->control = (uint64_t)&m->rights;
	m->control_len = sizeof m->rights;
}

static long queue_receive(int which, struct bfs_queued *record, bool rights, uint32_t flags, int *fd) {
	struct queue_message m;
	queue_message_init(&m, record, rights);
	long n = bfs_raw3(__NR_recvmsg, bfs_fd(which), &m, flags | QUEUE_MSG_DONTWAIT | QUEUE_MSG_CLOEXEC);
	if (n != (long)sizeof *record) return n < 0 ? n : -EIO;
	if (rights) *fd = m.rights.fd;
	return rights && m.rights.fd < 0 ? -EMFILE : 0;
}

/* The next look is at record number N. */
static void queue_seek(int which, uint32_t n) {
	int32_t offset = (int32_t)(n * sizeof(struct bfs_queued));
	bfs_raw5(__NR_setsockopt, bfs_fd(which), QUEUE_SOL_SOCKET, QUEUE_PEEK_OFFSET, &offset, sizeof offset);
}

long bfs_queue_setup(int which) {
	int pair[2];
	long r = bfs_raw4(__NR_socketpair, QUEUE_UNIX, QUEUE_DATAGRAM, 0, pair);
	if (r < 0) return r;
	int32_t room = 1 << 20; /* as much of it as the system allows: half a thousand records */
	bfs_raw5(__NR_setsockopt, pair[1], QUEUE_SOL_SOCKET, QUEUE_SEND_BUFFER, &room, sizeof room);
	r = bfs_reserved_put(pair[0], which);
	if (r == 0) r = bfs_reserved_put(pair[1], which + 1);
	bfs_raw1(__NR_close, pair[0]);
	bfs_raw1(__NR_close, pair[1]);
	return r;
}

long bfs_queue_find(int which, uint64_t key, struct bfs_queued *record, uint32_t *count) {
	queue_seek(which, 0);
	for (*count = 0;; ++*count) {
		long r = queue_receive(which, record, false, QUEUE_MSG_PEEK, NULL);
		if (r < 0) return r;
		if (record->key == key) break;
	}
	return bfs_queue_at(which, *count, record);
}

long bfs_queue_at(int which, uint32_t n, struct bfs_queued *record) {
	int fd = -1;
	queue_seek(which, n);
	long r = queue_receive(which, record, true, QUEUE_MSG_PEEK, &fd);
	return r < 0 ? r : fd;
}

long bfs_queue_put(int which, struct bfs_queued *record, int fd) {
	struct queue_message m;
	queue_message_init(&m, record, true);
	m.rights.fd = fd;
	long n = bfs_raw3(__NR_sendmsg, bfs_fd(which + 1), &m, QUEUE_MSG_DONTWAIT | QUEUE_MSG_NOSIGNAL);
	return n < 0 ? n : 0;
}

void bfs_queue_drop(int which) {
	struct bfs_queued old;
	int fd = -1;
	if (queue_receive(which, &old, true, 0, &fd) == 0) bfs_raw1(__NR_close, fd);
}
