/* What the calls on AF_UNIX sockets share (socket_address.c, socket_name.c). */
#ifndef BINARYFS_SOCKETS_H
#define BINARYFS_SOCKETS_H

#include "ops.h"

#define BFS_AF_UNIX 1
#define BFS_SUN_PATH 108u /* bytes of sun_path */

struct bfs_unix_address { /* struct sockaddr_un */
	uint16_t family;
	char path[BFS_SUN_PATH];
};

struct bfs_socket_storage { /* room for what the kernel says, of whatever family */
	uint16_t family;
	char path[126];
};
struct bfs_msghdr { /* struct user_msghdr */
	uint64_t name;
	uint32_t name_len, pad;
	uint64_t iov, iov_len, control, control_len;
	uint32_t flags, pad2;
};
struct bfs_mmsghdr {
	struct bfs_msghdr hdr;
	uint32_t len, pad;
};

/* What an address that the program gives stands for. */
enum bfs_socket_kind {
	BFS_SOCKET_PLAIN, /* the kernel may see what is in ADDRESS: a copy, for the program's other threads may write to the original between our look and the kernel's */
	BFS_SOCKET_AS_IS, /* no address, or of a size of which AF_UNIX takes none: the kernel may see the program's own */
	BFS_SOCKET_PATH,  /* ADDRESS holds a path with its NUL in PATH */
};
/* Takes in the address of LEN bytes at USER of a call on descriptor FD. Kind, −EFAULT. */
long bfs_socket_take(int fd, uint64_t user, uint32_t len, struct bfs_unix_address *address, char path[BFS_SUN_PATH + 1]);
/* The place of an existing socket that one like FD can reach: LOC is a node, whose abstract name is put into ADDRESS (1), or lies on the host (0). −errno, as unix_find_bsd. */
long bfs_socket_find(int fd, const char *path, struct bfs_loc *loc, struct bfs_unix_address *address, uint32_t *len);
/* SO_TYPE of descriptor FD, 0 where it is no socket. */
#define BFS_SOCK_DGRAM 2u
uint32_t bfs_socket_type(int fd);
/* What a node's rdev holds: the pool's string of its path, and the type of the socket that is bound to it. */
static inline uint64_t bfs_socket_record(uint32_t text, uint32_t type) { return (uint64_t)type << 32 | text; }
/* The abstract address of a socket node; the length of the whole address. */
uint32_t bfs_socket_abstract(const struct bfs_attr *attr, struct bfs_unix_address *out);
/* A socket was bound below a host path or volume: its name for the kernel is HOST, bind was given GIVEN. */
void bfs_socket_given(const char *host, const char *given);
/* Puts the path by which the program knows a socket in the place of the kernel's ADDRESS of LEN bytes, where it has one; the length of what is there now. */
uint32_t bfs_socket_shown(struct bfs_socket_storage *address, uint32_t len);
/* Gives the program that address as the kernel would: as much of it as there is room for, and its whole length. 0, −EFAULT, −EINVAL. */
long bfs_socket_address_out(struct bfs_socket_storage *address, uint32_t len, uint64_t user, uint64_t user_len);
/* Is descriptor FD an AF_UNIX socket? */
bool bfs_socket_is_unix(int fd);
/* op_receive.c: a call of the program's that was passed with memory of its own for addresses (KEPT) has returned C->result. */
void bfs_receive_after(struct bfs_call *c);

/* Of the trap layer: this process uses names of AF_UNIX sockets, so it may be told of others'. filter_names.c */
void bfs_names_used(void);

/* A socket of the host is named by a descriptor of itself: a symbolic link put in its path's place since the walk is not met. Returns the descriptor (O_PATH), to be closed after the call. */
long bfs_socket_host(const struct bfs_loc *loc, struct bfs_unix_address *out, uint32_t *len);
/* Would descriptor FD wait? */
bool bfs_socket_blocks(int fd);
/* The call cannot be answered yet and must not wait in here: after a moment, in which signals are taken, the program makes it again. */
enum bfs_verdict bfs_socket_later(void);

#endif
