/* What the providers (host paths, volumes, /proc, /dev) share among themselves; nothing outside them includes this. */
#ifndef BINARYFS_PROVIDERS_H
#define BINARYFS_PROVIDERS_H

#include "vfs.h"

/* ---- text (textbuf.c) ---- */

/* Concatenates strings, up to a NULL, into DST and ends it with a NUL. Length, or −ENAMETOOLONG. */
long bfs_join(char *dst, size_t size, ...);

/* A text that grows in memory of its own (mmap through the gate), for what /proc synthesises. */
struct bfs_textbuf {
	char *data;
	size_t len, cap;
	bool failed; /* out of memory: the text is incomplete */
};
void bfs_textbuf_add(struct bfs_textbuf *t, const char *s, size_t len);
void bfs_textbuf_str(struct bfs_textbuf *t, const char *s);
void bfs_textbuf_u64(struct bfs_textbuf *t, uint64_t v);
/* A path as mounts and mountinfo write it: space, tab, newline and backslash in octal. */
void bfs_textbuf_escaped(struct bfs_textbuf *t, const char *s);
/* Appends the whole host file PATH; −errno of the kernel. */
long bfs_textbuf_file(struct bfs_textbuf *t, const char *path);
void bfs_textbuf_free(struct bfs_textbuf *t);

/* ---- the host, through the gate (hostfs_path.c) ---- */

/* struct stat as newfstatat fills it on x86-64 (asm/stat.h). */
struct bfs_kstat {
	uint64_t st_dev, st_ino, st_nlink;
	uint32_t st_mode, st_uid, st_gid, pad;
	uint64_t st_rdev;
	int64_t st_size, st_blksize, st_blocks;
	uint64_t st_atime_sec, st_atime_nsec, st_mtime_sec, st_mtime_nsec, st_ctime_sec, st_ctime_nsec;
	int64_t unused[3];
};
#define BFS_S_TYPE(mode) ((mode)&0170000u)
long bfs_host_stat(int dirfd, const char *path, uint32_t at_flags, struct bfs_kstat *out);
/* Attributes with birth time; *ST_DEV may be NULL. */
long bfs_host_attr(int dirfd, const char *path, uint32_t at_flags, struct bfs_attr *out, uint64_t *st_dev);
/* faccessat2 with AT_EACCESS where EFFECTIVE; kernels before 5.8 answer for the real ids. */
long bfs_host_access(int dirfd, const char *path, uint32_t mask, bool effective, uint32_t at_flags);
void bfs_host_close(long fd);

/* Opens absolute or DIRFD-relative PATH without following any symlink, in one call; −ELOOP where there is one. −ENOSYS on kernels without openat2. */
long bfs_host_open_strict(int dirfd, const char *path, uint32_t flags, uint32_t mode);
/* An O_PATH descriptor of REL below MOUNT: a symlink itself where the last component is one; "" follows the declared path. */
long bfs_hostfs_node(uint32_t mount, const char *rel);

/* REL below MOUNT as the kernel's *at calls want it. */
struct bfs_host_at {
	int dirfd;         /* O_PATH directory of the last component, or AT_FDCWD */
	const char *name;  /* the last component; for the mount itself the declared absolute host path */
	uint32_t nofollow; /* AT_SYMLINK_NOFOLLOW, or 0 for the mount itself */
};
long bfs_hostfs_enter(uint32_t mount, const char *rel, struct bfs_host_at *at);
void bfs_hostfs_leave(struct bfs_host_at *at);
/* Opens REL below MOUNT for data, at the lowest free descriptor number; MODE for O_CREAT. May open a directory. */
long bfs_hostfs_open_at(uint32_t mount, const char *rel, uint32_t flags, uint32_t mode);

/* The provider's change and change2 (hostfs_change.c). */
long bfs_hostfs_change(long nr, const struct bfs_loc *loc, struct bfs_call *c);
long bfs_hostfs_change2(long nr, const struct bfs_loc *from, const struct bfs_loc *to, struct bfs_call *c);
/* The calls that change or query one place by name, on "/proc/…" or a descriptor's magic link (hostfs_change.c): PATH is followed. */
long bfs_host_change_path(long nr, const char *path, struct bfs_call *c);

/* Held while links may appear below a door, and while the kernel is given a path there that it must not follow any in (door_names.c). */
void bfs_door_names_lock(void);
void bfs_door_names_unlock(void);

/* ---- mounts (mount.c) ---- */

/* The guest path of HOST_PATH (absolute, as the kernel writes it) below the longest mount that covers it. Length, or −ENOENT where none does. */
long bfs_mount_guest_path(const char *host_path, char *dst, size_t size);
/* Makes GUEST a directory of the overlay with its missing ancestors; nothing where it is there. */
long bfs_mount_directory(const char *guest);
/* Host paths and volumes of one image's section table (sections.c). */
struct bfs_section_path {
	const char *bytes; /* not NUL-terminated */
	uint32_t len;
};
struct bfs_sections {
	const uint8_t *host_paths, *volumes; /* section bytes or NULL */
	uint64_t host_paths_size, volumes_size;
	bool sealed;
};
/* −EINVAL with WHY where the header, the table, a bound or a critical section is not what docs/format.md says. */
long bfs_sections_read(const struct bfs_lib_config *lib, struct bfs_sections *out, const char **why);
/* Next entry of a section at *AT (0 at first); 1 and the entry, 0 at the end, −EINVAL. HOST.bytes is NULL where none is declared. */
long bfs_sections_host_path(const struct bfs_sections *s, uint64_t *at, struct bfs_section_path *path);
long bfs_sections_volume(const struct bfs_sections *s, uint64_t *at, struct bfs_section_path *guest, struct bfs_section_path *host);

/* ---- logs (hostlog.c, misses.c) ---- */

/* Remembers where the logs go, and what they hold: relative names are taken from the host's current directory at the start. log_lines.c */
long bfs_logs_setup(const struct bfs_config *config);
/* Notes that the host's REL below MOUNT was used (BINARYFS_HOST_LOG); its path; what FD is open on. */
void bfs_hostlog_mount(uint32_t mount, const char *rel);
void bfs_hostlog_path(const char *host_path);
void bfs_hostlog_fd(int fd);

enum bfs_log_kind { BFS_LOG_MISSES, BFS_LOG_HOST };
/* Appends what is to be said of PATH to its line, with the tab before it; nothing where there is nothing to say. */
typedef void bfs_log_remark(struct bfs_textbuf *line, const char *path);
/* Appends a line for PATH to the log, unless it has one. log_lines.c */
void bfs_log_line(enum bfs_log_kind kind, const char *path, bfs_log_remark *remark);
/* C as \ooo. */
void bfs_log_octal(struct bfs_textbuf *t, char c);
/* The set of what was written (log_seen.c). True where HASH was not in it: it is now. */
uint32_t bfs_log_seen_new(void);
bool bfs_log_first(uint64_t hash);
#define BFS_LOG_HASH_START 0xCBF29CE484222325ull /* FNV-1a */
uint64_t bfs_log_hash_step(uint64_t hash, char c);
uint64_t bfs_log_hash(enum bfs_log_kind kind, const char *path);

/* ---- /proc (procfs_*.c) ---- */

enum bfs_proc_rule {
	BFS_PROC_FILTER,  /* directory whose entries are judged one by one */
	BFS_PROC_TREE,    /* directory or anything beneath, read-only, as the kernel has it */
	BFS_PROC_TREE_RW, /* the same with the kernel's own permissions */
	BFS_PROC_FILE,    /* file as the kernel has it */
	BFS_PROC_PROGRAM, /* the same, but while its program is being loaded */
	BFS_PROC_READ,    /* the same, read-only */
	BFS_PROC_LINK,    /* symlink whose text is right: self, mounts */
	BFS_PROC_EXE,
	BFS_PROC_CWD,
	BFS_PROC_ROOT,
	BFS_PROC_FD,
	BFS_PROC_NS, /* magic links */
	BFS_PROC_FDINFO,
	BFS_PROC_MAPS,
	BFS_PROC_AUXV,
	BFS_PROC_MOUNTS,
	BFS_PROC_MOUNTINFO, /* text of our own */
};
struct bfs_proc_entry {
	enum bfs_proc_rule rule;
	uint32_t pid;  /* 0: not below a process */
	uint32_t fd;   /* FD and FDINFO */
	char base[48]; /* "PID" or "PID/task/TID" */
};
/* What REL below /proc is. −ENOENT for what is not offered or belongs to a process outside the tree, −ENOTDIR. */
long bfs_proc_classify(const char *rel, struct bfs_proc_entry *out);
/* Whether process or thread PID belongs to the tree: it holds the pool at the reserved descriptor, or it is a zombie child of one that does. */
bool bfs_proc_in_tree(uint64_t pid);
uint64_t bfs_proc_self_pid(void);
/* "/proc/" and REL. */
long bfs_proc_host_path(const char *rel, char *dst, size_t size);
/* The placeholder behind descriptor ENTRY->fd of ENTRY's process, or NULL: a kernel object or nothing. */
struct bfs_ofd *bfs_proc_fd_ofd(const struct bfs_proc_entry *entry);
/* Text of a magic link; the length without the NUL that it writes. */
long bfs_proc_link_text(const char *rel, const struct bfs_proc_entry *entry, char *dst, size_t size);
/* Opens what a magic link to a kernel object names. */
long bfs_proc_open_target(const char *rel, const struct bfs_proc_entry *entry, uint32_t flags);
/* Opens a synthesised text: a snapshot taken now, in an unnamed overlay file. */
long bfs_proc_open_text(const char *rel, const struct bfs_proc_entry *entry, uint32_t flags);
/* Whether ENTRY's process, another than this, has executed a program that has not begun yet; that one's path; cmdline, comm, stat or status with its names. procfs_loading.c */
bool bfs_proc_loading(const struct bfs_proc_entry *entry);
long bfs_proc_loading_exe(const struct bfs_proc_entry *entry, char *dst, size_t size);
void bfs_proc_text_loading(const char *rel, const struct bfs_proc_entry *entry, struct bfs_textbuf *t);
void bfs_proc_text_maps(const char *rel, struct bfs_textbuf *t);
void bfs_proc_text_mounts(const struct bfs_proc_entry *entry, struct bfs_textbuf *t);

#endif
