/* The SIGSYS handler: changes to a private stack, lets bfs_trap_main act on the signal frame, returns to the program through rt_sigreturn. A signal that is the program's own business is
 * handed on: its handler is entered on the stack and with the frame that the kernel made, as if the kernel had called it. */

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
	mov %r14, %rdi
	mov %r15, %rsi
	call bfs_trap_main
	mov %r12, %rsp
	xor %ecx, %ecx
	xchg %ecx, (%rbx) /* a full barrier: who waits is seen, or sees the free slot */
	mov bfs_slot_waiting(%rip), %rcx
	cmpl $0, (%rcx)
	jne 2f
3:	test %rax, %rax
	jnz 1f
	ret
2:	mov %rax, %rbx
	and $-16, %rsp
	call bfs_slot_wake
	mov %r12, %rsp
	mov %rbx, %rax
	jmp 3b
1:	mov %rax, %rbx
	and $-16, %rsp
	mov %r15, %rdi
	call bfs_signal_enter
	mov %r12, %rsp
	mov %r13, %rdi
	mov %r14, %rsi
	mov %r15, %rdx
	xor %eax, %eax
	jmp *%rbx
	.size bfs_sigsys_handler, . - bfs_sigsys_handler

/* Where the gate goes on after a call of whose result the runtime hears: rax is a call that traps. */
	.balign 16
	.globl bfs_after_call
	.hidden bfs_after_call
	.globl bfs_after_trapped
	.hidden bfs_after_trapped
	.type bfs_after_call, @function
bfs_after_call:
	endbr64
	syscall
bfs_after_trapped:
	hlt
	.size bfs_after_call, . - bfs_after_call

	.section .note.GNU-stack, "", @progbits
