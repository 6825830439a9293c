/* bfs-restore: gives extracted files what Node has no calls for: nanosecond times, owners, extended attributes, special files, links by descriptor.
 *
 * Works below the current directory, one component at a time through openat(O_NOFOLLOW): no symlink is followed, no path is too long.
 * Standard input holds records: one byte of operation, then its fields; numbers are little-endian, strings are a u32 length and bytes.
 *   d NAME                 go into a directory
 *   m NAME META            set a file's metadata
 *   n NAME u32mode u32rdev make a special file
 *   l NAME DEPTH PATH…     u32 count, then that many strings: link the file at these components below the start as NAME
 *   u META                 set the current directory's metadata and go up
 * META: u32 mode, u32 isOwned, u32 uid, u32 gid, i64 seconds, u32 nanoseconds, u32 count of xattrs, then name and value of each.
 * What an unprivileged user may not do (special files, some xattrs) is skipped: one line `NAME: REASON` each on standard output.
 * Any other failure ends with one line on standard error and status 1. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static int *stack;
static size_t depth, capacity;

static void die(const char *what) {
	fprintf(stderr, "%s: %s\n", strerror(errno), what);
	exit(1);
}

static void get(void *out, size_t size) {
	if (size > 0 && fread(out, 1, size, stdin) != size) {
		errno = EPIPE;
		die("input ends early");
	}
}

static uint32_t get_u32(void) {
	uint32_t value;
	get(&value, sizeof value);
	return value;
}

/* The caller frees it; NUL is appended. */
static char *get_bytes(uint32_t *size) {
	*size = get_u32();
	char *bytes = malloc((size_t)*size + 1);
	if (bytes == NULL) die("memory");
	get(bytes, *size);
	bytes[*size] = '\0';
	return bytes;
}

/* One component: a name that could lead elsewhere is our caller's mistake. */
static char *get_name(void) {
	uint32_t size;
	char *name = get_bytes(&size);
	if (size == 0 || strlen(name) != size || strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
		errno = EINVAL;
		die("name");
	}
	return name;
}

static int top(void) { return stack[depth - 1]; }

static void push(int fd, const char *name) {
	if (fd < 0) die(name);
	if (depth == capacity) {
		capacity = capacity ? capacity * 2 : 64;
		stack = realloc(stack, capacity * sizeof *stack);
		if (stack == NULL) die("memory");
	}
	stack[depth++] = fd;
}

static void skipped(const char *name) {
	if (errno != EPERM && errno != ENOTSUP && errno != EACCES) die(name);
	printf("%s: %s\n", name, strerror(errno));
}

/* NAME NULL: the current directory itself. */
static void set_metadata(const char *name) {
	const char *shown = name ? name : ".";
	uint32_t mode = get_u32(), owned = get_u32(), uid = get_u32(), gid = get_u32();
	int64_t seconds;
	get(&seconds, sizeof seconds);
	uint32_t nanoseconds = get_u32(), xattrs = get_u32();
	int fd = name ? openat(top(), name, O_PATH | O_NOFOLLOW | O_CLOEXEC) : top();
	struct stat st = { 0 };
	/* A special file that was skipped. */
	bool missing = fd < 0 && errno == ENOENT;
	if (!missing && (fd < 0 || fstatat(fd, "", &st, AT_EMPTY_PATH) != 0)) die(shown);
	/* O_PATH descriptors take no f-calls: their magic link leads to the same file, and is no symlink of the tree. */
	char self[64];
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	if (owned && !missing && fchownat(fd, "", uid, gid, AT_EMPTY_PATH) != 0) die(shown);
	for (uint32_t k = 0; k < xattrs; k++) {
		uint32_t name_size, value_size;
		char *key = get_bytes(&name_size), *value = get_bytes(&value_size);
		/* Symlinks have no user attributes, and magic links cannot name one. */
		if (S_ISLNK(st.st_mode)) errno = ENOTSUP;
		if (!missing && (S_ISLNK(st.st_mode) || setxattr(self, key, value, value_size, 0) != 0)) skipped(shown);
		free(key);
		free(value);
	}
	if (missing) return;
	if (!S_ISLNK(st.st_mode) && chmod(self, mode) != 0) die(shown);
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = seconds, .tv_nsec = (long)nanoseconds } };
	int failed = name ? utimensat(top(), name, times, AT_SYMLINK_NOFOLLOW) : futimens(fd, times);
	if (failed) die(shown);
	if (name) close(fd);
}

static void make_special(const char *name) {
	mode_t mode = get_u32();
	uint32_t rdev = get_u32();
	dev_t device = makedev((rdev >> 8) & 0xfff, (rdev & 0xff) | ((rdev >> 12) & 0xfff00));
	if (mknodat(top(), name, mode, device) != 0) skipped(name);
}

static void make_link(const char *name) {
	uint32_t count = get_u32();
	int at = openat(stack[0], ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (uint32_t k = 0; k < count; k++) {
		char *component = get_name();
		if (k + 1 == count) {
			/* Its special file may have been skipped. */
			if (linkat(at, component, top(), name, 0) != 0 && errno != ENOENT) die(name);
		} else {
			int next = openat(at, component, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (next < 0) die(component);
			close(at);
			at = next;
		}
		free(component);
	}
	close(at);
}

int main(void) {
	push(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ".");
	for (int op = getchar(); op != EOF; op = getchar()) {
		char *name = op == 'u' ? NULL : get_name();
		if (op == 'd') {
			push(openat(top(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), name);
		} else if (op == 'm') {
			set_metadata(name);
		} else if (op == 'n') {
			make_special(name);
		} else if (op == 'l') {
			make_link(name);
		} else if (op == 'u') {
			set_metadata(NULL);
			close(stack[--depth]);
			if (depth == 0) return fflush(stdout) == 0 ? 0 : 1;
		} else {
			errno = EINVAL;
			die("operation");
		}
		free(name);
	}
	errno = EPIPE;
	die("input ends early");
}
