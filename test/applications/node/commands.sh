# NODE MAIN TREE OUTPUT: builds of TREE and of node itself, and looks into them.
node=$1 main=$2 tree=$3 output=$4
binaryfs() { "$node" "$main" "$@" 2>&1; echo "ended with $?"; }
case $output in /*) ;; *) output=$PWD/$output ;; esac
# Durations and the digest's place in the line apart, what was said must be the same.
said() { sed -E 's/, [0-9]+ ms \(.*//'; }

echo "== build"
binaryfs build "$tree" -o "$output.so" --no-state --owner root | said
cksum <"$output.so"
binaryfs build "$tree" -o "$output.compact.so" --no-state --owner root --layout compact | said
cksum <"$output.compact.so"

echo "== looking inside"
binaryfs ls --json "$output.so" | cksum
binaryfs tree "$output.so" /docs
binaryfs du "$output.so"
binaryfs verify "$output.so"
binaryfs cat "$output.so" /numbers | cksum
binaryfs stat "$output.so" /bin/link
binaryfs extract "$output.so" -o "$output.out"
find "$output.out" -type f -exec cksum {} + | sed "s| $output.out| OUT|" | sort | cksum
find "$output.out" -printf '%M %n %l %P\n' | sort | cksum

echo "== incremental"
cp() { "$node" -e 'require("fs").cpSync(process.argv[1], process.argv[2], { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })' "$@"; }
cp "$tree" "$output.copy"
binaryfs build "$output.copy" -o "$output.again.so" --state "$output.state" --owner root --mtime 1600000000 | said
echo edited >"$output.copy/docs/runtime.md"
rm "$output.copy/docs/format.md"
mv "$output.copy/src/model.ts" "$output.copy/src/moved.ts"
binaryfs build "$output.copy" -o "$output.again.so" --state "$output.state" --owner root --mtime 1600000000 | said | sed 's/re-emitted [^,]*//'
binaryfs build "$output.copy" -o "$output.clean.so" --no-state --owner root --mtime 1600000000 | said | sed 's/re-emitted [^,]*//'
cmp "$output.again.so" "$output.clean.so"
cksum <"$output.again.so"
binaryfs verify "$output.again.so"

echo "== refusals"
binaryfs build "$tree/absent" -o "$output.none.so" --no-state
binaryfs verify "$tree/numbers"
binaryfs ls "$output.none.so"

echo "== itself"
binaryfs build / -o "${output%/*}/self.so" --no-state --owner root --mtime 1600000000 --selection "$tree/../self.selection" | said
cksum <"${output%/*}/self.so"
