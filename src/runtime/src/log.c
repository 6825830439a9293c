/* Messages on descriptor 2, when BINARYFS_LOG asks for them. */
#include <stdarg.h>

#include "sys.h"

int bfs_log_level;

void bfs_log_setup(const char *level) {
	static const char *const levels[] = { "", "error", "warn", "info", "trace" };
	bfs_log_level = 0;
	for (int i = 1; level != NULL && i <= BFS_LOG_TRACE; i++)
		if (bfs_str_eq(level, levels[i])) bfs_log_level = i;
}

struct log_line {
	size_t len;
	char text[1024];
};

static void log_char(struct log_line *l, char c) {
	if (l->len < sizeof l->text - 1) l->text[l->len++] = c;
}

static void log_string(struct log_line *l, const char *s) {
	for (s = s != NULL ? s : "(null)"; *s != 0; s++) log_char(l, *s);
}

static void log_hex(struct log_line *l, uint64_t v) {
	int shift = 60;
	while (shift > 0 && (v >> shift & 15) == 0) shift -= 4;
	for (; shift >= 0; shift -= 4) log_char(l, "0123456789abcdef"[v >> shift & 15]);
}

static void log_argument(struct log_line *l, char kind, uint64_t v) {
	char digits[24];
	switch (kind) {
	case 's': log_string(l, (const char *)v); break;
	case 'd':
		if ((int64_t)v < 0) {
			log_char(l, '-');
			v = 0 - v;
		}
		bfs_u64_text(digits, v);
		log_string(l, digits);
		break;
	case 'u':
		bfs_u64_text(digits, v);
		log_string(l, digits);
		break;
	case 'p':
		log_string(l, "0x");
		log_hex(l, v);
		break;
	case 'x': log_hex(l, v); break;
	default: log_char(l, '?'); break;
	}
}

void bfs_log(enum bfs_log_level level, const char *format, ...) {
	static const char *const names[] = { "", "error", "warn", "info", "trace" };
	if ((int)level > bfs_log_level) return;
	struct log_line l = { .len = 0 };
	log_string(&l, "binaryfs: ");
	log_string(&l, level <= BFS_LOG_TRACE ? names[level] : "");
	log_string(&l, ": ");
	va_list args;
	va_start(args, format);
	for (const char *p = format; *p != 0; p++) {
		if (*p != '%') {
			log_char(&l, *p);
		} else if (*++p == '%') {
			log_char(&l, '%');
		} else if (*p == 0) {
			break;
		} else {
			log_argument(&l, *p, va_arg(args, uint64_t));
		}
	}
	va_end(args);
	l.text[l.len++] = '\n';
	bfs_raw3(__NR_write, 2, l.text, l.len); /* nothing can be done about a failure */
}
