/* The section table of an image: which host paths, volumes and policy it declares (docs/format.md 1.1 and 1.2). */
#include "providers.h"

static bool sections_within(uint64_t offset, uint64_t size, uint64_t limit) { return offset <= limit && size <= limit - offset; }

static bool sections_policy(const uint8_t *bytes, uint64_t size, bool *sealed) {
	uint32_t flags;
	if (size < sizeof flags) return false;
	memcpy(&flags, bytes, sizeof flags);
	*sealed = (flags & BFS_POLICY_SEALED) != 0;
	return true;
}

long bfs_sections_read(const struct bfs_lib_config *lib, struct bfs_sections *out, const char **why) {
	*out = (struct bfs_sections){ 0 };
	*why = "the image has no valid binaryfs header";
	struct bfs_header header;
	if (lib->image_size < sizeof header) return -EINVAL;
	memcpy(&header, lib->image, sizeof header);
	if (memcmp(header.magic, BFS_HEADER_MAGIC, sizeof header.magic) != 0 || header.version != BFS_HEADER_VERSION || header.header_size != sizeof header ||
		header.image_size > lib->image_size)
		return -EINVAL;
	*why = "the image has no valid section table";
	if (header.section_count != 0 && header.section_entry_size != sizeof(struct bfs_section)) return -EINVAL;
	if (!sections_within(header.section_table_offset, (uint64_t)header.section_count * sizeof(struct bfs_section), header.image_size)) return -EINVAL;
	uint32_t previous = 0;
	for (uint32_t i = 0; i < header.section_count; i++) {
		struct bfs_section s;
		memcpy(&s, lib->image + header.section_table_offset + i * sizeof s, sizeof s);
		*why = "the image has no valid section table";
		if (s.type <= previous || !sections_within(s.offset, s.size, header.image_size)) return -EINVAL;
		previous = s.type;
		const uint8_t *bytes = lib->image + s.offset;
		bool known = s.version == 1;
		*why = "the image has a malformed policy section";
		if (known && s.type == BFS_SECTION_HOST_PATHS) {
			out->host_paths = bytes;
			out->host_paths_size = s.size;
		} else if (known && s.type == BFS_SECTION_VOLUMES) {
			out->volumes = bytes;
			out->volumes_size = s.size;
		} else if (known && s.type == BFS_SECTION_POLICY) {
			if (!sections_policy(bytes, s.size, &out->sealed)) return -EINVAL;
		} else if ((s.flags & BFS_SECTION_CRITICAL) != 0) {
			*why = "the image has a critical section that this runtime does not know";
			return -EINVAL;
		}
	}
	return 0;
}

static bool sections_u32(const uint8_t *bytes, uint64_t size, uint64_t *at, uint32_t *out) {
	if (!sections_within(*at, sizeof *out, size)) return false;
	memcpy(out, bytes + *at, sizeof *out);
	*at += sizeof *out;
	return true;
}

static bool sections_string(const uint8_t *bytes, uint64_t size, uint64_t *at, struct bfs_section_path *out) {
	uint32_t len;
	if (!sections_u32(bytes, size, at, &len)) return false;
	if (len == BFS_NO_HOST) {
		*out = (struct bfs_section_path){ NULL, 0 };
		return true;
	}
	if (!sections_within(*at, len, size)) return false;
	*out = (struct bfs_section_path){ (const char *)bytes + *at, len };
	*at += len;
	return true;
}

/* The count in front is not needed to walk the entries, but it must not promise more than there is: *AT is 0 before the first entry alone. */
static long sections_begin(const uint8_t *bytes, uint64_t size, uint64_t *at) {
	uint32_t count;
	if (bytes == NULL) return 0;
	if (*at == 0) {
		if (!sections_u32(bytes, size, at, &count) || count > size / sizeof count) return -EINVAL;
		if (count == 0) *at = size;
	}
	return *at < size ? 1 : 0;
}

long bfs_sections_host_path(const struct bfs_sections *s, uint64_t *at, struct bfs_section_path *path) {
	long more = sections_begin(s->host_paths, s->host_paths_size, at);
	if (more <= 0) return more;
	return sections_string(s->host_paths, s->host_paths_size, at, path) && path->bytes != NULL ? 1 : -EINVAL;
}

long bfs_sections_volume(const struct bfs_sections *s, uint64_t *at, struct bfs_section_path *guest, struct bfs_section_path *host) {
	long more = sections_begin(s->volumes, s->volumes_size, at);
	if (more <= 0) return more;
	if (!sections_string(s->volumes, s->volumes_size, at, guest) || guest->bytes == NULL) return -EINVAL;
	return sections_string(s->volumes, s->volumes_size, at, host) ? 1 : -EINVAL;
}
