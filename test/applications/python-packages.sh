#!/usr/bin/env bash
# Python's packaging, natively and in an image: a wheel with a C extension built, and installed by pip into a virtual environment in the overlay and on a volume, whence it is imported.
. "$(dirname "$0")/support/both.sh"
. "$(dirname "$0")/support/toolchain.sh"
for file in /usr/bin/python3.11 /usr/lib/python3.11/venv /usr/lib/python3.11/ensurepip /usr/share/python-wheels /usr/lib/python3/dist-packages/setuptools /usr/lib/python3/dist-packages/wheel /usr/include/python3.11/Python.h; do
	[ -e "$file" ] && continue
	skip "$file is not installed: needs python3-venv, python3-setuptools, python3-wheel and libpython3-dev"
	finish
done
cp -r "$beside"/* "$cases"
toolchain c stdc-predef.h dlfcn.h python3.11/Python.h || fail "a part of gcc is not installed"
programs python3 sh bash mkdir rm mv sed basename cat cksum cp find grep ls sort tail uname || fail "a program is not installed"
closure /usr/lib/python3.11/lib-dynload/*.so
packages=/usr/lib/python3/dist-packages
for path in /usr/lib/python3.11 /usr/share/python-wheels $packages/{setuptools,pkg_resources,wheel,_distutils_hack,distutils-precedence.pth} "$packages/setuptools-*" "$packages/wheel-*" \
	"/usr/lib/$(gcc -dumpmachine)/libpython3.11*" /etc/os-release /usr/lib/os-release /etc/python3.11; do # pip asks for the distribution's name
	includes+=(--include "$path")
done
package() { library --exclude '*/test/*' --exclude '*/__pycache__/*'; }
package
both "building" bash "$cases/wheel.sh" "$cases/example"
cp "$work"/building/*.whl "$cases" || fail "no wheel was built natively"
chmod -R a+rX "$cases"
package
wheel=$(echo "$cases"/*.whl)
both "in the overlay" bash "$cases/environment.sh" "$wheel" "$work/env"
mkdir "$work/volume" "$scratch/volume"
chmod 777 "$work/volume" "$scratch/volume"
in_image() { as_user env "${environment[@]}" HOME="$work" TMPDIR="$work" BINARYFS_HERMETIC=1 BINARYFS_VOLUMES="$work/volume=$scratch/volume" "$lib" "$@"; }
both "on a volume" bash "$cases/environment.sh" "$wheel" "$work/volume/env"
finish
