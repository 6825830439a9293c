#!/usr/bin/env bash
# git, natively and in an image: the same objects, references and trees.
. "$(dirname "$0")/support/both.sh"
if ! type -P git >/dev/null; then
	skip "git is not installed"
	finish
fi
cp "$beside"/*.sh "$cases"
programs git sh bash basename cmp true uname expr dirname date tar cat chmod cksum cp cut env find grep head ln ls mkdir mv printf rm sed seq sort tail tee touch tr wc || fail "a program is not installed"
core=$(git --exec-path)
closure "$core"/git*
library --include "$core" --include /usr/share/git-core --include /usr/lib/git-core
both "git" bash "$cases/work.sh"
finish
