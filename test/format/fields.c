/* Reads a block 0, a note descriptor and a section table that the engine wrote through the runtime's structures, and prints every field as JSON. Usage: fields FILE, laid out as in structures.test.ts */
#include "format.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NUMBER(key, value) printf("\"%s\":\"%" PRIu64 "\",", key, (uint64_t)(value))
#define SIGNED(key, value) printf("\"%s\":\"%" PRId64 "\",", key, (int64_t)(value))

int main(int argc, char **argv) {
	static unsigned char bytes[16384];
	FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
	if (file == NULL || fread(bytes, 1, sizeof bytes, file) < 8192) return 1;
	const struct bfs_header *h = (const void *)bytes;
	const struct erofs_super *s = (const void *)(bytes + EROFS_SUPER_OFFSET);
	const struct erofs_inode *i = (const void *)(bytes + EROFS_ROOT_NID * EROFS_SLOT_SIZE);
	const struct bfs_note_desc *n = (const void *)(bytes + 4096);
	const struct bfs_section *t = (const void *)(bytes + 4096 + 512);
	printf("{\"magic\":\"%.8s\",", h->magic);
	NUMBER("version", h->version);
	NUMBER("headerSize", h->header_size);
	NUMBER("imageSize", h->image_size);
	NUMBER("sectionTableOffset", h->section_table_offset);
	NUMBER("sectionCount", h->section_count);
	NUMBER("sectionEntrySize", h->section_entry_size);
	NUMBER("segmentSize", h->segment_size);
	NUMBER("layout", h->layout);
	NUMBER("inodeCount", h->inode_count);
	NUMBER("erofsMagic", s->magic == EROFS_MAGIC);
	NUMBER("compat", s->feature_compat);
	NUMBER("incompat", s->feature_incompat);
	NUMBER("blockBits", s->blkszbits);
	NUMBER("rootNid", s->root_nid);
	NUMBER("inos", s->inos);
	NUMBER("buildTime", s->build_time);
	NUMBER("blocks", s->blocks);
	NUMBER("format", i->format);
	NUMBER("xattrIcount", i->xattr_icount);
	NUMBER("mode", i->mode);
	NUMBER("size", i->size);
	NUMBER("union", i->u);
	NUMBER("ino", i->ino);
	NUMBER("uid", i->uid);
	NUMBER("gid", i->gid);
	SIGNED("mtime", i->mtime);
	NUMBER("mtimeNsec", i->mtime_nsec);
	NUMBER("nlink", i->nlink);
	NUMBER("noteVersion", n->version);
	NUMBER("noteFlags", n->flags);
	SIGNED("imageDelta", n->image_delta);
	NUMBER("noteImageSize", n->image_size);
	NUMBER("rootByte", n->merkle_root[31]);
	NUMBER("sectionType", t->type);
	NUMBER("sectionVersion", t->version);
	NUMBER("sectionFlags", t->flags);
	NUMBER("sectionOffset", t->offset);
	NUMBER("sectionSize", t->size);
	printf("\"sizes\":\"%zu %zu %zu %zu %zu %zu\"}\n", sizeof *h, sizeof *s, sizeof *i, sizeof *n, sizeof *t, sizeof(struct erofs_dirent));
	return 0;
}
