# A project's life in git: objects and references come out the same, whatever file system they lie on.
export GIT_AUTHOR_NAME=Author GIT_AUTHOR_EMAIL=author@example.org GIT_COMMITTER_NAME=Committer GIT_COMMITTER_EMAIL=committer@example.org
export GIT_CONFIG_NOSYSTEM=1 GIT_EDITOR=true GIT_PAGER=cat
clock=1600000000
commit() { clock=$((clock + 60)); GIT_AUTHOR_DATE="$clock +0000" GIT_COMMITTER_DATE="$clock +0100" git "$@"; }
ending() { echo "ended with $?"; }
top=$PWD
git config --file config user.useConfigOnly true
export GIT_CONFIG_GLOBAL=$top/config
git config --global init.defaultBranch main; git config --global advice.detachedHead false; git config --global gc.auto 0; git config --global protocol.file.allow always
git config --global pack.threads 1

echo "== commits"
git init -q project; cd project || exit
mkdir -p src/deep; seq 1 2000 >src/numbers; echo hello >README; printf '#!/bin/sh\necho run\n' >run; chmod +x run; ln -s README link; printf '\0\1\2' >src/deep/binary; echo '*.o' >.gitignore; echo x >ignored.o
git add -A; git status --short; commit commit -qm 'first'; git log --format='%H %an %ae %ad %cn %s' --date=iso
for n in $(seq 1 20); do sed -i "${n}s/\$/ changed/" src/numbers; echo "$n" >"src/file$n"; git add -A; commit commit -qm "change $n"; done
git rev-parse HEAD 'HEAD^{tree}'; git ls-tree -r HEAD; git status --short --ignored; git cat-file -p HEAD; git cat-file --batch-all-objects --batch-check | sort | cksum

echo "== diff, log and blame"
echo changed >>README; mv run renamed; git diff --stat; git diff; git add -A; git diff --cached -M --summary; git diff HEAD~3 --name-status -M; commit commit -qam 'renames'; git log --oneline --stat -M -3; git log --follow --format=%s -- renamed; git blame -l src/numbers | head -n 3; git log -p -1 --format=%B
git show HEAD:README; git grep -n changed -- src/numbers | tail -n 2; git shortlog -s HEAD; git describe --always; git archive HEAD | cksum; git rev-list --objects --all | sort | cksum

echo "== branches and merges"
git switch -qc side HEAD~5; echo side >side; git add side; commit commit -qm side; sed -i '1500s/$/ on the side/' src/numbers; commit commit -qam 'side again'; git switch -q main; commit merge -q --no-ff -m merged side; git log --graph --oneline -6; git rev-parse HEAD
git switch -qc conflict HEAD~1; echo mine >README; commit commit -qam mine; git switch -q main; echo theirs >README; commit commit -qam theirs; commit merge conflict 2>&1; ending; git status --short; git diff; cat README; git checkout -q --ours README; git add README; commit commit -qm 'settled'; git rev-parse HEAD; git branch -vv | sed 's/ *$//'; git merge-base main side
commit tag -a v1 -m 'version one'; git tag light HEAD~1; git show-ref; commit cherry-pick --allow-empty --keep-redundant-commits side >/dev/null; ending; commit revert --no-edit HEAD~1 -m 1 >/dev/null; ending; git rev-parse HEAD

echo "== rebase, stash and bisect"
git switch -qc topic HEAD~4; for n in 1 2 3; do echo "$n" >"topic$n"; git add -A; commit commit -qm "topic $n"; done; commit rebase -q main 2>&1; ending; git log --oneline -4; GIT_SEQUENCE_EDITOR="sed -i '2s/pick/squash/;3s/pick/fixup/'" commit rebase -qi main 2>&1; ending; git log --format='%H %s' -2; git reflog --format='%gs' | head -n 4
echo stashed >>README; echo new >untracked; commit stash -u -q; git status --short; git stash list; git stash show -p --include-untracked stash@{0} | tail -n 8; commit stash pop 2>&1 | grep -v Dropped; git status --short; git checkout -q -- README; rm untracked
git bisect start main main~12 2>&1; git bisect run sh -c '[ ! -f src/file17 ]' 2>&1; git bisect reset 2>&1; git reset -q --hard main~1; git clean -fdxq; git status --short; git fsck --no-dangling 2>&1; ending

echo "== hooks"
git switch -q main
cat >.git/hooks/pre-commit <<'END'
#!/bin/sh
echo "pre-commit in $(basename "$PWD"): $(git diff --cached --name-only | tr '\n' ' ')"
! git diff --cached | grep -q forbidden
END
cat >.git/hooks/commit-msg <<'END'
#!/usr/bin/env bash
echo "Signed by a hook" >>"$1"
END
cat >.git/hooks/post-commit <<'END'
#!/bin/sh
echo "after $(git rev-parse HEAD)" | tee -a "$(git rev-parse --git-dir)/hooked"
END
chmod +x .git/hooks/*
echo forbidden >bad; git add bad; commit commit -qm bad 2>&1; ending; git rm -q --cached -f bad; rm bad; echo good >good; git add good; commit commit -qm good 2>&1; ending; git log -1 --format=%B; cat .git/hooked

echo "== gc"
find .git/objects -type f | wc -l; git repack -qadf --window=5; git rev-list --objects --all | git pack-objects --all-progress-implied -q --stdout >/dev/null; ending; git gc -q --prune=now; ending; git count-objects -v | grep -E 'count|in-pack|packs|garbage'; git fsck --full --strict 2>&1; ending; git verify-pack -v .git/objects/pack/*.idx | tail -n 1; git pack-refs --all; git show-ref | cksum; git commit-graph write 2>&1; git commit-graph verify 2>&1; ending; git multi-pack-index write 2>&1; git fsck 2>&1; ending
git cat-file --batch-all-objects --batch-check | sort | cksum; git rev-list --objects --all | sort | cksum

echo "== clones"
cd "$top" || exit
git clone -q project linked; find linked/.git/objects -name '*.pack' -printf '%n links\n'; git -C linked rev-parse HEAD; git -C linked status --short
git clone -q --no-hardlinks project copied; find copied/.git/objects -name '*.pack' -printf '%n links\n'; git clone -q --shared project shared; git -C shared fsck 2>&1; ending
git clone -q --depth 3 "file://$top/project" shallow 2>&1; git -C shallow log --oneline; git clone -q --bare "file://$top/project" bare.git; git -C bare.git fsck 2>&1; git clone -q --mirror project mirror.git; git -C mirror.git for-each-ref | cksum
cd linked || exit; git config user.name Other; for n in 1 2; do echo "$n" >"pushed$n"; git add -A; commit commit -qm "pushed $n"; done; git remote add bare ../bare.git; git push -q bare main 2>&1; ending; git push -q "file://$top/bare.git" HEAD:refs/heads/other --tags 2>&1; ending; git push bare +HEAD~1:main 2>&1 | sed "s|$top|TOP|"; cd ..
git -C copied fetch -q ../bare.git other 2>&1; git -C copied rev-parse FETCH_HEAD; git -C copied pull -q --rebase "file://$top/bare.git" other 2>&1; ending; git -C copied rev-parse HEAD; git -C project bundle create -q ../all.bundle --all 2>&1; git -C project bundle verify -q ../all.bundle 2>&1; ending; git clone -q all.bundle bundled; git -C bundled rev-parse HEAD

echo "== worktrees and submodules"
cd project || exit; rm .git/hooks/*; git worktree add -q ../tree side; git worktree list | sed "s|$top|TOP|; s/  */ /g"; cd ../tree && echo in-the-tree >tree && git add tree && commit commit -qm 'in a worktree'; cd ../project || exit; git rev-parse side; git worktree remove ../tree; git worktree prune; ls ..
commit submodule --quiet add ../copied module 2>&1; commit commit -qm 'a submodule'; git submodule status | cut -c 1-48; git sparse-checkout set src; ls; git sparse-checkout disable; git fsck 2>&1; ending
git update-index --refresh; git diff-files --stat; touch README; git status --short; git rev-parse HEAD; git ls-files -s | cksum

echo "== many at once"
git init -q ../many; cd ../many || exit; for n in $(seq 1 400); do echo "$n" >"file$n"; done; git add -A; commit commit -qm many; git rev-parse HEAD
for n in $(seq 1 8); do (GIT_INDEX_FILE=.git/index$n; export GIT_INDEX_FILE; git read-tree HEAD; echo "$n" >"own$n"; git add "own$n"; git write-tree >".git/tree$n") & done; wait; cat .git/tree*; git gc -q --prune=now; git fsck 2>&1; ending
git checkout -q --orphan empty; git rm -rfq .; ls | wc -l; git checkout -qf main; ls | wc -l; git mv file1 moved; git rm -q file2; git stash -q 2>/dev/null; git status --short

echo "== tree"
cd "$top" || exit
find . -path '*/.git/objects' -prune -o -path '*.git/objects' -prune -o -type d -printf '%M %P\n' -o -printf '%M %n %l %P\n' | sort
find . -type f ! -path '*/.git/*' ! -path './*.git/*' ! -name all.bundle -exec cksum {} + | sort
