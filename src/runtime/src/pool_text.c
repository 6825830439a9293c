/* Texts in the pool: names, symlink bodies, extended attributes and strings, in power-of-two cells with a free list for each size. */
#include "pool.h"

struct bfs_text *bfs_text_header(uint32_t text) {
	return text != 0 && text < bfs_p.control->text_limit ? (struct bfs_text *)(bfs_p.texts + (uint64_t)text * BFS_TEXT_UNIT) : NULL;
}

const char *bfs_text_at(uint32_t text, uint32_t *size) {
	const struct bfs_text *t = bfs_text_header(text);
	*size = 0;
	if (t == NULL) return "";
	uint32_t n = t->size;
	uint64_t room = (uint64_t)(bfs_p.control->text_limit - text) * BFS_TEXT_UNIT - sizeof *t;
	if (n > BFS_TEXT_MAX || n >= room) return "";
	*size = n;
	return (const char *)(t + 1);
}

/* Class of a cell for SIZE bytes of content: 16 << class bytes hold header, content and NUL. */
static uint32_t text_class(size_t size) {
	uint32_t class = 0;
	while (((size_t)BFS_TEXT_UNIT << class) < sizeof(struct bfs_text) + size + 1) class ++;
	return class;
}

uint32_t bfs_text_new(const void *content, size_t size) {
	if (size > BFS_TEXT_MAX) return 0;
	struct bfs_control *c = bfs_p.control;
	uint32_t class = text_class(size), text = c->text_free[class];
	struct bfs_text *t = bfs_text_header(text);
	if (t != NULL) {
		bfs_store32(&c->text_free[class], t->next);
	} else {
		text = c->text_top;
		uint32_t units = 1u << class;
		if (text >= c->text_limit || units > c->text_limit - text) return 0;
		bfs_store32(&c->text_top, text + units);
		t = bfs_text_header(text);
	}
	t->size = (uint32_t)size;
	char *to = (char *)(t + 1);
	if (content != NULL) memcpy(to, content, size);
	to[size] = 0;
	return text;
}

void bfs_text_drop(uint32_t text) {
	if (bfs_text_header(text) != NULL) bfs_tx_free(BFS_TX_TEXT, text);
}

void bfs_text_recycle(uint32_t text) {
	struct bfs_text *t = bfs_text_header(text);
	struct bfs_control *c = bfs_p.control;
	uint32_t class = text_class(t->size);
	bfs_store32(&t->next, c->text_free[class]);
	bfs_store32(&c->text_free[class], text);
}

uint32_t bfs_pool_string(const char *s, size_t len) {
	if (len == 0) return 0;
	bfs_pool_lock();
	bfs_tx_begin();
	uint32_t text = bfs_text_new(s, len);
	if (bfs_tx_commit() != 0) text = 0;
	bfs_pool_unlock();
	return text;
}

void bfs_pool_string_free(uint32_t string) {
	if (string == 0) return;
	bfs_pool_lock();
	bfs_tx_begin();
	bfs_text_drop(string);
	bfs_tx_commit();
	bfs_pool_unlock();
}

const char *bfs_pool_text(uint32_t string) {
	uint32_t size;
	return bfs_text_at(string, &size);
}
