/* A library of the image whose constructor asks for what the host has, as ELF, TEXT (compiled in) say. */
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

static int elf, text, loaded;
__attribute__((constructor)) static void early(void) {
	elf = open(ELF, O_RDONLY) >= 0;
	text = open(TEXT, O_RDONLY) >= 0;
	loaded = dlopen(ELF, RTLD_NOW) != 0;
}
int early_elf(void) { return elf; }
int early_text(void) { return text; }
int early_dlopen(void) { return loaded; }
