/* The note by which a library's image is found (docs/format.md section 2), without an image: the native ELF writer fills it in.
 * `binaryfs_note` is the address of the descriptor (struct bfs_note_desc), not of the note's header. */
	.section .note.binaryfs,"a",@note
	.balign 8
	.long 76, 0, 1
	.asciz "binaryfs"
	.balign 8
	.globl binaryfs_note
	.hidden binaryfs_note
	.type binaryfs_note, @object
	.size binaryfs_note, 64
binaryfs_note:
	.long 1, 0
	.quad 0
	.quad 0
	.skip 32
	.quad 0
	.section .note.GNU-stack,"",@progbits
