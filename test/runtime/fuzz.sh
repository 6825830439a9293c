#!/usr/bin/env bash
# Damaged images, libraries and programs: the inputs that fuzzing kept (fuzz/corpus) and fresh mutations of them, in the parts that read them; then whole trees on damaged libraries.
# Nothing is read outside of the image, everything ends. fuzz/run.sh goes on for hours.
. "$(dirname "$0")/support/lib.sh"

for tool in gcc tar xz; do command -v "$tool" >/dev/null || fail "$tool is missing"; done
nice "$here/fuzz/build.sh" "$scratch/build" replay || fail "build"
seed=${FUZZ_SEED:-$(date +%s)}
echo "seed $seed"
for target in image library elf; do
	mkdir "$scratch/$target"
	tar -C "$scratch/$target" -xJf "$here/fuzz/corpus/$target.tar.xz" || fail "corpus of $target"
	rounds=${FUZZ_ROUNDS:-4000}
	if ASAN_OPTIONS=detect_leaks=0 "$scratch/build/$target" "$scratch/$target" "$rounds" "$seed" >"$scratch/out" 2>"$scratch/err"; then
		printf '%s: %s, %s\n' "$target" "$(tail -n 1 "$scratch/err")" "$(tail -n 1 "$scratch/out")"
		pass
	else
		tail -n 40 "$scratch/err"
		fail "$target (seed $seed)"
	fi
done

# A library in order that holds the program, and behind it one whose damage is met only in use: every call answers, the program ends well.
mkdir -p "$scratch/good/bin" "$scratch/bad/etc" "$scratch/bad/d/e" "$scratch/bad/many"
gcc -O1 -static -Wno-unused-result -o "$scratch/good/bin/prober" "$here/fuzz/prober.c" || fail "compile prober"
gcc -O1 -o "$scratch/mutants" "$here/fuzz/mutants.c" "$here/fuzz/mutate_image.c" "$here/fuzz/file.c" || fail "compile mutants"
echo 'int main(void) { return 3; }' | gcc -x c -static -nostartfiles -Wl,-e,main -o "$scratch/bad/etc/program" - || fail "compile program"
printf '#!/etc/program x\n' >"$scratch/bad/etc/script"
chmod 755 "$scratch/bad/etc/script"
head -c 30000 "$scratch/good/bin/prober" >"$scratch/bad/d/e/data"
head -c 1200000 /dev/zero >"$scratch/bad/d/chunks"
ln -s ../d/e/data "$scratch/bad/etc/link"
for i in $(seq 300); do echo "$i" >"$scratch/bad/many/name-$i"; done
setfattr -n user.color -v blue "$scratch/bad/etc/program" 2>/dev/null
for layout in compact stable; do binaryfs build "$scratch/bad" -o "$scratch/bad-$layout.so" --layout $layout >/dev/null || fail "build bad"; done
binaryfs build "$scratch/good" -o "$scratch/good.so" >/dev/null || fail "build good"
# Of ten three are refused at the start; by chance there may be more.
libraries=${FUZZ_LIBRARIES:-80} refused=0 used=0
for ((i = 0; i < libraries || (used <= libraries / 2 && i < 4 * libraries); i++)); do
	layout=$([ $((i % 4)) -eq 3 ] && echo stable || echo compact)
	"$scratch/mutants" "$scratch/bad-$layout.so" "$scratch/mutant.so" $((seed + i)) || fail "mutants"
	chmod 644 "$scratch/mutant.so"
	output=$(as_user env SCONE_EXTENSIONS_PATH="$scratch/good.so:$scratch/mutant.so" timeout -s KILL 600 "$runner" /bin/prober 2>&1 </dev/null)
	status=$?
	if [ $status -eq 0 ] && [[ ${output##*$'\n'} == probed\ * ]]; then
		used=$((used + 1))
	elif [ $status -eq 125 ] && [[ $output == binaryfs:\ *$'\n  '* ]]; then
		refused=$((refused + 1))
	else
		fail "damaged library, seed $((seed + i)), $layout: status $status, $(tail -n 3 <<<"$output")"
	fi
done
echo "damaged libraries: $used used, $refused refused"
if [ "$used" -gt $((libraries / 2)) ]; then pass; else fail "too few damaged libraries were used"; fi
finish
