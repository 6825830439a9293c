/* Acting as somebody without privileges: root changes to other ids in a child, anybody else is one already. */
#ifndef BINARYFS_TEST_UNPRIVILEGED_H
#define BINARYFS_TEST_UNPRIVILEGED_H

#include <grp.h>
#include <stdbool.h>

enum { STRANGER = 12345, OTHER_GROUP = 23456 };

/* Runs BODY in a child with these ids and no other group (GROUP2 alone where it is not −1). True when it returned 0; what failed it has printed. */
static inline bool run_with_ids(uid_t uid, gid_t gid, gid_t group2, int (*body)(void)) {
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		check_passed = check_failed = 0;
		if (setgroups(group2 == (gid_t)-1 ? 0 : 1, &group2) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0) _exit(99);
		int r = body();
		fflush(stdout);
		_exit(r != 0);
	}
	int status = -1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static inline bool run_unprivileged(int (*body)(void)) {
	if (geteuid() == 0) return run_with_ids(STRANGER, STRANGER, (gid_t)-1, body);
	int before = check_failed;
	body();
	return check_failed == before;
}

#endif
