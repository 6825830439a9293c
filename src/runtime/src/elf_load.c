/* The ELF loader: maps a program and its interpreter as execve(2) would (fs/binfmt_elf.c), from image, overlay, volume or host alike. */
#include "trap.h"

#include <elf.h>
#include <linux/mman.h>

#define ELF_PAGE 4096ul
#define ELF_MAX_PHNUM 64u
#define ELF_PAGE_DOWN(x) ((x) & ~(ELF_PAGE - 1))
#define ELF_PAGE_UP(x) (((x) + ELF_PAGE - 1) & ~(ELF_PAGE - 1))
#define ELF_ADDRESS_LIMIT 0x7fffffff0000ul

struct elf_file {
	int fd;
	Elf64_Ehdr header;
	Elf64_Phdr phdrs[ELF_MAX_PHNUM];
	uint64_t low, high, align; /* of the PT_LOADs, page-aligned */
};

static long elf_read(int fd, void *dst, size_t size, uint64_t offset) {
	long rc = bfs_syscall(__NR_pread64, (uint64_t)fd, BFS_ARG(dst), size, offset, 0, 0);
	if (rc < 0) return rc;
	return rc == (long)size ? 0 : -ENOEXEC;
}

static long elf_parse(struct elf_file *f) {
	long rc = elf_read(f->fd, &f->header, sizeof f->header, 0);
	const Elf64_Ehdr *h = &f->header;
	if (rc < 0) return rc;
	if (memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 || h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_machine != EM_X86_64 ||
		(h->e_type != ET_EXEC && h->e_type != ET_DYN) || h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phnum == 0 || h->e_phnum > ELF_MAX_PHNUM)
		return -ENOEXEC;
	rc = elf_read(f->fd, f->phdrs, h->e_phnum * sizeof(Elf64_Phdr), h->e_phoff);
	if (rc < 0) return rc;
	f->low = ~0ul;
	f->high = 0;
	f->align = ELF_PAGE;
	for (unsigned i = 0; i < h->e_phnum; i++) {
		const Elf64_Phdr *p = &f->phdrs[i];
		if (p->p_type != PT_LOAD) continue;
		if (p->p_filesz > p->p_memsz || p->p_vaddr > ELF_ADDRESS_LIMIT || p->p_memsz > ELF_ADDRESS_LIMIT - p->p_vaddr || (p->p_vaddr - p->p_offset) % ELF_PAGE != 0)
			return -ENOEXEC;
		f->low = BFS_MIN(f->low, ELF_PAGE_DOWN(p->p_vaddr));
		f->high = BFS_MAX(f->high, ELF_PAGE_UP(p->p_vaddr + p->p_memsz));
		if (p->p_align > f->align && (p->p_align & (p->p_align - 1)) == 0 && p->p_align <= (1ul << 30)) f->align = p->p_align;
	}
	return f->high > f->low ? 0 : -ENOEXEC;
}

static long elf_interpreter(const struct elf_file *f, char *dst, size_t size) {
	dst[0] = 0;
	for (unsigned i = 0; i < f->header.e_phnum; i++) {
		const Elf64_Phdr *p = &f->phdrs[i];
		if (p->p_type != PT_INTERP) continue;
		if (p->p_filesz < 2 || p->p_filesz > size) return -ENOEXEC;
		long rc = elf_read(f->fd, dst, p->p_filesz, p->p_offset);
		if (rc < 0) return rc;
		return dst[p->p_filesz - 1] == 0 ? 0 : -ENOEXEC;
	}
	return 0;
}

long bfs_elf_check(int fd, char *interp, size_t size) {
	struct elf_file f = { .fd = fd };
	long rc = elf_parse(&f);
	if (rc == 0 && f.header.e_type == ET_EXEC && f.low < BFS_GATE_ADDR + BFS_GATE_SIZE && f.high > BFS_GATE_ADDR) rc = -ENOMEM;
	return rc < 0 ? rc : elf_interpreter(&f, interp, size);
}

/* Address space for the whole span: fixed for ET_EXEC, anywhere (aligned) for ET_DYN. Returns the address of f->low. */
static long elf_reserve(const struct elf_file *f) {
	uint64_t span = f->high - f->low;
	const uint64_t flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	if (f->header.e_type == ET_EXEC) {
		long at = bfs_raw6(__NR_mmap, f->low, span, PROT_NONE, flags | MAP_FIXED_NOREPLACE, -1, 0);
		return at >= 0 && (uint64_t)at != f->low ? -ENOMEM : at;
	}
	long raw = bfs_raw6(__NR_mmap, 0, span + f->align, PROT_NONE, flags, -1, 0);
	if (raw < 0) return raw;
	uint64_t start = (uint64_t)raw;
	uint64_t skew = f->low & (f->align - 1);
	uint64_t at = ((start - skew + f->align - 1) & ~(f->align - 1)) + skew;
	if (at > start) bfs_raw2(__NR_munmap, start, at - start);
	uint64_t tail = start + span + f->align - (at + span);
	if (tail > 0) bfs_raw2(__NR_munmap, at + span, tail);
	return (long)at;
}

static uint32_t elf_protection(uint32_t flags) {
	return ((flags & PF_R) ? PROT_READ : 0) | ((flags & PF_W) ? PROT_WRITE : 0) | ((flags & PF_X) ? PROT_EXEC : 0);
}

static long elf_map_segment(const struct elf_file *f, const Elf64_Phdr *p, uint64_t bias) {
	uint64_t start = ELF_PAGE_DOWN(p->p_vaddr) + bias, file_end = p->p_vaddr + p->p_filesz + bias, end = p->p_vaddr + p->p_memsz + bias;
	uint32_t prot = elf_protection(p->p_flags);
	if (p->p_filesz > 0) {
		long rc = bfs_syscall(__NR_mmap, start, file_end - start, prot, MAP_PRIVATE | MAP_FIXED, (uint64_t)f->fd, ELF_PAGE_DOWN(p->p_offset));
		if (rc < 0) return rc;
	} else {
		file_end = start;
	}
	/* All of the last page is cleared, past p_memsz too: glibc's loader allocates from there before it can map. A segment that may not be written keeps its file's bytes (as padzero does). */
	uint64_t zero_end = ELF_PAGE_UP(file_end);
	/* In a file cut short that page is no memory: found out by the probe, not by SIGBUS. */
	if (zero_end > file_end && (prot & PROT_WRITE) != 0 && bfs_zero_out((void *)file_end, zero_end - file_end) != (long)(zero_end - file_end))
		return -ENOEXEC;
	if (end > zero_end) {
		long rc = bfs_raw6(__NR_mmap, zero_end, end - zero_end, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		if (rc < 0) return rc;
	}
	return 0;
}

/* Maps all of F; *BIAS receives what is added to its addresses. */
static long elf_map(const struct elf_file *f, uint64_t *bias) {
	long at = elf_reserve(f);
	if (at < 0) return at;
	*bias = (uint64_t)at - f->low;
	for (unsigned i = 0; i < f->header.e_phnum; i++) {
		if (f->phdrs[i].p_type != PT_LOAD || f->phdrs[i].p_memsz == 0) continue;
		long rc = elf_map_segment(f, &f->phdrs[i], *bias);
		if (rc < 0) return rc;
	}
	return 0;
}

/* Where the program headers are in memory. */
static uint64_t elf_phdr_address(const struct elf_file *f, uint64_t bias) {
	for (unsigned i = 0; i < f->header.e_phnum; i++)
		if (f->phdrs[i].p_type == PT_PHDR) return f->phdrs[i].p_vaddr + bias;
	for (unsigned i = 0; i < f->header.e_phnum; i++) {
		const Elf64_Phdr *p = &f->phdrs[i];
		if (p->p_type == PT_LOAD && f->header.e_phoff >= p->p_offset && f->header.e_phoff - p->p_offset < p->p_filesz)
			return f->header.e_phoff - p->p_offset + p->p_vaddr + bias;
	}
	return 0;
}

/* What /proc/PID/stat calls code and data (load_elf_binary). */
static void elf_bounds(const struct elf_file *f, uint64_t bias, struct bfs_elf *out) {
	uint64_t start_code = ~0ul, end_code = 0, start_data = 0, end_data = 0;
	for (unsigned i = 0; i < f->header.e_phnum; i++) {
		const Elf64_Phdr *p = &f->phdrs[i];
		if (p->p_type != PT_LOAD) continue;
		uint64_t end = p->p_vaddr + p->p_filesz;
		if ((p->p_flags & PF_X) != 0) {
			start_code = BFS_MIN(start_code, p->p_vaddr);
			end_code = BFS_MAX(end_code, end);
		}
		start_data = BFS_MAX(start_data, p->p_vaddr);
		end_data = BFS_MAX(end_data, end);
	}
	bool has_code = start_code < end_code;
	out->start_code = (has_code ? start_code : f->low) + bias;
	out->end_code = (has_code ? end_code : f->high) + bias;
	out->start_data = start_data + bias;
	out->end_data = end_data + bias;
}

long bfs_elf_load(int fd, struct bfs_elf *out) {
	struct elf_file program = { .fd = fd };
	char path[BFS_PATH_MAX];
	uint64_t bias;
	long rc = elf_parse(&program);
	if (rc == 0) rc = elf_interpreter(&program, path, sizeof path);
	if (rc == 0) rc = elf_map(&program, &bias);
	if (rc < 0) return rc;
	memset(out, 0, sizeof *out);
	out->own_entry = program.header.e_entry + bias;
	out->entry = out->own_entry;
	out->phdr = elf_phdr_address(&program, bias);
	out->phnum = program.header.e_phnum;
	out->phent = program.header.e_phentsize;
	elf_bounds(&program, bias, out);
	for (unsigned i = 0; i < program.header.e_phnum; i++)
		if (program.phdrs[i].p_type == PT_GNU_STACK) out->exec_stack = (program.phdrs[i].p_flags & PF_X) != 0;
	if (path[0] == 0) return 0;

	/* Loader and libraries: image first, the host where it may help out. */
	bfs_load_phase = !bfs_hermetic();
	out->dynamic = true;
	long interp_fd = bfs_syscall(__NR_openat, (uint64_t)AT_FDCWD, BFS_ARG(path), O_RDONLY | O_CLOEXEC, 0, 0, 0);
	if (interp_fd < 0) return interp_fd;
	struct elf_file interp = { .fd = (int)interp_fd };
	rc = elf_parse(&interp);
	if (rc == 0) rc = elf_map(&interp, &bias);
	bfs_syscall(__NR_close, (uint64_t)interp_fd, 0, 0, 0, 0, 0);
	if (rc < 0) return rc;
	out->base = interp.low + bias;
	out->entry = interp.header.e_entry + bias;
	return 0;
}
