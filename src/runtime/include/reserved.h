/* The descriptors that the runtime itself keeps open in every process of the tree, and what lies behind them. */
#ifndef BINARYFS_RESERVED_H
#define BINARYFS_RESERVED_H

#include "sys.h"

/* Reserved descriptors stand at bfs_fd_base .. bfs_fd_base + bfs_fd_count() − 1 in every process of the tree, without CLOEXEC, hidden from the program. */
enum {
	BFS_FD_POOL = 0,        /* memfd of the overlay */
	BFS_FD_PLACEHOLDER = 1, /* empty sealed memfd (F_SEAL_WRITE|GROW|SHRINK|SEAL), O_RDWR: the first of bfs_placeholder_count() */
	BFS_FD_CWD = 2,         /* a placeholder of the current directory: the kernel copies it on fork and vfork, as it does its own cwd */
	BFS_FD_EXEC = 3,        /* the program's own file, for /proc/PID/exe */
	BFS_FD_CARRIER = 4,     /* the ELF file that holds the runtime, executed again for every program (set by the trap layer) */
	BFS_FD_LOCKS = 5,       /* empty memfd whose byte ranges are the POSIX locks of image and overlay files (made by create) */
	BFS_FD_FIFO_QUEUE = 6,  /* queue of the FIFOs in use (op_fifo.c) */
	BFS_FD_FIFO_SEND = 7,
	BFS_FD_LENT = 8,        /* O_PATH descriptors of FIFOs and sockets that this process opened or called last; else BFS_FD_LOCKS again (reserved_lend.c) */
	BFS_FD_LENT_PLACES = 8, /* how many */
	BFS_FD_BELLS = BFS_FD_LENT + BFS_FD_LENT_PLACES, /* queue of what wakes inotify instances (notify_bell.c) */
	BFS_FD_BELLS_SEND = BFS_FD_BELLS + 1,
	BFS_FD_LIBS = BFS_FD_BELLS + 2, /* the libraries, first listed first, and after them the other placeholders */
};
#define BFS_MAX_LIBS 64u
extern int bfs_fd_base; /* process-private, constant after start */
static inline int bfs_fd(int which) { return bfs_fd_base + which; }
bool bfs_fd_reserved(int64_t fd);
uint32_t bfs_fd_count(void);
/* Placeholder inodes (placeholder.c): how many the tree has (a power of two), and the reserved descriptor of number I. All descriptions of one file are struct files of the same one, as their locks
 * exclude each other there; files are spread over them, as the kernel walks all locks of an inode. */
#define BFS_MAX_PLACEHOLDERS 64u
uint32_t bfs_placeholder_count(void);
int bfs_placeholder_fd(uint32_t i);
/* Is the file of this device and inode number one of them? */
bool bfs_placeholder_is(uint64_t st_dev, uint64_t st_ino);
/* For the start of a tree: the binary logarithm of how many are affordable where a process may have LIMIT descriptors; makes them all, at their reserved places. */
uint32_t bfs_placeholder_wish(uint64_t limit);
long bfs_placeholders_make(void);
/* An empty memfd, close-on-exec; SEALED: it stays empty. */
long bfs_memfd(const char *name, bool sealed);
/* Makes FD also the reserved descriptor WHICH, in place of what stood there; works below a lowered RLIMIT_NOFILE as long as its hard limit allows. 0 or −errno. reserved.c */
long bfs_reserved_put(int fd, int which);
/* As bfs_ofd_open, for a descriptor that is put to its reserved place at once: also where the program has as many as its soft limit allows. reserved.c */
struct bfs_loc;
long bfs_reserved_open(const struct bfs_loc *loc, uint32_t flags);
/* Puts the O_PATH descriptor FD also at a reserved place of its own, until others need it, and fills PATH, by which a passed call reaches the object. 0 or −errno. Under no lock.
 * reserved_lend.c */
#define BFS_LENT_PATH 40
long bfs_reserved_lend(int fd, char path[BFS_LENT_PATH]);

/* Queues of descriptors at reserved places WHICH and WHICH + 1 (fd_queue.c); all but the setup under the pool lock. */
struct bfs_queued {
	uint64_t key;
	uint64_t host, host_ino; /* device and inode number of what the descriptor stands for */
};
long bfs_queue_setup(int which);
/* A new descriptor of the first record of KEY, or of record number N; −EAGAIN where there is none, −EMFILE. *COUNT: records before it. */
long bfs_queue_find(int which, uint64_t key, struct bfs_queued *record, uint32_t *count);
long bfs_queue_at(int which, uint32_t n, struct bfs_queued *record);
/* Appends a record with descriptor FD, which stays the caller's. −EAGAIN: the queue is full. */
long bfs_queue_put(int which, struct bfs_queued *record, int fd);
/* Forgets the oldest record. */
void bfs_queue_drop(int which);

#endif
