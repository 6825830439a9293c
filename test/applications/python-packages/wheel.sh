# SOURCE: builds a wheel of SOURCE in the working directory; its members with their checksums, which are the compiler's and setuptools' own work.
export SOURCE_DATE_EPOCH=1600000000
cp -r "$1" source && cd source || exit
echo "== wheel"
/usr/bin/python3 setup.py -q bdist_wheel --dist-dir .. 2>&1 | grep -v -i -e warn -e deprecat -e '^ *$' -e '\*\*\*' -e '!!'
cd .. && ls ./*.whl
/usr/bin/python3 -c 'import sys, zipfile
for member in sorted(zipfile.ZipFile(sys.argv[1]).infolist(), key=lambda i: i.filename): print(f"{member.CRC:08x} {member.file_size} {member.external_attr:o} {member.filename}")' ./*.whl
