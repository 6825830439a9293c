/* Names: images, merging, creation, renaming, listing. */
#include "core_test.h"

void test_image(void) {
	struct bfs_attr a, b;
	char text[64];
	CHECK(content_is("/etc/hello", "hello world\n"));
	CHECK_EQ(bfs_node_attr(at("/etc/hello"), &a), 0);
	CHECK_EQ(a.mode, S_IFREG | 0644);
	CHECK_EQ(a.mtime_sec, 1000000000);
	CHECK(a.owner_is_starter);
	CHECK_EQ(bfs_node_readlink(at("/etc/link"), text, sizeof text), 5);
	CHECK(memcmp(text, "hello", 5) == 0);
	CHECK(at("/etc/absent") == 0 && at("/etc/hello/x") == 0);
	CHECK_EQ(bfs_node_attr(at("/h1"), &a), 0);
	CHECK_EQ(bfs_node_attr(at("/h2"), &b), 0);
	CHECK(a.ino == b.ino && a.nlink == 2);
	char name[32];
	int found = 0;
	for (int i = 0; i < 700; i++) {
		sprintf(name, "/many/file-%04d", i);
		found += at(name) != 0;
	}
	CHECK_EQ(found, 700);
	uint8_t *big = malloc(300000);
	CHECK_EQ(bfs_node_read(at("/big"), big, 300000, 0), 300000);
	int wrong = 0;
	for (int i = 0; i < 300000; i++) wrong += big[i] != (uint8_t)(i * 7 + (i >> 8));
	CHECK_EQ(wrong, 0);
	CHECK_EQ(bfs_node_read(at("/big"), big, 100, 299950), 50);
	CHECK_EQ(bfs_node_read(at("/big"), big, 100, 300000), 0);
	free(big);
	char path[256];
	CHECK_EQ(bfs_node_dir_path(at("/many"), path, sizeof path), 5);
	CHECK(strcmp(path, "/many") == 0);
	CHECK_EQ(bfs_node_dir_path(bfs_node_root(), path, sizeof path), 1);
	CHECK(bfs_node_parent(at("/many")) == bfs_node_root());
	CHECK(bfs_node_parent(bfs_node_root()) == bfs_node_root());
	long len = bfs_node_getxattr(at("/etc/hello"), "user.color", text, sizeof text);
	CHECK(len == -ENODATA || (len == 4 && memcmp(text, "blue", 4) == 0));
}

void test_merge(void) {
	if (bfs_image_count < 2) return;
	CHECK(strcmp(names("/merge"), "sub x y") == 0);
	CHECK(content_is("/merge/x", "first"));
	CHECK(content_is("/merge/y", "second"));
	CHECK(strcmp(names("/merge/sub"), "a b deep") == 0);
	CHECK(strcmp(names("/merge/sub/deep"), "p q") == 0);
	CHECK(content_is("/onlyb/f", "only b"));
	CHECK(at("/merge/gone") == 0);
	CHECK(bfs_node_parent(at("/merge/sub")) == at("/merge"));
	CHECK(bfs_node_parent(at("/onlyb")) == bfs_node_root());
	char path[64];
	CHECK(bfs_node_dir_path(at("/merge/sub/deep"), path, sizeof path) > 0 && strcmp(path, "/merge/sub/deep") == 0);
	CHECK_EQ(rename_at("/merge/sub", "/merge/moved", 0), 0);
	CHECK(strcmp(names("/merge/moved"), "a b deep") == 0);
	CHECK(strcmp(names("/merge"), "moved x y") == 0);
	CHECK(bfs_node_dir_path(at("/merge/moved/deep"), path, sizeof path) > 0 && strcmp(path, "/merge/moved/deep") == 0);
	CHECK_EQ(unlink_at("/merge/y", false), 0);
	CHECK(strcmp(names("/merge"), "moved x") == 0);
}

static void test_create_and_remove(void) {
	struct bfs_attr a, dir;
	CHECK_EQ(make("/new", S_IFDIR | 0755), 0);
	CHECK_EQ(make("/new", S_IFDIR | 0755), -EEXIST);
	CHECK_EQ(make("/etc/hello", S_IFREG | 0644), -EEXIST);
	CHECK_EQ(put("/new/f", "text"), 4);
	CHECK(content_is("/new/f", "text"));
	CHECK_EQ(unlink_at("/new", true), -ENOTEMPTY);
	CHECK_EQ(unlink_at("/new", false), -EISDIR);
	CHECK_EQ(unlink_at("/new/f", true), -ENOTDIR);
	CHECK_EQ(bfs_node_link(at("/new"), "g", 1, at("/new/f")), 0);
	CHECK(bfs_node_attr(at("/new/g"), &a) == 0 && a.nlink == 2);
	CHECK_EQ(bfs_node_link(at("/new"), "d", 1, at("/etc")), -EPERM);
	CHECK_EQ(unlink_at("/new/f", false), 0);
	CHECK_EQ(unlink_at("/new/g", false), 0);
	CHECK_EQ(unlink_at("/new", true), 0);
	CHECK(at("/new") == 0);
	uint64_t ino = bfs_node_attr(at("/etc/hello"), &a) == 0 ? a.ino : 0;
	CHECK_EQ(bfs_node_setattr(at("/etc/hello"), &(struct bfs_setattr){ .mask = BFS_SET_MODE, .mode = 0600 }), 0);
	CHECK(bfs_node_attr(at("/etc/hello"), &a) == 0 && a.ino == ino && a.mode == (S_IFREG | 0600) && !a.owner_is_starter);
	CHECK(content_is("/etc/hello", "hello world\n"));
	CHECK_EQ(unlink_at("/h1", false), 0);
	CHECK(bfs_node_attr(at("/h2"), &a) == 0 && a.nlink == 1);
	CHECK_EQ(unlink_at("/etc/hello", false), 0);
	CHECK(at("/etc/hello") == 0);
	CHECK_EQ(put("/etc/hello", "again"), 5);
	CHECK(content_is("/etc/hello", "again"));
	CHECK_EQ(bfs_node_attr(bfs_node_root(), &dir), 0);
	uint32_t links = dir.nlink;
	CHECK_EQ(make("/sub", S_IFDIR | 0755), 0);
	CHECK_EQ(bfs_node_attr(bfs_node_root(), &dir), 0);
	CHECK(dir.nlink == (links == 1 ? 1 : links + 1));
	struct bfs_new link = { .mode = S_IFLNK | 0777, .symlink = "target", .symlink_len = 6 };
	bfs_node n;
	char text[16];
	CHECK_EQ(bfs_node_create(at("/sub"), "l", 1, &link, &n), 0);
	CHECK_EQ(bfs_node_readlink(at("/sub/l"), text, sizeof text), 6);
	CHECK_EQ(bfs_node_create(at("/sub"), text, 256, &link, &n), -ENAMETOOLONG);
}

static void test_rename(void) {
	char path[64];
	CHECK_EQ(rename_at("/many", "/sub/many", 0), 0);
	CHECK(at("/many") == 0 && at("/sub/many/file-0001") != 0);
	CHECK(bfs_node_parent(at("/sub/many")) == at("/sub"));
	CHECK(bfs_node_dir_path(at("/sub/many"), path, sizeof path) == 9 && strcmp(path, "/sub/many") == 0);
	CHECK_EQ(rename_at("/sub", "/sub/many/x", 0), -EINVAL);
	CHECK_EQ(rename_at("/sub/many", "/sub", 0), -ENOTEMPTY);
	CHECK_EQ(rename_at("/sub/many", "/many", 0), 0);
	CHECK(at("/many/file-0699") != 0);
	CHECK_EQ(make("/sub/empty", S_IFDIR | 0755), 0);
	CHECK_EQ(rename_at("/sub/empty", "/etc/hello", 0), -ENOTDIR);
	CHECK_EQ(rename_at("/etc/hello", "/sub/empty", 0), -EISDIR);
	CHECK_EQ(rename_at("/etc/hello", "/etc/hello", 0), 0);
	CHECK_EQ(put("/sub/a", "a"), 1);
	CHECK_EQ(put("/sub/b", "b"), 1);
	CHECK_EQ(rename_at("/sub/a", "/sub/b", 1 /* NOREPLACE */), -EEXIST);
	CHECK_EQ(rename_at("/sub/a", "/sub/b", 2 /* EXCHANGE */), 0);
	CHECK(content_is("/sub/a", "b") && content_is("/sub/b", "a"));
	CHECK_EQ(rename_at("/sub/a", "/sub/b", 0), 0);
	CHECK(content_is("/sub/b", "b") && at("/sub/a") == 0);
	CHECK_EQ(rename_at("/sub/empty", "/sub/other", 0), 0);
	CHECK_EQ(rename_at("/sub/b", "/sub/other/b", 0), 0);
	CHECK_EQ(rename_at("/sub/other", "/big", 2), 0);
	CHECK(content_is("/big/b", "b"));
	CHECK_EQ(rename_at("/sub/other", "/big", 2), 0);
	CHECK_EQ(unlink_at("/sub/other/b", false), 0);
	CHECK_EQ(unlink_at("/sub/other", true), 0);
}

/* Entries that stay are seen exactly once, whatever else comes and goes meanwhile. */
static void test_listing(void) {
	char name[64];
	struct bfs_dirent d;
	uint64_t cookie = 0;
	int seen[1000] = { 0 }, total = 0, step = 0;
	for (int i = 700; i < 1000; i++) {
		sprintf(name, "/many/file-%04d", i);
		CHECK(make(name, S_IFREG | 0644) == 0);
	}
	bfs_node dir = at("/many");
	while (bfs_node_readdir(dir, &cookie, &d) == 1) {
		int i;
		if (sscanf(d.name, "file-%d", &i) == 1) seen[i]++;
		total++;
		/* Odd names stay; of the even ones some go, some are replaced; new ones come. */
		sprintf(name, "/many/file-%04d", (step * 2) % 1000);
		if (step % 3 == 0) unlink_at(name, false);
		sprintf(name, "/many/extra-%d", step);
		if (step % 2 == 0) make(name, S_IFREG | 0644);
		sprintf(name, "/many/file-%04d", (step * 2 + 1) % 1000);
		if (step % 5 == 0) { /* renamed over: the name stays */
			make("/sub/tmp", S_IFREG | 0644);
			rename_at("/sub/tmp", name, 0);
		}
		step++;
		CHECK(step < 5000);
	}
	int wrong = 0, doubles = 0;
	for (int i = 0; i < 1000; i++) {
		wrong += i % 2 == 1 && seen[i] != 1;
		doubles += seen[i] > 1;
	}
	CHECK_EQ(wrong, 0);
	CHECK_EQ(doubles, 0);
	uint64_t cookies[40], again = 0;
	char first[40][256];
	cookie = 0;
	for (int i = 0; i < 40; i++) {
		cookies[i] = cookie;
		CHECK(bfs_node_readdir(dir, &cookie, &d) == 1);
		strcpy(first[i], d.name);
	}
	for (int i = 39; i >= 0; i--) {
		again = cookies[i];
		CHECK(bfs_node_readdir(dir, &again, &d) == 1 && strcmp(d.name, first[i]) == 0);
	}
	cookie = 0;
	int left = 0;
	while (bfs_node_readdir(dir, &cookie, &d) == 1) /* rm -r */
		left += bfs_node_unlink(dir, d.name, d.name_len, false) != 0;
	CHECK_EQ(left, 2); /* . and .. */
	CHECK(strcmp(names("/many"), "") == 0);
	CHECK_EQ(unlink_at("/many", true), 0);
	CHECK_EQ(make("/many", S_IFDIR | 0755), 0);
	CHECK(strcmp(names("/many"), "") == 0);
}

static void test_xattrs(void) {
	char text[64];
	bfs_node n = at("/etc/other");
	CHECK_EQ(bfs_node_setxattr(n, "user.one", "1", 1, 0), 0);
	CHECK_EQ(bfs_node_setxattr(n, "user.two", "22", 2, 1 /* CREATE */), 0);
	CHECK_EQ(bfs_node_setxattr(n, "user.two", "22", 2, 1), -EEXIST);
	CHECK_EQ(bfs_node_setxattr(n, "user.three", "22", 2, 2 /* REPLACE */), -ENODATA);
	CHECK_EQ(bfs_node_getxattr(n, "user.two", text, sizeof text), 2);
	CHECK_EQ(bfs_node_getxattr(n, "user.two", text, 1), -ERANGE);
	CHECK_EQ(bfs_node_getxattr(n, "user.two", text, 0), 2);
	CHECK_EQ(bfs_node_listxattr(n, text, sizeof text), bfs_node_listxattr(n, NULL, 0));
	CHECK_EQ(bfs_node_setxattr(n, "user.two", NULL, 0, 2), 0);
	CHECK_EQ(bfs_node_getxattr(n, "user.two", text, sizeof text), -ENODATA);
	char *large = calloc(65536, 1);
	CHECK_EQ(bfs_node_setxattr(n, "user.large", large, 65536, 0), 0);
	CHECK_EQ(bfs_node_setxattr(n, "user.large", large, 65537, 0), -E2BIG);
	CHECK_EQ(bfs_node_getxattr(n, "user.large", large, 65536), 65536);
	free(large);
}

void test_names(void) {
	test_create_and_remove();
	test_rename();
	test_listing();
	test_xattrs();
}
