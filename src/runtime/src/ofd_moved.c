/* Directories of host paths and volumes are open by their path below the mount, so a rename that goes through this tree takes their descriptions along. What others on the host rename
 * is not seen. */
#include "pool.h"

/* REL is FROM or lies below it: the rest, else NULL. */
static const char *moved_rest(const char *rel, const char *from) {
	if (!bfs_starts_with(rel, from)) return NULL;
	const char *rest = rel + strlen(from);
	return *rest == '\0' || *rest == '/' ? rest : NULL;
}

static bool moved_concerns(const struct bfs_ofd *ofd, uint32_t mount) {
	return (__atomic_load_n(&ofd->state, __ATOMIC_ACQUIRE) & 3u) == 2 && ofd->kind == BFS_LOC_HOST && ofd->mount == mount && ofd->rel != 0;
}

/* In a transaction. Where the pool is full the description keeps the old path. */
static void moved_rewrite(struct bfs_ofd *ofd, const char *from, const char *to, bool exchange) {
	char path[BFS_PATH_MAX];
	const char *rel = bfs_pool_text(ofd->rel), *rest = moved_rest(rel, from), *start = to;
	if (rest == NULL && exchange) {
		rest = moved_rest(rel, to);
		start = from;
	}
	if (rest == NULL) return;
	size_t start_len = strlen(start), rest_len = strlen(rest);
	if (start_len + rest_len + 1 > sizeof path) return;
	memcpy(path, start, start_len);
	memcpy(path + start_len, rest, rest_len);
	uint32_t moved = bfs_text_new(path, start_len + rest_len);
	if (moved == 0) return;
	bfs_text_drop(ofd->rel);
	bfs_store32(&ofd->rel, moved);
}

void bfs_ofd_moved(uint32_t mount, const char *from, const char *to, bool exchange) {
	uint32_t top = __atomic_load_n(&bfs_p.control->ofd_top, __ATOMIC_RELAXED);
	for (uint32_t row = 0, i; (i = bfs_ofd_index(bfs_ofd_stripe_of_mount(mount), row)) < top; row++) {
		struct bfs_ofd *ofd = &bfs_p.ofds[i];
		if (!moved_concerns(ofd, mount)) continue;
		bfs_change_begin();
		if (moved_concerns(ofd, mount)) moved_rewrite(ofd, from, to, exchange);
		bfs_change_end(0);
	}
}
