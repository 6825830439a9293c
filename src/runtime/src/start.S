/* Where control enters and leaves the runtime: the library's entry point as a program, the jump into a loaded program, the end of its load phase. */

	.text
	.balign 16
	.globl _start
	.hidden _start
	.globl binaryfs_start
	.hidden binaryfs_start
	.type _start, @function
/* The kernel's entry: rsp points to argc. */
_start:
binaryfs_start:
	endbr64
	xor %ebp, %ebp
	mov %rsp, %rdi
	and $-16, %rsp
	call bfs_relocate_and_start
	hlt
	.size _start, . - _start

	.balign 16
	.globl bfs_jump
	.hidden bfs_jump
	.type bfs_jump, @function
/* bfs_jump(entry, sp): the registers that a program may look at at its start are those the kernel gives: rdx 0 (no function for atexit), the rest 0. */
bfs_jump:
	mov %rdi, %rax
	mov %rsi, %rsp
	xor %ebx, %ebx
	xor %ecx, %ecx
	xor %edx, %edx
	xor %esi, %esi
	xor %edi, %edi
	xor %ebp, %ebp
	xor %r8d, %r8d
	xor %r9d, %r9d
	xor %r10d, %r10d
	xor %r11d, %r11d
	xor %r12d, %r12d
	xor %r13d, %r13d
	xor %r14d, %r14d
	xor %r15d, %r15d
	jmp *%rax
	.size bfs_jump, . - bfs_jump

	.balign 16
	.globl bfs_entry_stub
	.hidden bfs_entry_stub
	.type bfs_entry_stub, @function
/* AT_ENTRY of a dynamic program: the loader jumps here when its libraries are loaded. Ends the load phase, puts the true AT_ENTRY back, goes on. rdx (ld.so's fini) and rsp stay. */
bfs_entry_stub:
	endbr64
	movb $0, bfs_load_phase(%rip)
	mov bfs_entry_auxv(%rip), %rax
	mov bfs_entry_own(%rip), %rcx
	mov %rcx, (%rax)
	jmp *%rcx
	.size bfs_entry_stub, . - bfs_entry_stub

	.section .note.GNU-stack, "", @progbits
