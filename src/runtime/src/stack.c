/* The initial stack of a program: argument vector, environment, auxiliary vector (System V AMD64 psABI 3.4.1). */
#include "trap.h"

#include <linux/auxvec.h>

void bfs_stack_parse(uint64_t *sp, struct bfs_stack *out) {
	out->sp = sp;
	out->argc = sp[0];
	out->argv = (char **)(sp + 1);
	out->envp = out->argv + out->argc + 1;
	char **end = out->envp;
	while (*end != NULL) end++;
	out->auxv = (uint64_t *)(end + 1);
}

uint64_t *bfs_auxv_find(uint64_t *auxv, uint64_t type) {
	for (; auxv[0] != AT_NULL; auxv += 2)
		if (auxv[0] == type) return auxv + 1;
	return NULL;
}

static bool stack_entry_is(const char *entry, const char *name) {
	size_t len = strlen(name);
	return bfs_starts_with(entry, name) && entry[len] == '=';
}

char *bfs_env_get(char **envp, const char *name) {
	for (; *envp != NULL; envp++)
		if (stack_entry_is(*envp, name)) return *envp + strlen(name) + 1;
	return NULL;
}

uint64_t *bfs_stack_strip(struct bfs_stack *stack, unsigned drop) {
	/* Everything moves up against the end of the auxiliary vector; the strings stay where the kernel put them. */
	uint64_t *aux_end = stack->auxv;
	while (aux_end[0] != AT_NULL) aux_end += 2;
	aux_end += 2;
	uint64_t argc = stack->argc - drop;
	uint64_t envc = (uint64_t)((char **)stack->auxv - 1 - stack->envp);
	uint64_t auxc = (uint64_t)(aux_end - stack->auxv);
	uint64_t words = 1 + argc + 1 + envc + 1 + auxc;
	uint64_t *packed = aux_end - words;
	uint64_t *at = aux_end - auxc; /* from the end down: every piece moves upwards, or not at all */
	at -= envc + 1;
	memmove(at, stack->envp, (envc + 1) * sizeof *at);
	at -= argc + 1;
	memmove(at, stack->argv + drop, (argc + 1) * sizeof *at);
	packed[0] = argc;
	uint64_t *sp = (uint64_t *)((uint64_t)packed & ~15ul);
	memmove(sp, packed, words * sizeof *sp); /* the psABI's alignment: down by one word, or not at all */
	bfs_stack_parse(sp, stack);
	return sp;
}
