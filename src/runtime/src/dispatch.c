/* From a system call number to its policy and its op. Both are switches over the one table (policy_table.h): no table of pointers that would need relocation. */
#include "ops.h"
#include "policy.h"
#include "sockets.h"

static const struct bfs_policy dispatch_policy[BFS_NR_LIMIT] = {
#define NATIVE(nr, name) [nr] = { BFS_CLASS_NATIVE, 0 },
#define TRAP(nr, name, op) [nr] = { BFS_CLASS_TRAP, 0 },
#define LATER(nr, name, op) [nr] = { BFS_CLASS_LATER, 0 },
#define PROCESS(nr, name) [nr] = { BFS_CLASS_PROCESS, 0 },
#define DENY(nr, name, error) [nr] = { BFS_CLASS_DENY, error },
#define OWN(nr, name, error) [nr] = { BFS_CLASS_OWN, error },
#include "policy_table.h"
};

struct bfs_policy bfs_policy_of(long nr) {
	struct bfs_policy policy = { BFS_CLASS_DENY, 0 };
	if (nr >= 0 && nr < BFS_NR_LIMIT) policy = dispatch_policy[nr];
	if (policy.class == BFS_CLASS_DENY && policy.errno == 0) policy.errno = ENOSYS;
	return policy;
}

uint32_t bfs_policy_count(enum bfs_class class) {
	uint32_t count = 0;
	for (long nr = 0; nr < BFS_NR_LIMIT; nr++)
		if (dispatch_policy[nr].class == class && (class != BFS_CLASS_DENY || dispatch_policy[nr].errno != 0)) count++;
	return count;
}

enum bfs_verdict bfs_dispatch(struct bfs_call *c) {
	switch (c->nr) {
/* clang-format off */
#define NATIVE(nr, name) case nr: return BFS_PASS;
#define TRAP(nr, name, op) case nr: return op(c);
#define LATER(nr, name, op) TRAP(nr, name, op)
#define PROCESS(nr, name)
#define DENY(nr, name, error) case nr: return bfs_done(c, -(error));
#define OWN(nr, name, error) DENY(nr, name, error)
#include "policy_table.h"
	default: return bfs_done(c, -ENOSYS);
		/* clang-format on */
	}
}

const uint64_t *bfs_after_heeded(const struct bfs_call *c) {
	static const uint64_t always = 1;
	return c->kept != 0 ? &always : bfs_wait_heeded();
}

bool bfs_after(struct bfs_call *c) {
	if (c->kept == 0) return bfs_wait_after(c);
	bfs_receive_after(c);
	return false;
}

long bfs_syscall(long nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5) {
	_Alignas(16) uint8_t scratch[BFS_SCRATCH_SIZE];
	for (;;) {
		struct bfs_call c = { .nr = nr, .a = { a0, a1, a2, a3, a4, a5 }, .scratch = (uint64_t)scratch };
		enum bfs_verdict verdict = bfs_dispatch(&c);
		if (verdict == BFS_AGAIN) continue;
		if (verdict == BFS_DONE) return c.result;
		long r = bfs_raw(c.nr, c.a[0], c.a[1], c.a[2], c.a[3], c.a[4], c.a[5]);
		if (verdict == BFS_AFTER) {
			struct bfs_call returned = { .nr = nr, .a = { a0, a1, a2, a3, a4, a5 }, .result = r, .kept = c.kept };
			if (*bfs_after_heeded(&returned) != 0 && bfs_after(&returned)) continue;
			return returned.result;
		}
		if (verdict == BFS_PASS || r != c.again) return r;
	}
}
