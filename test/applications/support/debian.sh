# What of a Debian machine a Python application needs, as include options in the array `includes`. Sourced after lib.sh.

# dependencies PACKAGE…: the installed packages among them and all that they depend on, a name a line.
dependencies() {
	dpkg-query -W -f '${Package}\t${Provides}\t${Pre-Depends}, ${Depends}\n' |
		awk -v roots="$*" -f "$(dirname "${BASH_SOURCE[0]}")/dependencies.awk"
}

# python_packages PACKAGE…: the modules of these Debian packages and of those that they depend on. Whole directories: __pycache__ is in no package's list.
python_packages() {
	local modules=/usr/lib/python3/dist-packages path
	while read -r path; do
		includes+=(--include "$path")
	done < <(dependencies "$@" | grep -E '^(python3-|alembic)' | xargs dpkg-query -L | sed -nE "s,^($modules/[^/]+).*,\\1,p" | sort -u)
	includes+=(--include "$modules/__pycache__")
}

# python_itself: interpreter and standard library.
python_itself() {
	includes+=(--include /usr/bin/python3 --include /usr/lib/python3.11 --include /usr/lib/python3.11/sitecustomize.py --include /etc/ssl/openssl.cnf --include /usr/lib/ssl)
	includes+=(--exclude '/usr/lib/python3.11/test/*' --exclude '/usr/lib/python3.11/config-*')
}

# libraries FILE…: the shared libraries that these files name, directly or through others. One ldd for all: starting it takes longer than what it does.
libraries() {
	local library
	while read -r library; do includes+=(--include "$library"); done < <(ldd "$@" 2>/dev/null | grep -oE '(=> |^\s)/[^ ]+' | grep -oE '/.*' | sort -u)
}

# extension_modules: the libraries of the extension modules among `includes`.
extension_modules() {
	local modules=()
	mapfile -t modules < <(printf '%s\n' "${includes[@]}" | grep '^/usr/lib/python3' | xargs -d '\n' -I{} find {} -name '*.so' -not -path '*/test/*' 2>/dev/null)
	libraries "${modules[@]}"
}

# java_itself: Debian's JDK as /usr/bin/java names it, its configuration, and the libraries of what a program without windows loads. Sets `jdk`.
java_itself() {
	jdk=$(dirname "$(dirname "$(readlink -f /usr/bin/java)")")
	includes+=(--include /usr/bin/java --include "$jdk/bin" --include "$jdk/conf" --include "$jdk/lib" --include "$jdk/lib/security/cacerts" --include "/etc/$(basename "${jdk%-amd64}")")
	includes+=(--exclude "$jdk/lib/src.zip" --exclude "$jdk/lib/ct.sym" --exclude "$jdk/lib/libatk-wrapper.so")
	libraries "$jdk"/lib/server/libjvm.so "$jdk"/lib/lib{j*,nio,net,zip,management*,verify,prefs,extnet}.so
}

# jars FILE…: these and those that their manifests name, directly or through others.
jars() {
	local file
	while read -r file; do includes+=(--include "$file"); done < <(/usr/bin/python3 - "$@" <<'PYTHON'
import os, sys, zipfile
queue = sys.argv[1:]
for jar in queue:
    print(jar)
    manifest = zipfile.ZipFile(jar).read("META-INF/MANIFEST.MF").decode().replace("\r", "").replace("\n ", "")
    named = [line.split()[1:] for line in manifest.split("\n") if line.startswith("Class-Path:")]
    paths = [os.path.join(os.path.dirname(jar), name) for names in named for name in names]
    queue += [path for path in dict.fromkeys(paths) if path not in queue and path.endswith(".jar") and os.path.isfile(path)]
PYTHON
	)
}
