# A project in C and C++ compiled, linked and run where this runs: objects and programs come out the same byte for byte.
ending() { echo "ended with $?"; }
export SOURCE_DATE_EPOCH=1600000000
mkdir -p include src lib
cat >include/table.h <<'END'
#ifndef TABLE_H
#define TABLE_H
#include <stddef.h>
struct table { size_t used, size; const char **names; };
int table_add(struct table *t, const char *name);
unsigned table_hash(const char *name);
int table_self(void);
#endif
END
cat >src/table.c <<'END'
#include "table.h"
#include <stdlib.h>
#include <string.h>
int table_add(struct table *t, const char *name) {
	if (t->used == t->size) {
		size_t size = t->size ? 2 * t->size : 4;
		const char **names = realloc(t->names, size * sizeof *names);
		if (!names) return -1;
		t->names = names;
		t->size = size;
	}
	t->names[t->used++] = name;
	return 0;
}
END
cat >src/hash.c <<'END'
#include "table.h"
unsigned table_hash(const char *name) { unsigned h = 5381; while (*name) h = h * 33 + (unsigned char)*name++; return h; }
END
cat >src/self.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include "table.h"
static _Thread_local int mine;
static void *thread(void *arg) { mine = *(int *)arg; return (void *)(long)(mine * 2); }
int table_self(void) {
	int sum = 0;
	pthread_t threads[8];
	int values[8];
	for (int i = 0; i < 8; i++) { values[i] = i; pthread_create(&threads[i], 0, thread, &values[i]); }
	for (int i = 0; i < 8; i++) { void *r; pthread_join(threads[i], &r); sum += (int)(long)r; }
	Dl_info info;
	if (dladdr((void *)table_self, &info)) { const char *slash = strrchr(info.dli_fname, '/'); printf("in %s\n", slash ? slash + 1 : info.dli_fname); }
	return sum;
}
END
cat >src/main.c <<'END'
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "table.h"
#include "generated.h"
int main(int argc, char **argv) {
	struct table t = { 0 };
	for (int i = 0; i < argc; i++) table_add(&t, argv[i]);
	printf("%zu names, hash %u, threads %d, generated %d, root %.3f, %s\n", t.used, table_hash(argv[argc - 1]), table_self(), GENERATED, sqrt(argc), strerror(ENOENT));
	return 0;
}
END
cat >src/start.S <<'END'
	.globl answer
answer:	mov $42, %eax
	ret
	.section .note.GNU-stack,"",@progbits
END
cat >src/shapes.cc <<'END'
#include <algorithm>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
extern "C" int answer();
struct Shape { virtual ~Shape() = default; virtual double area() const = 0; };
template <int N> struct Square : Shape { double area() const override { if (N < 0) throw std::runtime_error("negative"); return N * N; } };
int main() {
	std::vector<std::unique_ptr<Shape>> shapes;
	shapes.emplace_back(new Square<3>); shapes.emplace_back(new Square<-1>); shapes.emplace_back(new Square<2>);
	double sum = 0;
	for (auto &s : shapes) try { sum += s->area(); } catch (const std::exception &e) { std::cout << "caught " << e.what() << '\n'; }
	std::map<std::string, int> words; std::mutex m; std::vector<std::thread> threads;
	for (int i = 0; i < 8; i++) threads.emplace_back([&, i] { std::lock_guard<std::mutex> l(m); words[std::to_string(i % 3)]++; });
	for (auto &t : threads) t.join();
	std::ofstream("out.txt") << "written by C++\n"; std::string line; std::ifstream in("out.txt"); std::getline(in, line);
	std::cout << sum << ' ' << words["0"] << words["1"] << words["2"] << ' ' << answer() << ' ' << line << std::endl;
}
END
cat >Makefile <<'END'
CFLAGS = -O2 -g -Wall -Iinclude -MMD
LDLIBS = -lm -lpthread
all: app app-static app-shared shapes
app: build/main.o lib/libtable.a build/self.o
	$(CC) -o $@ $^ $(LDLIBS)
app-static: build/main.o lib/libtable.a build/self.o
	$(CC) -static -o $@ $^ $(LDLIBS)
app-shared: build/main.o lib/libtable.so.1
	$(CC) -o $@ $< -Wl,-rpath,'$$ORIGIN/lib' -Llib -l:libtable.so.1 $(LDLIBS)
shapes: build/shapes.o build/start.o
	$(CXX) -o $@ $^
lib/libtable.a: build/table.o build/hash.o
	$(AR) rcsD $@ $^
lib/libtable.so.1: $(patsubst %,build/pic-%.o,table hash self)
	$(CC) -shared -Wl,-soname,$(@F) -o $@ $^ -lpthread
build/%.o: src/%.c | build
	$(CC) $(CFLAGS) -c -o $@ $<
build/%.o: src/%.cc | build
	$(CXX) $(CFLAGS) -c -o $@ $<
build/%.o: src/%.S | build
	$(CC) -c -o $@ $<
build/pic-%.o: src/%.c | build
	$(CC) $(CFLAGS) -fPIC -c -o $@ $<
build/main.o: include/generated.h
include/generated.h:
	@echo "#define GENERATED $$(expr 6 '*' 7)" >$@.new && mv $@.new $@
build:
	mkdir -p $@
-include $(wildcard build/*.d)
.DELETE_ON_ERROR:
END

echo "== make"
make -s -j2 2>&1; ending
for program in app app-static app-shared shapes; do ./$program one two; ending; done

echo "== bytes"
find . -type f ! -name '*.new' -exec cksum {} + | sort; find . -type f -perm -100 -printf '%M %P\n' | sort

echo "== make again"
make -s -j2 -q; ending; touch -d '2040-01-01' include/table.h; make -n 2>/dev/null | grep -c -- ' -c '; touch -d '2000-01-01' include/table.h; sed -i s/5381/5382/ src/hash.c; make -s -j2 2>&1; ./app three; make -s -j2 2>&1 | wc -l; echo 'fail: ; @echo x >half; exit 1' >bad.mk; make -s -f bad.mk fail 2>&1; ending

echo "== ways to compile"
printf '#include <stdio.h>\nint main(void) { puts("from standard input"); return 0; }\n' | gcc -x c -pipe -o piped - && ./piped; gcc -E -P -x c - <<<'__LINE__ __STDC_VERSION__'; gcc -O1 -S -o - src/hash.c -Iinclude | cksum; gcc -save-temps -O2 -c src/hash.c -Iinclude -o saved.o; ls saved*; cksum saved.o
gcc -c src/absent.c 2>&1; ending; echo 'int f(void) { return undeclared; }' >wrong.c; gcc -c wrong.c 2>&1; ending; echo 'int g(void); int main(void) { return g(); }' >unresolved.c; gcc unresolved.c -o unresolved 2>&1 | sed -E 's|/[^ :]*/cc[A-Za-z0-9]+\.o|TEMPORARY|; s|^/[^ :]*/ld|ld|'; ls unresolved 2>&1; find "$TMPDIR" -maxdepth 1 -name 'cc*'
echo '#include <vector>' >pre.h; g++ -x c++-header -O0 pre.h; echo '#error "the precompiled header was not taken"' >pre.h; g++ -O0 -Winvalid-pch -include pre.h -x c++ -c -o with-pch.o - <<<'int n() { return (int)std::vector<int>(3).size(); }'; ending; nm with-pch.o | grep -c .
gcc -O2 --coverage -o counted src/hash.c -Iinclude -xc - <<<'unsigned table_hash(const char *); int main(void) { return table_hash("x") == 0; }'; ./counted; ending; ls ./*.gcda | sed 's/-cc[A-Za-z0-9]*/-X/' | sort; ./counted; ending
gcc -O2 -flto=2 -Iinclude -o with-lto src/main.c src/table.c src/hash.c src/self.c -lm; ending; ./with-lto x; objcopy -O binary -j .text with-lto text; cksum text

echo "== binary tools"
objcopy --only-keep-debug app app.debug; strip -o stripped app; objcopy --add-gnu-debuglink=app.debug stripped; cksum app.debug stripped; ./stripped z; readelf -d app-shared | grep -E 'NEEDED|RUNPATH|RPATH'; ar t lib/libtable.a; ar dD lib/libtable.a hash.o; ar t lib/libtable.a; ranlib -D lib/libtable.a; objdump -d saved.o | cksum; size app | tail -n 1; nm -C shapes | grep -c Square; ld -r -o joined.o build/table.o build/hash.o; cksum joined.o; strip app shapes; cksum app shapes; ./app last
