/* Memory functions that the compiler may call, on general registers alone. */
#include "sys.h"

void *memcpy(void *restrict dst, const void *restrict src, size_t n) {
	void *d = dst;
	const void *s = src;
	__asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
	return dst;
}

void *memmove(void *dst, const void *src, size_t n) {
	if ((uintptr_t)dst - (uintptr_t)src >= n) return memcpy(dst, src, n);
	uint8_t *d = (uint8_t *)dst + n;
	const uint8_t *s = (const uint8_t *)src + n;
	/* Backwards by string instruction is slow but correct; overlapping moves here are short. */
	d--;
	s--;
	__asm__ volatile("std\n\trep movsb\n\tcld" : "+D"(d), "+S"(s), "+c"(n) : : "memory", "cc");
	return dst;
}

void *memset(void *dst, int c, size_t n) {
	void *d = dst;
	__asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
	return dst;
}

int memcmp(const void *a, const void *b, size_t n) {
	const uint8_t *x = a, *y = b;
	while (n >= 8) {
		uint64_t p, q;
		__builtin_memcpy(&p, x, 8);
		__builtin_memcpy(&q, y, 8);
		if (p != q) {
			p = __builtin_bswap64(p);
			q = __builtin_bswap64(q);
			return p < q ? -1 : 1;
		}
		x += 8;
		y += 8;
		n -= 8;
	}
	for (; n > 0; n--, x++, y++) {
		if (*x != *y) return *x < *y ? -1 : 1;
	}
	return 0;
}

size_t strlen(const char *s) {
	size_t n = 0;
	while (s[n] != 0) {
		n++;
		__asm__ volatile("" : "+r"(n)); /* keeps the compiler from turning the loop into a call of strlen */
	}
	return n;
}
