#!/usr/bin/env bash
# Shells and the programs that scripts use, natively and in an image: what they print and the trees they leave are the same.
. "$(dirname "$0")/support/both.sh"
cp "$beside"/*.sh "$cases"
utilities=(awk basename base64 cat chgrp chmod chown cksum cmp comm cp csplit cut date dd df diff dirname du echo env expand expr fallocate false find flock fold grep gunzip gzip head id
	install join kill link ln ls md5sum mkdir mkfifo mktemp mv nice nl nohup od paste patch pathchk printf ps pwd readlink realpath rm rmdir script sed seq sha256sum shred shuf sleep
	sort split stat stdbuf stty sum sync tac tail tar tee test timeout touch tr true truncate tsort tty uname unexpand uniq unlink wc xargs yes zcat)
programs sh bash dash "${utilities[@]}" || fail "a utility is not installed"
library --include '/usr/libexec/coreutils/*'
both "posix.sh by dash" dash "$cases/posix.sh"
both "posix.sh by bash" bash "$cases/posix.sh"
both "bash.sh" bash "$cases/bash.sh"
both "utilities.sh" bash "$cases/utilities.sh"
both "terminal.sh" script -qec "bash $cases/terminal.sh" /dev/null
both "typed.sh" bash "$cases/typed.sh" "$cases/typing.sh"
finish
