/* Permission checks with the calling thread's own credentials, as the kernel makes them: mode bits, root, sticky directories. */
#include "pool.h"

#define PERMISSION_GROUPS 1024
#define PERMISSION_NO_ID 0xffffffffu /* setting it changes nothing and tells what is (setfsuid(2)) */

uint32_t bfs_fs_uid(void) { return (uint32_t)bfs_raw1(__NR_setfsuid, PERMISSION_NO_ID); }
uint32_t bfs_fs_gid(void) { return (uint32_t)bfs_raw1(__NR_setfsgid, PERMISSION_NO_ID); }

static uint32_t permission_uid(bool effective) { return effective ? bfs_fs_uid() : (uint32_t)bfs_raw0(__NR_getuid); }
static uint32_t permission_gid(bool effective) { return effective ? bfs_fs_gid() : (uint32_t)bfs_raw0(__NR_getgid); }

bool bfs_is_root(void) { return bfs_fs_uid() == 0; }

static bool permission_in_group(uint32_t gid, bool effective) {
	if (permission_gid(effective) == gid) return true;
	uint32_t groups[PERMISSION_GROUPS];
	long count = bfs_raw2(__NR_getgroups, PERMISSION_GROUPS, groups);
	for (long i = 0; i < count; i++) {
		if (groups[i] == gid) return true;
	}
	return false;
}

bool bfs_in_group(uint32_t gid) { return bfs_is_root() || permission_in_group(gid, true); }

long bfs_permission(const struct bfs_attr *attr, uint32_t mask, bool effective) {
	uint32_t mode = attr->mode, need = mask & 7;
	/* Everybody may: the usual case needs no credentials. */
	if ((mode & mode >> 3 & mode >> 6 & need) == need) return 0;
	uint32_t uid = permission_uid(effective);
	if (uid == 0 || (attr->owner_is_starter && uid == bfs_p.control->starter_uid)) {
		bool executable = (mode & S_IFMT) == S_IFDIR || (mode & 0111) != 0;
		return (need & 1) == 0 || executable ? 0 : -EACCES;
	}
	uint32_t granted = mode;
	if (uid == attr->uid)
		granted = mode >> 6;
	else if (permission_in_group(attr->gid, effective))
		granted = mode >> 3;
	return (granted & need) == need ? 0 : -EACCES;
}

bool bfs_is_owner(const struct bfs_attr *attr) {
	uint32_t uid = bfs_fs_uid();
	return uid == 0 || uid == attr->uid || (attr->owner_is_starter && uid == bfs_p.control->starter_uid);
}

long bfs_may_delete(const struct bfs_attr *dir, const struct bfs_attr *victim) {
	long error = bfs_permission(dir, 3, true);
	if (error != 0 || victim == NULL || (dir->mode & S_ISVTX) == 0) return error;
	return bfs_is_owner(victim) || bfs_is_owner(dir) ? 0 : -EPERM;
}
