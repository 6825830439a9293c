# Links the whole runtime (one relocatable object) into the native template. Include it from a Makefile that sets
#   RUNTIME_OBJECT  the runtime, `ld -r`, one object
#   OUT             the directory that receives template.so
# and may set CC, LD and OBJCOPY. It also gives $(OUT)/note.o, the note without an image, for the launcher.

TEMPLATE_DIR := $(dir $(lastword $(MAKEFILE_LIST)))
CC ?= gcc
LD ?= ld
OBJCOPY ?= objcopy

$(OUT)/note.o: $(TEMPLATE_DIR)note.S
	$(CC) -c -o $@ $<

$(OUT)/placeholder.o: $(TEMPLATE_DIR)placeholder.S
	$(CC) -c -o $@ $<

# norelro: as a program the library has no loader that would make the region read-only; -Bsymbolic: it never binds to a stranger's symbols.
# ld puts __ehdr_start into the symbol table with an address outside of its section, which ELF checkers refuse.
$(OUT)/template.so: $(RUNTIME_OBJECT) $(OUT)/note.o $(OUT)/placeholder.o $(TEMPLATE_DIR)template.ld $(TEMPLATE_DIR)template.mk
	$(LD) -shared -e _start -Bsymbolic --hash-style=both --build-id=none -z now -z norelro -z noexecstack -z text -z defs \
		-z max-page-size=4096 -T $(TEMPLATE_DIR)template.ld -o $@.tmp $(RUNTIME_OBJECT) $(OUT)/note.o $(OUT)/placeholder.o
	$(OBJCOPY) --strip-symbol=__ehdr_start $@.tmp
	mv $@.tmp $@
