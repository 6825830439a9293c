/* Lexical helpers on C strings. */
#include "sys.h"

bool bfs_str_eq(const char *a, const char *b) {
	while (*a != 0 && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

bool bfs_starts_with(const char *s, const char *prefix) {
	for (; *prefix != 0; s++, prefix++) {
		if (*s != *prefix) return false;
	}
	return true;
}

size_t bfs_u64_text(char *dst, uint64_t v) {
	char digits[20];
	size_t n = 0;
	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	for (size_t i = 0; i < n; i++) dst[i] = digits[n - 1 - i];
	dst[n] = 0;
	return n;
}

bool bfs_text_u64(const char *s, uint64_t *out, const char **end) {
	uint64_t v = 0;
	const char *p = s;
	for (; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');
		if (v > (UINT64_MAX - digit) / 10) return false;
		v = v * 10 + digit;
	}
	if (p == s) return false;
	*out = v;
	if (end != NULL) *end = p;
	return true;
}
