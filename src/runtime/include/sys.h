/* What the freestanding runtime stands on: raw system calls through the gate, memory and string helpers, access to the program's memory. */
#ifndef BINARYFS_SYS_H
#define BINARYFS_SYS_H

#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Performs system call NR. Before the runtime is armed this is a plain `syscall` instruction of the library; afterwards it runs in the gate page,
 * the one place from which the filter lets file system calls pass. Returns the kernel's value: a result or −errno. */
long bfs_raw(long nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5);
#define BFS_ARG(x) ((uint64_t)(x))
#define bfs_raw0(nr) bfs_raw(nr, 0, 0, 0, 0, 0, 0)
#define bfs_raw1(nr, a) bfs_raw(nr, BFS_ARG(a), 0, 0, 0, 0, 0)
#define bfs_raw2(nr, a, b) bfs_raw(nr, BFS_ARG(a), BFS_ARG(b), 0, 0, 0, 0)
#define bfs_raw3(nr, a, b, c) bfs_raw(nr, BFS_ARG(a), BFS_ARG(b), BFS_ARG(c), 0, 0, 0)
#define bfs_raw4(nr, a, b, c, d) bfs_raw(nr, BFS_ARG(a), BFS_ARG(b), BFS_ARG(c), BFS_ARG(d), 0, 0)
#define bfs_raw5(nr, a, b, c, d, e) bfs_raw(nr, BFS_ARG(a), BFS_ARG(b), BFS_ARG(c), BFS_ARG(d), BFS_ARG(e), 0)
#define bfs_raw6(nr, a, b, c, d, e, f) bfs_raw(nr, BFS_ARG(a), BFS_ARG(b), BFS_ARG(c), BFS_ARG(d), BFS_ARG(e), BFS_ARG(f))

/* The program's memory may be invalid at any address: it is touched through these alone. They work on the runtime's own memory too.
 * copy_in/copy_out/zero: 0, or −EFAULT (a prefix may have been copied).
 * copy_str: length without the NUL; −EFAULT; −ENAMETOOLONG where no NUL stands within SIZE bytes. */
long bfs_copy_in(void *dst, const void *user_src, size_t size);
long bfs_copy_out(void *user_dst, const void *src, size_t size);
long bfs_copy_str(char *dst, const char *user_src, size_t size);
/* Clears the program's memory: bytes cleared, short before a fault, or −EFAULT. zero_out.c */
long bfs_zero_out(void *user_dst, uint64_t size);

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);

/* Lexical helpers (text.c). */
bool bfs_str_eq(const char *a, const char *b);
bool bfs_starts_with(const char *s, const char *prefix);
/* Decimal digits of V and a NUL into DST (at least 24 bytes); returns the length. */
size_t bfs_u64_text(char *dst, uint64_t v);
/* Parses decimal digits up to a character that is none; returns false on none or overflow. *END may be NULL. */
bool bfs_text_u64(const char *s, uint64_t *out, const char **end);

/* Logging to descriptor 2, off unless BINARYFS_LOG asks for the level. FORMAT knows %s, %d, %u, %x, %p and %%; arguments are 64-bit or pointers. */
enum bfs_log_level { BFS_LOG_ERROR = 1, BFS_LOG_WARN = 2, BFS_LOG_INFO = 3, BFS_LOG_TRACE = 4 };
extern int bfs_log_level;
void bfs_log_setup(const char *level); /* "error" … "trace"; NULL or others: off */
void bfs_log(enum bfs_log_level level, const char *format, ...);

#define BFS_HIDDEN __attribute__((visibility("hidden")))
#define BFS_EXPORT __attribute__((visibility("default")))
#define BFS_MIN(a, b) ((a) < (b) ? (a) : (b))
#define BFS_MAX(a, b) ((a) > (b) ? (a) : (b))
#define BFS_PATH_MAX 4096u
/* Of variables that are large and that no exec needs: apart from the others, so that those lie in one or two pages. A page that is touched costs every exec a fault. */
#define BFS_SELDOM __attribute__((section(".bss.seldom")))
#define BFS_NAME_MAX 255u

#endif
