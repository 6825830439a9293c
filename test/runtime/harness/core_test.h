/* What the tests of the file system's core share. */
#ifndef BINARYFS_CORE_TEST_H
#define BINARYFS_CORE_TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "image.h"
#include "pool.h"
#include "pool_check.h"

extern int test_passed, test_failed;
#define CHECK(condition)                                                                                                                                       \
	do {                                                                                                                                                   \
		if (condition) {                                                                                                                               \
			test_passed++;                                                                                                                         \
		} else {                                                                                                                                       \
			test_failed++;                                                                                                                         \
			fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                                                                \
		}                                                                                                                                              \
	} while (0)
#define CHECK_EQ(a, b)                                                                                                                                         \
	do {                                                                                                                                                   \
		long long left_ = (long long)(a), right_ = (long long)(b);                                                                                     \
		if (left_ == right_) {                                                                                                                         \
			test_passed++;                                                                                                                         \
		} else {                                                                                                                                       \
			test_failed++;                                                                                                                         \
			fprintf(stderr, "%s:%d: failed: %s is %lld, expected %s = %lld\n", __FILE__, __LINE__, #a, left_, #b, right_);                         \
		}                                                                                                                                              \
	} while (0)

/* The node at a path; 0 where there is none. */
bfs_node at(const char *path);
/* Makes a file or directory. Result of bfs_node_create. */
long make(const char *path, uint32_t mode);
long put(const char *path, const char *text); /* creates or replaces */
long unlink_at(const char *path, bool directory);
long rename_at(const char *from, const char *to, uint32_t flags);
bool content_is(const char *path, const char *text);
/* Names in a directory, sorted, joined by spaces. */
const char *names(const char *path);

void test_image(void);
void test_names(void);
void test_data(void);
void test_map(void);
void test_ofd(void);
void test_walk(void);
void test_merge(void);
void test_crash(int rounds);
void test_parallel(void);

#endif
