/* inotify(7) on image, overlay and doors: instances, watches and events in the overlay's shared memory.
 *
 * The program's descriptor is an inotify instance of the kernel's, so that poll, epoll, dup, fork and SCM_RIGHTS are the kernel's own. Watches on host paths and volumes are the
 * kernel's too. Watches on image and overlay are ours: whoever changes a node, in whatever process, appends an event to the instance's queue in the pool and rings its *bell*, an empty
 * memfd that the kernel's instance watches for IN_ATTRIB (docs/adr/0017). A read of the descriptor takes the bell out, and gives events of the kernel and ours.
 *
 *   op_inotify.c      the system calls          notify.c        instances and watches, all under the pool lock
 *   notify_event.c    what happened → queues    notify_bell.c   how a waiting program is woken
 *   notify_read.c     queues → the program
 */
#ifndef BINARYFS_NOTIFY_H
#define BINARYFS_NOTIFY_H

#include "ops.h"

#include <linux/inotify.h>

#define BFS_INSTANCE_COUNT 128u  /* fs.inotify.max_user_instances of a usual kernel */
#define BFS_WATCH_LIMIT 1048576u /* watches of the tree: fs.inotify.max_user_watches of a large machine */
#define BFS_EVENTS_SIZE 1048576u /* bytes of one instance's queue: 16,384 events with names of up to 47 bytes */
#define BFS_EVENTS_MAX 16384u    /* fs.inotify.max_queued_events */
#define BFS_EVENT_HEAD 16u       /* sizeof(struct inotify_event) without its name; names are padded to multiples of it */

struct bfs_instance {
	uint32_t live;       /* 0: free */
	uint32_t next_wd;    /* watch descriptors are numbered from 1 and not used again */
	uint32_t bell_wd;    /* the kernel's number of the watch on the bell */
	uint32_t rung;       /* the kernel's queue holds a bell */
	uint32_t events;     /* in the queue */
	uint32_t overflow;   /* IN_Q_OVERFLOW is the last event */
	uint64_t head, tail; /* bytes taken out of and put into the queue since the start; single stores */
	uint64_t last;       /* fingerprint of the newest event: a second one just like it is left out, as inotify(7) says */
	uint64_t reserved;
};

/* A watch lies in two hash chains: by what is watched, and by its descriptor. */
struct bfs_watch {
	uint64_t key; /* inode number of a node; bfs_watch_kernel_key of a watch of the kernel's; 0: free */
	uint32_t instance, wd;
	uint32_t mask;      /* IN_* as given */
	uint32_t kernel_wd; /* of a watch of the kernel's, else 0 */
	uint32_t key_next, wd_next;
};
/* Inode numbers are below 2^62. */
static inline uint64_t bfs_watch_kernel_key(uint32_t instance, uint32_t kernel_wd) { return 3ull << 62 | (uint64_t)instance << 32 | kernel_wd; }

/* ---- notify.c: under the pool lock, unless said otherwise ---- */

/* The instance behind FD, −EINVAL where it is none (no lock needed: the caller holds a descriptor). */
long bfs_instance_of(int fd);
/* Makes the kernel's instance FD a live one of ours. 0, −EMFILE. */
long bfs_instance_open(int fd);
/* Ends instances whose last descriptor is gone. */
void bfs_instances_sweep(void);
/* INDEX has just had a descriptor closed: ends it where that was the last. Takes the pool lock. */
void bfs_instance_closed(uint32_t index);
struct bfs_watch *bfs_watch_by_key(uint64_t key, const struct bfs_watch *after); /* next of the chain behind AFTER (NULL: from its start) */
struct bfs_watch *bfs_watch_of(uint32_t instance, uint64_t key);
struct bfs_watch *bfs_watch_by_wd(uint32_t instance, uint32_t wd);
/* A new watch; its descriptor in *WD. In a transaction. −ENOSPC. */
long bfs_watch_add(uint32_t instance, uint64_t key, uint32_t mask, uint32_t kernel_wd, uint32_t *wd);
void bfs_watch_remove(struct bfs_watch *watch); /* in a transaction */
/* May anything watch KEY? A hint, no lock. */
bool bfs_watched(uint64_t key);

/* ---- notify_event.c, under the pool lock ---- */

/* Appends an event to an instance's queue and rings. NAME_LEN 0: no name. */
void bfs_event_put(uint32_t instance, uint32_t wd, uint32_t mask, uint32_t cookie, const char *name, size_t name_len);

/* ---- notify_bell.c, under the pool lock ---- */

/* Lets the kernel's instance FD watch bell number INDEX, made where it is not there yet. The kernel's watch descriptor, or −errno. */
long bfs_bell_watch(uint32_t index, int fd);
/* Makes the descriptor of INDEX readable, in all processes. */
void bfs_bell_ring(uint32_t index);
/* Rings for events that a killed process left unannounced. */
void bfs_bells_recover(void);

/* ---- notify_read.c ---- */

/* read(2) of instance INDEX behind FD. */
enum bfs_verdict bfs_instance_read(struct bfs_call *c, uint32_t index, int fd, void *user, size_t size);
/* Bytes that a read would give (FIONREAD). */
long bfs_instance_pending(uint32_t index, int fd);

#endif
