/* The doors to the host: host paths and volumes that the images declare and those that are given when a tree is started, checked, ordered and mounted. */
#include "providers.h"

#include <linux/mman.h>

struct door {
	char guest[BFS_PATH_MAX]; /* cleaned: absolute, no trailing slash, no "." or ".." */
	char host[BFS_PATH_MAX];  /* "" for a volume that has no host directory yet */
	bool volume;
	bool directory; /* declared with a trailing slash */
};
enum door_origin { DOOR_RUN, DOOR_IMAGE, DOOR_SEALED_IMAGE };
struct doors {
	struct door *list; /* BFS_MAX_MOUNTS of them */
	uint32_t count;
	bool sealed;
	char *why;
	size_t why_size;
};

/* Fills WHY with "WHAT: PATH". */
static long door_refuse(struct doors *d, long error, const char *what, const char *path) {
	bfs_join(d->why, d->why_size, what, path == NULL ? "" : ": ", path == NULL ? "" : path, NULL);
	return error;
}

/* Copies absolute PATH without empty and "." components and without trailing slashes. False for what is relative, too long, has ".." or NUL in it. */
static bool door_clean(const char *path, size_t len, char *dst, bool *trailing_slash) {
	size_t n = 0;
	*trailing_slash = len > 1 && path[len - 1] == '/';
	if (len == 0 || path[0] != '/' || len >= BFS_PATH_MAX) return false;
	for (size_t i = 0; i < len;) {
		while (i < len && path[i] == '/') i++;
		size_t start = i;
		while (i < len && path[i] != '/')
			if (path[i++] == '\0') return false;
		size_t part = i - start;
		if (part == 0 || (part == 1 && path[start] == '.')) continue;
		if (part == 2 && path[start] == '.' && path[start + 1] == '.') return false;
		dst[n++] = '/';
		memcpy(dst + n, path + start, part);
		n += part;
	}
	if (n == 0) dst[n++] = '/';
	dst[n] = '\0';
	return true;
}

static bool door_within(const char *path, const char *prefix) {
	size_t n = strlen(prefix);
	return bfs_starts_with(path, prefix) && (path[n] == '\0' || path[n] == '/');
}

static struct door *door_find(struct doors *d, const char *guest) {
	for (uint32_t i = 0; i < d->count; i++)
		if (bfs_str_eq(d->list[i].guest, guest)) return &d->list[i];
	return NULL;
}

/* One door. HOST is NULL for a volume without a host directory. The image listed first wins; what is given at run time wins over the images. Where an image is sealed, the doors are those that
 * sealed images declare: another library adds none, and at run time it may only be said where a declared volume without a host directory is. */
static long door_add(struct doors *d, const struct bfs_section_path *guest, const struct bfs_section_path *host, bool volume, enum door_origin origin) {
	if (d->count == BFS_MAX_MOUNTS) return door_refuse(d, -ENOSPC, "too many host paths and volumes", NULL);
	struct door *door = &d->list[d->count];
	bool slash;
	*door = (struct door){ .volume = volume };
	if (!door_clean(guest->bytes, guest->len, door->guest, &door->directory)) {
		/* For the message alone: as much of it as it holds. */
		memcpy(door->host, guest->bytes, BFS_MIN(guest->len, BFS_PATH_MAX - 1));
		return door_refuse(d, -EINVAL, volume ? "a volume must be an absolute path without .." : "a host path must be absolute, without ..", door->host);
	}
	if (bfs_str_eq(door->guest, "/")) return door_refuse(d, -EINVAL, "the whole file system cannot be a host path or volume", door->guest);
	if (door_within(door->guest, "/proc")) return door_refuse(d, -EINVAL, "/proc is the image's own and cannot be a host path or volume", door->guest);
	if (host->bytes != NULL && !door_clean(host->bytes, host->len, door->host, &slash))
		return door_refuse(d, -EINVAL, "the host directory of a volume must be an absolute path without ..", door->guest);
	if (!volume) memcpy(door->host, door->guest, sizeof door->host);
	struct door *known = door_find(d, door->guest);
	if (known == NULL) {
		if (d->sealed && origin != DOOR_SEALED_IMAGE)
			return door_refuse(d, -EACCES, "the image is sealed: no host path or volume can be added", door->guest);
		d->count++;
		return 0;
	}
	if (origin != DOOR_RUN || (known->volume == volume && bfs_str_eq(known->host, door->host))) return 0;
	if (d->sealed && !(known->volume && volume && known->host[0] == '\0'))
		return door_refuse(d, -EACCES, "the image is sealed: a declared host path or volume cannot be changed", door->guest);
	known->volume = volume;
	known->directory = door->directory;
	memcpy(known->host, door->host, sizeof known->host);
	return 0;
}

/* The doors of LIB, in the pass for sealed images or for the others. */
static long door_of_image(struct doors *d, const struct bfs_lib_config *lib, bool sealed) {
	struct bfs_sections sections;
	struct bfs_section_path guest, host;
	const char *why;
	if (bfs_sections_read(lib, &sections, &why) < 0) return door_refuse(d, -ENOEXEC, why, lib->path);
	if (sections.sealed != sealed) return 0;
	d->sealed = d->sealed || sealed;
	enum door_origin origin = sealed ? DOOR_SEALED_IMAGE : DOOR_IMAGE;
	long more, r = 0;
	for (uint64_t at = 0; r == 0 && (more = bfs_sections_host_path(&sections, &at, &guest)) != 0;)
		r = more < 0 ? door_refuse(d, -ENOEXEC, "the image has a malformed host path section", lib->path) : door_add(d, &guest, &guest, false, origin);
	for (uint64_t at = 0; r == 0 && (more = bfs_sections_volume(&sections, &at, &guest, &host)) != 0;)
		r = more < 0 ? door_refuse(d, -ENOEXEC, "the image has a malformed volume section", lib->path) : door_add(d, &guest, &host, true, origin);
	return r;
}

static long door_of_run(struct doors *d, const struct bfs_door *door) {
	struct bfs_section_path guest = { door->guest, (uint32_t)strlen(door->guest) };
	const char *host_text = door->volume ? door->host : door->guest;
	if (host_text == NULL || host_text[0] == '\0') return door_refuse(d, -EINVAL, "a volume needs GUEST=HOST", door->guest);
	struct bfs_section_path host = { host_text, (uint32_t)strlen(host_text) };
	return door_add(d, &guest, &host, door->volume, DOOR_RUN);
}

/* A volume that nobody gave a directory is an empty directory of the overlay. */
static long door_mount(struct doors *d, struct door *door) {
	uint32_t flags = (door->volume ? BFS_MOUNT_VOLUME : 0) | (door->directory ? BFS_MOUNT_DIRECTORY : 0);
	struct bfs_kstat st;
	long r;
	if (door->host[0] == '\0') {
		bfs_log(BFS_LOG_WARN, "volume %s has no host directory: what is written there is lost at the end", door->guest);
		r = bfs_mount_directory(door->guest);
	} else {
		if (bfs_host_stat(AT_FDCWD, door->host, 0, &st) == 0)
			flags = (flags & ~(uint32_t)BFS_MOUNT_DIRECTORY) | (BFS_S_TYPE(st.st_mode) == S_IFDIR ? BFS_MOUNT_DIRECTORY : 0);
		else if (door->volume) /* what the program writes there is meant to stay */
			return door_refuse(d, -ENOENT, "the host directory of a volume does not exist or cannot be reached", door->host);
		else {
			bfs_log(BFS_LOG_WARN, "%s is not on the host (yet)", door->host);
			flags |= BFS_MOUNT_ABSENT;
		}
		r = bfs_mount_add(door->guest, door->host, flags);
	}
	if (r == -ENOENT) return door_refuse(d, r, "the host directory that it lies in does not exist", door->guest);
	return r < 0 ? door_refuse(d, r, "cannot be mounted", door->guest) : 0;
}

/* Outer mounts come before those inside them. */
static long door_mount_all(struct doors *d) {
	long r = 0;
	for (size_t len = 1, next; r == 0 && len != 0; len = next) {
		next = 0;
		for (uint32_t i = 0; i < d->count && r == 0; i++) {
			size_t n = strlen(d->list[i].guest);
			if (n == len)
				r = door_mount(d, &d->list[i]);
			else if (n > len && (next == 0 || n < next))
				next = n;
		}
	}
	return r;
}

long bfs_doors_setup(const struct bfs_config *config, char *why, size_t why_size) {
	bfs_pool_mounts()->hermetic = config->hermetic;
	long r = bfs_logs_setup(config);
	if (r < 0) return r;
	size_t size = BFS_MAX_MOUNTS * sizeof(struct door);
	long memory = bfs_raw6(__NR_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory < 0 && memory > -4096) return memory;
	struct doors d = { .list = (struct door *)memory, .why = why, .why_size = why_size };
	for (uint32_t i = 0; i < config->lib_count && r == 0; i++) r = door_of_image(&d, &config->libs[i], true);
	for (uint32_t i = 0; i < config->lib_count && r == 0; i++) r = door_of_image(&d, &config->libs[i], false);
	for (uint32_t i = 0; i < config->door_count && r == 0; i++) r = door_of_run(&d, &config->doors[i]);
	if (r == 0) r = door_mount_all(&d);
	bfs_raw2(__NR_munmap, memory, size);
	return r;
}
