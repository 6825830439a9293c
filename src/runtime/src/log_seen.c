/* What stands in the two logs already: a set of hashes in the pool, shared by the whole tree, so that a path is written once however often and by however many processes it is asked for. */
#include "providers.h"

#define SEEN_SLOTS 16384u /* 128 KiB, the largest text of the pool */
#define SEEN_PROBES 64u

uint64_t bfs_log_hash_step(uint64_t hash, char c) { return (hash ^ (uint8_t)c) * 0x100000001B3ull; }

uint64_t bfs_log_hash(enum bfs_log_kind kind, const char *path) {
	uint64_t hash = BFS_LOG_HASH_START + kind;
	for (; *path != '\0'; path++) hash = bfs_log_hash_step(hash, *path);
	return hash;
}

uint32_t bfs_log_seen_new(void) {
	uint32_t seen = bfs_pool_string(NULL, SEEN_SLOTS * sizeof(uint64_t));
	if (seen != 0) memset((char *)(uintptr_t)bfs_pool_text(seen), 0, SEEN_SLOTS * sizeof(uint64_t));
	return seen;
}

bool bfs_log_first(uint64_t hash) {
	uint32_t seen = bfs_pool_mounts()->log_seen;
	uint64_t *slots = (uint64_t *)(uintptr_t)bfs_pool_text(seen);
	if (seen == 0) return true;
	hash = (hash ^ hash >> 33) * 0xFF51AFD7ED558CCDull; /* FNV leaves names that differ at their ends close to each other */
	hash = (hash ^ hash >> 33) | 1;                     /* 0 is an empty slot */
	for (uint32_t i = 0; i < SEEN_PROBES; i++) {
		uint64_t *slot = &slots[((hash >> 1) + i) % SEEN_SLOTS], found = 0;
		if (__atomic_compare_exchange_n(slot, &found, hash, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) return true;
		if (found == hash) return false;
	}
	return true; /* full: from about here on a path may stand there twice */
}
