/* Strings that the providers put together: host paths, and the texts of /proc. */
#include "providers.h"

#include <linux/mman.h>

#define TEXTBUF_FIRST 16384u
#define TEXTBUF_LIMIT (64u << 20) /* a process with more mappings than this describes shows a cut-off /proc/PID/smaps */

long bfs_join(char *dst, size_t size, ...) {
	__builtin_va_list parts;
	__builtin_va_start(parts, size);
	size_t len = 0;
	long result = size == 0 ? -ENAMETOOLONG : 0;
	for (const char *part; result == 0 && (part = __builtin_va_arg(parts, const char *)) != NULL;) {
		size_t n = strlen(part);
		if (n >= size - len)
			result = -ENAMETOOLONG;
		else {
			memcpy(dst + len, part, n);
			len += n;
		}
	}
	__builtin_va_end(parts);
	if (size != 0) dst[len] = '\0';
	return result < 0 ? result : (long)len;
}

/* Room for MORE bytes. */
static bool textbuf_reserve(struct bfs_textbuf *t, size_t more) {
	if (t->failed) return false;
	if (more <= t->cap - t->len) return true;
	size_t cap = t->cap == 0 ? TEXTBUF_FIRST : t->cap;
	while (cap - t->len < more && cap <= TEXTBUF_LIMIT) cap *= 2;
	long p = -ENOMEM;
	if (cap <= TEXTBUF_LIMIT)
		p = t->data == NULL ? bfs_raw6(__NR_mmap, 0, cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
				    : bfs_raw4(__NR_mremap, t->data, t->cap, cap, MREMAP_MAYMOVE);
	if (p < 0 && p > -4096) {
		t->failed = true;
		return false;
	}
	t->data = (char *)p;
	t->cap = cap;
	return true;
}

void bfs_textbuf_add(struct bfs_textbuf *t, const char *s, size_t len) {
	if (!textbuf_reserve(t, len)) return;
	memcpy(t->data + t->len, s, len);
	t->len += len;
}

void bfs_textbuf_str(struct bfs_textbuf *t, const char *s) { bfs_textbuf_add(t, s, strlen(s)); }

void bfs_textbuf_u64(struct bfs_textbuf *t, uint64_t v) {
	char digits[24];
	bfs_textbuf_add(t, digits, bfs_u64_text(digits, v));
}

void bfs_textbuf_escaped(struct bfs_textbuf *t, const char *s) {
	for (; *s != '\0'; s++) {
		uint8_t c = (uint8_t)*s;
		if (c == ' ' || c == '\t' || c == '\n' || c == '\\') {
			char octal[4] = { '\\', (char)('0' + (c >> 6)), (char)('0' + ((c >> 3) & 7)), (char)('0' + (c & 7)) };
			bfs_textbuf_add(t, octal, 4);
		} else
			bfs_textbuf_add(t, s, 1);
	}
}

long bfs_textbuf_file(struct bfs_textbuf *t, const char *path) {
	long fd = bfs_raw4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
	if (fd < 0) return fd;
	long n = -ENOMEM;
	/* The kernel ends each read of /proc at a whole record; the end is the read that gives nothing. */
	while (textbuf_reserve(t, TEXTBUF_FIRST / 2)) {
		n = bfs_raw3(__NR_read, fd, t->data + t->len, t->cap - t->len);
		if (n <= 0) break;
		t->len += (size_t)n;
	}
	bfs_host_close(fd);
	return t->failed ? -ENOMEM : BFS_MIN(n, 0);
}

void bfs_textbuf_free(struct bfs_textbuf *t) {
	if (t->data != NULL) bfs_raw2(__NR_munmap, t->data, t->cap);
	*t = (struct bfs_textbuf){ 0 };
}
