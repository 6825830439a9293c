/* BINARYFS_MISSES: the paths that a program asked for and that are nowhere, and for what this machine has there the option that would have brought it. Whether it has is looked up for the
 * log alone: the program sees no difference.
 */
#include "ops.h"
#include "providers.h"

/* PATH for the option after it: a shell's word, with what globs mean taken away (docs/cli.md, "Selection"). */
static void misses_quote(struct bfs_textbuf *t, const char *path, bool glob) {
	bool control = false;
	for (const char *p = path; *p != '\0'; p++) control = control || (uint8_t)*p < ' ' || *p == '\177';
	bfs_textbuf_str(t, control ? "$'" : "'");
	for (const char *p = path; *p != '\0'; p++) {
		bool special = glob && (*p == '*' || *p == '?' || *p == '[' || *p == '\\');
		if (special) bfs_textbuf_str(t, control ? "\\\\" : "\\");
		if (*p == '\'')
			bfs_textbuf_str(t, control ? "\\'" : "'\\''");
		else if (control && ((uint8_t)*p < ' ' || *p == '\177' || *p == '\\'))
			bfs_log_octal(t, *p);
		else
			bfs_textbuf_add(t, p, 1);
	}
	bfs_textbuf_str(t, "'");
}

static bool misses_within(const char *path, const char *dir) {
	size_t n = strlen(dir);
	return bfs_starts_with(path, dir) && (path[n] == '\0' || path[n] == '/');
}

/* Files, directories and links can be packed; devices, sockets and what the kernel makes up come from the host at run time; /proc is the image's own. */
static void misses_remark(struct bfs_textbuf *t, const char *path) {
	struct bfs_kstat st = { 0 };
	if (misses_within(path, "/proc") || bfs_host_stat(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, &st) < 0) return;
	uint32_t type = BFS_S_TYPE(st.st_mode);
	bool packed = (type == S_IFREG || type == S_IFDIR || type == S_IFLNK) && !misses_within(path, "/dev") && !misses_within(path, "/sys");
	bfs_textbuf_str(t, packed ? "\t--include " : "\t--host-path ");
	misses_quote(t, path, packed);
}

void bfs_miss(const char *absolute_path) { bfs_log_line(BFS_LOG_MISSES, absolute_path, misses_remark); }

/* Appends the components of PATH to the absolute path in DST, of length LEN, by their names alone. Returns the new length, 0 where it does not fit. */
static size_t misses_append(char *dst, size_t size, size_t len, const char *path) {
	while (len > 0 && dst[len - 1] == '/') len--;
	while (*path != '\0') {
		size_t name = 0;
		while (path[name] != '\0' && path[name] != '/') name++;
		if (name == 2 && path[0] == '.' && path[1] == '.') {
			while (len > 0 && dst[--len] != '/') {}
		} else if (name > 0 && !(name == 1 && path[0] == '.')) {
			if (len + name + 2 > size) return 0;
			dst[len++] = '/';
			memcpy(dst + len, path, name);
			len += name;
		}
		path += name;
		while (*path == '/') path++;
	}
	if (len == 0) dst[len++] = '/';
	dst[len] = '\0';
	return len;
}

void bfs_miss_at(int dirfd, const char *user_path) {
	char path[BFS_PATH_MAX], absolute[BFS_PATH_MAX];
	long len = 0;
	if (bfs_pool_mounts()->misses == 0 || user_path == NULL || bfs_copy_str(path, user_path, sizeof path) < 1) return;
	if (path[0] != '/') {
		const struct bfs_ofd *ofd = bfs_ofd_of(dirfd == AT_FDCWD ? bfs_fd(BFS_FD_CWD) : dirfd, NULL);
		if (ofd == NULL) return;
		len = bfs_ofd_path(ofd, absolute, sizeof absolute);
		if (len < 0) return;
	}
	if (misses_append(absolute, sizeof absolute, (size_t)len, path) > 0) bfs_miss(absolute);
}

void bfs_call_missed(const struct bfs_call *c, unsigned dirfd, unsigned path) {
	bfs_miss_at(dirfd == BFS_NO_DIRFD ? AT_FDCWD : bfs_arg_fd(c, dirfd), (const char *)c->a[path]);
}
