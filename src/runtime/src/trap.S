/* The SIGSYS handler: changes to a private stack, lets bfs_trap_main act on the signal frame, returns to the program through rt_sigreturn. */

#include "trap_asm.h"

	.text
	.balign 16
	.globl bfs_sigsys_handler
	.hidden bfs_sigsys_handler
	.type bfs_sigsys_handler, @function
/* (rdi = signal, rsi = siginfo, rdx = ucontext). Callee-saved registers are free: rt_sigreturn restores all of them from the frame. */
bfs_sigsys_handler:
	endbr64
	mov %rsp, %r12
	mov %rdi, %r13
	mov %rsi, %r14
	mov %rdx, %r15
	and $-16, %rsp
	call bfs_slot_take
	mov %rax, %rbx
	lea BFS_SLOT_SIZE(%rax), %rsp
	mov %r13, %rdi
	mov %r14, %rsi
	mov %r15, %rdx
	call bfs_trap_main
	mov %r12, %rsp
	movl $0, (%rbx)
	ret
	.size bfs_sigsys_handler, . - bfs_sigsys_handler

	.balign 16
	.globl bfs_sigreturn
	.hidden bfs_sigreturn
	.type bfs_sigreturn, @function
bfs_sigreturn:
	mov $15, %eax
	syscall
	hlt
	.size bfs_sigreturn, . - bfs_sigreturn

	.section .note.GNU-stack, "", @progbits
