/* Names of AF_UNIX sockets, as the kernel and as the program know them. The kernel would look for a path on the host, so a socket that is bound to one gets an abstract name instead, made
 * from the overlay inode that stands for it:
 *
 *   sun_path   NUL "binaryfs/" pool "/" inode "/" path as it was given to bind
 *          or  NUL "binaryfs/" pool "/" inode "=" text ":" hash             where that has no room
 *
 * pool tells process trees apart; numbers are hexadecimal. text is the pool's string of the path, which goes with the inode: it is believed where its hash is right. The string and the
 * socket's type are kept in the node's rdev, which means nothing for a socket.
 *
 * A socket below a host path or volume has the host's path as its name. What bind was given is remembered, where it is not the path that leads there in the image, for as many as there is
 * room for: a name takes the place that its hash says.
 */
#include "pool.h"
#include "providers.h"
#include "sockets.h"

#include <asm/stat.h>

static size_t name_hex(char *dst, uint64_t v) {
	static const char digits[] = "0123456789abcdef";
	size_t len = 1;
	while (len < 16 && v >> (4 * len) != 0) len++;
	for (size_t i = 0; i < len; i++) dst[i] = digits[v >> (4 * (len - 1 - i)) & 15];
	return len;
}

/* Reads hexadecimal digits from *AT on, up to END. */
static uint64_t name_number(const char **at, const char *end) {
	uint64_t v = 0;
	for (; *at < end; (*at)++) {
		char d = **at;
		if (d >= '0' && d <= '9')
			v = v << 4 | (uint64_t)(d - '0');
		else if (d >= 'a' && d <= 'f')
			v = v << 4 | (uint64_t)(d - 'a' + 10);
		else
			break;
	}
	return v;
}

static uint32_t name_hash(const char *s, size_t len) {
	uint32_t hash = 2166136261u; /* FNV-1a */
	for (size_t i = 0; i < len; i++) hash = (hash ^ (uint8_t)s[i]) * 16777619u;
	return hash;
}

/* Distinguishes this tree's sockets: inode and birth of its first placeholder, which nobody ever writes. */
static uint64_t name_pool_id(void) {
	static uint64_t id;
	uint64_t known = __atomic_load_n(&id, __ATOMIC_RELAXED);
	if (known != 0) return known;
	struct stat st;
	if (bfs_raw2(__NR_fstat, bfs_placeholder_fd(0), &st) < 0) return 1;
	known = (st.st_ino * 0x9E3779B97F4A7C15ull ^ (st.st_mtime * 1000000000ull + st.st_mtime_nsec)) | 1;
	__atomic_store_n(&id, known, __ATOMIC_RELAXED);
	return known;
}

/* "binaryfs/POOL/" with the NUL before it; its length. */
static size_t name_prefix(char *dst) {
	static const char head[] = "\0binaryfs/";
	size_t len = sizeof head - 1;
	memcpy(dst, head, len);
	len += name_hex(dst + len, name_pool_id());
	dst[len++] = '/';
	return len;
}

/* ---- sockets of the overlay ---- */

uint32_t bfs_socket_abstract(const struct bfs_attr *attr, struct bfs_unix_address *out) {
	uint32_t text = (uint32_t)attr->rdev, size;
	const char *path = bfs_text_at(text, &size);
	out->family = BFS_AF_UNIX;
	size_t len = name_prefix(out->path);
	len += name_hex(out->path + len, attr->ino ^ BFS_OVERLAY_INO); /* numbers of the overlay become small; none is given twice */
	if (size < BFS_SUN_PATH - len) {
		out->path[len++] = '/';
		memcpy(out->path + len, path, size);
		len += size;
	} else {
		out->path[len++] = '=';
		len += name_hex(out->path + len, text);
		out->path[len++] = ':';
		len += name_hex(out->path + len, name_hash(path, size));
	}
	return (uint32_t)(sizeof out->family + len);
}

/* The path of "TEXT:HASH". */
static long name_kept(const char *at, const char *end, char path[BFS_SUN_PATH + 1]) {
	uint32_t size;
	uint64_t text = name_number(&at, end);
	const char *kept = bfs_text_at((uint32_t)text, &size);
	if (at == end || *at++ != ':' || size == 0 || size > BFS_SUN_PATH) return -ENOENT;
	memcpy(path, kept, size);
	return name_number(&at, end) == name_hash(path, size) ? (long)size : -ENOENT;
}

static long name_of_abstract(const char *name, size_t len, char path[BFS_SUN_PATH + 1]) {
	char prefix[BFS_SUN_PATH];
	size_t prefix_len = name_prefix(prefix);
	if (len <= prefix_len || memcmp(name, prefix, prefix_len) != 0) return -ENOENT;
	const char *at = name + prefix_len, *end = name + len;
	name_number(&at, end);
	if (at == end) return -ENOENT;
	if (*at++ == '=') return name_kept(at, end, path);
	memcpy(path, at, (size_t)(end - at));
	return end - at;
}

/* ---- sockets of the host ---- */

static uint32_t *given_place(const char *host, size_t len) { return &bfs_p.control->socket_names[name_hash(host, len) % BFS_SOCKET_NAMES]; }

/* The kernel's path of LEN bytes → what bind was given for it; 0 where that is not known for certain. Texts are "HOST NUL GIVEN". */
static long given_find(const char *host, size_t len, char path[BFS_SUN_PATH + 1]) {
	struct bfs_reader r;
	for (bfs_read_start(&r);;) {
		uint32_t size;
		const char *kept = bfs_text_at(__atomic_load_n(given_place(host, len), __ATOMIC_RELAXED), &size);
		long found = -ENOENT;
		if (size > len && size - len - 1 <= BFS_SUN_PATH && kept[len] == '\0' && memcmp(kept, host, len) == 0) {
			found = (long)(size - len - 1);
			memcpy(path, kept + len + 1, (size_t)found);
		}
		if (bfs_read_done(&r)) return found;
	}
}

void bfs_socket_given(const char *host, const char *given) {
	char both[2 * (BFS_SUN_PATH + 1)], guest[BFS_PATH_MAX];
	size_t len = strlen(host), given_len = strlen(given);
	if (len > BFS_SUN_PATH || given_len > BFS_SUN_PATH) return;
	bool known = bfs_mount_guest_path(host, guest, sizeof guest) >= 0 && bfs_str_eq(guest, given);
	long before = given_find(host, len, both);
	if (known && before < 0) return;
	/* By way of a descriptor (op_socket.c) sockets in two directories may have one name. */
	if (before >= 0 && bfs_starts_with(host, "/proc/") && ((size_t)before != given_len || memcmp(both, given, given_len) != 0)) given_len = 0;
	memcpy(both, host, len + 1);
	memcpy(both + len + 1, given, given_len);
	uint32_t *place = given_place(host, len);
	bfs_change_begin();
	bfs_text_drop(*place);
	bfs_store32(place, known ? 0 : bfs_text_new(both, len + 1 + given_len));
	bfs_change_end(0);
}

static long name_of_host(const char *name, size_t len, char path[BFS_SUN_PATH + 1]) {
	char host[BFS_SUN_PATH + 1], guest[BFS_PATH_MAX];
	long found = given_find(name, len, path);
	if (found > 0) return found;
	memcpy(host, name, len);
	host[len] = '\0';
	found = bfs_mount_guest_path(host, guest, sizeof guest);
	if (found > (long)BFS_SUN_PATH) return -ENAMETOOLONG;
	if (found >= 0) memcpy(path, guest, (size_t)found);
	return found;
}

/* ---- */

uint32_t bfs_socket_shown(struct bfs_socket_storage *address, uint32_t len) {
	char path[BFS_SUN_PATH + 1];
	if (len <= sizeof address->family || len > sizeof *address || address->family != BFS_AF_UNIX) return len;
	size_t name_len = len - sizeof address->family;
	long n = -ENOENT;
	if (address->path[0] == '\0') {
		if (name_len <= BFS_SUN_PATH) n = name_of_abstract(address->path, name_len, path);
	} else if (address->path[0] == '/') {
		size_t path_len = 0;
		while (path_len < BFS_MIN(name_len, BFS_SUN_PATH) && address->path[path_len] != '\0') path_len++;
		n = name_of_host(address->path, path_len, path);
	}
	if (n <= 0) return len;
	memcpy(address->path, path, (size_t)n);
	address->path[n] = '\0';
	return (uint32_t)(sizeof address->family + (size_t)n + 1); /* a path of 108 bytes has its NUL behind sun_path: unix(7), BUGS */
}

long bfs_socket_address_out(struct bfs_socket_storage *address, uint32_t len, uint64_t user, uint64_t user_len) {
	int32_t room;
	len = bfs_socket_shown(address, BFS_MIN(len, sizeof *address));
	if (bfs_copy_in(&room, (const void *)user_len, sizeof room) < 0) return -EFAULT;
	room = BFS_MIN(room, (int32_t)len);
	if (room < 0) return -EINVAL;
	if (room > 0 && bfs_copy_out((void *)user, address, (size_t)room) < 0) return -EFAULT;
	return bfs_copy_out((void *)user_len, &len, sizeof len) < 0 ? -EFAULT : 0;
}
