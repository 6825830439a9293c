# The programs of coreutils, findutils, tar and the like that scripts use on files.
ending() { echo "ended with $?"; }
listing() { find "$@" \( -type d -printf '%M %P\n' -o -printf '%M %n %s %TY-%Tm-%Td %l %P\n' \) | sed -E 's/ 20(2[3-9]|[3-9].)-..-.. / now /' | sort; }
umask 022

echo "== a tree"
mkdir -p src/a/b src/c; cd src || exit
seq 1 1000 >a/numbers; printf 'x\n' >a/b/x; ln a/b/x c/hard; ln -s ../a/numbers c/soft; ln -s nowhere dangling; mkfifo -m 640 c/fifo; touch 'a/with space'
truncate -s 3M sparse; printf end | dd of=sparse bs=1 seek=1M conv=notrunc status=none; chmod 751 a; chmod 4755 a/b/x; touch -d '2020-02-02 02:02:02.123456789' a/numbers; touch -h -d 2019-01-01 c/soft
touch -d 2018-01-01 a a/b c sparse c/fifo dangling; cd ..
listing src; stat -c '%A %U %G %s %h %F %N %Y %y' src/a/numbers src/c/soft src/c/fifo

echo "== cp"
cp -a src copy; diff <(listing src | grep -v dangling) <(listing copy | grep -v dangling) && echo alike; diff -r --no-dereference src/a copy/a && [ copy/a/b/x -ef copy/c/hard ] && echo linked
cp -r src/a plain; cp --preserve=timestamps src/a/numbers stamped; cp -s "$PWD/src/a/numbers" bylink; cp -l src/a/numbers byhard; cp -b src/a/b/x stamped; cp -u src/a/b/x stamped
cp --sparse=always src/sparse holes; cmp src/sparse holes; cp --reflink=auto src/sparse auto; cmp src/sparse auto; cp --parents src/a/b/x . 2>&1; cp src/absent . ; ending
cp -n src/a/numbers stamped; cp -rL src/c/soft followed; cp /dev/null emptied; cp -t . src/a/b/x; cp --attributes-only src/a/numbers attributes; ls -1; stat -c '%a %s %n' stamped byhard holes attributes emptied x

echo "== mv"
mv copy moved; mv moved/a/numbers moved/c; mv -n moved/c/numbers stamped; mv -T moved/c moved/d; mv moved/d/* moved/a 2>&1; ending; mv moved/a moved/a/b; ending; mkdir full; touch full/x; mv -T moved full; ending
mv -b x stamped; echo "over" | tee over.1 >over.2; mv -f over.1 over.2; mv --backup=numbered over.2 x; listing moved

echo "== ln, install and rm"
ln -sfn src link; ln -sfn copy link; readlink link; ln x x; ending; ln -f x y; ln -r -s src/a/b deep; readlink deep; ln src directory-link; ending; link x z; unlink z
install -D -m 2750 src/a/numbers new/dir/file; install -d -m 700 made/by/install; install -C -m 644 x new/dir/file; listing new made
rm absent; ending; rm -f absent; rm -d made/by/install; rmdir -p made/by; ending; rm -rf plain moved; rmdir full; ending; chmod 0 new/dir; rm -rf new; ending; chmod 700 new/dir; rm -rfv new | sort

echo "== find and xargs"
find src -name '*s*' -o -type l | sort; find src -newer src/c -type f | sort; find src -size +100k; find src -empty | sort; find src -perm /4000 | sort; find src -links 2 -type f | sort; find -L src -type f -name soft
find src -type f -exec basename {} \; | sort; find src -type f -exec ls {} + | sort; find src -type f -print0 | xargs -0 -n 1 -P 4 cksum | sort; seq 1 200 | xargs -P 8 -n 1 sh -c 'echo "$0" >"f$0"; exit 0'; cat f* | sort -n | cksum
find . -maxdepth 1 -name 'f[0-9]*' -delete; find . -maxdepth 1 -name 'f[0-9]*' | wc -l; seq 1 3 | xargs -I{} echo "<{}>"; echo x | xargs false; ending; find src -depth -type d | tail -n 1; find src -samefile src/c/hard | sort; find src -mmin -1000000 -type f | wc -l

echo "== sort and split"
seq 1 60000 | shuf --random-source=/dev/zero >mixed; sort -n -S 64K -T . --parallel=2 mixed | cksum; sort -c mixed 2>/dev/null; ending; sort -n -o mixed mixed; cksum <mixed; sort -u -k 2,2 -t : <<<$'b:1\na:1\nc:0'; sort -R --random-source=/dev/zero mixed | wc -l
sort -m <(seq 1 2 9) <(seq 2 2 8); split -n 7 mixed part.; ls part.* | tr '\n' ' '; cat part.* | cmp - mixed; split -l 20000 -d --additional-suffix=.txt mixed; cksum x0*.txt; split -b 50k --filter='wc -c' mixed; csplit -s -z mixed '/^100$/' '{*}' ; cksum xx*; rm part.* x0* xx*
comm -3 <(seq 1 5) <(seq 3 7); join <(printf 'a 1\nb 2\n') <(printf 'a x\nb y\n'); uniq -c <<<$'a\na\nb'; tac mixed | head -n 2; nl <<<x; fold -w 3 <<<abcdefg; expand <<<$'a\tb'; tsort <<<'a b b c'; tr -s a <<<baaab

echo "== tar"
tar -C src --sort=name --exclude=fifo -cf all.tar .; tar -tvf all.tar --numeric-owner | grep -v '^d' | awk '{ print $1, $3, $6, $7, $8 }'; mkdir out; tar -C out -xpf all.tar; diff <(listing src | grep -v fifo) <(listing out); [ out/a/b/x -ef out/c/hard ] && echo linked
tar -C src --sort=name -czf - a | tar -C out -xzvf - | sort; tar -C src -Scf sparse.tar sparse; [ "$(stat -c %s sparse.tar)" -lt 1000000 ] && echo "sparse in the archive" ; tar -rf sparse.tar mixed; tar --delete -f sparse.tar sparse; tar -tf sparse.tar; tar -df all.tar -C src; ending
tar -C out --keep-newer-files -xf all.tar 2>/dev/null; ending; gzip -kn9 mixed; cksum mixed.gz; zcat mixed.gz | cmp - mixed; gunzip -c <mixed.gz | wc -l; gzip -t mixed.gz; ending; tar -C src -cf - . | tar -C out --overwrite -xf -; ending

echo "== sed, awk, grep and patch"
sed -i 's/^7$/seven/' mixed; sed -n 7p mixed; sed -i.orig '2d;$!{N;P;D}' mixed; wc -l mixed mixed.orig; sed -n -s '$=' mixed mixed.orig; sed 'w written' x >/dev/null; cat written; sed -i --follow-symlinks s/x/y/ deep/x 2>&1; cat src/a/b/x
awk '{ print > "odd" $1 % 2; close("odd" $1 % 2) }' <<<$'1\n2\n3'; cat odd0 odd1; awk 'BEGIN { while (("seq 1 3" | getline x) > 0) s += x; print s; print "piped" | "cat" }'; grep -rc y src/a 2>/dev/null | sort; grep -l seven mixed*; grep -z -c . /proc/self/environ >/dev/null; ending
printf 'a\nb\nc\n' >p; printf 'a\nB\nc\n' >q; diff -u --label p --label p p q >changes; ending; patch -s p changes; cmp p q; ending; patch -R -s p changes; cat p; patch -s --dry-run q changes; ending; rm -f ./*.rej ./*.orig

echo "== dd, tee, head and tail"
dd if=/dev/zero of=zeros bs=1k count=64 status=none; dd if=mixed of=zeros bs=512 skip=3 seek=5 count=7 conv=notrunc,fsync status=none; cksum zeros; dd if=mixed bs=10 count=1 conv=ucase iflag=fullblock 2>/dev/null; dd if=zeros of=appended oflag=append conv=notrunc status=none; dd if=zeros of=appended oflag=append conv=notrunc status=none; stat -c %s appended
dd if=/dev/urandom bs=1000 count=3 status=none | wc -c; dd if=zeros of=excl conv=excl status=none; dd if=zeros of=excl conv=excl status=none; ending; dd if=mixed of=short bs=100 count=3 conv=sync status=none; truncate -s 10 short; truncate -s +5 short; truncate -r x short; stat -c %s short
echo t | tee -a one two >three; echo u | tee -a one two >>three; cat one two three; head -c 5 mixed; head -c -348890 mixed; tail -c 4 mixed; tail -n +59997 mixed; head -qn 1 one two; { sleep 1000 & echo $! >sleeper; } ; tail -s 0.01 -f --pid="$(<sleeper)" one & kill "$(<sleeper)"; wait $!; ending
fallocate -l 100K allocated 2>/dev/null; stat -c %s allocated; shred -n 1 -u allocated; ls allocated 2>/dev/null; ending; sync zeros; sync -f .; ending; cat mixed mixed >doubled; cat doubled >>doubled 2>&1; ending; cmp -n 100 mixed doubled; od -A d -t x1 -N 16 mixed; base64 -w 0 one

echo "== modes and times"
chmod u=rwx,go= one; chmod +t,g+s src/c; chmod -R a+X src; chmod --reference=one two; stat -c '%a %n' one two src/c src/a; chown "$(id -u):$(id -g)" one; ending; chown 0 one 2>/dev/null; [ "$(id -u)" = 0 ] || ending; chgrp -R "$(id -g)" src; ending
touch -d @0 one; stat -c '%X %Y' one; touch -a -d '2000-01-01 UTC' one; touch -m -r x one; stat -c %x one; touch -c absent; ls absent 2>&1; date -r one +%s | cmp - <(stat -c %Y one); touch -d '1969-12-31 23:59:59.5' old; stat -c %.1Y old; touch -d '2300-01-01' far; stat -c %y far; umask 077; touch masked; mkdir masked.d; umask -S; stat -c %a masked masked.d; umask 022
ls -l --time-style=+%s one two | awk '{ print $1, $2, $5, $7 }'; ls -laR src | awk '!/^total|^d/ { print $1, $2, $5, $9 }'; ls -1t one old far; ls -1S zeros one mixed; ls -F src/c; ls -d */; ls -1v f2 f10 2>/dev/null; [ "$(ls -i1 src/a/b/x | cut -d ' ' -f 1)" = "$(stat -c %i src/c/hard)" ] && echo "one inode"

echo "== space"
du -ab src/a/numbers src/sparse | sort; [ "$(du -k src/sparse | cut -f 1)" -lt 1000 ] && echo "a hole takes no space"; du --inodes -s src; df . >/dev/null; ending; df --output=target . | wc -l; stat -f -c '%s %l' . | grep -c .; [ "$(stat -f -c %a .)" -gt 0 ] && echo "there is some"

echo "== paths"
realpath -m src/../absent/x | sed "s|$PWD|HERE|"; realpath deep | sed "s|$PWD|HERE|"; readlink -f src/c/soft | sed "s|$PWD|HERE|"; readlink -e dangling; ending; basename a/b.c .c; dirname /x/y; pathchk "$(printf 'n%.0s' {1..300})" 2>/dev/null; ending; touch "$(printf 'n%.0s' {1..255})"; ending; touch "$(printf 'n%.0s' {1..256})" 2>&1 | sed 's/.*: //'
ln -s loop loop; cat loop; ending; mkdir -p "$(printf 'd/%.0s' {1..200})"; find d | wc -l; rm -r d; mkdir src/a/b; ending; mkdir -p src/a/b; ending; rmdir src/a; ending; touch src/a/numbers/; ending; cat src; ending; mktemp -d --tmpdir=. q.XXXX | sed 's/\..*//'; mkdir -m 111 closed; [ "$(id -u)" = 0 ] || ls closed; ending

echo "== locks"
flock lock true; ending; exec 9>lock; flock -n 9; ending; flock -n lock true; ending; flock -s -n lock true; ending; flock -u 9; flock -n lock echo locked; exec 9>&-
echo 0 >counter; for n in {1..40}; do (flock 8; read -r x <counter; echo $((x + 1)) >counter) 8>lock & done; wait; cat counter
seq 1 20 | xargs -P 10 -n 1 sh -c 'flock -x lock sh -c "read x <counter; echo \$((x + 1)) >counter"'; cat counter; flock -s lock flock -s -n lock echo shared; flock -w 0 -E 5 lock true; ending

echo "== processes"
timeout 60 true; ending; { timeout -s KILL 0.01 sleep 1000; ending; } 2>/dev/null; timeout 0.01 sleep 1000; ending; nohup sh -c 'echo hup' 2>/dev/null; env -C / -u HOME A=b sh -c 'echo "$PWD ${HOME-unset} $A"'; nice -n 3 nice; stdbuf -o0 echo unbuffered; env -S 'echo split words'; yes | head -n 1; kill -l TERM; uname -s; id -u | grep -c .
ls -l /proc/self/exe | sed 's/.* //'; readlink /proc/self/cwd | sed "s|$PWD|HERE|"; tr '\0' ' ' </proc/self/cmdline; echo; wc -l </proc/self/status >/dev/null; ending; ps -o comm= -p $$; exec -a named sh -c 'echo $0; cat /proc/self/comm'
