/* Opens a library on the host and finds its image through the program headers (docs/format.md section 2), without executing it. */
#include "trap.h"

#include <elf.h>
#include <linux/mman.h>

#define LIBRARY_MAX_PHNUM 64u
#define LIBRARY_MAX_NOTES 65536u

struct library_view {
	int fd;
	uint64_t file_size;
	Elf64_Ehdr header;
	Elf64_Phdr phdrs[LIBRARY_MAX_PHNUM];
};

static long library_why(char *why, size_t size, const char *text) {
	size_t len = BFS_MIN(strlen(text), size - 1);
	memcpy(why, text, len);
	why[len] = 0;
	return -ENOEXEC;
}

static bool library_read(const struct library_view *v, void *dst, size_t size, uint64_t offset) {
	if (offset > v->file_size || size > v->file_size - offset) return false;
	return bfs_raw4(__NR_pread64, v->fd, dst, size, offset) == (long)size;
}

/* Looks for our note in the PT_NOTE segment P; *VADDR receives the descriptor's virtual address. */
static bool library_note_in(const struct library_view *v, const Elf64_Phdr *p, struct bfs_note_desc *desc, uint64_t *vaddr) {
	uint64_t at = 0, limit = BFS_MIN(p->p_filesz, (uint64_t)LIBRARY_MAX_NOTES);
	uint64_t align = p->p_align == 8 ? 8 : 4;
	while (limit - at >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr n;
		char name[BFS_NOTE_DESC_AT - sizeof(Elf64_Nhdr)];
		if (!library_read(v, &n, sizeof n, p->p_offset + at)) return false;
		uint64_t name_at = at + sizeof n;
		uint64_t desc_at = (name_at + n.n_namesz + align - 1) & ~(align - 1);
		if (desc_at > limit || n.n_descsz > limit - desc_at) return false;
		/* The descriptor stands inside the note's name. */
		if (n.n_namesz == BFS_NOTE_NAME_SIZE && n.n_descsz == BFS_NOTE_DESC_SIZE && n.n_type == BFS_NOTE_TYPE &&
			library_read(v, name, sizeof name, p->p_offset + name_at) && memcmp(name, BFS_NOTE_NAME "\0\0\0", sizeof name) == 0) {
			*vaddr = p->p_vaddr + at + BFS_NOTE_DESC_AT;
			return library_read(v, desc, sizeof *desc, p->p_offset + at + BFS_NOTE_DESC_AT);
		}
		uint64_t next = (desc_at + n.n_descsz + align - 1) & ~(align - 1);
		if (next > limit) return false;
		at = next;
	}
	return false;
}

/* The image's UUID is the beginning of the note's Merkle root (docs/format.md 1.3). */
static bool library_same_image(const struct library_view *v, const struct bfs_lib_config *lib, const struct bfs_note_desc *desc) {
	struct erofs_super sb;
	return library_read(v, &sb, sizeof sb, lib->file_offset + EROFS_SUPER_OFFSET) && memcmp(sb.uuid, desc->merkle_root, sizeof sb.uuid) == 0;
}

static long library_find(struct library_view *v, struct bfs_lib_config *out, char *why, size_t why_size) {
	struct bfs_note_desc desc;
	uint64_t note_vaddr = 0;
	bool found = false;
	const Elf64_Ehdr *h = &v->header;
	if (!library_read(v, &v->header, sizeof v->header, 0) || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 || h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_machine != EM_X86_64 ||
		h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phnum > LIBRARY_MAX_PHNUM || !library_read(v, v->phdrs, h->e_phnum * sizeof(Elf64_Phdr), h->e_phoff))
		return library_why(why, why_size, "is no x86-64 ELF library");
	for (unsigned i = 0; i < h->e_phnum && !found; i++) found = v->phdrs[i].p_type == PT_NOTE && library_note_in(v, &v->phdrs[i], &desc, &note_vaddr);
	if (!found) return library_why(why, why_size, "carries no binaryfs note");
	if (desc.version != BFS_NOTE_VERSION) return library_why(why, why_size, "has a note of an unknown version");
	if ((desc.flags & BFS_NOTE_HAS_IMAGE) == 0) return library_why(why, why_size, "carries no image");
	uint64_t image_vaddr = note_vaddr + (uint64_t)desc.image_delta;
	for (unsigned i = 0; i < h->e_phnum; i++) {
		const Elf64_Phdr *p = &v->phdrs[i];
		if (p->p_type != PT_LOAD || image_vaddr < p->p_vaddr || image_vaddr - p->p_vaddr > p->p_filesz || desc.image_size > p->p_filesz - (image_vaddr - p->p_vaddr))
			continue;
		out->file_offset = p->p_offset + (image_vaddr - p->p_vaddr);
		out->image_size = desc.image_size;
		if (out->file_offset % BFS_BLOCK_SIZE != 0 || out->image_size % BFS_BLOCK_SIZE != 0 || out->image_size < BFS_BLOCK_SIZE)
			return library_why(why, why_size, "has an image that is not block-aligned");
		if (out->file_offset > v->file_size || out->image_size > v->file_size - out->file_offset) return library_why(why, why_size, "is truncated");
		return library_same_image(v, out, &desc) ? 0 : library_why(why, why_size, "has a note that belongs to another image");
	}
	return library_why(why, why_size, "has no segment that covers its image");
}

long bfs_library_open(const char *path, struct bfs_lib_config *out, char *why, size_t why_size) {
	struct library_view v;
	long fd = bfs_raw4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
	if (fd < 0) {
		library_why(why, why_size, fd == -ENOENT ? "does not exist" : fd == -EACCES ? "may not be read" : "cannot be opened");
		return fd;
	}
	v.fd = (int)fd;
	long size = bfs_raw3(__NR_lseek, fd, 0, 2 /* SEEK_END */);
	v.file_size = size < 0 ? 0 : (uint64_t)size;
	long rc = library_find(&v, out, why, why_size);
	if (rc == 0) {
		long at = bfs_raw6(__NR_mmap, 0, out->image_size, PROT_READ, MAP_SHARED | MAP_NORESERVE, fd, out->file_offset);
		if (at < 0) {
			library_why(why, why_size, at == -ENOMEM ? "does not fit the address space limit (ulimit -v)" : "cannot be mapped");
			rc = at;
		} else {
			out->image = (const uint8_t *)at;
		}
	}
	if (rc < 0) {
		bfs_raw1(__NR_close, fd);
		return rc;
	}
	out->fd = (int)fd;
	out->path = path;
	return 0;
}
