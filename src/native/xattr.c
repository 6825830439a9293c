/*
 * bfs-xattr: reads the extended attributes of many paths, for the packer, which is written in a language without calls for them.
 *
 * Standard input: paths, each ended by a NUL. Standard output, all numbers u32 little-endian: for each path its errno (0: none) and
 * the number of attributes, then for each attribute the name's length and bytes, the value's length and bytes. Symlinks are not
 * followed. A file system without attributes counts as a node that has none.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

struct buffer {
	char *bytes;
	size_t capacity;
};

static void reserve(struct buffer *buffer, size_t size) {
	if (size <= buffer->capacity) return;
	buffer->bytes = realloc(buffer->bytes, size);
	if (!buffer->bytes) exit(1);
	buffer->capacity = size;
}

static void put_number(size_t value) {
	unsigned char bytes[4];
	for (unsigned i = 0; i < 4; i++) bytes[i] = (unsigned char)(value >> (8 * i));
	fwrite(bytes, 1, sizeof bytes, stdout);
}

static void put_bytes(const char *bytes, size_t size) {
	put_number(size);
	fwrite(bytes, 1, size, stdout);
}

/* Both calls say how much room is needed; the answer may have grown until the second call, so ask until it fits. */
static ssize_t list_names(const char *path, struct buffer *names) {
	for (;;) {
		ssize_t size = llistxattr(path, NULL, 0);
		if (size <= 0) return size;
		reserve(names, (size_t)size);
		size = llistxattr(path, names->bytes, names->capacity);
		if (size >= 0 || errno != ERANGE) return size;
	}
}

static ssize_t get_value(const char *path, const char *name, struct buffer *value) {
	for (;;) {
		ssize_t size = lgetxattr(path, name, NULL, 0);
		if (size < 0) return size;
		reserve(value, (size_t)size + 1);
		size = lgetxattr(path, name, value->bytes, value->capacity);
		if (size >= 0 || errno != ERANGE) return size;
	}
}

static void put_attributes(const char *path) {
	static struct buffer names, value;
	ssize_t size = list_names(path, &names);
	if (size < 0 && errno != ENOTSUP) {
		put_number((size_t)errno);
		put_number(0);
		return;
	}
	size_t end = size > 0 ? (size_t)size : 0;
	/* Attributes that vanish or may not be read are found before the count is written. */
	char *readable = calloc(end + 1, 1);
	size_t count = 0;
	if (!readable) exit(1);
	for (size_t at = 0; at < end; at += strlen(names.bytes + at) + 1) {
		if (get_value(path, names.bytes + at, &value) >= 0) {
			readable[at] = 1;
			count++;
		} else if (errno != ENODATA) {
			put_number((size_t)errno);
			put_number(0);
			free(readable);
			return;
		}
	}
	put_number(0);
	put_number(count);
	for (size_t at = 0; at < end; at += strlen(names.bytes + at) + 1) {
		if (!readable[at]) continue;
		ssize_t got = get_value(path, names.bytes + at, &value);
		/* The count is out: an attribute removed within these microseconds ends the run, and the packer reports it. */
		if (got < 0) exit(1);
		put_bytes(names.bytes + at, strlen(names.bytes + at));
		put_bytes(value.bytes, (size_t)got);
	}
	free(readable);
}

int main(void) {
	char *path = NULL;
	size_t capacity = 0;
	while (getdelim(&path, &capacity, '\0', stdin) > 0) put_attributes(path);
	free(path);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
