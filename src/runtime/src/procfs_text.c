/* The texts of /proc that the kernel would write about the carrier or the host: maps, auxv, mounts, and fdinfo of placeholders. A text is a snapshot taken at open, kept as an unnamed
 * file of the overlay: reading, seeking and duplicating it are those of any file, and it goes when its last descriptor does.
 */
#include "ops.h"
#include "providers.h"

#define PROCFS_HIDDEN_NAME "[binaryfs]"
#define PROCFS_MAPS_COLUMN 73u /* where the kernel puts paths */

/* Names under which the kernel shows mappings of the runtime's own files (libraries with their images, the pool), before each a byte that tells the reserved descriptor, NUL after each; an empty one at the end. */
static void procfs_own_names(struct bfs_textbuf *names) {
	char digits[24], path[48], text[BFS_PATH_MAX];
	for (int fd = bfs_fd_base; bfs_fd_reserved(fd); fd++) {
		bfs_u64_text(digits, (uint64_t)fd);
		bfs_join(path, sizeof path, "/proc/self/fd/", digits, NULL);
		long n = bfs_raw4(__NR_readlinkat, AT_FDCWD, path, text, sizeof text - 1);
		if (n <= 0 || text[0] != '/') continue;
		text[n] = '\0';
		const char which = (char)(fd - bfs_fd_base + 1);
		bfs_textbuf_add(names, &which, 1);
		bfs_textbuf_add(names, text, (size_t)n + 1);
	}
	bfs_textbuf_add(names, "", 1);
}

/* The last reserved descriptor of that name: a library that is the carrier too is found as a library. −1: the name is another's. */
static int procfs_own_name(const struct bfs_textbuf *names, const char *path, size_t len) {
	int which = -1;
	if (names->failed) return which;
	for (const char *name = names->data; *name != '\0'; name += 1 + strlen(name + 1) + 1)
		if (strlen(name + 1) == len && memcmp(name + 1, path, len) == 0) which = (uint8_t)*name - 1;
	return which;
}

static void procfs_hex(struct bfs_textbuf *t, uint64_t v, int digits) {
	char text[16];
	for (int i = 0; i < 16; i++) text[i] = "0123456789abcdef"[(v >> (60 - 4 * i)) & 15];
	while (digits < 16 && v >> (4 * digits) != 0) digits++;
	bfs_textbuf_add(t, text + 16 - digits, (size_t)digits);
}

struct procfs_maps {
	struct bfs_textbuf names;
	struct bfs_mapped_file file; /* what the last line of its kind showed */
	bfs_node node;               /* the same, of the pool */
};

/* A line of a mapping of reserved descriptor OWN as that of the file that it shows; false where none is known. Device and inode number are those that stat(2) tells, the path is at its usual column. */
static bool procfs_maps_file(struct bfs_textbuf *t, struct procfs_maps *maps, int own, const char *line, size_t len) {
	size_t fields = 0, i = 0;
	uint64_t at = 0;
	for (; i < len && fields < 2; i++) fields += line[i] == ' ';
	size_t start = t->len, head = i;
	for (; i < len && line[i] != ' '; i++) at = at << 4 | (uint64_t)(line[i] <= '9' ? line[i] - '0' : line[i] - 'a' + 10);
	bool pool = own == BFS_FD_POOL;
	if (!pool) maps->node = BFS_NODE_NONE; /* its path is gone */
	if (pool ? !bfs_mapped_find_pool(at, &maps->node, &maps->file) : !bfs_mapped_find((uint32_t)(own - BFS_FD_LIBS), at, &maps->file)) return false;
	bfs_textbuf_add(t, line, head);
	procfs_hex(t, maps->file.offset, 8);
	bfs_textbuf_str(t, " 00:");
	procfs_hex(t, BFS_ST_DEV, 2);
	bfs_textbuf_str(t, " ");
	bfs_textbuf_u64(t, maps->file.ino);
	do bfs_textbuf_str(t, " ");
	while (!t->failed && t->len - start < PROCFS_MAPS_COLUMN);
	for (const char *p = maps->file.path, *end = p; *p != '\0'; p = end) {
		while (*end != '\0' && *end != '\n') end++;
		bfs_textbuf_add(t, p, (size_t)(end - p));
		if (*end == '\0') break;
		bfs_textbuf_str(t, "\\012"); /* as the kernel does */
		end++;
	}
	return true;
}

/* Where the path of a line "START-END PERMS OFFSET DEV INODE   PATH" starts; LEN where it has none or is a line of another kind (smaps' figures). */
static size_t procfs_maps_path(const char *line, size_t len) {
	size_t i = 0;
	for (int field = 0; field < 5; field++) {
		size_t start = i;
		while (i < len && line[i] != ' ') i++;
		if (i == start || (field == 0 && line[i - 1] == ':')) return len;
		while (i < len && line[i] == ' ') i++;
	}
	return i < len && line[i] == '/' ? i : len;
}

static void procfs_maps_line(struct bfs_textbuf *t, struct procfs_maps *maps, const char *line, size_t len) {
	size_t at = procfs_maps_path(line, len);
	const char *shown = line + at;
	size_t n = len - at;
	int own = n == 0 ? -1 : procfs_own_name(&maps->names, shown, n);
	if ((own >= BFS_FD_LIBS || own == BFS_FD_POOL) && procfs_maps_file(t, maps, own, line, at)) return;
	bfs_textbuf_add(t, line, at);
	if (n == 0) return;
	char path[BFS_PATH_MAX], guest[BFS_PATH_MAX];
	if (own >= 0) {
		bfs_textbuf_str(t, PROCFS_HIDDEN_NAME);
		return;
	}
	if (n < sizeof path) {
		memcpy(path, shown, n);
		path[n] = '\0';
		long translated = bfs_mount_guest_path(path, guest, sizeof guest);
		if (translated > 0) {
			bfs_textbuf_add(t, guest, (size_t)translated);
			return;
		}
	}
	bfs_textbuf_add(t, shown, n);
}

void bfs_proc_text_maps(const char *rel, struct bfs_textbuf *t) {
	char path[96];
	struct procfs_maps maps = { .node = BFS_NODE_NONE };
	struct bfs_textbuf host = { 0 };
	procfs_own_names(&maps.names);
	if (bfs_proc_host_path(rel, path, sizeof path) > 0 && bfs_textbuf_file(&host, path) == 0) {
		for (size_t at = 0; at < host.len;) {
			size_t n = 0;
			while (at + n < host.len && host.data[at + n] != '\n') n++;
			procfs_maps_line(t, &maps, host.data + at, n);
			bfs_textbuf_add(t, "\n", 1);
			at += n + 1;
		}
	}
	bfs_textbuf_free(&host);
	bfs_textbuf_free(&maps.names);
}

static void procfs_text_auxv(const char *rel, const struct bfs_proc_entry *entry, struct bfs_textbuf *t) {
	uint8_t auxv[2048]; /* the kernel's own limit is 44 words of 8 bytes */
	long n = entry->pid == bfs_proc_self_pid() ? bfs_proc_auxv(auxv, sizeof auxv) : 0;
	if (n > 0) {
		bfs_textbuf_add(t, (const char *)auxv, (size_t)n);
		return;
	}
	char path[96];
	if (bfs_proc_host_path(rel, path, sizeof path) > 0) bfs_textbuf_file(t, path);
}

static void procfs_text_fdinfo(const struct bfs_ofd *ofd, struct bfs_textbuf *t) {
	bfs_textbuf_str(t, "pos:\t");
	bfs_textbuf_u64(t, ofd->offset);
	bfs_textbuf_str(t, "\nflags:\t0");
	char octal[12];
	size_t n = 0;
	for (uint32_t shift = 30, started = 0; shift < 33; shift -= 3) {
		uint32_t digit = (ofd->flags >> shift) & 7u;
		started |= digit;
		if (started != 0 || shift == 0) octal[n++] = (char)('0' + digit);
	}
	bfs_textbuf_add(t, octal, n);
	struct bfs_attr attr = { 0 };
	bfs_ofd_attr(ofd, &attr, NULL);
	bfs_textbuf_str(t, "\nmnt_id:\t");
	bfs_textbuf_u64(t, attr.mount_id);
	bfs_textbuf_str(t, "\nino:\t");
	bfs_textbuf_u64(t, attr.ino);
	bfs_textbuf_str(t, "\n");
}

/* The text as an open file. */
static long procfs_text_file(const struct bfs_textbuf *t, uint32_t flags) {
	struct bfs_new what = { .mode = S_IFREG | 0444, .uid = bfs_fs_uid(), .gid = bfs_fs_gid() };
	struct bfs_loc loc;
	loc = (struct bfs_loc){ .kind = BFS_LOC_NODE };
	long r = bfs_node_create_anonymous(&what, false, &loc.node);
	if (r < 0) return r;
	uint64_t end;
	for (size_t at = 0; at < t->len && r >= 0;) {
		r = bfs_node_append(loc.node, t->data + at, t->len - at, &end);
		if (r == 0) r = -ENOSPC;
		at += r > 0 ? (size_t)r : 0;
	}
	long fd = r < 0 ? r : bfs_ofd_open(&loc, flags);
	if (fd < 0) {
		/* No description took the reference that would have freed it at the end. */
		bfs_node_hold(loc.node);
		bfs_node_release(loc.node);
	}
	return fd;
}

long bfs_proc_open_text(const char *rel, const struct bfs_proc_entry *entry, uint32_t flags) {
	if ((flags & O_ACCMODE) != O_RDONLY) return -EACCES;
	struct bfs_textbuf t = { 0 };
	switch (entry->rule) {
	case BFS_PROC_MAPS: bfs_proc_text_maps(rel, &t); break;
	case BFS_PROC_PROGRAM: bfs_proc_text_loading(rel, entry, &t); break;
	case BFS_PROC_AUXV: procfs_text_auxv(rel, entry, &t); break;
	case BFS_PROC_FDINFO: {
		const struct bfs_ofd *ofd = bfs_proc_fd_ofd(entry); /* may have been closed since it was looked up */
		if (ofd == NULL) return -ENOENT;
		procfs_text_fdinfo(ofd, &t);
		break;
	}
	default: bfs_proc_text_mounts(entry, &t); break;
	}
	long fd = t.failed ? -ENOMEM : procfs_text_file(&t, flags & (O_CLOEXEC | O_NONBLOCK));
	bfs_textbuf_free(&t);
	return fd;
}
