/* The gate: the only code from which system calls pass the filters, the tree's and those of programs. Position-independent; copied to BFS_GATE_ADDR. */

#include "trap_asm.h"

	.section .rodata
	.balign 16
	.globl bfs_gate_code
	.hidden bfs_gate_code
bfs_gate_code:
	endbr64
	syscall
	ret

/* A passed call: the SIGSYS handler made the kernel return here with the (possibly rewritten) call in the registers and rsp at the frame that trap.c describes:
 * rdi rsi rdx r10 r8 r9 rip rsp. No flag is changed after the call and rcx, r11 are the kernel's to clobber anyway. */
	.balign 16
	.globl bfs_gate_pass
	.hidden bfs_gate_pass
bfs_gate_pass:
	syscall
gate_restore:
	mov 0(%rsp), %rdi
	mov 8(%rsp), %rsi
	mov 16(%rsp), %rdx
	mov 24(%rsp), %r10
	mov 32(%rsp), %r8
	mov 40(%rsp), %r9
	mov 48(%rsp), %rcx
	mov 56(%rsp), %rsp
	jmp *%rcx

/* The same, and what the program called is called again where the kernel's result is the one that was waited for (BFS_WAIT): the call's number and the negated result follow the rest of the frame, and its syscall instruction is two bytes long. */
	.balign 16
	.globl bfs_gate_wait
	.hidden bfs_gate_wait
bfs_gate_wait:
	syscall
	mov 72(%rsp), %rcx
	lea (%rax,%rcx), %rcx
	jrcxz 1f
	jmp gate_restore
1:	mov 64(%rsp), %rax
	mov 48(%rsp), %rcx
	lea -2(%rcx), %rcx
	mov %rcx, 48(%rsp)
	jmp gate_restore

/* The same, and where the word that the frame names is not zero, the runtime hears of the result (BFS_AFTER), by a call that traps: it finds the result in the frame's tenth word. */
	.balign 16
	.globl bfs_gate_after
	.hidden bfs_gate_after
bfs_gate_after:
	syscall
	mov 72(%rsp), %rcx
	mov (%rcx), %rcx
	jrcxz 2f
	mov %rax, 72(%rsp)
	mov 80(%rsp), %rcx
	mov 64(%rsp), %rax
	jmp *%rcx
2:	jmp gate_restore

/* The end of the SIGSYS handler: here, as a filter of the program may forbid rt_sigreturn. */
	.balign 16
	.globl bfs_gate_sigreturn
	.hidden bfs_gate_sigreturn
bfs_gate_sigreturn:
	mov $15, %eax
	syscall
	hlt

/* Asks the filters about a call, which is not made: bfs_judge. */
	.balign 16
gate_judge:
	endbr64
	syscall
	.globl bfs_gate_judged
	.hidden bfs_gate_judged
bfs_gate_judged:
	ret
	.globl bfs_gate_code_end
	.hidden bfs_gate_code_end
bfs_gate_code_end:

/* From a function (nr, a0 … a5) to a system call. */
	.macro call_registers
	mov %rdi, %rax
	mov %rsi, %rdi
	mov %rdx, %rsi
	mov %rcx, %rdx
	mov %r8, %r10
	mov %r9, %r8
	mov 8(%rsp), %r9
	.endm

/* long bfs_raw(nr, a0 … a5): through the gate once it is mapped, by an instruction of our own before. */
	.text
	.balign 16
	.globl bfs_raw
	.hidden bfs_raw
	.type bfs_raw, @function
bfs_raw:
	endbr64
	call_registers
	mov bfs_gate_entry(%rip), %r11
	test %r11, %r11
	jnz 1f
	syscall
	ret
1:	jmp *%r11
	.size bfs_raw, . - bfs_raw

/* long bfs_judge(nr, a0 … a5) */
	.balign 16
	.globl bfs_judge
	.hidden bfs_judge
	.type bfs_judge, @function
bfs_judge:
	endbr64
	call_registers
	mov $(BFS_GATE_ADDR + (gate_judge - bfs_gate_code)), %r11d
	jmp *%r11
	.size bfs_judge, . - bfs_judge

/* long bfs_plain(nr, a0): never through the gate; bfs_trap_probe alone uses it. */
	.balign 16
	.globl bfs_plain
	.hidden bfs_plain
	.type bfs_plain, @function
bfs_plain:
	endbr64
	mov %rdi, %rax
	mov %rsi, %rdi
	xor %esi, %esi
	xor %edx, %edx
	syscall
	ret
	.size bfs_plain, . - bfs_plain

	.section .note.GNU-stack, "", @progbits
