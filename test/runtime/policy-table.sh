#!/usr/bin/env bash
# The policy table has one row for every system call number that this machine's kernel headers know, under the kernel's name, in order.
. "$(dirname "$0")/support/lib.sh"

table=$project/src/runtime/include/policy_table.h
rows=$(sed -nE 's/^(NATIVE|TRAP|LATER|PROCESS|DENY|OWN)\(([0-9]+), ([a-z0-9_]+).*/\2 \3/p' "$table")
count=$(wc -l <<<"$rows")
[ "$count" -gt 380 ] && pass || fail "only $count rows"
[ "$rows" = "$(sort -n -u -k1,1 <<<"$rows")" ] && pass || fail "rows out of order or twice"
header=$(echo '#include <asm/unistd_64.h>' | gcc -E -dM - | sed -nE 's/^#define __NR_([a-z0-9_]+) ([0-9]+)$/\2 \1/p')
[ -n "$header" ] || fail "the kernel's header gave no numbers"
while read -r number name; do
	grep -qx "$number $name" <<<"$rows" && pass || fail "$number is $name, the table says: $(grep "^$number " <<<"$rows")"
done <<<"$header"
limit=$(sed -nE 's/^#define BFS_NR_LIMIT ([0-9]+)$/\1/p' "$project/src/runtime/include/policy.h")
[ "$(tail -n 1 <<<"$rows" | cut -d' ' -f1)" -eq $((limit - 1)) ] && pass || fail "BFS_NR_LIMIT is not the last row's number + 1"
for class in NATIVE TRAP LATER PROCESS DENY OWN; do printf '%s: %s\n' "$class" "$(grep -c "^$class(" "$table")"; done
finish
