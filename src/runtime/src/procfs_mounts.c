/* /proc/PID/mounts and mountinfo of the tree: the image at /, /proc, and every door with the host's mounts below it, under guest names.
 * Names of the host stay out: device files as sources, and options (lowerdir=…) except those of cgroups, from which the JVM and others learn their controllers.
 */
#include "providers.h"

struct procfs_mountinfo { /* one line of the host's mountinfo, as spans of the text */
	const char *id, *dev, *root, *point, *options, *type, *source, *super;
	size_t id_len, dev_len, root_len, point_len, options_len, type_len, source_len, super_len;
};

/* The field at *P, and *P moved to the next one. */
static const char *procfs_field(const char **p, const char *end, size_t *len) {
	const char *start = *p;
	while (*p < end && **p != ' ') (*p)++;
	*len = (size_t)(*p - start);
	while (*p < end && **p == ' ') (*p)++;
	return start;
}

/* "ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [OPTIONAL…] - TYPE SOURCE SUPER": proc_pid_mountinfo(5). */
static bool procfs_parse_mountinfo(const char *line, const char *end, struct procfs_mountinfo *m) {
	size_t len;
	m->id = procfs_field(&line, end, &m->id_len);
	procfs_field(&line, end, &len);
	m->dev = procfs_field(&line, end, &m->dev_len);
	m->root = procfs_field(&line, end, &m->root_len);
	m->point = procfs_field(&line, end, &m->point_len);
	m->options = procfs_field(&line, end, &m->options_len);
	const char *field;
	do field = procfs_field(&line, end, &len);
	while (len != 0 && !(len == 1 && field[0] == '-'));
	m->type = procfs_field(&line, end, &m->type_len);
	m->source = procfs_field(&line, end, &m->source_len);
	m->super = procfs_field(&line, end, &m->super_len);
	return m->super_len != 0;
}

/* Length of the part of PATH that PREFIX covers, or 0: equal, or a slash follows. "/" covers everything. */
static size_t procfs_covers(const char *prefix, size_t prefix_len, const char *path, size_t path_len) {
	if (prefix_len == 1 && prefix[0] == '/') return 1;
	if (prefix_len > path_len || memcmp(prefix, path, prefix_len) != 0) return 0;
	return path_len == prefix_len || path[prefix_len] == '/' ? prefix_len : 0;
}

struct procfs_mounts_out {
	struct bfs_textbuf *t;
	bool info; /* mountinfo, else mounts */
};

/* One line: mount M shown at guest path GUEST (escaped already), ROOT_REST the part of its root that the host's line does not name. */
static void procfs_mount_line(struct procfs_mounts_out *out, const struct procfs_mountinfo *m, const struct bfs_textbuf *guest, const char *root_rest,
	size_t root_rest_len, bool read_only) {
	struct bfs_textbuf *t = out->t;
	bool host_source = m->source_len != 0 && m->source[0] == '/';
	bool cgroup = m->type_len >= 6 && memcmp(m->type, "cgroup", 6) == 0;
	const char *options = read_only ? "ro" : NULL;
	if (out->info) {
		bfs_textbuf_add(t, m->id, m->id_len); /* the kernel's: statx and fdinfo of the host's files tell it too */
		bfs_textbuf_str(t, " 1 ");
		bfs_textbuf_add(t, m->dev, m->dev_len);
		bfs_textbuf_str(t, " ");
		if (!(m->root_len == 1 && root_rest_len != 0)) bfs_textbuf_add(t, m->root, m->root_len);
		bfs_textbuf_add(t, root_rest, root_rest_len);
	} else {
		bfs_textbuf_add(t, host_source ? "host" : m->source, host_source ? 4 : m->source_len);
	}
	bfs_textbuf_str(t, " ");
	bfs_textbuf_add(t, guest->data, guest->len);
	bfs_textbuf_str(t, " ");
	if (!out->info) {
		bfs_textbuf_add(t, m->type, m->type_len);
		bfs_textbuf_str(t, " ");
	}
	if (options != NULL)
		bfs_textbuf_str(t, options);
	else
		bfs_textbuf_add(t, m->options, m->options_len);
	if (out->info) {
		bfs_textbuf_str(t, " - ");
		bfs_textbuf_add(t, m->type, m->type_len);
		bfs_textbuf_str(t, " ");
		bfs_textbuf_add(t, host_source ? "host" : m->source, host_source ? 4 : m->source_len);
		bfs_textbuf_str(t, " ");
		bfs_textbuf_add(t, cgroup ? m->super : "rw", cgroup ? m->super_len : 2);
		bfs_textbuf_str(t, "\n");
	} else
		bfs_textbuf_str(t, " 0 0\n");
}

/* Shows mount INDEX: by the host's line that covers its host path, then what the host has mounted below. */
static void procfs_mount_door(struct procfs_mounts_out *out, const struct bfs_mount *door, const struct bfs_textbuf *host_info) {
	struct bfs_textbuf host = { 0 }, guest = { 0 };
	bfs_textbuf_escaped(&host, bfs_pool_text(door->host));
	bfs_textbuf_escaped(&guest, bfs_pool_text(door->guest));
	struct procfs_mountinfo m, best = { 0 };
	size_t best_len = 0, guest_len = guest.len;
	for (int pass = 0; pass < 2 && !host.failed && !guest.failed; pass++) {
		for (size_t at = 0; at < host_info->len;) {
			const char *line = host_info->data + at, *end = line;
			while (end < host_info->data + host_info->len && *end != '\n') end++;
			at = (size_t)(end - host_info->data) + 1;
			if (!procfs_parse_mountinfo(line, end, &m)) continue;
			if (pass == 0) {
				size_t n = procfs_covers(m.point, m.point_len, host.data, host.len);
				if (n != 0 && n >= best_len) {
					best = m;
					best_len = n;
				}
			} else if (m.point_len > host.len && procfs_covers(host.data, host.len, m.point, m.point_len) != 0) {
				guest.len = guest_len;
				bfs_textbuf_add(&guest, m.point + host.len, m.point_len - host.len);
				procfs_mount_line(out, &m, &guest, "", 0, door->read_only);
			}
		}
		if (pass == 0 && best_len != 0) {
			size_t rest = best_len == 1 ? 0 : best_len; /* after "/" the slash itself is kept */
			procfs_mount_line(out, &best, &guest, host.data + rest, host.len - rest, door->read_only);
		}
	}
	bfs_textbuf_free(&host);
	bfs_textbuf_free(&guest);
}

/* The kernel's number and device of it, as its files tell. */
static void procfs_mount_proc(struct procfs_mounts_out *out) {
	struct bfs_attr attr = { 0 };
	uint64_t dev = 0;
	bfs_host_attr(AT_FDCWD, "/proc", 0, &attr, &dev);
	if (out->info) {
		bfs_textbuf_u64(out->t, attr.mount_id);
		bfs_textbuf_str(out->t, " 1 0:");
		bfs_textbuf_u64(out->t, (dev & 0xFFu) | (dev >> 12 & ~0xFFull)); /* it has major number 0 */
		bfs_textbuf_str(out->t, " / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw\n");
	} else
		bfs_textbuf_str(out->t, "proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0\n");
}

void bfs_proc_text_mounts(const struct bfs_proc_entry *entry, struct bfs_textbuf *t) {
	struct procfs_mounts_out out = { .t = t, .info = entry->rule == BFS_PROC_MOUNTINFO };
	if (out.info) {
		bfs_textbuf_str(t, "1 0 0:");
		bfs_textbuf_u64(t, BFS_ST_DEV);
		bfs_textbuf_str(t, " / / rw,relatime - erofs binaryfs rw\n");
	} else
		bfs_textbuf_str(t, "binaryfs / erofs rw,relatime 0 0\n");
	char path[96];
	struct bfs_textbuf host = { 0 };
	bfs_join(path, sizeof path, "/proc/", entry->base, "/mountinfo", NULL);
	bfs_textbuf_file(&host, path);
	for (uint32_t i = 0; i < bfs_mount_count(); i++) {
		const struct bfs_mount *m = bfs_mount_get(i);
		/* The single devices of /dev are part of it, not mounts that anybody looks for. */
		if (m->is_proc)
			procfs_mount_proc(&out);
		else if (m->directory || !bfs_starts_with(bfs_pool_text(m->guest), "/dev/"))
			procfs_mount_door(&out, m, &host);
	}
	bfs_textbuf_free(&host);
}
