/* Fuzz target: programs. The input is an ELF file as exec and the ELF loader meet it; its interpreter is the file itself. Nothing is mapped over what the loader did not reserve. */
#define _GNU_SOURCE
#include "fuzz.h"
#include "trap.h"

#include <elf.h>
#include <linux/mman.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
void *__asan_region_is_poisoned(void *begin, size_t size);

bool bfs_load_phase;
bool bfs_hermetic(void) { return false; }

#define AREAS 64
static struct { uint64_t at, size; } areas[AREAS];
static int area_count, elf_fd;

static long kernel(long nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5) {
	long result;
	register uint64_t r10 __asm__("r10") = a3, r8 __asm__("r8") = a4, r9 __asm__("r9") = a5;
	__asm__ volatile("syscall" : "=a"(result) : "a"(nr), "D"(a0), "S"(a1), "d"(a2), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return result;
}

static bool area_holds(uint64_t at, uint64_t size) {
	for (int i = 0; i < area_count; i++)
		if (at >= areas[i].at && size <= areas[i].size && at - areas[i].at <= areas[i].size - size) return true;
	return false;
}

/* mmap replaces what lies at a fixed address: that must be the loader's own. What it reserves is given back after the run. */
static long fuzz_mmap(uint64_t at, uint64_t size, uint64_t prot, uint64_t flags, uint64_t fd, uint64_t offset) {
	bool fixed = (flags & MAP_FIXED) != 0 && (flags & MAP_FIXED_NOREPLACE) != MAP_FIXED_NOREPLACE;
	uint64_t rounded = (size + FUZZ_BLOCK - 1) / FUZZ_BLOCK * FUZZ_BLOCK;
	if (fixed && !area_holds(at, rounded)) {
		fprintf(stderr, "mapped over foreign memory: %#lx, %#lx bytes\n", (unsigned long)at, (unsigned long)size);
		abort();
	}
	long r = kernel(__NR_mmap, at, size, prot, flags, fd, offset);
	if (r >= 0 && !fixed) {
		if (area_count == AREAS) abort();
		areas[area_count].at = (uint64_t)r;
		areas[area_count++].size = rounded;
	}
	return r;
}

long bfs_raw(long nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5) {
	if (nr == __NR_mmap) return fuzz_mmap(a0, a1, a2, a3, a4, a5);
	if (nr == __NR_munmap && !area_holds(a0, a1)) abort();
	return kernel(nr, a0, a1, a2, a3, a4, a5);
}

/* The file system: one file, whatever its name. */
long bfs_syscall(long nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5) {
	if (nr == __NR_openat) return dup(elf_fd);
	if (nr == __NR_pread64 && __asan_region_is_poisoned((void *)a1, a2) != NULL) abort();
	return bfs_raw(nr, a0, a1, a2, a3, a4, a5);
}

/* Bytes beyond the file's end are no memory: the kernel copies them. */
long bfs_copy_out(void *user_dst, const void *src, size_t size) {
	uint64_t local[2] = { (uint64_t)src, size }, remote[2] = { (uint64_t)user_dst, size };
	return kernel(__NR_process_vm_writev, (uint64_t)getpid(), (uint64_t)local, 1, (uint64_t)remote, 1, 0) == (long)size ? 0 : -EFAULT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	char interp[BFS_PATH_MAX];
	struct bfs_elf elf;
	struct fuzz_file f = fuzz_file_make(data, size);
	elf_fd = f.fd;
	area_count = 0;
	if (bfs_elf_check(f.fd, interp, sizeof interp) == 0 && memchr(interp, 0, sizeof interp) == NULL) abort();
	long rc = bfs_elf_load(f.fd, &elf);
	if (rc > 0) abort();
	for (int i = 0; i < area_count; i++) kernel(__NR_munmap, areas[i].at, areas[i].size, 0, 0, 0, 0);
	fuzz_file_free(&f);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
	uint32_t state = seed * 2654435761u | 1;
	if (size < sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr) || fuzz_below(&state, 12) == 0) return LLVMFuzzerMutate(data, size, max_size);
	Elf64_Ehdr h;
	memcpy(&h, data, sizeof h);
	size_t room = (size - sizeof h) / sizeof(Elf64_Phdr), count = h.e_phnum < room ? h.e_phnum : room;
	uint8_t *entry = data + sizeof h + fuzz_below(&state, count + 1 < room ? count + 1 : room) * sizeof(Elf64_Phdr);
	static const uint8_t fields[][2] = { { 0, 4 }, { 4, 4 }, { 8, 8 }, { 16, 8 }, { 32, 8 }, { 40, 8 }, { 48, 8 } };
	const uint8_t *field = fields[fuzz_below(&state, 7)];
	static const uint32_t kinds[] = { PT_LOAD, PT_INTERP, PT_PHDR, PT_GNU_STACK, PT_NULL };
	switch (fuzz_below(&state, 10)) {
	case 0: fuzz_number(&state, data + fuzz_below(&state, 56) / 8 * 8, 8, size); break;
	case 1:
		h.e_type = fuzz_below(&state, 2) != 0 ? ET_EXEC : ET_DYN, h.e_phnum = (uint16_t)(1 + fuzz_below(&state, room)), memcpy(data, &h, sizeof h);
		break;
	case 2: memcpy(entry, &kinds[fuzz_below(&state, 5)], 4); break;
	case 3: memcpy(entry + 4, &(uint32_t){ fuzz_below(&state, 8) }, 4); break;
	case 4: memcpy(entry + 40, entry + 32, 8); break;                  /* memsz = filesz */
	case 5: memcpy(entry + 8, entry + 16, 8); break;                   /* offset = vaddr */
	case 6: memcpy(entry, data + sizeof h, sizeof(Elf64_Phdr)); break; /* one in another's place */
	default: fuzz_number(&state, entry + field[0], field[1], fuzz_below(&state, 2) != 0 ? size : 0x7fffffff0000); break;
	}
	return size;
}
