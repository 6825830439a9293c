/* Stands where the image will be: the native ELF writer stretches this section and its segment to the image's size. */
	.section .binfs,"a",@progbits
	.skip 4096
	.section .note.GNU-stack,"",@progbits
