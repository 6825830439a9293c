/* One directory: its names in byte order, each with its stat record. */
#define _GNU_SOURCE
#include "addon.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* getdents64(2) */
struct dirent_record {
	uint64_t ino;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

struct entry {
	/* The name's first bytes as a big-endian number, zeros after its end: mostly decides the order alone. */
	uint64_t prefix;
	const char *name;
	uint32_t length;
};

enum { HEADER_BYTES = 12, RECORD_BYTES = BFS_STAT_WORDS * 4, READ_BYTES = 256 * 1024, INSERTION_MAX = 16 };

static int compare(const void *left, const void *right) {
	const struct entry *a = left, *b = right;
	if (a->prefix != b->prefix) return a->prefix < b->prefix ? -1 : 1;
	uint32_t common = a->length < b->length ? a->length : b->length;
	int order = memcmp(a->name, b->name, common);
	if (order != 0) return order;
	return a->length < b->length ? -1 : a->length > b->length;
}

static void sort(struct entry *entries, size_t count) {
	if (count > INSERTION_MAX) {
		qsort(entries, count, sizeof *entries, compare);
		return;
	}
	for (size_t k = 1; k < count; k++) {
		struct entry moving = entries[k];
		size_t at = k;
		for (; at > 0 && compare(&moving, entries + at - 1) < 0; at--) entries[at] = entries[at - 1];
		entries[at] = moving;
	}
}

static uint64_t prefix_of(const char *name, size_t length) {
	uint64_t prefix = 0;
	memcpy(&prefix, name, length < sizeof prefix ? length : sizeof prefix);
	return __builtin_bswap64(prefix);
}

/* All records, as the kernel gives them; 0 or errno. */
static int read_records(int fd, struct bfs_buffer *records) {
	records->size = 0;
	for (;;) {
		if (!bfs_reserve(records, READ_BYTES)) return ENOMEM;
		long got = syscall(SYS_getdents64, fd, records->bytes + records->size, (size_t)READ_BYTES);
		if (got == 0) return 0;
		if (got > 0)
			records->size += (size_t)got;
		else if (errno != EINTR)
			return errno;
	}
}

/* References to the names, sorted; false: no memory. */
static bool sorted_entries(const struct bfs_buffer *records, struct bfs_buffer *entries) {
	entries->size = 0;
	for (size_t at = 0; at < records->size;) {
		const struct dirent_record *record = (const void *)(records->bytes + at);
		at += record->size;
		const char *name = record->name;
		if (name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'))) continue;
		size_t length = strlen(name);
		struct entry entry = { prefix_of(name, length), name, (uint32_t)length };
		if (!bfs_append(entries, &entry, sizeof entry)) return false;
	}
	sort((struct entry *)(void *)entries->bytes, entries->size / sizeof(struct entry));
	return true;
}

/* Stat records go behind the header; names that are gone leave `entries` too. Returns how many stay. */
static size_t stat_entries(int fd, struct entry *entries, size_t count, uint8_t *records) {
	size_t kept = 0;
	for (size_t k = 0; k < count; k++) {
		uint32_t *record = (uint32_t *)(void *)(records + kept * RECORD_BYTES);
		int error = bfs_lstat_at(fd, entries[k].name, record);
		if (error == ENOENT) continue;
		if (error != 0) record[0] = (uint32_t)error;
		entries[kept++] = entries[k];
	}
	return kept;
}

static size_t padded(size_t size) { return (size + 3) & ~(size_t)3; }

/* The block's tail: lengths and names, each padded with zeros. */
static void put_names(const struct entry *entries, size_t count, uint8_t *at, size_t name_bytes) {
	for (size_t k = 0; k < count; k++) {
		uint16_t length = (uint16_t)entries[k].length;
		memcpy(at + 2 * k, &length, sizeof length);
	}
	memset(at + 2 * count, 0, padded(2 * count) - 2 * count);
	at += padded(2 * count);
	for (size_t k = 0; k < count; k++) {
		memcpy(at, entries[k].name, entries[k].length);
		at += entries[k].length;
	}
	memset(at, 0, padded(name_bytes) - name_bytes);
}

static bool put_failure(struct bfs_buffer *out, int error) {
	uint32_t header[3] = { (uint32_t)error, 0, 0 };
	return bfs_append(out, header, sizeof header);
}

static bool put_block(struct bfs_scanner *scanner, int fd) {
	struct bfs_buffer *out = &scanner->out;
	struct entry *entries = (struct entry *)(void *)scanner->entries.bytes;
	size_t count = scanner->entries.size / sizeof *entries;
	size_t name_bytes = 0;
	for (size_t k = 0; k < count; k++) name_bytes += entries[k].length;
	if (!bfs_reserve(out, HEADER_BYTES + count * RECORD_BYTES + padded(2 * count) + padded(name_bytes))) return false;
	uint8_t *block = out->bytes + out->size;
	size_t kept = stat_entries(fd, entries, count, block + HEADER_BYTES);
	if (kept < count) {
		name_bytes = 0;
		for (size_t k = 0; k < kept; k++) name_bytes += entries[k].length;
	}
	uint32_t header[3] = { 0, (uint32_t)kept, (uint32_t)name_bytes };
	memcpy(block, header, sizeof header);
	put_names(entries, kept, block + HEADER_BYTES + kept * RECORD_BYTES, name_bytes);
	out->size += HEADER_BYTES + kept * RECORD_BYTES + padded(2 * kept) + padded(name_bytes);
	return true;
}

bool bfs_scan_directory(struct bfs_scanner *scanner, const char *path) {
	int fd;
	/* A symlink in the directory's place is a change that the caller must see. */
	do fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	if (fd < 0) return put_failure(&scanner->out, errno);
	int error = read_records(fd, &scanner->records);
	bool done;
	if (error == ENOMEM)
		done = false;
	else if (error != 0)
		done = put_failure(&scanner->out, error);
	else
		done = sorted_entries(&scanner->records, &scanner->entries) && put_block(scanner, fd);
	close(fd);
	return done;
}
