# Reads "package TAB provides TAB depends" of every installed package; prints `roots` and what they depend on, directly or through others.
# Of alternatives ("a | b") those that are installed count.
BEGIN { FS = "\t" }
{
	depends[$1] = $3
	count = split($2, provides, /, */)
	for (i = 1; i <= count; i++) {
		sub(/ .*/, "", provides[i])
		provider[provides[i]] = $1
	}
}
END {
	last = split(roots, queue, " ")
	for (i = 1; i <= last; i++) seen[queue[i]] = 1
	for (at = 1; at <= last; at++) {
		if (!(queue[at] in depends)) continue
		print queue[at]
		count = split(depends[queue[at]], names, /, *| *\| */)
		for (i = 1; i <= count; i++) {
			name = names[i]
			sub(/[ :].*/, "", name)
			if (!(name in depends)) name = provider[name]
			if (name == "" || name in seen) continue
			seen[name] = 1
			queue[++last] = name
		}
	}
}
