/* Self-relocation: as a program the library has no dynamic linker. Runs before anything that a relocation provides (function tables) is used. */
#include "trap.h"

#include <elf.h>

extern const Elf64_Ehdr __ehdr_start BFS_HIDDEN;

void bfs_relocate_and_start(uint64_t *sp) BFS_HIDDEN __attribute__((noreturn));
void bfs_launch(uint64_t *sp) BFS_HIDDEN __attribute__((noreturn));

void bfs_relocate_and_start(uint64_t *sp) {
	uint64_t base = (uint64_t)&__ehdr_start;
	uint64_t rela = 0, size = 0;
	static const Elf64_Dyn none = { .d_tag = DT_NULL };
	const Elf64_Dyn *d = &none;
	/* Through the program headers: patchelf moves the dynamic section and leaves rubbish where _DYNAMIC points. */
	const Elf64_Phdr *p = (const Elf64_Phdr *)(base + __ehdr_start.e_phoff);
	for (unsigned i = 0; i < __ehdr_start.e_phnum; i++)
		if (p[i].p_type == PT_DYNAMIC) d = (const Elf64_Dyn *)(base + p[i].p_vaddr);
	for (; d->d_tag != DT_NULL; d++) {
		if (d->d_tag == DT_RELA) rela = d->d_un.d_ptr;
		if (d->d_tag == DT_RELASZ) size = d->d_un.d_val;
	}
	/* Those with symbols are the C start-up files' weak ones: never used here. */
	for (uint64_t at = base + rela; at < base + rela + size; at += sizeof(Elf64_Rela)) {
		const Elf64_Rela *r = (const Elf64_Rela *)at;
		if (ELF64_R_TYPE(r->r_info) == R_X86_64_RELATIVE) *(uint64_t *)(base + r->r_offset) = base + (uint64_t)r->r_addend;
	}
	bfs_launch(sp);
}

uint64_t bfs_carrier_size(void) {
	const Elf64_Phdr *p = (const Elf64_Phdr *)((uint64_t)&__ehdr_start + __ehdr_start.e_phoff);
	uint64_t size = 0;
	for (unsigned i = 0; i < __ehdr_start.e_phnum; i++)
		if (p[i].p_type == PT_LOAD) size += p[i].p_memsz;
	return size;
}
